"""Holds as the verbs of windows.ps1, and what the host answers to them. Pure; what they do is in windows_hold.cs.

{"refused": WORD}    {"refused": "unable", "why": WHY}
{"ran": WHAT, "status": CODE, "said": WHY, "before": STATE or null, "after": STATE, "now": WORD or null, "how": …, …}

STATE is {"where": …, "expires": seconds since 1970 or empty, "disabled": …, "timer": …, "record": HOLD}.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from bot.cleaning import clean, shorten
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.interface import NotForThisDriver
from bot.hosts.drivers.windows_acts import PEOPLE, REFUSALS, TIME
from bot.models import AccountState, Answer, Ended, Hold, HostUptime, Release, ShowHold, Value

HoldStep = Hold | Release | ShowHold

Seconds = Annotated[int, Field(ge=0, le=2**32)]
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


class _State(Value):
    where: Literal["local", "directory"]
    expires: Seconds | Literal[""]
    disabled: bool
    timer: bool
    record: str

    def account(self) -> AccountState:
        when = datetime.fromtimestamp(self.expires, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if self.expires != "" else ""
        return AccountState(
            where=self.where,
            expiry=when,
            disabled=self.disabled,
            timer="task" if self.timer else "",
            record=shorten(self.record, 80),
        )


class _Said(Value):
    ran: str
    status: Seconds
    said: str
    before: _State | None
    after: _State
    now: Literal["", "given", "never", "changed", "already", "failed", "busy", "shown"]
    how: Literal["", "given", "never", "changed"]
    by: Literal["", "kickbot", "host"]
    at: Seconds | Literal[""]

    def ended(self) -> Ended | None:
        at = datetime.fromtimestamp(self.at, UTC) if self.at != "" else None
        return Ended(now=self.now, how=self.how, by=self.by, at=at) if self.now else None


def arguments(step: HoldStep, not_after: HostUptime) -> tuple[str, ...]:
    """In the order of windows_act.cs. The account is its SID alone. Raises NotForThisDriver for what no look gave."""
    target = step.target
    if not TIME.fullmatch(target.boot) or target.kind != "account" or not PEOPLE.fullmatch(target.account.sid):
        raise NotForThisDriver(f"{target.name} of {step.host}: it names no boot or no account that can be held")
    if not _WORD.fullmatch(step.id):
        raise NotForThisDriver(f"{shorten(clean(step.id), 40)} on {step.host}: a hold can't be named like this")
    common = (str(not_after), target.boot, target.account.sid, step.id)
    return (*common, str(int(step.there.timestamp()))) if isinstance(step, Hold) else common


def answered(step: HoldStep, said: Mapping[str, Any]) -> Answer:
    """What became of it. Raises IncompleteAnswer for anything but the objects above."""
    match dict(said):
        case {"refused": "unable", "why": str(why), **rest} if not rest:
            return Answer(status="refused", refusal="unable", output=shorten(why, 1_000))
        case {"refused": str(word), **rest} if word in REFUSALS and not rest:
            return Answer.model_validate({"status": "refused", "refusal": word})
    try:
        told = _Said.model_validate(said)
    except ValidationError as error:
        raise IncompleteAnswer(f"the host's answer to {step.what} can't be read") from error
    return Answer(
        status="done",
        command=shorten(told.ran, 500),
        exit_status=told.status,
        output=shorten(told.said, 1_000),
        before=told.before.account() if told.before else None,
        after=told.after.account(),
        ended=told.ended(),
    )
