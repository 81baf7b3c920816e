"""Sandbox hosts, asked by the bot's own connections and driver: they answer as real hosts do and touch nothing else."""

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from bot import trials
from bot.hosts.connections import Limits, SshHosts
from bot.models import (
    Answer,
    ChannelLimit,
    Hold,
    Host,
    HostLimits,
    HostUptime,
    KeepLimits,
    Session,
    SetLimit,
    SetLimits,
    Snapshot,
    Unreachable,
)
from bot.sandbox.host_logins import Login
from bot.sandbox.host_server import Fault, allowed
from bot.sandbox.hosts import HostSpec, SandboxHost, SandboxHosts, demo_hosts
from bot.sandbox.standins import kernel
from tests import make
from tests.lives import PATIENCE

REPOSITORY = Path(__file__).parents[1]
# of `loginctl show-session` with systemd 257, in its order
EVERY_PROPERTY = (
    "Id User Name Timestamp TimestampMonotonic VTNr Remote RemoteHost Service Scope Leader Audit Type Class Active"
    " State IdleHint IdleSinceHint IdleSinceHintMonotonic CanIdle CanLock LockedHint"
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandbox hosts show real processes from /proc")


class Bot:
    """The bot's own way to the sandbox's hosts."""

    def __init__(self, sandbox: SandboxHosts, hosts: SshHosts) -> None:
        self.sandbox, self.hosts = sandbox, hosts

    def host(self, name: str = "host1") -> SandboxHost:
        return self.sandbox.hosts[name]

    async def look(self, name: str = "host1") -> Snapshot:
        [look] = [each async for each in self.hosts.look([name])]
        assert isinstance(look, Snapshot), look.reason
        return look

    async def others(self, name: str = "host1") -> dict[str, Session]:
        return {one.id: one for one in (await self.look(name)).sessions if not one.own}

    async def unreachable(self, name: str = "host1") -> str:
        [look] = [each async for each in self.hosts.look([name])]
        assert isinstance(look, Unreachable)
        return look.reason

    async def end(self, look: Snapshot, session: str, rung: str = "terminate") -> Answer:
        """End the session that this look had under this id."""
        [seen] = [each for each in look.sessions if each.id == session]
        step = make.step(make.target(look, seen), rung)
        return await self.hosts.act(step, not_after=HostUptime(look.uptime + 6000))

    async def gone(self, session: str) -> dict[str, Session]:
        """The logins that are left when a session has vanished."""
        async with asyncio.timeout(PATIENCE):
            while session in (left := await self.others()):  # noqa: ASYNC110 - only the host tells
                await asyncio.sleep(0.1)
        return left


@asynccontextmanager
async def running(*specs: HostSpec, limits: Limits | None = None) -> AsyncIterator[Bot]:
    async with SandboxHosts.start(specs) as sandbox:
        configured = {
            name: Host(name=name, address=host.address, port=host.port, user=host.user)
            for name, host in sandbox.hosts.items()
        }
        hosts = SshHosts(configured, [sandbox.client_key], sandbox.known_hosts, limits=limits)
        try:
            yield Bot(sandbox, hosts)
        finally:
            await hosts.close()


@asynccontextmanager
async def connected(bot: Bot) -> AsyncIterator[asyncssh.SSHClientConnection]:
    host, sandbox = bot.host(), bot.sandbox
    async with asyncssh.connect(
        host.address,
        host.port,
        username=host.user,
        client_keys=[str(sandbox.client_key)],
        known_hosts=str(sandbox.known_hosts),
        config=None,
    ) as connection:
        yield connection


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A process of the same Unix user that has nothing to do with the sandbox."""
    with subprocess.Popen(["sleep", "4000"]) as process:
        yield process
        process.kill()


async def exit_status(bot: Bot, line: str, script: str = "") -> int | None:
    async with connected(bot) as connection:
        return (await connection.run(line, input=script.encode(), encoding=None)).exit_status


# ------------------------------------------------------------------------------------------------ what is refused


async def test_a_wrong_key_is_refused() -> None:
    """Nobody gets in without this start's own key."""
    async with running(HostSpec("host1")) as bot:
        host, other = bot.host(), asyncssh.generate_private_key("ssh-ed25519")
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                host.address,
                host.port,
                username=host.user,
                client_keys=[other],
                known_hosts=str(bot.sandbox.known_hosts),
                config=None,
                agent_path=None,
            )


