"""Hosts behind a jump host: real sshds on loopback, the jump host's trouble told as its own."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.hosts.connections import SshHosts
from bot.hosts.limits import Limits
from bot.models import Host, Snapshot, Unreachable
from tests.sshd import SSHD, Sshd, keygen, me, serving

pytestmark = pytest.mark.skipif(not SSHD.exists(), reason="no sshd of the distribution")


class Behind:
    """The bot, two hosts that it reaches through the same jump host only, and that host."""

    def __init__(self, folder: Path) -> None:
        self.key, self.known_hosts = folder / "id", folder / "known_hosts"
        keygen("-t", "ed25519", "-f", str(self.key))
        self.jump, self.web, self.db = (Sshd(folder, name) for name in ("jump", "web", "db"))
        self.known_hosts.write_text("".join(f"{s.place} {s.public()}\n" for s in (self.jump, self.web, self.db)))
        self.bots: list[SshHosts] = []

    async def start(self, *lines: str) -> None:
        """lines: of the jump host's configuration."""
        authorized = self.key.with_suffix(".pub")
        await self.jump.start(authorized, *lines)
        await self.web.start(authorized)
        await self.db.start(authorized)

    def hosts(self) -> dict[str, Host]:
        jump = Host(name="bastion", address="127.0.0.1", port=self.jump.port, user=me())
        places = {"web": self.web.port, "db": self.db.port}
        return {n: Host(name=n, address="127.0.0.1", port=p, user=me(), jump=jump) for n, p in places.items()}

    def bot(self, limits: Limits | None = None) -> SshHosts:
        self.bots.append(SshHosts(self.hosts(), [self.key], self.known_hosts, limits=limits))
        return self.bots[-1]

    def logins(self, server: Sshd) -> int:
        """How many came in so far."""
        return (server.folder / "log").read_text().count("Accepted publickey")


@pytest.fixture
async def behind(tmp_path: Path) -> AsyncIterator[Behind]:
    made = Behind(tmp_path)
    async with serving(made.jump, made.web, made.db):
        yield made
        for bot in made.bots:
            await bot.close()


async def looks(bot: SshHosts, *hosts: str) -> dict[str, Snapshot | Unreachable]:
    return {look.host: look async for look in bot.look(hosts or ("web", "db"))}


async def reasons(bot: SshHosts, *hosts: str) -> set[str]:
    found = await looks(bot, *hosts)
    assert all(isinstance(look, Unreachable) for look in found.values()), found
    return {look.reason for look in found.values() if isinstance(look, Unreachable)}


async def test_hosts_behind_a_jump_host_share_one_connection_to_it(behind: Behind) -> None:
    """Each host proves itself with its own key, whoever carries the bytes."""
    await behind.start()
    bot = behind.bot()

    found = await looks(bot)
    await looks(bot)

    for name, server in (("web", behind.web), ("db", behind.db)):
        look = found[name]
        assert isinstance(look, Snapshot), look
        assert look.host_key == server.fingerprint()
        assert behind.logins(server) == 1
    assert behind.logins(behind.jump) == 1


async def test_a_jump_host_that_is_down_is_told_as_its_own_trouble(behind: Behind) -> None:
    """For each host behind it, after one attempt."""
    assert await reasons(behind.bot()) == {
        f"is behind the jump host bastion, which refuses connections at 127.0.0.1 port {behind.jump.port}"
    }


async def test_a_dead_jump_host_costs_its_time_limit_once(behind: Behind) -> None:
    """All hosts behind it wait together, not one after the other."""
    tried = 0

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        tried += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", behind.jump.port)
    said = await reasons(behind.bot(Limits(connect=1)))
    server.close()

    assert said == {"is behind the jump host bastion, which did not answer within 1 s (connection timed out)"}
    assert tried == 1


async def test_a_jump_host_that_nobody_trusts_is_not_gone_through(behind: Behind) -> None:
    """Its key has to be known too."""
    await behind.start()
    behind.known_hosts.write_text(f"{behind.web.place} {behind.web.public()}\n")

    (said,) = await reasons(behind.bot(), "web")

    assert said.startswith("is behind the jump host bastion, which shows an unknown host key, ")
    assert behind.logins(behind.jump) == 0


async def test_a_host_with_a_changed_key_behind_a_jump_host_is_not_spoken_to(behind: Behind) -> None:
    """The jump host can lead nobody astray."""
    await behind.start()
    behind.known_hosts.write_text(
        f"{behind.jump.place} {behind.jump.public()}\n{behind.web.place} {behind.db.public()}\n"
    )

    (said,) = await reasons(behind.bot(), "web")

    assert said.startswith(f"shows another host key, {behind.web.fingerprint()}, than {behind.db.fingerprint()}")
    assert behind.logins(behind.web) == 0


async def test_a_jump_host_that_forwards_nothing(behind: Behind) -> None:
    """The reason names it, and what it says."""
    await behind.start("AllowTcpForwarding no")
    (said,) = await reasons(behind.bot(), "web")
    assert said.startswith("can't be reached from the jump host bastion (")


async def test_a_host_that_is_down_behind_a_jump_host(behind: Behind) -> None:
    """It is its own trouble, and the other host's look is whole."""
    await behind.start()
    await behind.web.stop()

    found = await looks(behind.bot())

    assert isinstance(found["web"], Unreachable)
    assert found["web"].reason.startswith("can't be reached from the jump host bastion (")
    assert isinstance(found["db"], Snapshot)


