"""Slack's request signatures (v0): is this request from Slack, of now, and seen for the first time? Never says more.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

WINDOW = 300
"""Seconds that a request may be old, or early, as Slack advises."""
REMEMBERED = 50_000
"""Requests of the last ten minutes that are known again. Only what Slack signed is remembered."""

_TIMESTAMP = re.compile("[1-9][0-9]{0,11}")
_SIGNATURE = re.compile("v0=[0-9a-f]{64}")


class Reason(StrEnum):
    """Why a request isn't taken; for the log, never for whoever sent it."""

    MALFORMED = "its signature headers are missing or malformed"
    LATE = "it is more than five minutes old"
    EARLY = "it is signed for more than five minutes from now; is this machine's clock right?"
    FORGED = "its signature doesn't fit; is SLACK_SIGNING_SECRET this app's?"
    REPLAYED = "it was sent before"
    CROWDED = "there were too many signed requests to remember"


class NotTaken(Exception):  # noqa: N818 - not a fault here
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Claim:
    """What the headers say. Nothing is proven yet."""

    timestamp: str
    signature: str


class Signatures:
    """clock: seconds since 1970."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        if not secret:
            raise ValueError("without a secret anybody could sign")
        self._secret = secret.encode()
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()

    def claim(self, timestamps: Sequence[str], signatures: Sequence[str]) -> Claim:
        """The one timestamp and the one signature. Raises NotTaken before anybody has to read the body."""
        match timestamps, signatures:
            case [timestamp], [signature] if _TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature):
                self._demand_now(int(timestamp))
                return Claim(timestamp, signature)
        raise NotTaken(Reason.MALFORMED)

    def verify(self, claim: Claim, body: bytes) -> None:
        """Raises NotTaken unless Slack signed exactly these bytes, and they come for the first time."""
        signed = b":".join((b"v0", claim.timestamp.encode(), body))
        expected = "v0=" + hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, claim.signature):
            raise NotTaken(Reason.FORGED)
        self._demand_now(int(claim.timestamp))  # the body may have taken its time
        self._remember(expected)

    def _demand_now(self, timestamp: int) -> None:
        age = self._clock() - timestamp
        if age > WINDOW:
            raise NotTaken(Reason.LATE)
        if age < -WINDOW:
            raise NotTaken(Reason.EARLY)

    def _remember(self, signature: str) -> None:
        """Twice the window: one that came as early as it may stays valid for so long."""
        now = self._clock()
        while self._seen and next(iter(self._seen.values())) < now - 2 * WINDOW:
            self._seen.popitem(last=False)
        if signature in self._seen:
            raise NotTaken(Reason.REPLAYED)
        if len(self._seen) >= REMEMBERED:  # to forget one early would let it in again
            raise NotTaken(Reason.CROWDED)
        self._seen[signature] = now
