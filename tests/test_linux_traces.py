"""What the Linux driver makes of the traces of logins: addresses of connections, utmp, crontabs and at jobs."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cleaning import clean
from bot.errors import IncompleteAnswer
from bot.models import Snapshot
from tests.linux_answers import ALICES, LEADER, SSHD, listed, only, parse, sshd, task, told

LOGIN = (SSHD, sshd(20, 0), sshd(21, 1001, parent=20), task(22, parent=21, tty=0x8801))


def record(
    user: str | bytes = "alice",
    terminal: str | bytes = "pts/1",
    pid: int = 20,
    *,
    address: str = "",
    host: bytes = b"",
) -> bytes:
    """A line of the section, made from a record as utmp(5) has it."""
    user, terminal = (each.encode() if isinstance(each, str) else each for each in (user, terminal))
    packed = ip_address(address).packed if address else b""
    whole = struct.pack("<hxxi32s4s32s256s4xiii16s20x", 7, pid, terminal, b"ts/1", user, host, 0, 1, 2, packed)
    rows = [whole[at : at + 16] for at in range(0, len(whole), 16)]
    return b"record" + b"".join(b" %d:%s" % (n, row.hex().encode()) for n, row in enumerate(rows) if any(row))


# --------------------------------------------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("packed", "address"),
    [
        (b"010012C6:B0C2", "198.18.0.1"),
        (b"0000000000000000FFFF0000010012C6:B0C2", "198.18.0.1"),
        (b"B80D0120000000000000000001000000:B0C2", "2001:db8::1"),
        (b"00000000000000000000000001000000:B0C2", "::1"),
    ],
)
def test_where_a_login_comes_from(packed: bytes, address: str) -> None:
    """A login that logind doesn't know has the address of its sshd's connection, as people write it."""
    assert only(parse(told(*LOGIN, addresses=[b"tcp 20 4 1 " + packed]))).remote == address


def test_one_of_many_connections() -> None:
    """Of many connections, the one at sshd's own port counts, and of those the one that sshd had first."""
    lines = [
        b"tcp 20 3 0 0200000A:0001",
        b"tcp 20 9 1 0300000A:0001",
        b"tcp 20 4 1 0400000A:0001",
        b"tcp 21 1 1 0500000A:1",
    ]

    assert only(parse(told(*LOGIN, addresses=[*lines[:3], b"tcp 21 1 1 0500000A:0001"]))).remote == "10.0.0.4"
    with pytest.raises(IncompleteAnswer, match="section addresses has an unknown line"):
        parse(told(*LOGIN, addresses=lines))


def test_the_address_of_another_process() -> None:
    """A connection of any other process is no login's address."""
    assert only(parse(told(*LOGIN, addresses=[b"tcp 22 4 1 010012C6:B0C2"]))).remote == ""


# --------------------------------------------------------------------------------------------------- utmp


def notes(snapshot: Snapshot) -> list[str]:
    return [note for note in snapshot.notes if "utmp" in note]


@pytest.mark.parametrize(
    "line", [record(), record(terminal="pts/9"), record(pid=999), record(host=b"tmux(1).%0")], ids=str
)
def test_utmp_knows_it_too(line: bytes) -> None:
    """A login whose user and whose terminal or leader stand in utmp says so, and nothing is noted."""
    snapshot = parse(told(*LOGIN, utmp=[line]))

    assert only(snapshot).sources == ("utmp",)
    assert notes(snapshot) == []


def test_utmp_knows_sessions_of_logind() -> None:
    """So does a session of logind, whose address stays what logind says."""
    session = only(
        parse(
            told(
                *(LEADER, task(101, scope=ALICES, tty=0x8801)),
                sessions=[listed(RemoteHost="198.18.0.1")],
                utmp=[record(pid=100, address="203.0.113.9")],
            )
        )
    )

    assert (session.sources, session.remote) == (("utmp",), "198.18.0.1")


@pytest.mark.parametrize(
    ("line", "remote"),
    [
        (record(address="203.0.113.9"), "203.0.113.9"),
        (record(address="2001:db8::1"), "2001:db8::1"),
        (record(host=b"203.0.113.9"), "203.0.113.9"),
        (record(host=b"gateway.example.com"), ""),
        (record(host=b":0\x1b[2J"), ""),
        (record(user="bob", address="203.0.113.9"), ""),
    ],
)
def test_an_address_by_utmp(line: bytes, remote: str) -> None:
    """Where nobody else tells the address of a login, utmp does; other words in its place are none."""
    assert only(parse(told(*LOGIN, utmp=[line]))).remote == remote


def test_the_kernel_comes_first() -> None:
    """What the kernel says of a connection counts more than utmp."""
    session = only(parse(told(*LOGIN, utmp=[record(address="203.0.113.9")], addresses=[b"tcp 20 4 1 010012C6:B0C2"])))

    assert session.remote == "198.18.0.1"