async def test_a_jump_host_that_dies_in_the_middle(behind: Behind) -> None:
    """What goes through it breaks; once it is back, so are the hosts behind it."""
    await behind.start()
    bot = behind.bot()
    await looks(bot)
    await behind.jump.stop()

    down = await reasons(bot)
    await behind.jump.start(behind.key.with_suffix(".pub"))
    back = await looks(bot)

    assert down == {f"is behind the jump host bastion, which refuses connections at 127.0.0.1 port {behind.jump.port}"}
    assert all(isinstance(look, Snapshot) for look in back.values())


async def test_hosts_that_come_and_go_while_the_bot_runs(behind: Behind) -> None:
    """Who stays keeps the connection; who goes is not spoken to any more; who comes is."""
    await behind.start()
    bot, hosts = behind.bot(), behind.hosts()
    bot.serve({"web": hosts["web"]})
    await looks(bot, "web")

    bot.serve({"web": hosts["web"], "db": hosts["db"]})
    both = await looks(bot)
    bot.serve({"db": hosts["db"]})

    assert all(isinstance(look, Snapshot) for look in both.values())
    assert (behind.logins(behind.web), behind.logins(behind.jump)) == (1, 1)
    assert await reasons(bot, "web") == {"is not configured"}
    assert bot.state().configured == 1


async def test_a_host_that_is_reached_in_another_way_gets_a_new_connection(behind: Behind) -> None:
    """Where its port changes, and its jump host goes."""
    await behind.start()
    bot, web = behind.bot(), behind.hosts()["web"]
    await looks(bot, "web")

    bot.serve({"web": web.model_copy(update={"jump": None})})

    assert isinstance((await looks(bot, "web"))["web"], Snapshot)
    assert behind.logins(behind.web) == 2


async def test_the_keys_of_a_host_stand_before_those_of_the_bot(behind: Behind, tmp_path: Path) -> None:
    """One that can't be read is left out, and the bot comes with its own."""
    await behind.start()
    web = behind.hosts()["web"].model_copy(update={"jump": None})
    other = tmp_path / "other"
    keygen("-t", "ed25519", "-f", str(other))
    bot = behind.bot()

    bot.serve({"web": web.model_copy(update={"keys": (str(other),)})})
    refused = await reasons(bot, "web")
    bot.serve({"web": web.model_copy(update={"keys": (str(tmp_path / "nowhere"),)})})

    assert refused == {f"refused the login {me()}@127.0.0.1 (no key accepted)"}
    assert isinstance((await looks(bot, "web"))["web"], Snapshot)


async def test_a_certificate_of_the_bot(behind: Behind, tmp_path: Path) -> None:
    """Where the host trusts who signed it."""
    authority, key = tmp_path / "authority", tmp_path / "other"
    for path in (authority, key):
        keygen("-t", "ed25519", "-f", str(path))
    keygen("-s", str(authority), "-I", "kickbot", "-n", me(), str(key.with_suffix(".pub")), new=False)
    certificate = (key.parent / "other-cert.pub").rename(tmp_path / "signed.pub")
    await behind.web.start(tmp_path / "nobody", f"TrustedUserCAKeys {authority}.pub")
    web = behind.hosts()["web"].model_copy(update={"jump": None, "keys": (str(key),)})
    bot = behind.bot()

    bot.serve({"web": web})
    refused = await looks(bot, "web")
    bot.serve({"web": web.model_copy(update={"certificates": (str(certificate),)})})
    taken = await looks(bot, "web")

    assert isinstance(refused["web"], Unreachable)
    assert isinstance(taken["web"], Snapshot)


# ------------------------------------------------------------------------------------------------ host certificates


@pytest.mark.parametrize(
    ("principal", "pattern", "told"),
    [
        ("127.0.0.1", "*", ""),
        ("127.0.0.1", "[127.0.0.1]:*", ""),
        ("other.example.com", "*", "can't be trusted"),
    ],
)
async def test_a_host_certificate_of_a_known_authority(
    behind: Behind, tmp_path: Path, principal: str, pattern: str, told: str
) -> None:
    """`@cert-authority` in known_hosts is enough where the certificate is for that host; the key stays the identity."""
    authority = sign(behind.web, tmp_path, principal)
    await behind.web.start(behind.key.with_suffix(".pub"), f"HostCertificate {behind.web.key()}-cert.pub")
    behind.known_hosts.write_text(f"@cert-authority {pattern} {authority}\n")
    bot = behind.bot()
    bot.serve({"web": behind.hosts()["web"].model_copy(update={"jump": None})})

    look = (await looks(bot, "web"))["web"]

    if told:
        assert isinstance(look, Unreachable)
        assert behind.logins(behind.web) == 0
    else:
        assert isinstance(look, Snapshot), look
        assert look.host_key == behind.web.fingerprint()


async def test_a_host_certificate_of_another_authority(behind: Behind, tmp_path: Path) -> None:
    """It is refused, with the fingerprint of who signed it."""
    sign(behind.web, tmp_path, "127.0.0.1")
    fingerprint = keygen("-l", "-f", str(tmp_path / "authority"), new=False).split()[1]
    await behind.web.start(behind.key.with_suffix(".pub"), f"HostCertificate {behind.web.key()}-cert.pub")
    behind.known_hosts.write_text(f"@cert-authority * {behind.db.public()}\n")
    bot = behind.bot()
    bot.serve({"web": behind.hosts()["web"].model_copy(update={"jump": None})})

    (said,) = await reasons(bot, "web")

    assert said.startswith(f"shows a certificate of an unknown authority, {fingerprint}: ")


def sign(server: Sshd, folder: Path, principal: str) -> str:
    """A host certificate for its key; the public key of who signed it."""
    authority = folder / "authority"
    keygen("-t", "ed25519", "-f", str(authority))
    keygen("-s", str(authority), "-I", "host", "-h", "-n", principal, str(server.key().with_suffix(".pub")), new=False)
    return " ".join(authority.with_suffix(".pub").read_text().split()[:2])
