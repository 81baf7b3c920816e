"""What host scripts print: an IncompleteAnswer, or a value with nothing in it that could ping or reach elsewhere."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bot import planning
from bot.canonical import canonical
from bot.cleaning import has_invisible
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.linux import LinuxDriver
from bot.hosts.drivers.windows import WindowsDriver
from bot.listings import Seen
from bot.models import (
    Answer,
    EndAccount,
    EndSession,
    Hold,
    HostLimits,
    KeepLimits,
    Listing,
    Release,
    SetLimits,
    ShowAccount,
    ShowHold,
    Snapshot,
    Step,
    Warn,
)
from bot.slack.content import fleet, limits
from tests import make
from tests.fuzz.tape import Tape
from tests.linux_answers import BOOT, NONCE, step

CAPTURES = Path(__file__).parents[1] / "captures"
LINUX, WINDOWS = LinuxDriver(), WindowsDriver()
SID = "S-1-5-21-1004336348-1177238915-682003330-1104"
MENTION = re.compile(r"<[!@#]")
OTHER = make.snapshot(make.session(), host="host2", host_key="SHA256:key-of-host2")
KICK = make.kick("host1", "host2", hold=3600)

HOSTILE = (
    *(
        b"",
        b"<!channel>",
        b"`<!here>`",
        b"<@U0BOB>",
        b"*_~`",
        b"\xff\xfe",
        b"\0",
        b"\x1b]0;x\x07",
        "\u202e".encode(),
        b"\\ud800",
    ),
    *(
        b"-1",
        b"0",
        b"99999999999",
        b"9" * 400,
        b"1e9",
        b"NaN",
        b"nan",
        b"A" * 3_000,
        b"host2",
        b"10.0.0.0/8",
        b"||",
        b"\t",
        b" ",
    ),
    *(
        b"== end ",
        b"== end 0123456789abcdef",
        b"== sessions",
        b"== host",
        b"kickbot linux 1 look 0123456789abcdef",
        b"\n",
    ),
    *(
        b"refused late",
        b"refused gone",
        b"ran loginctl terminate-session 7",
        b"status 0",
        b"status 999",
        b"| ",
        b"told pts/1",
    ),
    *(
        b"untold none",
        b"untold pts/0 stopped",
        b"before local - no no -",
        b"after local 2 no systemd 5-c",
        b"ended given 5-c",
    ),
    *(
        b"ended given 5-c given by host at 1800000000",
        b"sshd OpenSSH_9.2",
        b"option channeltimeout session*=15m",
        b"own idle",
    ),
    *(
        b"tmout 900 fixed /etc/profile",
        b"StopIdleSessionUSec 900000000",
        b"KillUserProcesses true",
        b"trying 5-cccc",
        b"uptime 1.00",
    ),
    *(
        f"boot {BOOT}".encode(),
        b"Id=12",
        b"Leader=1",
        b"User=0",
        b"Class=manager",
        b"/dev/pts/../../sda",
        b"{}",
        b"null",
        b'"',
    ),
)


def _steps() -> tuple[Step, ...]:
    linux = step().target
    account = linux.model_copy(update={"kind": "account", "session": "", "identity": ""})
    limit = linux.model_copy(update={"kind": "limits", "session": "", "identity": ""})
    elsewhere: dict[str, Any] = {"session": "2", "identity": "2:134396545800000000", "boot": "134393956800000000"}
    elsewhere |= {"account": linux.account.model_copy(update={"sid": SID})}
    windows = linux.model_copy(update=elsewhere)
    held = {"target": account, "id": "5-cccccccccccccccc"}
    return (
        EndSession(target=linux, rung="terminate"),
        EndAccount(target=account, rung="kill", seen=1),
        ShowAccount(target=account),
        make.warning(linux),
        Hold(**held, until=make.START, there=make.START + timedelta(hours=1)),
        Release(**held),
        ShowHold(**held),
        SetLimits(target=limit, id=held["id"], limit="idle", seconds=900, about="request 5"),
        KeepLimits(target=limit, id=held["id"], limit="idle"),
        EndSession(target=windows, rung="logoff"),
        make.warning(windows),
    )


STEPS = _steps()


@cache
def captured(folder: str = ".") -> tuple[bytes, ...]:
    """What real hosts answered."""
    return tuple(
        path.read_bytes().replace(b"NONCE", NONCE.encode()) for path in sorted((CAPTURES / folder).glob("*.txt"))
    )


def looks(content: bytes) -> None:
    """An answer to `look`, of a Linux or a Windows host."""
    tape = Tape(content)
    windows = tape.yes(3)
    driver, seen = (WINDOWS, captured("windows")) if windows else (LINUX, captured())
    answer = _spoilt(tape, tape.one(seen), tape.one((b"\n", b" ", b",", b'"')) if windows else b"\n")
    look = _read(lambda: driver.parse_look(answer, host="host1", host_key="SHA256:key", nonce=NONCE))
    if isinstance(look, Snapshot):
        assert (look.host, look.host_key) == ("host1", "SHA256:key")
        _demand_harmless(look)
        _demand_no_mention(fleet.listing(Seen(looks=(look,), listing=Listing(hosts=("host1",)))).blocks)
        _demand_others_untouched(look)


def acts(content: bytes) -> None:
    """An answer to a step. It can't speak of another session, and `done` is never a proof of an end."""
    tape = Tape(content)
    step = tape.one(STEPS)
    windows = bool(step.target.account.sid)
    answer = _framed(tape, _verb(step), windows=windows)
    read = _read(lambda: (WINDOWS if windows else LINUX).parse_answer(answer, step=step, nonce=NONCE))
    if isinstance(read, Answer):
        _demand_harmless(read)
        assert read.status in {"done", "refused"}
        assert (read.told, read.untold) == ((), ()) or isinstance(step, Warn)


