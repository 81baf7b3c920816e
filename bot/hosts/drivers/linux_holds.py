"""Holds as the verbs of linux.sh, and what the host answers to them. Pure; what they do is in linux_hold.sh.

refused WORD      or   ran COMMAND
| WHY                  status N
before STATE    after STATE    as `where expiry drop_in timer record`, `-` for none
ended WORD HOLD HOW by WHO at SECONDS
| OUTPUT
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from bot.cleaning import clean, mask, shorten
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.interface import NotForThisDriver
from bot.models import AccountState, Answer, Ended, Hold, HostUptime, Release, ShowHold, Step

MOST_LINES, LONGEST_LINE = 200, 2_000

HoldStep = Hold | Release | ShowHold

_BOOT = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_STATUS = re.compile(r"\d{1,3}", re.ASCII)
_STATE = re.compile(
    r"(?P<where>local|directory) (?P<expiry>-|[^ ]{1,20}) (?P<drop_in>yes|no) (?P<timer>no|systemd|cron)"
    r" (?P<record>[^ ]{1,80})"
)
_ENDED = re.compile(
    r"(?P<word>given|never|changed|already|failed|busy|shown)"
    r" (?:-|[^ ]+ (?P<how>given|never|changed) by (?P<by>kickbot|host) at (?P<at>\d{1,11}))"
)
_REFUSALS = {"late", "rebooted", "gone", "changed", "forbidden", "unable"}


def verb(step: HoldStep) -> str:
    """The verb of the script."""
    return step.kind


def arguments(step: HoldStep, not_after: HostUptime, *, bot: str) -> tuple[str, ...]:
    """In the order of linux.sh. bot: Kickbot's login there. Raises NotForThisDriver.

    What sshd, or a path, would read as anything but a name is refused, as are root and Kickbot itself.
    """
    target, account = step.target, step.target.account
    if not _BOOT.fullmatch(target.boot) or target.kind != "account" or account.uid <= 0:
        raise NotForThisDriver(f"{target.name} of {step.host}: it names no boot or no account that can be held")
    for word in (account.name, step.id, bot):
        if not _WORD.fullmatch(word):
            raise NotForThisDriver(f"{shorten(clean(word), 40)} on {step.host}: such a name can't be held")
    if account.name == bot:
        raise NotForThisDriver(f"{bot} is Kickbot's own login on {step.host}")
    common = (str(not_after), target.boot, str(account.uid), account.name, step.id)
    return (*common, str(int(step.there.timestamp())), bot) if isinstance(step, Hold) else common


def answered(step: Step, lines: Sequence[bytes]) -> Answer:
    """What became of it. Raises IncompleteAnswer for anything but the lines above."""
    if len(lines) > MOST_LINES or any(len(line) > LONGEST_LINE for line in lines):
        raise IncompleteAnswer(f"the host's answer to {step.what} is too long")
    words = [clean(line).partition(" ") for line in lines]
    match words:
        case [("refused", _, refusal), *why] if refusal in _REFUSALS:
            return Answer.model_validate({"status": "refused", "refusal": refusal, "output": _text(why)})
        case [("ran", _, command), ("status", _, status), *rest] if _STATUS.fullmatch(status):
            found = {word: text for word, _, text in rest if word != "|"}
            return Answer(
                status="done",
                command=command,
                exit_status=int(status),
                output=_text(rest),
                before=_state(found.get("before")),
                after=_state(found.get("after")),
                ended=_ended(found["ended"]) if "ended" in found else None,
            )
    raise IncompleteAnswer(f"the host's answer to {step.what} can't be read")


def _text(lines: Iterable[tuple[str, str, str]]) -> str:
    return shorten(mask("\n".join(rest for word, _, rest in lines if word == "|")).strip(), 1_000)


def _state(text: str | None) -> AccountState | None:
    if text is None:
        return None
    found = _STATE.fullmatch(text)
    if found is None:
        raise IncompleteAnswer("the state of the account can't be read")
    plain = {name: "" if value in {"-", "no"} else value for name, value in found.groupdict().items()}
    return AccountState.model_validate({**plain, "drop_in": plain["drop_in"] == "yes"})


def _ended(text: str) -> Ended:
    found = _ENDED.fullmatch(text)
    if found is None:
        raise IncompleteAnswer("how the hold ended can't be read")
    at = datetime.fromtimestamp(int(found["at"]), UTC) if found["at"] else None
    return Ended.model_validate({"now": found["word"], "how": found["how"] or "", "by": found["by"] or "", "at": at})