async def test_another_account_is_refused() -> None:
    """The key is the bot's: it opens nobody else's account."""
    async with running(HostSpec("host1")) as bot:
        host = bot.host()
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                host.address,
                host.port,
                username="root",
                client_keys=[str(bot.sandbox.client_key)],
                known_hosts=str(bot.sandbox.known_hosts),
                config=None,
                agent_path=None,
            )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ls",
        "sh",
        "sh -c id",
        "sh -s look",
        "sh -s -- look; reboot",
        "sh -s -- $(reboot)",
        "sh -s -- look | tee x",
        "sh -s -- 'look",
        "sudo sh -s -- look",
        "sudo -n -- reboot",
        "PATH=/bin sh -s -- look",
    ],
)
def test_any_other_command_line_is_not_run(line: str) -> None:
    """Only the two shapes that the bot sends, quoted as the bot quotes them."""
    assert allowed(line) is None


async def test_a_command_that_is_not_run_exits_with_127(tmp_path: Path) -> None:
    """The host says why, and nothing has happened."""
    async with running(HostSpec("host1")) as bot, connected(bot) as connection:
        answer = await connection.run(f"touch {tmp_path}/made", encoding=None)
        shell = await connection.run(None, encoding=None)
    assert (answer.exit_status, shell.exit_status) == (127, 127)
    assert answer.stderr == b"sandbox host: only sh -s -- and sudo -n -- sh -s -- are run here\n"
    assert not (tmp_path / "made").exists()


async def test_words_stay_words() -> None:
    """No shell reads the command line: a hostile word arrives as one argument."""
    async with running(HostSpec("host1")) as bot, connected(bot) as connection:
        answer = await connection.run("sh -s -- 'x; $(id)'", input=b'printf "<%s>" "$@"', encoding=None)
    assert (answer.stdout, answer.exit_status) == (b"<x; $(id)>", 0)


async def test_it_listens_on_loopback_only() -> None:
    """Every listening socket of this process is bound to 127.0.0.1."""
    before = listening()
    async with running(HostSpec("host1"), HostSpec("host2", fault=Fault("silent"))) as bot:
        assert listening() - before == {f"0100007F:{host.port:04X}" for host in bot.sandbox.hosts.values()}


