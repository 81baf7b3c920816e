"""`https://…`: a bucket that takes one new object for each checkpoint, and never another one of the same name."""

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import SecretStr

from bot.audit.checkpoints import line
from bot.audit.places.aws import Keys, signed
from bot.audit.places.https import ask, reach
from bot.audit.places.interface import Reached
from bot.audit.places.tls import Tls
from bot.borders import Checkpoint
from bot.models import Value

_THERE_ALREADY = 412
_GOOD = frozenset({200, 201, 204, _THERE_ALREADY})


class Credentials(Value):
    """Who may put something there. authorization: the whole header as it is. aws: what each request is signed with."""

    authorization: SecretStr = SecretStr("")
    aws: Keys | None = None

    @property
    def given(self) -> bool:
        return bool(self.authorization.get_secret_value() or self.aws)

    def headers(self, url: str, headers: Mapping[str, str], content: bytes) -> Mapping[str, str]:
        if value := self.authorization.get_secret_value():
            return {**headers, "Authorization": value}
        if self.aws:
            return signed("PUT", url, headers, hashlib.sha256(content).hexdigest(), self.aws, datetime.now(UTC))
        return headers


class BucketPlace:
    """An object's name is made of what is in it, so that one which is there already is the same one."""

    def __init__(self, name: str, credentials: Credentials, tls: Tls) -> None:
        self.name = name
        self._credentials = credentials
        self._tls = tls

    async def try_out(self) -> None:
        await reach(self.name, self._tls)

    async def tell(self, checkpoints: Sequence[Checkpoint]) -> AsyncIterator[Reached]:
        for checkpoint in checkpoints:
            content = line(checkpoint)
            url = f"{self.name.rstrip('/')}/{checkpoint.seq:012}-{hashlib.sha256(content).hexdigest()[:32]}.json"
            headers = self._credentials.headers(url, _headers(content), content)
            answer = await ask("PUT", url, content, headers, self._tls)
            if answer.status not in _GOOD:
                raise OSError(f"it answered with status {answer.status}")
            yield Reached(seq=checkpoint.seq)


def _headers(content: bytes) -> Mapping[str, str]:
    """Nothing is overwritten; and a bucket with a lock on its objects takes none without a checksum."""
    checksum = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    return {"If-None-Match": "*", "Content-Type": "application/json", "Content-MD5": checksum}
