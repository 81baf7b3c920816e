"""What is installed: pinned with hashes, and where it runs for good only what it needs there."""

import tomllib
from pathlib import Path

import pytest

from tests import licences

ROOT = Path(__file__).parent.parent
LOCKS = [path for path in ROOT.rglob("*.lock") if not path.relative_to(ROOT).parts[0].startswith(".")]


def names(requirements: list[str]) -> set[str]:
    return {requirement.split(">")[0].split("[")[0].lower() for requirement in requirements}


def test_what_runs_is_what_was_tested() -> None:
    """Each package of run.lock has the same version in requirements.lock."""
    tested = licences.locked(ROOT / "requirements.lock")

    assert licences.locked(licences.LOCK).items() <= tested.items()


def test_nothing_of_the_development_is_installed_to_run() -> None:
    """No test runner, no linter and no browser: only what pyproject.toml says is needed, with what that needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    development = names(project["optional-dependencies"]["dev"]) - names(project["dependencies"]) - {"kickbot"}
    installed = set(licences.locked(licences.LOCK))

    assert installed & development == set()
    assert names(project["dependencies"]) <= installed


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_has_hashes_and_names_no_index(lock: Path) -> None:
    """It works with whatever index the machine has, and takes nothing that was changed there."""
    text = lock.read_text()

    assert "--hash=sha256:" in text
    assert not any(word in text for word in ("--index-url", "--extra-index-url", "--find-links", "://"))


def test_every_licence_was_looked_at() -> None:
    """The list has each package that runs, and no other."""
    listed = [line.partition(":")[0] for line in licences.LIST.read_text().splitlines()]

    assert listed == list(licences.locked(licences.LOCK))
