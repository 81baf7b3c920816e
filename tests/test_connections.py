"""SSH to hosts that hang, flood, lie, break off or answer: asyncssh servers in this process play them."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from bot.errors import SettingsError
from bot.hosts import connections
from bot.hosts.connections import SshHosts
from bot.hosts.drivers.linux import LinuxDriver
from bot.hosts.limits import Limits
from bot.models import Answer, EndSession, Host, HostUptime, Snapshot, Target, Unreachable
from tests.lives import PATIENCE
from tests.make import account
from tests.scene import until

ANSWER = Path(__file__).parent / "captures" / "bookworm.txt"
Process = asyncssh.SSHServerProcess[bytes]
Behaviour = Callable[[Process], Awaitable[None]]
BOOT = "00000000-0000-0000-0000-000000000000"
QUICK = Limits(connect=1)
"""For a host that never says a word: there is nothing else that a busy machine could be late with."""


class Stage:
    """Plays hosts on 127.0.0.1, each on a port of its own, and speaks to them as the bot."""

    def __init__(self, folder: Path) -> None:
        self.key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.identity, self.known_hosts = folder / "id", folder / "known_hosts"
        self.key.write_private_key(self.identity)
        self.known_hosts.touch()
        self.connected = 0
        self.greeted = 0
        self.asked: list[list[str]] = []
        self._open: list[asyncssh.SSHAcceptor | asyncio.Server] = []
        self._bots: list[SshHosts] = []
        self.peers: list[asyncssh.SSHServerConnection] = []

    async def host(self, behaviour: Behaviour, *, trusted: bool = True, **options: Any) -> int:
        """A host whose every command is played by `behaviour`; returns its port."""

        async def played(process: Process) -> None:
            assert process.command
            self.asked.append(process.command.split())
            await behaviour(process)

        stage = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
                stage.connected += 1
                stage.peers.append(conn)

        acceptor = await asyncssh.listen(
            "127.0.0.1",
            options.pop("port", 0),
            server_factory=options.pop("server_factory", Server),
            process_factory=played,
            server_host_keys=[options.pop("host_key", self.host_key)],
            authorized_client_keys=asyncssh.import_authorized_keys(self.key.export_public_key().decode()),
            encoding=None,
            **options,
        )
        self._open.append(acceptor)
        port = int(acceptor.get_port())
        if trusted:
            self.trust(port, self.host_key)
        return port

    async def silent(self) -> int:
        """A host that accepts a connection and never says a word."""

        async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.greeted += 1
            await reader.read()
            writer.close()

        server = await asyncio.start_server(wait, "127.0.0.1", 0)
        self._open.append(server)
        return int(server.sockets[0].getsockname()[1])

    def trust(self, port: int, key: asyncssh.SSHKey) -> None:
        with self.known_hosts.open("a") as known:
            known.write(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")

    def bot(self, limits: Limits = Limits(), **ports: int) -> SshHosts:  # noqa: B008 - frozen
        """The bot, with hosts by name."""
        hosts = {name: Host(name=name, address="127.0.0.1", port=port) for name, port in ports.items()}
        bot = SshHosts(hosts, [self.identity], self.known_hosts, limits=limits)
        self._bots.append(bot)
        return bot

    def cut(self) -> None:
        """Break every connection off, as a host does that loses its power."""
        while self.peers:
            self.peers.pop().abort()

    async def die(self, port: int) -> None:
        """The host at that port is gone, with all that is connected to it."""
        for acceptor in self._open:
            if isinstance(acceptor, asyncssh.SSHAcceptor) and acceptor.get_port() == port:
                acceptor.close()
        for peer in [peer for peer in self.peers if peer.get_extra_info("sockname")[1] == port]:
            peer.abort()

    async def close(self) -> None:
        for bot in self._bots:
            await bot.close()
        for opened in self._open:
            opened.close()
        self.cut()
        await asyncio.sleep(0.01)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    await stage.close()


async def look(bot: SshHosts, host: str = "host1") -> Snapshot | Unreachable:
    (found,) = [each async for each in bot.look([host])]
    return found


async def reason(bot: SshHosts, host: str = "host1") -> str:
    found = await look(bot, host)
    assert isinstance(found, Unreachable), found
    return found.reason


def step(stage: Stage, **other: Any) -> EndSession:
    values = {
        "host": "host1",
        "host_key": stage.host_key.get_fingerprint(),
        "boot": BOOT,
        "session": "7",
        "identity": "7:57:915750879",
        "account": account(),
        "summary": "",
        "rungs": ("terminate",),
    }
    return EndSession(target=Target.model_validate(values | other), rung="terminate")


async def act(bot: SshHosts, stage: Stage, **other: Any) -> Answer:
    return await bot.act(step(stage, **other), not_after=HostUptime(1))


def nonce(process: Process) -> str:
    words = (process.command or "").split()
    return words[words.index("--", words.index("sh")) + 2]


async def answer(process: Process) -> None:
    """Look: a whole answer of a real host. End: it was done."""
    await process.stdin.read()
    text = ANSWER.read_bytes().replace(b"NONCE", nonce(process).encode())
    if " end " in (process.command or ""):
        text = f"kickbot linux 1 end {nonce(process)}\nran it\nstatus 0\n== end {nonce(process)}\n".encode()
    process.stdout.write(text)
    process.exit(0)


async def hang(process: Process) -> None:
    await process.stdin.read()
    await asyncio.sleep(3600)


# --------------------------------------------------------------------------------------------------- hosts in trouble


async def test_a_host_that_never_speaks(stage: Stage) -> None:
    """A host that accepts the connection and stays silent is unreachable after the time limit."""
    bot = stage.bot(QUICK, host1=await stage.silent())

    assert await reason(bot) == "did not answer within 1 s (connection timed out)"


async def test_two_who_ask_a_host_that_never_speaks(stage: Stage) -> None:
    """They wait for the same connection, and are told the same: the second one doesn't begin anew."""
    bot = stage.bot(QUICK, host1=await stage.silent())

    said = await asyncio.gather(*(reason(bot) for _ in range(3)))

    assert said == ["did not answer within 1 s (connection timed out)"] * 3
    assert stage.greeted == 1