def listening() -> set[str]:
    """Address and port of each socket on which this process listens, as the kernel writes them."""
    links = (link for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    own = {str(link.readlink()) for link in links}
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [row.split() for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]
    return {row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own}


async def test_without_sudo_the_bot_is_told() -> None:
    """A host on which the account may not use sudo says what sudo says."""
    async with running(HostSpec("host1", sudo=False)) as bot:
        assert "asks for a password" in await bot.unreachable()


async def test_only_root_ends_a_session() -> None:
    """Without sudo logind answers that access is denied, and the session lives on."""
    async with running(HostSpec("host1", (Login("alice"),))) as bot:
        [session] = await bot.others()
        script = f"loginctl terminate-session {session}; loginctl kill-session {session}"
        assert await exit_status(bot, "sh -s --", script) == 1
        assert session in await bot.others()


async def test_a_bystander_survives_everything(bystander: subprocess.Popen[bytes]) -> None:
    """Whatever the stand-ins are told, a process that isn't the sandbox's own child is neither shown nor signalled."""
    pid = bystander.pid
    async with running(HostSpec("host1", (Login("alice"), Login("bob", behaviour="stubborn")))) as bot:
        look = await bot.look()
        assert str(pid) not in look.raw.split()
        hostile = ["-1", "0", f"../../proc/{pid}", f"'1; kill -9 {pid}'", f"{pid}", f"-{pid}", "''"]
        script = "".join(
            f"loginctl kill-session --signal=KILL {word}; loginctl terminate-session {word}\n"
            f"env kill -9 {word}; env kill -s KILL -- {word}; env pkill {word}; env killall {word}\n"
            for word in hostile
        )
        await exit_status(bot, "sudo -n -- sh -s --", script)
        assert len(await bot.others()) == 2
        for session in await bot.others():
            await bot.end(look, session, "kill")
            await bot.gone(session)
    assert bystander.poll() is None


async def test_kill_reaches_the_hosts_own_processes() -> None:
    """An external kill on PATH signals what belongs to a session, and only as root."""
    async with running(HostSpec("host1", (Login("alice"),))) as bot:
        [session] = bot.host().sessions()
        script = f"env kill -HUP {session.leader}"
        assert await exit_status(bot, "sh -s --", script) == 1
        assert await exit_status(bot, "sudo -n -- sh -s --", script) == 0
        assert await bot.gone(session.id) == {}


# ------------------------------------------------------------------------------------------------ looking


async def test_look_shows_exactly_the_logins() -> None:
    """The demo's cast, each with account, origin and processes, and the bot's own session beside them."""
    async with running(*demo_hosts()) as bot:
        look = await bot.look()
        logins = [one for one in look.sessions if not one.own]
        shown = [(one.account.name, one.account.uid, one.remote, bool(one.terminals)) for one in logins]
        second = await bot.others("host2")
    assert shown == [
        ("audituser", 1000, "203.0.113.10", True),
        ("audituser", 1000, "203.0.113.10", False),
        ("alice", 1001, "198.51.100.4", True),
    ]
    assert [process.command for process in logins[2].processes] == [
        "sshd-session: alice [priv]",
        "-bash",
        "tail -f app.log",
    ]
    assert logins[2].processes[2].foreground
    assert {process.user for process in logins[2].processes} == {"root", "alice"}
    assert [(one.account.name, one.account.uid) for one in second.values()] == [("bob", 1002), ("audituser", 1000)]
    assert (look.outside, look.notes) == ((), ())


async def test_the_processes_are_real() -> None:
    """Start and terminal of each are the kernel's own, and its title can be read there as well."""
    async with running(HostSpec("host1", (Login("alice", command="tail -f app.log"),))) as bot:
        [session] = (await bot.others()).values()
        for shown in session.processes:
            real = kernel.process(shown.pid)
            assert real
            assert shown.start == str(real.start)
            assert title(shown.pid) == shown.command
        assert session.terminals[0].name.startswith("pts/")
        assert session.since_output is not None


def title(pid: int) -> str:
    return Path("/proc", str(pid), "cmdline").read_bytes().rstrip(b"\0").decode()


async def test_the_bots_own_session_is_marked() -> None:
    """It is in the list, by the descent of the script, and can't be ended."""
    async with running(HostSpec("host1")) as bot:
        look = await bot.look()
        [own] = look.sessions
        answer = await bot.end(look, own.id)
    assert (own.account.name, own.own, own.remote) == ("kickbot", True, "127.0.0.1")
    assert answer.refusal == "forbidden"


async def test_a_session_has_all_the_properties_of_a_real_one() -> None:
    """As `loginctl show-session` of systemd 257 prints them."""
    async with running(HostSpec("host1", (Login("alice"),))) as bot, connected(bot) as connection:
        [session] = bot.host().sessions()
        answer = await connection.run(f"sh -s -- {session.id}", input=b'loginctl show-session "$1"', encoding=None)
    assert isinstance(answer.stdout, bytes)
    assert " ".join(line.partition("=")[0] for line in answer.stdout.decode().splitlines()) == EVERY_PROPERTY


async def test_many_looks_at_once() -> None:
    """Commands that run at the same time over one connection don't get into each other's way."""
    async with running(HostSpec("host1", (Login("alice"),))) as bot:
        looks = await asyncio.gather(*(bot.others() for _ in range(5)))
    assert [[one.account.name for one in look.values() if one.account.name != "kickbot"] for look in looks] == [
        ["alice"]
    ] * 5


async def test_a_strange_title_is_only_text() -> None:
    """Bytes that a terminal or Slack would obey arrive as text, and the listing is complete."""
    async with running(HostSpec("host1", (Login("alice", command="x <!channel> \x1b[2J\n`y` \udcff"),))) as bot:
        [session] = (await bot.others()).values()
    assert session.processes[-1].command == "x <!channel> ?[2J?`y` ?"


# ------------------------------------------------------------------------------------------------ ending


async def test_end_ends_exactly_one() -> None:
    """Of two sessions of the same account only the approved one ends, with everything in it."""
    async with running(*demo_hosts()) as bot:
        look = await bot.look()
        first, second, alice = (one for one in look.sessions if not one.own)
        answer = await bot.end(look, first.id)
        left = await bot.gone(first.id)
    assert (answer.status, answer.exit_status, answer.output) == ("done", 0, "")
    assert {one.identity for one in left.values()} == {second.identity, alice.identity}
    assert [kernel.process(process.pid) for process in first.processes] == [None] * 3


async def test_another_login_with_the_same_id_is_not_touched() -> None:
    """Between the look and the act the id went to somebody else: the host refuses, and the new login lives on."""
    async with running(HostSpec("host1", (Login("audituser"),))) as bot:
        look = await bot.look()
        [session] = bot.host().sessions()
        for user in ("alice", "audituser"):
            await bot.host().reuse(session.id, user)
            answer = await bot.end(look, session.id)
            assert (answer.status, answer.refusal) == ("refused", "changed")
            assert (await bot.others())[session.id].account.name == user


async def test_a_session_that_ended_by_itself_is_gone() -> None:
    """The act finds nothing to do, and says so."""
    async with running(HostSpec("host1", (Login("alice"), Login("bob", terminal=False)))) as bot:
        look = await bot.look()
        for session in bot.host().sessions():
            await bot.host().end(session.id)
            answer = await bot.end(look, session.id)
            assert (answer.status, answer.refusal) == ("refused", "gone")
        assert await bot.others() == {}


async def test_a_stubborn_session_stays_closing_until_it_is_killed() -> None:
    """It ignores TERM and HUP: terminate and signal leave it in `closing`, SIGKILL ends it."""
    async with running(HostSpec("host1", (Login("audituser", behaviour="stubborn"),))) as bot:
        look = await bot.look()
        [session] = await bot.others()
        for rung in ("terminate", "terminate", "signal"):
            assert (await bot.end(look, session, rung)).exit_status == 0
            left = (await bot.others())[session]
            assert (left.state, len(left.processes)) == ("closing", 2)
        assert (await bot.end(look, session, "kill")).exit_status == 0
        assert await bot.gone(session) == {}


@pytest.mark.parametrize("terminal", [True, False])
async def test_a_closing_session_ends_by_a_signal_only(*, terminal: bool) -> None:
    """Somebody left and nohup stayed: terminate does nothing and exits with 0, a signal ends it."""
    async with running(HostSpec("host1", (Login("bob", terminal, behaviour="closing"),))) as bot:
        look = await bot.look()
        [before] = (await bot.others()).values()
        assert (before.state, [process.command for process in before.processes]) == ("closing", ["sleep 4000"])
        assert kernel.process(before.leader) is None
        assert (await bot.end(look, before.id)).exit_status == 0
        assert (await bot.others())[before.id].processes == before.processes
        assert (await bot.end(look, before.id, "signal")).exit_status == 0
        assert await bot.gone(before.id) == {}


# ------------------------------------------------------------------------------------------------ faults


async def test_a_silent_host_is_unreachable() -> None:
    """It accepts the connection and never says a word."""
    async with running(HostSpec("host1", fault=Fault("silent")), limits=Limits(connect=0.5)) as bot:
        assert await bot.unreachable()


async def test_a_slow_host_is_unreachable_only_past_the_limit() -> None:
    """Its answer counts if it comes in time."""
    async with running(HostSpec("host1", (Login("alice"),))) as bot:
        bot.host().fault = Fault("slow", seconds=0.3)
        assert len(await bot.others()) == 1
    async with running(HostSpec("host1", (Login("alice"),)), limits=Limits(answer=1)) as bot:
        bot.host().fault = Fault("slow", seconds=60)
        assert await bot.unreachable()


async def test_a_cut_answer_is_unreachable_never_empty() -> None:
    """The connection breaks in the middle of the list."""
    async with running(HostSpec("host1", (Login("alice"),))) as bot:
        bot.host().fault = Fault("cut", bytes=300)
        assert await bot.unreachable()
        bot.host().fault = None
        assert len(await bot.others()) == 1


# ------------------------------------------------------------------------------------------------ the end of it


async def _vanish(pids: list[int]) -> None:
    async with asyncio.timeout(PATIENCE):
        while [one for pid in pids if (one := kernel.process(pid)) and one.alive]:  # noqa: ASYNC110 - only the kernel tells
            await asyncio.sleep(0.1)


async def test_nothing_is_left_at_the_end() -> None:
    """No process, not even one that ignores signals, and no file."""
    others = {one.pid for one in kernel.below(os.getpid(), kernel.processes())}  # booted hosts of other tests
    async with running(
        HostSpec("host1", (Login("alice"), Login("bob", behaviour="stubborn"), Login("eve", behaviour="closing")))
    ) as bot:
        folder = bot.sandbox.folder
        children = [one.pid for one in kernel.below(os.getpid(), kernel.processes()) if one.pid not in others]
        assert len(children) > 6
    await _vanish(children)
    assert not folder.exists()


async def test_nothing_is_left_when_the_sandbox_is_killed(tmp_path: Path) -> None:
    """After kill -9 of the sandbox every login ends, the stubborn and those that were left behind too."""
    program = textwrap.dedent("""
        import asyncio
        from bot.sandbox.hosts import HostSpec, Login, SandboxHosts

        async def main():
            logins = Login("alice"), Login("bob", behaviour="stubborn"), Login("eve", behaviour="closing")
            async with SandboxHosts.start([HostSpec("host1", logins)]) as sandbox:
                print(flush=True)
                await asyncio.sleep(600)

        asyncio.run(main())
    """)
    sandbox = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        cwd=REPOSITORY,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
    )
    assert sandbox.stdout
    await sandbox.stdout.readline()
    children = [one.pid for one in kernel.below(sandbox.pid, kernel.processes())]
    sandbox.kill()
    await sandbox.wait()
    assert len(children) > 6
    await _vanish(children)


