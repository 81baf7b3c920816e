"""`kickbot hosts`: what there is, who answers, and whose keys are trusted; as a process, against real sshds."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHosts
from tests.sshd import SSHD, Sshd, keygen, me, serving
from tests.whole import at_the_terminal, configure, kickbot

pytestmark = pytest.mark.skipif(not SSHD.exists(), reason="no sshd of the distribution")


class Fleet:
    """Two hosts and a jump host before the second one, and a kickbot.toml that names them by way of ssh_config."""

    def __init__(self, folder: Path) -> None:
        self.key, self.known_hosts = folder / "id", folder / "known_hosts"
        keygen("-t", "ed25519", "-f", str(self.key))
        self.web, self.db, self.bastion = (Sshd(folder, name) for name in ("web", "db", "bastion"))
        self.config = configure(folder, [], key=self.key, known_hosts=self.known_hosts, user=me())
        blocks = [
            f"Host {name}\n  HostName 127.0.0.1\n  Port {server.port}\n"
            for name, server in (("web", self.web), ("db", self.db), ("bastion", self.bastion))
        ]
        (folder / "ssh_config").write_text("".join(blocks) + "Host db\n  ProxyJump bastion\n")
        (folder / "local.cfg").write_text("prod: web,db\n")
        self.config.write_text(
            self.config.read_text() + '\n[inventory]\nssh_config = "ssh_config"\ngroups = ["*.cfg"]\n'
        )

    async def start(self) -> None:
        for server in (self.web, self.db, self.bastion):
            await server.start(self.key.with_suffix(".pub"))

    def trust(self, *servers: Sshd) -> None:
        self.known_hosts.write_text("".join(f"{server.place} {server.public()}\n" for server in servers))

    def hosts(self, *words: str) -> subprocess.CompletedProcess[str]:
        return kickbot("hosts", *words, "--config", str(self.config))

    def at_the_terminal(self, *words: str, answers: Sequence[str]) -> tuple[int, str]:
        """The exit status, and all that stood on the terminal. answers: typed one after the other."""
        return at_the_terminal("hosts", *words, "--config", str(self.config), answers=answers)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    made = Fleet(tmp_path)
    async with serving(made.web, made.db, made.bastion):
        yield made


def test_the_list_names_address_groups_rules_and_source(fleet: Fleet) -> None:
    """Asks no host. A group that chooses no rule stands in brackets."""
    done = fleet.hosts("list")

    assert done.returncode == 0, done.stderr
    header, web, db, bastion = (line.split() for line in done.stdout.splitlines())
    assert header == ["name", "address", "groups", "rules", "source"]
    assert web == ["web", f"{me()}@[127.0.0.1]:{fleet.web.port}", "(@prod)", "rules[0]", "ssh_config"]
    assert db[1:4] == [f"{me()}@[127.0.0.1]:{fleet.db.port}", "via", "bastion"]
    assert bastion[2] == "-"


def test_the_list_of_some_hosts_as_json(fleet: Fleet) -> None:
    """Names, ranges and groups choose, as in Slack."""
    done = fleet.hosts("list", "@prod", "--json")
    assert [(host["name"], host["rules"], host["hints"]) for host in json.loads(done.stdout)] == [
        ("web", [0], ["prod"]),
        ("db", [0], ["prod"]),
    ]


def test_a_host_that_is_not_there(fleet: Fleet) -> None:
    """One line, and status 2."""
    done = fleet.hosts("list", "wep")
    assert (done.returncode, done.stderr) == (2, "kickbot: There is no host `wep`. Did you mean `web`?\n")


async def test_a_check_gets_through_to_every_host(fleet: Fleet) -> None:
    """Also behind a jump host; it says how long it took, and shows no session."""
    await fleet.start()
    fleet.trust(fleet.web, fleet.db, fleet.bastion)

    done = fleet.hosts("check")

    assert done.returncode == 0, done.stdout + done.stderr
    for name, server in (("web", fleet.web), ("db", fleet.db), ("bastion", fleet.bastion)):
        (line,) = [line for line in done.stdout.splitlines() if line.split()[1] == name]
        assert line.startswith(f"ok    {name}  {server.place}  in ")
        assert server.fingerprint() in line


async def test_a_check_that_fails_says_why(fleet: Fleet) -> None:
    """Each host in its own line, and status 1."""
    await fleet.start()
    await fleet.web.stop()
    fleet.trust(fleet.web, fleet.bastion)

    done = fleet.hosts("check", "web,db,bastion")
    as_json = fleet.hosts("check", "web", "--json")

    assert done.returncode == as_json.returncode == 1
    lines = {line.split()[1]: line for line in done.stdout.splitlines()}
    assert f"FAIL  web  refuses connections at 127.0.0.1 port {fleet.web.port}" in lines["web"]
    assert f"FAIL  db  shows an unknown host key, {fleet.db.fingerprint()}" in lines["db"]
    assert lines["bastion"].startswith("ok")
    (web,) = json.loads(as_json.stdout)
    assert (web["ok"], web["reason"]) == (False, f"refuses connections at 127.0.0.1 port {fleet.web.port}")


async def test_trust_shows_the_fingerprint_asks_and_writes(fleet: Fleet) -> None:
    """The jump host first; afterwards the bot gets through."""
    await fleet.start()

    status, shown = fleet.at_the_terminal("trust", "db", answers="yy")

    assert status == 0, shown
    assert shown.index(fleet.bastion.fingerprint()) < shown.index(fleet.db.fingerprint())
    assert fleet.known_hosts.read_text() == "".join(
        f"{server.place} {server.public()}\n" for server in (fleet.bastion, fleet.db)
    )
    assert fleet.known_hosts.stat().st_mode & 0o777 == 0o600
    assert fleet.hosts("check", "db").returncode == 0


async def test_a_no_changes_nothing(fleet: Fleet) -> None:
    """And neither does Enter."""
    await fleet.start()
    for answer in ("n", ""):
        status, shown = fleet.at_the_terminal("trust", "web", answers=[answer])
        assert (status, fleet.known_hosts.read_text()) == (1, "")
        assert "web is not trusted." in shown


async def test_without_a_terminal_nobody_is_trusted(fleet: Fleet) -> None:
    """A pipe says yes to everything."""
    await fleet.start()
    done = fleet.hosts("trust", "web")
    assert (done.returncode, done.stderr) == (2, "kickbot: hosts trust asks a person, on a terminal\n")
    assert not fleet.known_hosts.exists()


async def test_who_is_trusted_already_is_not_asked_about(fleet: Fleet) -> None:
    """Nothing is written."""
    await fleet.start()
    fleet.trust(fleet.web)
    assert fleet.at_the_terminal("trust", "web", answers="") == (0, "web is trusted already.\n")


async def test_a_changed_key_is_replaced_only_with_replace(fleet: Fleet) -> None:
    """Without it nothing is asked; with it both fingerprints stand in the question, and other lines stay."""
    await fleet.start()
    others = f"# ours\nother.example.com {fleet.bastion.public()}\n127.0.0.1 {fleet.bastion.public()}\n"
    fleet.known_hosts.write_text(f"{others}{fleet.web.place} {fleet.db.public()}\n")
    before = fleet.known_hosts.read_text()

    refused = fleet.at_the_terminal("trust", "web", answers="y")
    unchanged = fleet.known_hosts.read_text()
    replaced = fleet.at_the_terminal("trust", "web", "--replace", answers="y")

    assert refused[0] == 1
    assert "Nothing was changed. If the host really has a new key, add --replace." in refused[1]
    assert unchanged == before
    assert replaced[0] == 0, replaced[1]
    assert fleet.web.fingerprint() in replaced[1]
    assert fleet.db.fingerprint() in replaced[1]
    assert fleet.known_hosts.read_text() == f"{others}{fleet.web.place} {fleet.web.public()}\n"


async def test_a_hashed_line_is_replaced_too(fleet: Fleet) -> None:
    """As ssh-keygen -H and HashKnownHosts write them."""
    await fleet.start()
    fleet.trust(fleet.web)
    fleet.known_hosts.write_text(fleet.known_hosts.read_text().replace(fleet.web.public(), fleet.db.public()))
    keygen("-H", "-f", str(fleet.known_hosts), new=False)

    status, shown = fleet.at_the_terminal("trust", "web", "--replace", answers="y")

    assert status == 0, shown
    assert fleet.known_hosts.read_text() == f"{fleet.web.place} {fleet.web.public()}\n"


async def test_a_line_that_names_other_hosts_too_is_left_to_a_person(fleet: Fleet) -> None:
    """It isn't known what those hosts show now."""
    await fleet.start()
    before = f"{fleet.web.place},other.example.com {fleet.db.public()}\n"
    fleet.known_hosts.write_text(before)

    status, shown = fleet.at_the_terminal("trust", "web", "--replace", answers="y")

    assert status == 2
    assert "names other hosts too: change it by hand" in shown
    assert fleet.known_hosts.read_text() == before


async def test_a_host_that_can_not_be_reached_is_not_trusted(fleet: Fleet) -> None:
    """It says why, and goes on with the next one."""
    await fleet.web.start(fleet.key.with_suffix(".pub"))

    status, shown = fleet.at_the_terminal("trust", "bastion,web", answers="y")

    assert status == 1
    assert f"bastion refuses connections at 127.0.0.1 port {fleet.bastion.port}" in shown
    assert fleet.known_hosts.read_text() == f"{fleet.web.place} {fleet.web.public()}\n"


async def test_a_deep_check_ends_nobody(tmp_path: Path) -> None:
    """Every kind of act is asked for as of another boot, each is refused, and everyone is still there."""
    async with SandboxHosts.start([HostSpec("host1", (Login("audituser"), Login("alice")))]) as hosts:
        host = hosts.hosts["host1"]
        lines = [(host.name, host.address, host.port)]
        config = configure(tmp_path, lines, key=hosts.client_key, known_hosts=hosts.known_hosts)
        done = await asyncio.to_thread(kickbot, "hosts", "check", "--deep", "--config", str(config))

        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.endswith("  with plain sudo  5 acts refused as of another boot\n")
        assert {"audituser", "alice"} <= {session.account.name for session in host.sessions()}
