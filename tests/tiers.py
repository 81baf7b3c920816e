"""Tiers of tests: those that need more than Python, what each needs, and what would bring it.

A tier is a pytest marker, given to every test of its folder. It never vanishes unseen: what this machine cannot run is
left out, and named at the end of the run. Its hooks make this module a plugin of pytest.
"""

import os
import shutil
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hosts.rack import cgroup2
from tests.postgres.programs import programs

COMMANDS = ("debootstrap", "systemd-nspawn", "ip", "ssh", "ssh-keygen", "nsenter", "unshare")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DATASETTE = Path(__file__).parents[1] / ".venv-datasette/bin/datasette"
INSTALL = "`make test-deps` as root brings it"


@dataclass(frozen=True)
class Missing:
    """Why a tier cannot run here, and what a person can do about it."""

    reason: str
    remedy: str


def hosts() -> Missing | None:
    """The tier that boots Debian hosts."""
    if sys.platform != "linux":
        return Missing("this is not Linux", "run the tests on a Linux machine")
    if os.geteuid() != 0:
        return Missing("not root", "`sudo make test` runs it")
    if absent := [command for command in COMMANDS if not shutil.which(command)]:
        return Missing(f"{', '.join(absent)} not installed", INSTALL)
    if not _cgroups_can_be_made():
        return Missing(
            "no writable cgroup2 with cgroup.kill", "run the tests on Linux 5.14 or later, not in a container"
        )
    return None


def browser() -> Missing | None:
    """The tier that opens pages in Chromium."""
    if not any(map(shutil.which, BROWSERS)):
        return Missing("no Chromium installed", INSTALL)
    return None


def postgres() -> Missing | None:
    """The tier that starts PostgreSQL servers."""
    if programs() is None or not shutil.which("setpriv"):
        return Missing("no PostgreSQL server installed", INSTALL)
    return None


def windows() -> Missing | None:
    """The tier that runs what Windows hosts run, on stand-ins of Windows' DLLs."""
    if absent := [command for command in ("mcs", "mono", "cc") if not shutil.which(command)]:
        return Missing(f"{', '.join(absent)} not installed", INSTALL)
    return None


def datasette() -> Missing | None:
    """The tier that opens the audit trail in Datasette."""
    if not DATASETTE.exists():
        return Missing("no Datasette in .venv-datasette", INSTALL)
    return None


TIERS: dict[str, Callable[[], Missing | None]] = {
    "hosts": hosts,
    "browser": browser,
    "postgres": postgres,
    "windows": windows,
    "datasette": datasette,
}


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
    if not session.config.stash.get(LEFT_OUT, {}):
        return
    if _all_required():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    elif session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK


def _all_required() -> bool:
    """KICKBOT_TEST_REQUIRE=all, as in CI: a tier left out is a failure."""
    return os.environ.get("KICKBOT_TEST_REQUIRE") == "all"


def _cgroups_can_be_made() -> bool:
    root = cgroup2()
    if root is None:
        return False
    probe = Path(root, f"kickbot-probe-{os.getpid()}")
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return (probe / "cgroup.kill").exists()
    finally:
        probe.rmdir()
