"""The README's container file, as far as it can be held to the truth without a container engine."""

import asyncio
import json
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import settings
from bot.audit.sqlite import SqliteTrail
from bot.borders import HostsState
from bot.cli.main import main
from bot.slack.http_mode import HttpMode
from bot.slack.signatures import Signatures
from bot.vitals import Vitals
from tests.readme import README, block, blocks
from tests.whole import invoked


def instructions(name: str) -> list[str]:
    lines = block("dockerfile").splitlines()
    return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


def healthcheck(port: int) -> list[str]:
    """Its command, for another port and this Python."""
    words: list[str] = json.loads(instructions("HEALTHCHECK")[0].partition(" CMD ")[2])
    assert words[0] == "python"
    return [sys.executable, *(word.replace("9464", str(port)) for word in words[1:])]


@pytest.fixture
async def vitals(tmp_path: Path) -> AsyncIterator[Vitals]:
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        yield Vitals(HttpMode("a secret", Signatures("a secret")), trail, lambda: HostsState(configured=1))


def test_what_is_copied_is_there() -> None:
    """And the project, its build backend and the lock's hashes are all among it."""
    copied = [source for line in instructions("COPY") for source in line.split()[:-1]]
    assert [source for source in copied if not (README.parent / source).exists()] == []
    project = tomllib.loads((README.parent / "pyproject.toml").read_text())
    lock = (README.parent / "run.lock").read_text()
    assert {"pyproject.toml", "run.lock", "bot"} | {project["project"]["readme"]} <= set(copied)
    assert set(project["project"]["license-files"]) <= set(copied)
    assert "\nflit-core==" in lock
    assert "--hash=sha256:" in lock


def test_what_it_runs_is_a_command_of_kickbot() -> None:
    """With options that there are; as another user than root."""
    kickbot, name, *options = json.loads(instructions("CMD")[0])
    assert kickbot == "kickbot"
    assert main.commands[name].make_context(name, options).params == {"config": "/etc/kickbot/kickbot.toml"}
    assert instructions("USER") == ["kickbot"]


def test_its_health_check_asks_the_port_of_the_example() -> None:
    """The same number stands in kickbot.toml, as the README shows it."""
    listen = tomllib.loads(blocks("toml")[0])["health"]["listen"]
    assert f"http://{listen}/healthz" in instructions("HEALTHCHECK")[0]


async def test_its_health_check_believes_healthz(vitals: Vitals) -> None:
    """Well is 0; starting, stopping and not there are not."""

    async def status(port: int) -> int:
        done = await asyncio.to_thread(subprocess.run, healthcheck(port), capture_output=True, check=False, timeout=60)
        return done.returncode

    async with vitals.shown("127.0.0.1", 0) as port:
        assert await status(port) == 1
        async with vitals.at_work():
            assert await status(port) == 0
        assert await status(port) == 1
    assert await status(port) == 1


def test_its_inventory_is_one_that_kickbot_takes(tmp_path: Path) -> None:
    """Beside the example of kickbot.toml."""
    path = tmp_path / "kickbot.toml"
    configuration, _, inventory = blocks("toml")
    path.write_text(f"{configuration}\n{inventory}", encoding="utf-8")
    ssh, command, groups = settings.load(path).sources
    assert (ssh.ssh_config, command.trusted, command.every, len(groups.groups or ())) == ("~/.ssh/config", True, 600, 2)


def test_its_cases_are_what_its_rules_say(tmp_path: Path) -> None:
    """`policy test` on the example of kickbot.toml; and a case that is turned round is told."""
    configuration, cases, _ = blocks("toml")
    (tmp_path / "kickbot.toml").write_text(configuration, encoding="utf-8")
    file = tmp_path / "policy-tests.toml"
    words = ("policy", "test", str(file), "--config", str(tmp_path / "kickbot.toml"))

    file.write_text(cases, encoding="utf-8")
    assert (invoked(*words).exit_code, invoked(*words).output) == (0, "6 cases, 0 not as expected\n")
    file.write_text(cases.replace('expect = "yes"', 'expect = "no"', 1), encoding="utf-8")
    assert (invoked(*words).exit_code, invoked(*words).output[:9]) == (1, "cases[0]:")