def set_limits(content: bytes) -> None:
    """An answer to `limits`."""
    answer = _framed(Tape(content), "limits", windows=False)
    look = _read(lambda: LINUX.parse_limits(answer, host="host1", host_key="SHA256:key", nonce=NONCE))
    if isinstance(look, HostLimits):
        assert (look.host, look.host_key) == ("host1", "SHA256:key")
        _demand_harmless(look)
        _demand_no_mention(limits.limits((look,), ()).blocks)


# --------------------------------------------------------------------------------------------- what a host prints


def _spoilt(tape: Tape, answer: bytes, between: bytes) -> bytes:
    """The answer of a real host, with pieces left out, doubled, moved, or other ones."""
    pieces = answer.split(between)
    for _ in range(1 + tape.below(6)):
        at = tape.below(len(pieces)) if pieces else 0
        match tape.below(6):
            case 0 if pieces:
                pieces[at] = _with_something(tape, pieces[at])
            case 1 if pieces:
                pieces[at] = tape.one(HOSTILE)
            case 2:
                del pieces[at : at + 1 + tape.below(4)]
            case 3:
                pieces[at:at] = pieces[at : at + 1 + tape.below(4)]
            case 4 if pieces:
                pieces[at] = tape.one(pieces)
            case _:
                pieces.insert(at, tape.one(HOSTILE))
    return between.join(pieces)


def _with_something(tape: Tape, piece: bytes) -> bytes:
    at = tape.below(len(piece) + 1)
    what = tape.one(HOSTILE) if tape.yes() else tape.take(tape.below(8))
    return piece[:at] + what + piece[at + tape.below(6) :]


def _framed(tape: Tape, verb: str, *, windows: bool) -> bytes:
    """Any lines, between the first one and the mark, which a host always knows."""
    if windows:
        said = b'{"%s":"%s","%s":"%s"}' % tuple(tape.one((*WORDS, tape.take(6))) for _ in range(4))
        return b"kickbot windows 1 %s %s\r\n%s\r\n== end %s\r\n" % (verb.encode(), NONCE.encode(), said, NONCE.encode())
    lines = [
        _with_something(tape, tape.one(HOSTILE)) if tape.yes(4) else tape.one(HOSTILE) for _ in range(tape.below(9))
    ]
    return b"\n".join(
        (b"kickbot linux 1 %s %s" % (verb.encode(), NONCE.encode()), *lines, b"== end %s\n" % NONCE.encode())
    )


WORDS = (
    b"refused",
    b"late",
    b"gone",
    b"ran",
    b"WTSLogoffSession",
    b"status",
    b"0",
    b"5",
    b"told",
    b"untold",
    b"<!channel>",
)


def _verb(step: Step) -> str:
    """As the script would be asked."""
    driver = WINDOWS if step.target.account.sid else LINUX
    host = make.inventory().hosts["host1"].model_copy(update={"user": "kickbot"})
    call = driver.command(step, host=host, not_after=make.snapshot().uptime, nonce=NONCE)
    if driver is LINUX:
        return call.argv[call.argv.index(NONCE) - 1]
    return "end" if isinstance(step, EndSession) else "warn"


# --------------------------------------------------------------------------------------------- what becomes of it


def _read(parse: Callable[[], Any]) -> Any:
    try:
        return parse()
    except IncompleteAnswer as incomplete:
        why = str(incomplete)
    assert has_invisible(why) is None, why
    assert len(why) < 1_000, why
    return None


def _demand_harmless(value: BaseModel) -> None:
    """It can be recorded, and no text in it has anything invisible."""
    assert canonical(value)
    for name, text in _texts(value.model_dump(mode="json")):
        bare = text.replace("\n", "").replace("\t", "") if name in {"raw", "output"} else text
        assert has_invisible(bare) is None, (name, text)


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield name, value
    for key, item in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    ):
        yield from _texts(item, key if isinstance(key, str) else name)


def _demand_no_mention(blocks: Sequence[Any]) -> None:
    """Where Slack reads markup, nothing that a host says is any."""
    for block in _objects(blocks):
        if block.get("type") == "mrkdwn":
            assert not MENTION.search(block["text"]), block


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from _objects(item)


def _demand_others_untouched(look: Snapshot) -> None:
    """What would be ended on another host is the same beside this look as alone."""
    alone = planning.make(KICK, (OTHER,), make.policy())
    for beside in ((look, OTHER), (OTHER, look)):
        plan = planning.make(KICK, beside, make.policy())
        assert [target for target in plan.targets if target.host == "host2"] == list(alone.targets)
        assert [target for target in plan.holds if target.host == "host2"] == list(alone.holds)
        assert [kept for kept in plan.kept if kept.host == "host2"] == list(alone.kept)
        assert {each.host for each in (*plan.targets, *plan.holds)} <= {"host1", "host2"}
        assert {target.account.name for target in plan.targets} <= {"audituser"}
