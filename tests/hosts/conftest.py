"""Fixtures: the booted hosts, made when a test first asks for one, and the logins on them."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from tests.hosts import bases
from tests.hosts.kicking import Kicks
from tests.hosts.logins import Logins
from tests.hosts.machines import Kind, Machine
from tests.hosts.rack import Rack
from tests.hosts.states import States
from tests.whole import configure

# Debian's logind keeps a user for ten seconds after the last login, and several tests wait for it to forget one
FORGETFUL = {"etc/systemd/logind.conf.d/10-test.conf": "[Login]\nUserStopDelaySec=3s\n"}
NO_PAM = {"etc/ssh/sshd_config.d/00-no-pam.conf": "UsePAM no\n"}


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


@pytest.fixture(scope="session")
def nopam_bookworm(rack: Rack, machines: list[Machine]) -> Iterator[Machine]:
    """A host with a logind that never hears of a login."""
    yield from _without_pam(rack, machines, "bookworm")


@pytest.fixture(scope="session")
def nopam_trixie(rack: Rack, machines: list[Machine]) -> Iterator[Machine]:
    yield from _without_pam(rack, machines, "trixie")


@pytest.fixture(scope="session")
def logind_hosts(bookworm: Machine, trixie: Machine) -> list[Machine]:
    """The hosts whose logind knows every login."""
    return [bookworm, trixie]


@pytest.fixture(scope="session")
def plain_hosts(plain_bookworm: Machine, plain_trixie: Machine) -> list[Machine]:
    """The hosts without systemd."""
    return [plain_bookworm, plain_trixie]


@pytest.fixture(scope="session")
def nopam_hosts(nopam_bookworm: Machine, nopam_trixie: Machine) -> list[Machine]:
    """The hosts with a logind that never hears of a login."""
    return [nopam_bookworm, nopam_trixie]


@pytest.fixture(scope="session")
def unlisted_hosts(plain_hosts: list[Machine], nopam_hosts: list[Machine]) -> list[Machine]:
    """The hosts where no logind knows of any login."""
    return [*plain_hosts, *nopam_hosts]


@pytest.fixture(scope="session")
def four_hosts(logind_hosts: list[Machine], plain_hosts: list[Machine]) -> list[Machine]:
    return [*logind_hosts, *plain_hosts]


@pytest.fixture(scope="session")
def every_host(logind_hosts: list[Machine], unlisted_hosts: list[Machine]) -> list[Machine]:
    return [*logind_hosts, *unlisted_hosts]


@pytest.fixture(params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """A host with systemd, of each Debian."""
    found: Machine = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def config(tmp_path: Path, machine: Machine) -> Path:
    """A kickbot.toml with one host: `machine`."""
    known = tmp_path / "known_hosts"
    known.write_text(machine.known_hosts.read_text())
    return configure(tmp_path, [(machine.name, machine.address, 22)], key=machine.identity, known_hosts=known)


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    """The sandbox with the people of the demo."""
    async with SandboxSlack.start(demo_workspace()) as slack:
        yield slack


@pytest.fixture
def logins(machines: list[Machine]) -> Iterator[Logins]:
    """Makes logins; after the test none is left on any host, whoever made it."""
    with Logins() as logins:
        yield logins
    with ThreadPoolExecutor() as pool:
        list(pool.map(Machine.end_logins, [machine for machine in machines if machine.up]))


@pytest.fixture
def states(logins: Logins) -> Iterator[States]:
    """Makes the states in which people leave hosts."""
    states = States(logins)
    yield states
    states.close()


@pytest.fixture
async def kicks(every_host: list[Machine], logins: Logins, tmp_path: Path) -> AsyncIterator[Kicks]:
    """The bot's workflow on all hosts. It is stopped before the logins are taken away."""
    async with Kicks.at_work(every_host, tmp_path) as kicks:
        yield kicks


def _host(rack: Rack, machines: list[Machine], suite: bases.Suite, kind: Kind) -> Iterator[Machine]:
    name = suite if kind == "systemd" else f"{kind}-{suite}"
    with Machine(rack, name, suite, kind, FORGETFUL if kind == "systemd" else {}) as machine:
        machines.append(machine)
        yield machine


def _without_pam(rack: Rack, machines: list[Machine], suite: bases.Suite) -> Iterator[Machine]:
    with Machine(rack, f"nopam-{suite}", suite, files=NO_PAM) as machine:
        for user in bases.ACCOUNTS:
            machine.run("usermod", "--password", "*", user)  # without PAM, sshd refuses locked accounts
        machines.append(machine)
        yield machine


def _say(config: pytest.Config, text: str) -> None:
    """Tell the person who waits, past the capturing of output."""
    capture = config.pluginmanager.getplugin("capturemanager")
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if capture and reporter:
        with capture.global_and_fixture_disabled():
            reporter.write_line(text)
