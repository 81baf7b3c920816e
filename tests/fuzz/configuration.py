"""kickbot.toml: Settings or a SettingsError in one line; whoever is struck from a list gains no right by it."""

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from bot import settings
from bot.errors import SettingsError
from bot.models import Act
from bot.policy import Policy, may_approve, may_ask, may_look
from tests import make
from tests.fuzz.tape import Tape

GOOD = """\
[slack]
incident_channel = "C0INCIDENT"
channels = ["#inc-*"]
[slack.commands]
kick = "/logout"
[audit]
database = "kickbot.db"
[ssh]
user = "kickbot"
keys = ["~/.ssh/id_ed25519"]
[[hosts]]
name = "web[01-03]"
address = "%h.prod.example.com"
port = 22
groups = ["prod"]
[[hosts]]
name = "db1"
platform = "windows"
[[rules]]
hosts = "@prod"
accounts = "people"
acts = ["kick", "force", "processes"]
look = ["S0SRE", "U0ALICE"]
ask = ["S0SRE", "U0ALICE"]
approve = ["S0LEADS", "U0CAROL"]
then = ["U0CAROL"]
approvals = 1
expires = "15m"
reason = true
[[rules]]
hosts = "db1"
accounts = ["audituser", "alice"]
acts = ["kick", "hold", "everyone"]
look = ["U0BOB"]
ask = ["U0BOB", "U0ALICE"]
approve = ["U0DAVE"]
spare_groups = ["wheel"]
max_sessions = 5
sweeps = "propose"
[people]
U0BOB = ["bob", "rsmith"]
[protect]
users = ["breakglass"]
[[sweeps]]
name = "nightly"
hosts = "db1"
idle = "2h"
every = "1d"
action = "report"
[health]
listen = "127.0.0.1:9100"
"""

ODD = (
    *(
        "",
        "[]",
        "{}",
        "0",
        "-1",
        "1e999",
        "nan",
        "true",
        '""',
        '"*"',
        '"@prod"',
        '"web[1-99999999]"',
        '"$(id)"',
        '"U0EVE"',
        '["U0EVE"]',
    ),
    *(
        '"\\u0000"',
        '"\\u202e"',
        "[[]]",
        '["everyone"]',
        '"any"',
        "[[rules]]",
        "[x]",
        "=",
        "#",
        '"',
        "'''",
        "1979-05-27",
        "99999999999",
    ),
    *(
        '"postgresql://u:p@h/d"',
        '"15m"',
        '"99999999d"',
        "\n",
        "\0",
        "\ufeff",
        "look = []",
        'ask = ["*"]',
        "approvals = 0",
        "a.b.c = 1",
    ),
)
LISTS = re.compile(r"^(look|ask|approve|then) = \[(.*)\]$")
PEOPLE = ("U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0EVE")
MEMBERS = {"S0SRE": frozenset({"U0EVE"}), "S0LEADS": frozenset({"U0DAVE", "U0BOB"})}
HOSTS = ("web01", "web03", "db1")
ACCOUNTS = tuple(
    make.account(name, uid) for name, uid in (("audituser", 1001), ("bob", 1002), ("root", 0), ("postgres", 101))
)
ACTS = tuple(
    frozenset(acts)
    for acts in ({Act.KICK}, {Act.KICK, Act.FORCE}, {Act.PROCESSES}, {Act.HOLD, Act.KICK}, {Act.EVERYONE})
)
LOOK, ASK, APPROVE = "look", "ask", "approve"


@contextmanager
def opened() -> Iterator[Callable[[bytes], None]]:
    """The target, with a folder for its files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kickbot.toml"
        allowed = _rights(_policy(path, GOOD.encode()))
        yield lambda content: _configuration(path, allowed, Tape(content))


def _configuration(path: Path, allowed: frozenset[object], tape: Tape) -> None:
    if tape.yes(3):
        assert _rights(_policy(path, _with_less(tape).encode())) <= allowed
    else:
        _policy(path, tape.rest() if tape.yes(8) else _spoilt(tape).encode("utf-8", "surrogateescape"))


def _policy(path: Path, content: bytes) -> Policy | None:
    """None: the start is stopped, with one line."""
    path.write_bytes(content)
    try:
        found = settings.load(path)
        return found.policy(found.inventory())
    except SettingsError as error:
        told = error.for_user()
    assert told.isprintable(), told
    return None


def _with_less(tape: Tape) -> str:
    """The good file, with lists of people that are shorter, empty, or gone."""
    lines = []
    for line in GOOD.splitlines():
        found = LISTS.match(line)
        if found is None or not tape.yes():
            lines.append(line)
        elif not tape.yes(3):
            kept = [name for name in found[2].split(", ") if tape.yes()]
            lines.append(f"{found[1]} = [{', '.join(kept)}]")
    return "\n".join(lines)


def _spoilt(tape: Tape) -> str:
    lines = GOOD.splitlines()
    for _ in range(1 + tape.below(5)):
        at = tape.below(len(lines))
        key, equals, _ = lines[at].partition(" = ")
        match tape.below(5):
            case 0:
                lines[at] = f"{key} = {tape.one(ODD)}" if equals else tape.one(ODD)
            case 1:
                lines.insert(at, tape.one((*lines, *ODD)))
            case 2 if len(lines) > 1:
                del lines[at]
            case 3:
                lines[at] = f"{key}{equals}{tape.text()}"
            case _:
                where = tape.below(len(lines[at]) + 1)
                lines[at] = lines[at][:where] + tape.text(6) + lines[at][where + tape.below(4) :]
    return "\n".join(lines)


def _rights(policy: Policy | None) -> frozenset[object]:
    """Who may do what, where; a bot that doesn't start lets nobody do anything."""
    return frozenset(_each_right(policy)) if policy else frozenset()


def _each_right(policy: Policy) -> Iterator[object]:
    for who, host in product(PEOPLE, HOSTS):
        person = make.person(who)
        if may_look(policy, host, person, MEMBERS).allowed:
            yield LOOK, who, host
        for account, acts in product(ACCOUNTS, ACTS):
            if may_ask(policy, host, account, acts, person, MEMBERS).allowed:
                yield ASK, who, host, account.name, acts
            if may_approve(policy, host, account, acts, person, MEMBERS, asker="U0ASKER").allowed:
                yield APPROVE, who, host, account.name, acts
