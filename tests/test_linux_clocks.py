"""By how much a host's clock was set since each login, from the two clocks that logind and utmp noted then."""

import struct
from datetime import UTC, datetime

import pytest

from bot.idleness import why_busy
from bot.models import Session, Snapshot
from tests.linux_answers import ALICES, LEADER, SSHD, listed, only, parse, sshd, task, told

NOW, UPTIME = 1_800_000_000, 1_000
"""What the host of `told` says at the look."""
LOGIN, FIRST = 50, 10
"""Seconds of uptime: when the session began, as logind noted it; when the first process of another login started."""
PTS = 136 << 8 | 3
SHELL = task(101, scope=ALICES, parent=100, tty=PTS)


def by_the_clock(uptime: int, *, behind: int = 0) -> int:
    """What the clock showed then, if it was so far behind the one of now."""
    return NOW - UPTIME + uptime - behind


def timestamp(seconds: int) -> str:
    return f"Fri {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def login(*, behind: int = 0, quiet: int = 700) -> Snapshot:
    """A login of alice under logind whose terminal was used that long ago, by the clock of now."""
    session = listed(Timestamp=timestamp(by_the_clock(LOGIN, behind=behind)), TTY="pts/3")
    times = f"terminal {NOW - quiet} {NOW - quiet} /dev/pts/3".encode()
    commands = [b"| 101 -bash"]
    return parse(told(LEADER, SHELL, sessions=[session], extra=[times], commands=commands))


def by_utmp(since: int) -> Session:
    """A login that only sshd and utmp know, whose first process started at the uptime FIRST."""
    tasks = (SSHD, sshd(100, 0), sshd(102, 1001, parent=100), task(101, parent=102, tty=PTS, leader=101))
    record = struct.pack("<hxxi32s4s32s256s4xiii16s20x", 7, 101, b"pts/3", b"3", b"alice", b"", 0, since, 0, b"")
    rows = " ".join(f"{n}:{record[16 * n : 16 * n + 16].hex()}" for n in range(24) if any(record[16 * n : 16 * n + 16]))
    return only(parse(told(*tasks, utmp=[f"record {rows}".encode()])))


@pytest.mark.parametrize("behind", [0, 7200, -600])
def test_what_the_clock_was_set_since_a_login(behind: int) -> None:
    """The clock minus the uptime, then and now: forward counts up, back down."""
    session = only(login(behind=behind))
    assert session.clock_set == behind
    assert session.age == UPTIME - LOGIN


def test_a_wait_for_a_password_hides_no_step() -> None:
    """The largest of what logind's own uptime and the start of the leader tell, also where a suspend hid a part."""
    noted = timestamp(by_the_clock(LOGIN, behind=7200))
    early = listed(leader=500, Timestamp=noted, TimestampMonotonic=str((LOGIN - 40) * 1_000_000))
    leader = task(500, uid=0, scope=ALICES, name="sshd")  # which started at the uptime LOGIN

    session = only(parse(told(leader, sessions=[early])))

    assert session.clock_set == 7200


def test_logind_that_does_not_tell_the_time_of_a_login() -> None:
    """Then it isn't known."""
    assert only(parse(told(LEADER, SHELL, sessions=[listed()]))).clock_set is None


@pytest.mark.parametrize(("behind", "known"), [(0, 0), (7200, 7200), (-100, -100), (-3600, None)])
def test_utmp_tells_it_where_logind_does_not(behind: int, known: int | None) -> None:
    """By the start of the login's first process; one that waited for hours before the record tells nothing."""
    assert by_utmp(by_the_clock(FIRST, behind=behind)).clock_set == known


def test_without_any_record_it_is_not_known() -> None:
    """A login that left none is never idle."""
    tasks = (SSHD, sshd(100, 0), sshd(102, 1001, parent=100), task(101, parent=102, tty=PTS, leader=101))
    session = only(parse(told(*tasks)))
    assert (session.clock_set, session.age) == (None, UPTIME - FIRST)


def test_a_clock_that_jumps_makes_nobody_idle() -> None:
    """A terminal that was used 11 minutes ago by the clock, on a host whose clock was set 10 minutes ahead."""
    honest, jumped = (login(behind=behind).model_copy(update={"ahead": 0}) for behind in (0, 600))

    assert why_busy(honest, only(honest), 300) == ""
    assert "the host's clock was set 10 min ahead" in why_busy(jumped, only(jumped), 300)
