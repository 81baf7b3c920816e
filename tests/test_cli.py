"""The command line, as a process: what can't work stops with one line that says what to fix."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import asyncssh
import pytest
from click.testing import CliRunner

from bot import demo
from bot.audit.sqlite import SqliteTrail
from bot.cli.main import main
from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from tests.lives import PATIENCE
from tests.ports import free_port
from tests.whole import configure, environment_of, kickbot

ROOT = Path(__file__).parents[1]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    key = tmp_path / "id_ed25519"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(key))
    (tmp_path / "known_hosts").touch()
    return configure(tmp_path, [("host1", "127.0.0.1", 22)], key=key, known_hosts=tmp_path / "known_hosts")


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    async with SandboxSlack.start(demo_workspace()) as slack:
        yield slack


def replace_in(config: Path, old: str, new: str) -> None:
    config.write_text(config.read_text().replace(old, new))


async def start(config: Path, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run", "--config", str(config)),
        env={**kept, **environment},
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )


async def last_words(config: Path, environment: Mapping[str, str]) -> str:
    """What a start that must fail says, without its exit status, which must be 2."""
    process = await start(config, environment)
    _, said = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 2
    return said.decode()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "SLACK_BOT_TOKEN: Slack says invalid_auth"),
        ({"SLACK_APP_TOKEN": "xapp-wrong"}, "SLACK_APP_TOKEN: Slack says invalid_auth"),
        ({"SLACK_API_URL": "http://127.0.0.1:9/api/"}, "Slack can't be reached"),
    ],
)
async def test_a_token_that_can_not_work_stops_the_start_with_one_line(
    config: Path, slack: SandboxSlack, changed: dict[str, str], told: str
) -> None:
    """A missing or a wrong token, or no Slack at all, is named in one line."""
    said = await last_words(config, environment_of(slack, **changed))
    assert told in said
    assert len(said.strip().splitlines()) == 1


async def test_a_missing_scope_stops_the_start_with_one_line(config: Path, slack: SandboxSlack) -> None:
    """A scope that the token lacks is named."""
    slack.workspace.change_app(scopes=slack.workspace.app.scopes - {"usergroups:read"})
    said = await last_words(config, environment_of(slack))
    assert "lacks the scopes usergroups:read" in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('approve = ["S0LEADS"]', "approve = []", "rules[0].approve: is empty"),
        ("[slack]", "[slack", "is not TOML"),
        ("[ssh]", "[ssh]\nhello = 1", "ssh.hello: is not a key"),
        ("id_ed25519", "nowhere", "nowhere"),
    ],
)
async def test_a_broken_configuration_stops_the_start_with_one_line(
    config: Path, slack: SandboxSlack, old: str, new: str, told: str
) -> None:
    """What is wrong in kickbot.toml is named by its key."""
    replace_in(config, old, new)
    said = await last_words(config, environment_of(slack))
    assert told in said
    assert len(said.strip().splitlines()) == 1


async def test_run_says_when_it_is_ready_and_stops_on_sigterm(config: Path, slack: SandboxSlack) -> None:
    """`kickbot run` stays in the foreground, logs `ready`, and ends with status 0 on SIGTERM."""
    process = await start(config, environment_of(slack))
    assert process.stderr
    while b"ready" not in (line := await asyncio.wait_for(process.stderr.readline(), PATIENCE)):
        assert line, "it ended before it was ready"
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0


def contents(*paths: Path) -> list[bytes]:
    return [path.read_bytes() for path in paths]


async def test_tokens_in_files_show_nowhere(config: Path, slack: SandboxSlack, tmp_path: Path) -> None:
    """Neither in what `ps` shows of the process and its environment, nor in the log, nor in the trail."""
    tokens = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
    for name, token in tokens.items():
        (tmp_path / name).write_text(f"{token}\n")
    named = {f"{name}_FILE": str(tmp_path / name) for name in tokens}
    process = await start(config, {**named, "SLACK_API_URL": slack.api_url})
    assert process.stderr
    log = b""
    while b"ready" not in log:
        log += (line := await asyncio.wait_for(process.stderr.readline(), PATIENCE))
        assert line, log
    shown = contents(Path(f"/proc/{process.pid}/cmdline"), Path(f"/proc/{process.pid}/environ"))
    process.send_signal(signal.SIGTERM)
    _, rest = await asyncio.wait_for(process.communicate(), PATIENCE)
    shown += [log, rest, *contents(config.parent / "kickbot.db")]

    assert not any(token.encode() in text for token in tokens.values() for text in shown)


def http_mode(config: Path, slack: SandboxSlack, port: int) -> dict[str, str]:
    """Written into the configuration; and the secrets that this mode needs."""
    replace_in(config, "[slack]\n", f'[slack]\nmode = "http"\nlisten = "127.0.0.1:{port}"\n')
    names = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_SIGNING_SECRET": slack.signing_secret}
    return {**names, "SLACK_API_URL": slack.api_url}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"SLACK_SIGNING_SECRET": ""}, "SLACK_SIGNING_SECRET is not set"),
        ({}, "slack.listen: can't listen on 127.0.0.1:"),
    ],
)
async def test_http_mode_that_can_not_work_stops_the_start_with_one_line(
    config: Path, slack: SandboxSlack, changed: dict[str, str], told: str
) -> None:
    """The signing secret is missing, or the port is another's."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = await last_words(config, http_mode(config, slack, taken.getsockname()[1]) | changed)
    assert told in said
    assert len(said.strip().splitlines()) == 1