async def test_a_host_that_opens_no_channel(stage: Stage) -> None:
    """Opening the channel has its own time limit."""

    class Server(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self.connection = conn
            stage.peers.append(conn)

        def auth_completed(self) -> None:
            assert self.connection._transport
            self.connection._transport.pause_reading()
            bot._lines["host1"]._limits = QUICK  # the login had its own time

    bot = stage.bot(host1=await stage.host(hang, server_factory=Server))

    assert await reason(bot) == "did not open a channel within 1 s"


async def test_a_host_that_does_not_finish(stage: Stage) -> None:
    """A command that doesn't end is given up."""
    bot = stage.bot(Limits(answer=1), host1=await stage.host(hang))

    assert await reason(bot) == "did not finish its answer within 1 s"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_a_host_that_floods(stage: Stage, stream: str) -> None:
    """Output without end is read up to the limit and no further, on either stream."""

    async def flood(process: Process) -> None:
        while True:
            getattr(process, stream).write(b"x" * 65536)
            await getattr(process, stream).drain()

    bot = stage.bot(Limits(answer=1, size=100_000), host1=await stage.host(flood))

    assert await reason(bot) in {"answered more than 100000 bytes", "did not finish its answer within 1 s"}


async def test_a_host_that_breaks_off(stage: Stage) -> None:
    """Half an answer is none."""

    async def half(process: Process) -> None:
        whole = ANSWER.read_bytes().replace(b"NONCE", nonce(process).encode())
        process.stdout.write(whole[: len(whole) // 2])
        await process.stdout.drain()
        stage.cut()

    bot = stage.bot(host1=await stage.host(half))

    text = await reason(bot)
    assert text.startswith(("gave no complete answer: the answer was cut", "broke the connection off"))


async def test_a_host_that_talks_nonsense(stage: Stage) -> None:
    """What isn't the script's answer is shown, cleaned, in the reason."""

    async def nonsense(process: Process) -> None:
        process.stdout.write(b"Welcome to \xff\x1b[2J host1!\n")
        process.exit(0)

    bot = stage.bot(host1=await stage.host(nonsense))

    assert (
        await reason(bot)
        == r"gave no complete answer: it does not begin like the script's answer: 'Welcome to \\xff\\x1b[2J host1!'"
    )


async def test_a_host_without_a_password_for_sudo(stage: Stage) -> None:
    """A sudo that asks for a password is said in so many words."""

    async def ask(process: Process) -> None:
        process.stderr.write(b"sudo: a password is required\n")
        process.exit(1)

    bot = stage.bot(host1=await stage.host(ask))

    assert await reason(bot) == "asks for a password: kickbot needs `NOPASSWD` for sudo"


async def test_a_host_without_a_shell(stage: Stage) -> None:
    """What a host prints beside its missing answer is part of the reason."""

    async def fail(process: Process) -> None:
        process.stderr.write(b"sh: not found\n")
        process.exit(127)

    bot = stage.bot(host1=await stage.host(fail))

    assert await reason(bot) == "gave no complete answer: it is empty (sh: not found)"


async def test_nothing_listens(stage: Stage) -> None:
    """A closed port, an unknown name and an unconfigured host are three different reasons."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        hosts = {
            "closed": Host(name="closed", address="127.0.0.1", port=port),
            "nowhere": Host(name="nowhere", address="nowhere.invalid"),
        }
        bot = SshHosts(hosts, [stage.identity], stage.known_hosts)

        assert await reason(bot, "closed") == f"refuses connections at 127.0.0.1 port {port}"
    assert await reason(bot, "nowhere") == "has an address that can't be resolved (nowhere.invalid)"
    assert await reason(bot, "host9") == "is not configured"


# --------------------------------------------------------------------------------------------------- trust


async def test_an_unknown_host_key(stage: Stage) -> None:
    """A host whose key was never recorded is asked nothing; the reason has its fingerprint and where it belongs."""
    port = await stage.host(answer, trusted=False)

    text = await reason(stage.bot(host1=port))

    assert text == (
        f"shows an unknown host key, {stage.host_key.get_fingerprint()}: "
        f"{stage.known_hosts} has none for [127.0.0.1]:{port}"
    )
    assert stage.asked == []


async def test_a_changed_host_key(stage: Stage) -> None:
    """A host that shows another key than the recorded one is asked nothing; the reason has both fingerprints."""
    other = asyncssh.generate_private_key("ssh-ed25519")
    port = await stage.host(answer, host_key=other)

    text = await reason(stage.bot(host1=port))

    shown, recorded = other.get_fingerprint(), stage.host_key.get_fingerprint()
    assert text.startswith(f"shows another host key, {shown}, than {recorded}, which {stage.known_hosts} has for ")
    assert stage.asked == []


async def test_a_host_key_of_another_kind(stage: Stage) -> None:
    """A host that has no key of the recorded kind is asked nothing."""
    port = await stage.host(answer, host_key=asyncssh.generate_private_key("ecdsa-sha2-nistp256"))

    assert "host key" in await reason(stage.bot(host1=port))
    assert stage.asked == []


async def test_a_revoked_host_key(stage: Stage) -> None:
    """A key that known_hosts revokes is not trusted, although it is recorded too."""
    port = await stage.host(answer)
    with stage.known_hosts.open("a") as known:
        known.write(f"@revoked * {stage.host_key.export_public_key().decode()}")

    assert "revoked" in await reason(stage.bot(host1=port))
    assert stage.asked == []


async def test_known_hosts_is_read_again(stage: Stage) -> None:
    """A key that is recorded counts at once; one that is taken away no longer does, even on a warm connection."""
    port = await stage.host(answer, trusted=False)
    bot = stage.bot(host1=port)
    before = await look(bot)

    stage.trust(port, stage.host_key)
    during = await look(bot)
    stage.known_hosts.write_text("")
    after = await look(bot)
    stage.known_hosts.unlink()
    text = await reason(bot)

    assert (before.kind, during.kind, after.kind) == ("unreachable", "snapshot", "unreachable")
    assert text.startswith(f"can't be trusted: {stage.known_hosts} can't be read")


async def test_a_login_that_is_refused(stage: Stage) -> None:
    """A host that doesn't take the bot's key is named with the login that it refused."""
    port = await stage.host(answer)
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stage.identity)

    assert await reason(stage.bot(host1=port)) == "refused the login kickbot@127.0.0.1 (no key accepted)"


async def test_nothing_of_the_person_who_runs_it(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the configuration nor the agent of the user who runs the bot is ever asked."""
    touched = tmp_path / "touched"
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text(f"Host *\n  ProxyCommand touch {touched}\n  Port 1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    agent = await asyncio.start_unix_server(lambda _r, _w: touched.touch(), tmp_path / "agent")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))

    found = await look(stage.bot(host1=await stage.host(answer)))

    agent.close()
    assert isinstance(found, Snapshot)
    assert not touched.exists()


def test_a_key_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing or broken key stops the start."""
    broken = tmp_path / "broken"
    broken.write_text("no key")
    for path in (tmp_path / "missing", broken):
        with pytest.raises(SettingsError, match=r"ssh.keys"):
            SshHosts({}, [path], tmp_path / "known_hosts")


# --------------------------------------------------------------------------------------------------- looking


async def test_a_look(stage: Stage) -> None:
    """A complete answer is a snapshot, with the fingerprint of the key by which the host proved itself."""
    found = await look(stage.bot(host1=await stage.host(answer)))

    assert isinstance(found, Snapshot)
    assert (found.host, found.host_key) == ("host1", stage.host_key.get_fingerprint())
    assert stage.asked[0][:7] == ["sudo", "-n", "--", "sh", "-s", "--", "look"]


@pytest.mark.parametrize(
    ("takes", "chosen"),
    [((), "aes256-gcm@openssh.com"), (("chacha20-poly1305@openssh.com",), "chacha20-poly1305@openssh.com")],
)
async def test_the_cipher_that_costs_least(stage: Stage, takes: Sequence[str], chosen: str) -> None:
    """A host that takes any cipher is spoken to in the cheapest one; one that takes only another, in that."""
    assert isinstance(await look(stage.bot(host1=await stage.host(answer, encryption_algs=takes))), Snapshot)

    assert stage.peers[0].get_extra_info("recv_cipher") == chosen


async def test_each_look_as_it_arrives(stage: Stage) -> None:
    """A slow host holds up nobody: the quick one's look comes first, whatever the order of asking."""
    go_on = asyncio.Event()

    async def wait(process: Process) -> None:
        await go_on.wait()
        await answer(process)

    bot = stage.bot(slow=await stage.host(wait), quick=await stage.host(answer))

    found = []
    async for each in bot.look(["slow", "quick"]):
        found.append((each.host, each.kind))
        go_on.set()

    assert found == [("quick", "snapshot"), ("slow", "snapshot")]


async def test_only_so_many_at_once(stage: Stage) -> None:
    """No more hosts than the limit are looked at at the same time."""
    busy = most = 0
    two = asyncio.Event()

    async def count(process: Process) -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        if busy == 2:
            two.set()
        await two.wait()
        await asyncio.sleep(0.02)
        busy -= 1
        await answer(process)

    ports = {f"host{n}": await stage.host(count) for n in range(6)}
    bot = stage.bot(Limits(in_flight=2), **ports)

    assert len([each async for each in bot.look(list(ports))]) == 6
    assert most == 2


async def test_one_warm_connection(stage: Stage) -> None:
    """Looks and acts share one connection to a host."""
    bot = stage.bot(host1=await stage.host(answer))

    for _ in range(3):
        await look(bot)
    await act(bot, stage)
    await asyncio.gather(*(look(bot) for _ in range(20)))

    assert stage.connected == 1
    assert len({words[words.index("look") + 1] for words in stage.asked if "look" in words}) == 23


@pytest.mark.parametrize("limit", ["idle", "age"])
async def test_a_connection_does_not_stay_for_ever(stage: Stage, limit: str) -> None:
    """A connection that was idle for long, or is old, is replaced."""
    bot = stage.bot(Limits.model_validate({limit: 0.05}), host1=await stage.host(answer))
    await look(bot)
    await asyncio.sleep(1)

    assert (await look(bot)).kind == "snapshot"
    assert stage.connected == 2


async def test_a_warm_connection_that_is_dead(stage: Stage) -> None:
    """A look on a connection that died unnoticed is made again on a fresh one."""
    bot = stage.bot(host1=await stage.host(answer))
    await look(bot)
    stage.cut()

    assert (await look(bot)).kind == "snapshot"
    assert stage.connected == 2


async def test_closing_a_look_early(stage: Stage) -> None:
    """Who stops listening ends what is still under way."""
    bot = stage.bot(quick=await stage.host(answer), slow=await stage.host(hang))

    looks = bot.look(["quick", "slow"])
    first = await anext(looks)
    await looks.aclose()  # type: ignore[attr-defined]

    assert first.host == "quick"
    assert not [task for task in asyncio.all_tasks() if "SshHosts._look" in str(task.get_coro())]


async def test_cancelling_a_look(stage: Stage) -> None:
    """A cancelled look ends at once, and the next one is none the worse."""
    bot = stage.bot(Limits(answer=3600), host1=await stage.host(hang), host2=await stage.host(answer))
    task = asyncio.create_task(look(bot, "host1"))
    await until(lambda: bool(stage.asked))

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE)
    assert (await look(bot, "host2")).kind == "snapshot"


async def test_a_large_answer_is_parsed_beside(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large answer is parsed in a thread, so that the others don't wait for it."""
    threads = []

    class Watched(LinuxDriver):
        def parse_look(self, answer: bytes, *, host: str, host_key: str, nonce: str) -> Snapshot:
            threads.append(threading.current_thread())
            return super().parse_look(answer, host=host, host_key=host_key, nonce=nonce)

    monkeypatch.setattr(connections, "DRIVERS", {"linux": Watched()})
    monkeypatch.setattr(connections, "LARGE", 100)

    await look(stage.bot(host1=await stage.host(answer)))

    assert threads != [threading.main_thread()]


# --------------------------------------------------------------------------------------------------- acting


async def test_an_act(stage: Stage) -> None:
    """An act carries its deadline and its exact target as arguments, and brings the host's answer."""
    bot = stage.bot(host1=await stage.host(answer))

    assert await act(bot, stage) == Answer(status="done", command="it", exit_status=0)
    assert stage.asked[0][8:] == ["1", BOOT, "7", "57", "915750879", "1001", "terminate"]


async def test_an_act_is_never_sent_twice(stage: Stage) -> None:
    """Where the connection breaks after an act was sent, nobody knows, and it is not sent again."""

    async def vanish(process: Process) -> None:
        await process.stdin.read()
        stage.cut()

    port = await stage.host(vanish)
    bot = stage.bot(host1=port)

    result = await act(bot, stage)

    assert result.status == "unknown"
    assert not result.output.startswith("nothing was sent")
    assert len(stage.asked) == 1


async def test_an_act_on_a_warm_connection_that_breaks(stage: Stage) -> None:
    """Not even where a warm connection breaks after the act was sent on it."""

    async def vanish(process: Process) -> None:
        if " end " in (process.command or ""):
            await process.stdin.read()
            stage.cut()
        else:
            await answer(process)

    bot = stage.bot(host1=await stage.host(vanish))
    await look(bot)

    assert (await act(bot, stage)).status == "unknown"
    assert sum("end" in words for words in stage.asked) == 1


async def test_an_act_on_a_connection_that_is_dead(stage: Stage) -> None:
    """Where the warm connection died before an act was sent on it, a fresh one takes the act, once."""
    bot = stage.bot(host1=await stage.host(answer))
    await look(bot)
    stage.cut()

    assert (await act(bot, stage)).status == "done"
    assert sum("end" in words for words in stage.asked) == 1


async def test_an_act_that_was_never_sent(stage: Stage) -> None:
    """Where no connection could be made, the answer says that nothing was sent."""
    bot = stage.bot(QUICK, host1=await stage.silent())

    result = await act(bot, stage)

    assert result.status == "unknown"
    assert result.output.startswith("nothing was sent: did not answer within 1 s")


async def test_an_act_whose_answer_is_cut(stage: Stage) -> None:
    """An act without a complete answer is unknown, never done."""

    async def half(process: Process) -> None:
        await process.stdin.read()
        process.stdout.write(f"kickbot linux 1 end {nonce(process)}\nran it\nstatus 0\n".encode())
        process.exit(0)

    bot = stage.bot(host1=await stage.host(half))

    assert (await act(bot, stage)).status == "unknown"


async def test_an_act_on_another_host(stage: Stage) -> None:
    """A host with a trusted key that is not the approved one is refused the act, unasked."""
    bot = stage.bot(host1=await stage.host(answer))

    result = await act(bot, stage, host_key="SHA256:approved")

    assert (result.status, result.refusal) == ("refused", "changed")
    assert stage.asked == []


@pytest.mark.parametrize(
    "other",
    [
        {"identity": "ssh-4242:4242:1"},
        {"session": "8"},
        {"identity": "7;reboot:57:1"},
        {"host": "host9"},
        {"boot": "x"},
    ],
)
async def test_an_act_that_makes_no_sense(stage: Stage, other: dict[str, str]) -> None:
    """What no look ever gave is refused without asking the host."""
    bot = stage.bot(host1=await stage.host(answer))

    result = await act(bot, stage, **other)

    assert (result.status, result.refusal) == ("refused", "forbidden")
    assert stage.asked == []
