"""Fixtures: the booted hosts, made when a test first asks for one, and the logins on them."""

from collections.abc import Iterator

import pytest

from tests.hosts import bases
from tests.hosts.logins import Logins
from tests.hosts.machines import Kind, Machine
from tests.hosts.rack import Rack


@pytest.fixture(scope="session")
def rack(pytestconfig: pytest.Config) -> Iterator[Rack]:
    """Room for the hosts of this session; builds the bases if they are missing."""
    if suites := bases.missing():
        _say(pytestconfig, f"building the Debian bases of the test hosts ({', '.join(suites)}), about a minute, once")
        bases.build_missing()
    with Rack() as rack:
        yield rack


@pytest.fixture(scope="session")
def machines() -> list[Machine]:
    """The hosts of the fixtures below that are booted so far."""
    return []


@pytest.fixture(scope="session")
def bookworm(rack: Rack, machines: list[Machine]) -> Iterator[Machine]:
    yield from _host(rack, machines, "bookworm", "systemd")


@pytest.fixture(scope="session")
def trixie(rack: Rack, machines: list[Machine]) -> Iterator[Machine]:
    yield from _host(rack, machines, "trixie", "systemd")


@pytest.fixture(scope="session")
def plain_bookworm(rack: Rack, machines: list[Machine]) -> Iterator[Machine]:
    yield from _host(rack, machines, "bookworm", "plain")


@pytest.fixture(scope="session")
def plain_trixie(rack: Rack, machines: list[Machine]) -> Iterator[Machine]:
    yield from _host(rack, machines, "trixie", "plain")


@pytest.fixture
def logins(machines: list[Machine]) -> Iterator[Logins]:
    """Makes logins; after the test none is left on any host, whoever made it."""
    with Logins() as logins:
        yield logins
    for machine in machines:
        if machine.up:
            machine.end_logins()


def _host(rack: Rack, machines: list[Machine], suite: bases.Suite, kind: Kind) -> Iterator[Machine]:
    name = suite if kind == "systemd" else f"{kind}-{suite}"
    with Machine(rack, name, suite, kind) as machine:
        machines.append(machine)
        yield machine


def _say(config: pytest.Config, text: str) -> None:
    """Tell the person who waits, past the capturing of output."""
    capture = config.pluginmanager.getplugin("capturemanager")
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if capture and reporter:
        with capture.global_and_fixture_disabled():
            reporter.write_line(text)
