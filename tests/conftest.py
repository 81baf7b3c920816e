"""Every test gets the tier of its folder; tiers that this machine cannot run are left out, and the summary says so."""

import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.audit.sqlite import SqliteTrail
from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from tests.fakes import FakeClock
from tests.observed import Watch, watching
from tests.stage import Stage
from tests.tiers import TIERS, Missing

hypothesis.settings.register_profile(
    "kickbot", deadline=None
)  # a busy machine is no fault; tests measure by themselves
hypothesis.settings.load_profile("kickbot")

HERE = Path(__file__).parent
LEFT_OUT = pytest.StashKey[dict[str, tuple[int, Missing]]]()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None]:
    """Mark the tests before `-m` chooses among them, and leave out after it."""
    for item in items:
        for tier in TIERS:
            if item.path.is_relative_to(HERE / tier):
                item.add_marker(tier)
    yield
    left_out = config.stash[LEFT_OUT] = {}
    for tier, check in TIERS.items():
        chosen = [item for item in items if item.get_closest_marker(tier)]
        if chosen and (missing := check()):
            left_out[tier] = (len(chosen), missing)
            config.hook.pytest_deselected(items=chosen)
            items[:] = [item for item in items if item not in chosen]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for tier, (tests, missing) in config.stash.get(LEFT_OUT, {}).items():
        noun = "test" if tests == 1 else "tests"
        line = f"left out: {tier} ({tests} {noun}): {missing.reason}; {missing.remedy}"
        terminalreporter.write_line(line, red=_all_required(), yellow=not _all_required())


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _all_required() and session.config.stash.get(LEFT_OUT, {}):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


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


def _all_required() -> bool:
    """KICKBOT_TEST_REQUIRE=all, as in CI: a tier left out is a failure."""
    return os.environ.get("KICKBOT_TEST_REQUIRE") == "all"


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