@pytest.mark.parametrize(
    ("line", "noted"),
    [
        (record("bob", "pts/4", 1234), True),
        (record("bob", "pts/4", 20), True),
        (record("bob", "pts/1", 1234), True),
        (record("bob", "pts/1", 20), False),
        (record("bob", ":0", 20), False),
        (record("bob", ":0", 1234), True),
    ],
)
def test_a_login_that_only_utmp_has(line: bytes, noted: bool) -> None:
    """A record whose process is dead, or at whose terminal nothing runs, is noted; it makes no login."""
    snapshot = parse(told(*LOGIN, utmp=[record(), line]))

    assert bool(notes(snapshot)) is noted
    assert [session.account.name for session in snapshot.sessions] == ["alice"]


def test_the_words_of_the_note() -> None:
    """The note says who, where and which process, harmlessly and shortly."""
    snapshot = parse(
        told(utmp=[record("bob", "pts/4", 1234), record(b"\x1b[2J" + b"x" * 28, b"pts/5\n" + b"\xff" * 26, -1)])
    )

    assert notes(snapshot) == [
        "utmp lists bob on pts/4 (pid 1234), but no such login is there",
        f"utmp lists \\x1b[2J{'x' * 28} on pts/5\\x0a\\xff\\xff\\xff\\… [113 characters] (pid -1),"
        " but no such login is there",
    ]


def test_few_notes() -> None:
    """Hundreds of such records are a few notes and a number."""
    snapshot = parse(told(utmp=[record("bob", f"pts/{n}", 5000 + n) for n in range(300)]))

    assert len(notes(snapshot)) == 6
    assert notes(snapshot)[-1] == "utmp lists 295 more logins that are not there"


def test_without_utmp() -> None:
    """A host that writes no utmp has nothing to note, nor has a record without a user."""
    snapshot = parse(told(*LOGIN, utmp=[record("", "pts/4", 1234), record("bob", "", 1234)]))

    assert notes(snapshot) == []
    assert only(snapshot).sources == ()


@given(st.binary(min_size=384, max_size=384))
def test_garbage_in_utmp(garbage: bytes) -> None:
    """Whatever stands in a record of utmp, the look is readable and its words are clean."""
    rows = b"".join(b" %d:%s" % (n, garbage[n * 16 : n * 16 + 16].hex().encode()) for n in range(24))

    snapshot = parse(told(*LOGIN, utmp=[b"record" + rows]))

    assert [clean(note) for note in snapshot.notes] == list(snapshot.notes)
    assert clean(snapshot.raw, keep="\n\t") == snapshot.raw
    assert only(snapshot).account.name == "alice"


def test_utmp_in_the_transcript() -> None:
    """The transcript tells each record in words."""
    raw = parse(told(utmp=[record(address="203.0.113.9")])).raw

    assert "# Logins, by utmp\nalice on pts/1 from 203.0.113.9, pid 20, since 1\n" in raw


# --------------------------------------------------------------------------------------------------- cron and at


def test_who_runs_what_by_the_clock() -> None:
    """A look names who has a crontab, and who has at jobs, each once and in order."""
    snapshot = parse(told(timetable=[b"cron bob", b"at 1001", b"cron alice", b"at 4711", b"cron bob"]))

    assert (snapshot.cron, snapshot.at) == (("alice", "bob"), ("4711", "alice"))


def test_a_hostile_crontab() -> None:
    """The name of a crontab is foreign text."""
    snapshot = parse(told(timetable=[b"cron e\x1b[2Jvil\t== end", b"cron " + b"x" * 255, b"cron \xff"]))

    assert snapshot.cron[:2] == ("\\xff", "e\\x1b[2Jvil\\x09== end")
    assert max(map(len, snapshot.cron)) == 100


# --------------------------------------------------------------------------------------------------- complete


@pytest.mark.parametrize("section", ["addresses", "utmp", "timetable"])
@pytest.mark.parametrize(
    "line", [b"", b"tcp", b"record", b"record 24:" + b"0" * 32, b"at x", b"cron ", b"total 1", b"x"]
)
def test_a_line_that_the_script_does_not_write(section: str, line: bytes) -> None:
    """An unknown line makes the whole look incomplete."""
    with pytest.raises(IncompleteAnswer, match=f"section {section}"):
        parse(told().replace(f"== {section}\ntotal 0\n".encode(), f"== {section}\n".encode() + line + b"\ntotal 1\n"))


@pytest.mark.parametrize("section", [b"addresses", b"utmp", b"timetable"])
@pytest.mark.parametrize("total", [b"", b"total 1\n", b"total x\n", b"total 0\ntotal 0\n"])
def test_a_section_without_its_number(section: bytes, total: bytes) -> None:
    """A section that doesn't end with its own number of lines makes the whole look incomplete."""
    with pytest.raises(IncompleteAnswer, match=f"section {section.decode()}"):
        parse(told().replace(b"== " + section + b"\ntotal 0\n", b"== " + section + b"\n" + total))
