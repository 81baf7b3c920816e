"""As whom the bot comes: keys, certificates that are renewed while it runs, and an agent that is never forwarded."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot import settings
from bot.errors import SettingsError
from bot.hosts.connections import SshHosts
from bot.hosts.ssh import NOTHING_ELSE
from bot.hosts.trust import Identity, NoKeys
from bot.models import Host, Snapshot, Unreachable
from tests.sshd import SSHD, Sshd, keygen, me, serving
from tests.whole import configure

pytestmark = pytest.mark.skipif(not SSHD.exists(), reason="no sshd of the distribution")


class Door:
    """A host that lets in what one authority has signed, and nobody else."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.key, self.ca = folder, folder / "id", folder / "ca"
        for each in (self.key, self.ca):
            keygen("-t", "ed25519", "-f", str(each))
        self.server = Sshd(folder, "web")
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(f"{self.server.place} {self.server.public()}\n")
        self.authorized = folder / "authorized_keys"
        self.authorized.write_text(f'cert-authority,principals="kickbot" {self.ca.with_suffix(".pub").read_text()}')

    def sign(self, valid: str) -> None:
        """valid: as ssh-keygen -V has it."""
        words = ("-s", str(self.ca), "-I", "kickbot", "-n", "kickbot", "-V", valid, str(self.key.with_suffix(".pub")))
        keygen(*words, new=False)

    def spoil(self) -> None:
        """As somebody leaves it who writes it without a rename."""
        Path(f"{self.key}-cert.pub").write_text("ssh-ed25519-cert-v01@openssh.com AAAA")

    def hand_over(self, agent: str) -> None:
        """The agent has the key from now on, with its certificate, and no file of it is there."""
        environment = {"PATH": os.environ["PATH"], "SSH_AUTH_SOCK": agent}
        subprocess.run(["ssh-add", "-q", str(self.key)], env=environment, check=True)
        self.key.unlink()

    def hosts(self, *keys: Path, agent: str = "") -> SshHosts:
        host = Host(name="web", address="127.0.0.1", port=self.server.port, user=me())
        return SshHosts({"web": host}, keys, self.known_hosts, agent=agent)


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    made = Door(tmp_path)
    async with serving(made.server):
        await made.server.start(made.authorized)
        yield made


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """The socket of an agent without keys."""
    socket = tmp_path / "agent"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as process:
        while not socket.exists():
            assert process.poll() is None
        yield str(socket)
        process.terminate()


async def look(hosts: SshHosts) -> Snapshot | Unreachable:
    (seen,) = [each async for each in hosts.look(["web"])]
    return seen


async def test_a_certificate_that_was_renewed_is_used_at_the_next_login(door: Door) -> None:
    """An expired one is refused by the host; the new one counts without a new start."""
    door.sign("-2h:-1h")
    hosts = door.hosts(door.key)
    before = await look(hosts)
    door.sign("-1m:+1h")
    after = await look(hosts)
    await hosts.close()

    assert isinstance(before, Unreachable)
    assert "refused the login" in before.reason
    assert isinstance(after, Snapshot), after


async def test_a_certificate_that_is_half_written_changes_nothing(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    """What was read last goes on to count, and the log says why."""
    door.sign("-1m:+1h")
    hosts = door.hosts(door.key)
    door.spoil()
    seen = await look(hosts)
    await hosts.close()

    assert isinstance(seen, Snapshot), seen
    assert "the keys stay as they were" in caplog.text


async def test_a_key_in_an_agent(door: Door, agent: str) -> None:
    """With its certificate; no file of a private key is there."""
    door.sign("-1m:+1h")
    door.hand_over(agent)
    hosts = door.hosts(agent=agent)
    seen = await look(hosts)
    await hosts.close()
    assert isinstance(seen, Snapshot), seen


async def test_an_agent_without_a_key_or_none(door: Door, agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is tried: neither what lies in ~/.ssh, nor the agent of the environment."""
    home = door.folder / "home"
    (home / ".ssh").mkdir(parents=True)
    door.sign("-1m:+1h")
    for name in ("id", "id-cert.pub"):
        shutil.copy(door.folder / name, home / ".ssh" / name.replace("id", "id_ed25519", 1))
    monkeypatch.setenv("HOME", str(home))
    for socket, told in ((agent, "there is no key to do it with"), (f"{agent}-gone", "does not answer")):
        hosts = door.hosts(agent=socket)
        seen = await look(hosts)
        await hosts.close()
        assert isinstance(seen, Unreachable)
        assert told in seen.reason


async def test_without_a_word_no_agent_is_asked(door: Door, agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the one of the environment, though it holds a key that would be let in."""
    door.sign("-1m:+1h")
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    door.hand_over(agent)
    other = door.folder / "other"
    keygen("-t", "ed25519", "-f", str(other))
    hosts = door.hosts(other)
    seen = await look(hosts)
    await hosts.close()
    assert isinstance(seen, Unreachable)
    assert "refused the login" in seen.reason


async def test_nothing_to_log_in_with() -> None:
    """It is said, and not left to whatever lies around."""
    with pytest.raises(NoKeys, match="there is no key"):
        async with Identity([]).offered():
            pass


def test_an_agent_is_never_forwarded() -> None:
    """Whatever kickbot.toml says."""
    assert (NOTHING_ELSE["agent_forwarding"], NOTHING_ELSE["agent_path"]) == (False, None)


# ------------------------------------------------------------------------------------------------ kickbot.toml


def loaded(folder: Path, line: str) -> settings.Settings:
    path = configure(folder, [("web", "192.0.2.1", 22)], key=folder / "id", known_hosts=folder / "known_hosts")
    keys = f'keys = ["{folder / "id"}"]\n'
    path.write_text(path.read_text().replace(keys, line))
    return settings.load(path)


def test_an_agent_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its socket, or by the environment; no file of a key has to be there then."""
    monkeypatch.setenv("SSH_AUTH_SOCK", "/somewhere")
    assert loaded(tmp_path, 'agent = "sock"\n').agent == str(tmp_path / "sock")
    assert loaded(tmp_path, "agent = true\n").agent == "/somewhere"
    assert loaded(tmp_path, "agent = true\n").ssh_keys == ()
    assert loaded(tmp_path, 'agent = true\nkeys = ["id"]\n').ssh_keys == (tmp_path / "id",)
    assert loaded(tmp_path, "").agent == ""
    assert loaded(tmp_path, "").ssh_keys == (Path("~/.ssh/id_ed25519").expanduser(),)


def test_an_agent_that_is_not_there_stops_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line that names the key."""
    (tmp_path / "known_hosts").touch()
    with pytest.raises(SettingsError, match=r"ssh\.agent: there is no socket .*/nowhere"):
        loaded(tmp_path, 'agent = "nowhere"\n').check_files()
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(SettingsError, match=r"ssh\.agent: SSH_AUTH_SOCK is not set"):
        loaded(tmp_path, "agent = true\n").check_files()
