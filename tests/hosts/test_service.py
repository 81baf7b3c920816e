"""Kickbot as a service: the README's unit, on a booted host, beside a workspace that stands for Slack."""

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from tests.hosts.carried import ENVIRONMENT, KICKBOT, carry
from tests.hosts.machines import Machine
from tests.hosts.rack import Rack
from tests.readme import block
from tests.whole import CHANNEL, configure

DATABASE, KEY = "/var/lib/kickbot/kickbot.db", "/run/credentials/kickbot.service/id_ed25519"
WAIT = 90

# A watchdog that needs no minute. The rest is about where the Python of the tests lies.
DROP_IN = f"[Service]\nEnvironment={ENVIRONMENT}\nWatchdogSec=10\nRestartSec=1\n"
INSIDE = f"env {ENVIRONMENT} PATH={KICKBOT}/.venv/bin:/usr/bin:/bin"


@pytest.fixture(scope="module")
def bastion(rack: Rack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A host on which Kickbot is installed, and not yet set up."""
    files = {
        "etc/systemd/system/kickbot.service": block("ini"),
        "etc/systemd/system/kickbot.service.d/test.conf": DROP_IN,
    }
    with Machine(rack, "bastion", "trixie", files=files, binds=carry(tmp_path_factory.mktemp("carried"))) as machine:
        yield machine


@pytest.fixture
async def slack(bastion: Machine) -> AsyncIterator[SandboxSlack]:
    """A workspace that the host reaches at its own 127.0.0.1."""
    async with SandboxSlack.start(demo_workspace()) as slack, shown_inside(slack, bastion):
        yield slack


@asynccontextmanager
async def shown_inside(slack: SandboxSlack, machine: Machine) -> AsyncIterator[None]:
    """At the same address on both sides, since Slack hands out addresses of its own."""
    port = int(slack.page_url.rstrip("/").rpartition(":")[2])

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        target.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, ours), pass_on(theirs, writer))

    server = await asyncio.start_server(relay, sock=machine.listen(port))
    try:
        yield
    finally:
        server.close()


@pytest.fixture
async def service(bastion: Machine, slack: SandboxSlack, tmp_path: Path) -> AsyncIterator[Machine]:
    """That host, set up as the README says, with the service started: systemd heard that it is ready."""
    config = configure(
        tmp_path, [(bastion.name, bastion.address, 22)], key=Path(KEY), known_hosts=Path("/etc/kickbot/known_hosts")
    )
    health = '[health]\nlisten = "127.0.0.1:9464"\n'
    secrets = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
    }
    bastion.run("install", "-d", "/etc/kickbot")
    put(bastion, "kickbot.toml", f'{config.read_text()}\n[audit]\ndatabase = "{DATABASE}"\n{health}', 0o644)
    put(bastion, "known_hosts", bastion.known_hosts.read_text(), 0o644)
    put(bastion, "id_ed25519", bastion.identity.read_text(), 0o600)
    put(bastion, "secrets", "".join(f"{name}={value}\n" for name, value in secrets.items()), 0o600)
    try:
        await inside(bastion, "systemctl start kickbot")
        yield bastion
    finally:
        await inside(bastion, "systemctl stop kickbot; rm -rf /etc/kickbot /var/lib/kickbot")


def put(machine: Machine, name: str, text: str, mode: int) -> None:
    place = f"/etc/kickbot/{name}"
    machine.run("sh", "-c", f"umask 077; printf %s {shlex.quote(text)} >{place}; chmod {mode:o} {place}")


async def inside(machine: Machine, script: str) -> str:
    """What root's shell prints there. The workspace goes on meanwhile."""
    return (await asyncio.to_thread(machine.run, "sh", "-c", script)).strip()


async def shown(machine: Machine, *names: str) -> list[str]:
    """Properties of the service."""
    asked = " ".join(f"--property={name}" for name in names)
    lines = (await inside(machine, f"systemctl show kickbot {asked}")).splitlines()
    values = dict(line.split("=", 1) for line in lines)
    return [values[name] for name in names]


async def until(machine: Machine, holds: Callable[[list[str]], bool], *names: str) -> list[str]:
    """The properties, when they are so."""
    async with asyncio.timeout(WAIT):
        while not holds(values := await shown(machine, *names)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.2)
    return values


async def answers(slack: SandboxSlack) -> None:
    """One more listing is asked for, and shown: Slack, the trail and the host are all there."""
    alice = slack.as_("alice")

    def listings() -> int:
        return sum("bastion:" in message.text for message in alice.messages(CHANNEL))

    before = listings()
    assert (await alice.command(CHANNEL, "/sessions", "bastion")).ok
    await slack.workspace.until(lambda: listings() > before, seconds=WAIT)


def healthcheck() -> str:
    """The container file's own."""
    (line,) = [line for line in block("dockerfile").splitlines() if line.startswith("HEALTHCHECK")]
    words: list[str] = json.loads(line.partition(" CMD ")[2])
    return f"{INSIDE} {shlex.join(words).replace('python ', 'python3 ', 1)}"


async def test_the_unit_of_the_readme_runs_kickbot(service: Machine, slack: SandboxSlack) -> None:
    """It is ready when systemd says so, does its job with all that hardening, and stops in good order."""
    assert await shown(service, "ActiveState", "SubState", "NRestarts") == ["active", "running", "0"]
    await answers(slack)
    await until(service, lambda status: status == ["ready; 0 open requests"], "StatusText")
    await inside(service, healthcheck())
    assert await inside(service, f"stat -c '%U %a' {DATABASE}") == "kickbot 600"

    await inside(service, "systemctl stop kickbot")
    assert await shown(service, "ActiveState", "Result", "ExecMainStatus") == ["inactive", "success", "0"]
    assert not await inside(service, f"{healthcheck()} 2>/dev/null && echo well || true")


async def test_the_watchdog_restarts_a_kickbot_that_hangs(service: Machine, slack: SandboxSlack) -> None:
    """Stopped by SIGSTOP, it says nothing more: systemd ends it, starts it again, and it is ready and answers."""
    (before,) = await shown(service, "MainPID")
    await answers(slack)
    await inside(service, f"kill -STOP {before}")
    _, after, _ = await until(
        service,
        lambda now: now[0] == "active" and now[1] not in {before, "0"} and now[2] == "1",
        *("ActiveState", "MainPID", "NRestarts"),
    )
    assert "Watchdog timeout" in await inside(service, "journalctl --unit=kickbot --output=cat")
    await answers(slack)
    assert await shown(service, "MainPID") == [after]
