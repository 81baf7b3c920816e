"""The sandbox's fleet: many hosts that show what a few do, over real SSH, each with a key of its own."""

from collections.abc import AsyncIterator

import pytest

from bot.hosts.connections import SshHosts
from bot.models import EndSession, Host, HostUptime, Snapshot, Unreachable
from bot.sandbox.fleet import FRESH, Model
from bot.sandbox.host_logins import Login
from bot.sandbox.host_server import Fault
from bot.sandbox.hosts import HostSpec, SandboxHosts, TwinSpec, demo_fleet
from tests import make
from tests.fakes import FakeSeconds

QUIET = HostSpec("quiet")
USED = HostSpec("used", (Login("audituser", terminal=False),))
FLEET = (TwinSpec("web01", USED), TwinSpec("web02", USED), TwinSpec("web03", QUIET))


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxHosts]:
    async with SandboxHosts.start((), FLEET) as running:
        yield running


@pytest.fixture
async def ssh(sandbox: SandboxHosts) -> AsyncIterator[SshHosts]:
    twins = {name: Host(name=name, address="127.0.0.1", port=twin.port) for name, twin in sandbox.twins.items()}
    bot = SshHosts(twins, [sandbox.client_key], sandbox.known_hosts)
    yield bot
    await bot.close()


async def looks(bot: SshHosts) -> dict[str, Snapshot | Unreachable]:
    return {look.host: look async for look in bot.look([spec.name for spec in FLEET])}


async def test_each_twin_shows_what_its_model_does(ssh: SshHosts) -> None:
    """And proves itself with a key of its own."""
    found = await looks(ssh)
    snapshots = [look for look in found.values() if isinstance(look, Snapshot)]
    users = {look.host: {s.account.name for s in look.sessions if not s.own} for look in snapshots}
    assert users == {"web01": {"audituser"}, "web02": {"audituser"}, "web03": set()}
    assert len({look.host_key for look in snapshots}) == 3


async def test_a_twin_ends_nothing(ssh: SshHosts) -> None:
    """It can only be looked at: the login on the model lives on."""
    look = (await looks(ssh))["web01"]
    assert isinstance(look, Snapshot)
    (session,) = [s for s in look.sessions if not s.own]
    target = make.target(look, session)
    answer = await ssh.act(EndSession(target=target, rung="terminate"), not_after=HostUptime(look.uptime + 10_000))
    assert answer.status == "unknown"
    assert "can only be looked at" in answer.output
    again = (await looks(ssh))["web01"]
    assert isinstance(again, Snapshot)
    assert session.id in {s.id for s in again.sessions}


async def test_a_model_is_asked_anew_after_a_while(sandbox: SandboxHosts) -> None:
    """Until then the same question is answered as before, with the new nonce; another question at once."""
    clock = FakeSeconds()
    model = Model(sandbox.twins["web03"].model.logins, clock)
    script, words = b'printf "%s\\n" "$1 of $$"\n', ["sh", "-s", "--"]

    async def ask(nonce: str, *more: str) -> str:
        return (await model.answer([*words, nonce, *more], nonce, script)).decode()

    first = await ask("aaaa")
    assert await ask("bbbb") == first.replace("aaaa", "bbbb")
    assert await ask("cccc", "more") != first.replace("aaaa", "cccc")
    clock.now += FRESH + 1
    assert await ask("dddd") != first.replace("aaaa", "dddd")


def test_the_demo_has_a_fleet_in_which_not_all_is_well() -> None:
    """Two hundred hosts, each with a name of its own; three of them never answer."""
    fleet = demo_fleet()
    assert len({spec.name for spec in fleet}) == 200
    assert [spec.name for spec in fleet if spec.fault == Fault("silent")] == ["web066", "db21", "db22"]
