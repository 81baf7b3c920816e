"""Fixtures of all tests; the tiers are in tiers.py."""

import gc
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import hypothesis
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.audit.sqlite import SqliteTrail
from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from tests.fakes import FakeClock
from tests.observed import Watch, watching
from tests.slack_bot import Bot, sandbox_slack, start
from tests.stage import Stage

hypothesis.settings.register_profile(
    "kickbot", deadline=None
)  # a busy machine is no fault; tests measure by themselves
hypothesis.settings.load_profile("kickbot")

pytest_plugins = ["tests.tiers"]


signal.signal(signal.SIGHUP, signal.SIG_DFL)  # behind `nohup` what the tests start would ignore it as well


def pytest_collection_finish() -> None:
    """What was collected stays to the end: no search for garbage goes through it again in the middle of a test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def whole_run() -> Iterator[Watch]:
    """All that the sandbox takes, from the first fixture to the last."""
    with watching() as watch:
        yield watch


@pytest.fixture(autouse=True)
def watch(whole_run: Watch) -> Iterator[Watch]:
    """A test fails if one of its messages, forms or Home views is not what Slack's published types describe."""
    yield whole_run
    if said := whole_run.take():
        pytest.fail("against Slack's published types:\n" + "\n".join(said), pytrace=False)


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    """A sandbox workspace with the whole cast."""
    async with SandboxSlack.start(demo_workspace()) as running:
        yield running


@pytest.fixture
def client(slack: SandboxSlack) -> AsyncWebClient:
    """The app's client of it."""
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A workflow with two logins of audituser and one of alice on host1, and nobody on host2."""
    clock = FakeClock()
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        made = Stage(trail, clock)
        made.hosts["host1"].login("7")
        made.hosts["host1"].login("9")
        made.hosts["host1"].login("12", "alice", 1002)
        yield made


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxSlack]:
    """A workspace that granted exactly the scopes that Kickbot asks for."""
    async with sandbox_slack() as running:
        yield running


@pytest.fixture
async def bot(sandbox: SandboxSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    """The whole bot in that workspace, on hosts in memory."""
    async with start(sandbox, tmp_path) as running:
        yield running
