"""A tier that this machine cannot run never vanishes unseen."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
MECHANISM = ("pyproject.toml", "tests/tiers.py", "tests/hosts/rack.py", "tests/postgres/programs.py")


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A checkout with one test in each tier and one in none."""
    for name in MECHANISM:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    (tmp_path / "tests/conftest.py").write_text('pytest_plugins = ["tests.tiers"]\n')
    (tmp_path / "tests/browser").mkdir()
    for name in ("test_core.py", "hosts/test_host.py", "browser/test_page.py"):
        (tmp_path / "tests" / name).write_text("def test_it() -> None:\n    pass\n")
    return tmp_path


def run(suite: Path, *arguments: str, path: Path | None = None, require: str = "") -> tuple[int, str]:
    """The exit status and the output of pytest where no command is found but those in `path`."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=suite,
        env={"PATH": str(path or suite / "nowhere"), "KICKBOT_TEST_REQUIRE": require},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_left_out_is_named(suite: Path) -> None:
    """The summary names each tier that was left out, with its number of tests, the reason and the remedy."""
    status, output = run(suite)

    assert status == 0, output
    assert "1 passed, 2 deselected" in output
    assert "left out: hosts (1 test): " in output
    assert "left out: browser (1 test): no Chromium installed; `make test-deps` as root brings it" in output


def test_nothing_but_what_was_left_out(suite: Path) -> None:
    """A run of nothing but a tier that cannot run here is no failure, unless all is required; both name the tier."""
    status, output = run(suite, "tests/hosts")
    required, _ = run(suite, "tests/hosts", require="all")

    assert (status, required) == (0, 1), output
    assert "left out: hosts (1 test): " in output


def test_required_tiers(suite: Path) -> None:
    """With KICKBOT_TEST_REQUIRE=all a tier that cannot run makes the run fail, with the same message."""
    status, output = run(suite, require="all")

    assert status == 1, output
    assert "left out: browser (1 test): no Chromium installed; `make test-deps` as root brings it" in output


def test_required_but_not_chosen(suite: Path) -> None:
    """A tier that nobody asked for is not left out: `-m` chooses first."""
    status, output = run(suite, "-m", "not hosts and not browser", require="all")

    assert status == 0, output
    assert "left out" not in output


def test_present_tier_runs(suite: Path) -> None:
    """A tier whose needs are met runs."""
    commands = suite / "bin"
    commands.mkdir()
    (commands / "chromium").write_text("")
    (commands / "chromium").chmod(0o755)

    status, output = run(suite, "-m", "browser", path=commands, require="all")

    assert status == 0, output
    assert "1 passed, 2 deselected" in output


def test_marker_anywhere(suite: Path) -> None:
    """A test of another folder joins a tier by its marker."""
    marked = "import pytest\n\n@pytest.mark.browser\ndef test_it() -> None:\n    pass\n"
    (suite / "tests/test_marked.py").write_text(marked)

    _, output = run(suite, "-m", "browser")

    assert "left out: browser (2 tests)" in output