async def test_http_mode_takes_commands_and_stops_on_sigterm(config: Path, slack: SandboxSlack) -> None:
    """Ready for a load balancer, a command is acknowledged, and SIGTERM ends it with status 0."""
    port = free_port()
    process = await start(config, http_mode(config, slack, port))
    assert process.stderr
    while b"ready" not in (line := await asyncio.wait_for(process.stderr.readline(), PATIENCE)):
        assert line, "it ended before it was ready"
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/healthz") as health:
        assert (health.status, await health.text()) == (200, "ok")
    slack.workspace.change_app(request_url=f"http://127.0.0.1:{port}/slack/events")
    assert (await slack.as_("alice").command("incidents", "/kickbot", "help")).ok
    await slack.as_("alice").sees("/sessions HOSTS")
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0


async def test_a_second_bot_on_the_same_trail_refuses_to_start(config: Path, slack: SandboxSlack) -> None:
    """Only one process writes a SQLite trail; the second one says who holds it."""
    first = await start(config, environment_of(slack))
    assert first.stderr
    while b"ready" not in await asyncio.wait_for(first.stderr.readline(), PATIENCE):
        pass
    try:
        assert str(first.pid) in await last_words(config, environment_of(slack))
    finally:
        first.kill()
        await first.communicate()


def test_the_demo_plays_its_story_to_the_end() -> None:
    """`kickbot demo --play` lists, kicks, refuses the own approval, acts after a second person's, and verifies."""
    played = kickbot("demo", "--play")
    assert played.returncode == 0, played.stderr
    for told in ("host1: 3 sessions of 2 people", "You asked for this one", "audituser is off host1", "fit together"):
        assert told in played.stdout


@pytest.mark.parametrize(
    ("typed", "named"),
    [(".venv/bin/kickbot", ".venv/bin/kickbot"), ("bot/__main__.py", f"{sys.executable} -m bot")],
)
def test_the_demo_names_the_command_that_was_typed(monkeypatch: pytest.MonkeyPatch, typed: str, named: str) -> None:
    """As the README spells it, where it is that script."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [str(ROOT / typed)])
    assert demo._kickbot() == named


def test_verify_of_a_trail_that_is_not_there_says_so(config: Path) -> None:
    """No database is an error with one line, not an empty success."""
    verified = kickbot("audit", "verify", "--config", str(config))
    assert verified.returncode == 2
    assert "kickbot.db" in verified.stderr


async def test_an_empty_trail_says_so(config: Path) -> None:
    """Nobody takes silence for a list."""
    async with SqliteTrail.open(config.parent / "kickbot.db"):
        pass
    listed = kickbot("audit", "list", "--config", str(config))
    assert (listed.returncode, listed.stdout) == (0, "No requests yet.\n")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["run"],
        ["demo"],
        ["audit"],
        ["audit", "list"],
        ["audit", "show"],
        ["audit", "verify"],
        ["audit", "key"],
        ["audit", "checkpoint"],
        ["audit", "export"],
        ["audit", "report"],
        *(["hosts"], ["hosts", "list"], ["hosts", "check"], ["hosts", "trust"]),
        *(["policy"], ["policy", "explain"], ["policy", "check"], ["policy", "test"], ["check"]),
    ],
)
def test_every_command_has_help_and_its_place_in_the_readme(words: list[str]) -> None:
    """A command without help, or that the README doesn't name, isn't finished."""
    shown = CliRunner().invoke(main, [*words, "--help"])
    assert shown.exit_code == 0
    assert len(shown.output.splitlines()) > 3
    readme = (ROOT / "README.md").read_text()
    assert " ".join(["kickbot", *words]) in readme or words in (["demo"], ["audit"])
