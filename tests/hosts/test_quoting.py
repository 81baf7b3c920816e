"""What arrives as arguments on a real host is byte for byte what was meant: over SSH, through the login shell."""

import asyncio
import random
from pathlib import Path

from bot.hosts.drivers.interface import Call
from bot.hosts.limits import Limits
from bot.hosts.openings import Openings
from bot.hosts.ssh import Line
from bot.hosts.trust import Identity, KnownHosts
from bot.models import Host
from tests.fuzz.quoting import SCRIPT, arrived, words_of
from tests.fuzz.tape import Tape
from tests.hosts.machines import Machine

COMMANDS = 24


async def test_hostile_words_arrive_as_they_are(machine: Machine, tmp_path: Path) -> None:
    """Several hundred of them, as root and as the bot's own login: none is split, expanded, joined or run."""
    known = tmp_path / "known"
    known.write_text(machine.known_hosts.read_text())
    limits = Limits()
    author = random.Random(10)
    meant = [words_of(Tape(author.randbytes(900))) for _ in range(COMMANDS)]
    came: list[list[str]] = []
    for user in ("root", "kickbot"):
        host = Host(name=machine.name, address=machine.address, user=user)
        line = Line(host, Identity([machine.identity]), KnownHosts(known), limits, Openings(limits.jitter))
        try:
            calls = [Call(argv=("sh", "-s", "--", *words), stdin=SCRIPT, nonce="") for words in meant]
            came += [arrived(reply.output) for reply in await asyncio.gather(*map(line.ask, calls))]
        finally:
            await line.close()
    assert sum(map(len, meant)) > 300
    assert came == [*meant, *meant]