async def test_nobody_is_held_on_the_machine_of_the_sandbox() -> None:
    """What a hold needs would touch the machine itself: it is refused before anything is written there."""
    before = os.path.exists("/var/lib/kickbot")  # noqa: ASYNC240, PTH110 - one question
    async with running(*demo_hosts()) as bot:
        look = await bot.look()
        seen = next(one for one in look.sessions if not one.own)
        changes = {"kind": "account", "session": "", "identity": f"uid {seen.account.uid}"}
        target = make.target(look, seen).model_copy(update=changes)
        later = look.time + timedelta(hours=2)

        step = Hold(target=target, id="1-ab", until=later, there=later)
        answer = await bot.hosts.act(step, not_after=HostUptime(look.uptime + 6000))

    assert (answer.refusal, answer.output) == ("unable", "has no flock, usermod or date that work")
    assert os.path.exists("/var/lib/kickbot") is before  # noqa: ASYNC240, PTH110


async def test_a_sandbox_host_has_limits_of_its_own() -> None:
    """What its own files say, and nothing of the machine on which it runs."""
    files = {
        "etc/ssh/sshd_config.d/10.conf": "ClientAliveInterval 300\nChannelTimeout session:shell=15m\n",
        "etc/profile.d/tmout.sh": "readonly TMOUT=600\n",
    }
    async with running(HostSpec("host1", files=files), HostSpec("host2"), HostSpec("host3", sudo=False)) as bot:
        seen = {look.host: look async for look in bot.hosts.limits(["host1", "host2", "host3"])}

    one, two, three = (seen[name] for name in ("host1", "host2", "host3"))
    assert isinstance(one, HostLimits)
    assert isinstance(two, HostLimits)
    assert (one.alive_interval, one.channels) == (300, (ChannelLimit(channels="session:shell", seconds=900),))
    assert [(shell.file, shell.seconds, shell.fixed) for shell in one.shells] == [
        ("/etc/profile.d/tmout.sh", 600, True)
    ]
    assert (two.alive_interval, two.alive_count, two.channels, two.shells, two.logind) == (0, 3, (), (), True)
    assert two.notes == ()
    assert isinstance(three, Unreachable)
    assert three.reason.startswith("asks for a password")


async def test_a_sandbox_host_sets_no_limits() -> None:
    """It would write where the machine itself keeps its files: it is refused before anything is written."""
    async with running(HostSpec("host1")) as bot:
        (look,) = [each async for each in bot.hosts.limits(["host1"])]
        assert isinstance(look, HostLimits)
        (target,) = trials.make(SetLimit(hosts=("host1",), limit="idle", seconds=900), (look,)).targets
        step = SetLimits(target=target, id="1-ab", limit="idle", seconds=900, about="request 1")
        answer = await bot.hosts.act(step, not_after=HostUptime(look.uptime + 6000))
        assert (answer.status, answer.refusal) == ("refused", "unable")
        keep = KeepLimits(target=target, id="1-ab", limit="idle")
        assert (await bot.hosts.act(keep, not_after=HostUptime(look.uptime + 6000))).status == "refused"
