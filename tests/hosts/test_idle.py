"""Ending what is idle on real hosts: beside people who type, print, wait for a program or copy files, only it ends."""

import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.models import Filter
from bot.request import plan_of
from tests.hosts import witness
from tests.hosts.kicking import Kicks, alike, at_each, each
from tests.hosts.logins import Login, Logins
from tests.hosts.machines import Machine
from tests.hosts.states import USER

SECONDS = 5
"""Shorter than anybody could ask for: the kernel's own 8 s come on top."""
QUIET = SECONDS + 10
SLEEPS = "sleep 4031"


@pytest.fixture
def known_hosts(logind_hosts: list[Machine], plain_bookworm: Machine) -> list[Machine]:
    """Where logind or utmp tells when a login began."""
    return [*logind_hosts, plain_bookworm]


@pytest.fixture
async def kicks(known_hosts: list[Machine], logins: Logins, tmp_path: Path) -> AsyncIterator[Kicks]:
    async with Kicks.at_work(known_hosts, tmp_path) as kicks:
        yield kicks


async def test_beside_others_only_the_idle_one_ends(kicks: Kicks, logins: Logins, known_hosts: list[Machine]) -> None:
    """Someone types, a build prints, a program says nothing, a file transfer waits: all of them stay."""
    idle = await at_each(known_hosts, lambda machine: logins.terminal(machine, USER))
    typed = await at_each(known_hosts, lambda machine: logins.terminal(machine, USER))
    prints = await at_each(known_hosts, lambda machine: building(logins, machine))
    sleeps = await at_each(known_hosts, lambda machine: asleep(logins, machine))
    copies = await at_each(known_hosts, lambda machine: logins.sftp(machine, USER))

    with typing(typed.values()):
        await at_each(known_hosts, lambda machine: wait_until_quiet(machine, without_keys=3))
        done = await kicks.kick(USER, *known_hosts, only=Filter(idle=SECONDS))

        assert done.results == alike(known_hosts, ["ended"])
        assert each(known_hosts, lambda m: idle[m.name].wait_end()) == alike(known_hosts, 255)
        for others in (typed, prints, sleeps, copies):
            assert {host: login.alive for host, login in others.items()} == alike(known_hosts, value=True)
    assert each(known_hosts, lambda m: len(witness.pids(m, command=SLEEPS))) == alike(known_hosts, 1)
    why = [kept.why for kept in done.request.plan.kept] if done.request.plan else []
    said = ("a key on", "output on", "sleep is in the foreground", "it has no terminal")
    assert {word: sum(word in text for text in why) for word in said} == dict.fromkeys(said, len(known_hosts))


async def test_who_types_between_plan_and_end_stays(kicks: Kicks, logins: Logins, known_hosts: list[Machine]) -> None:
    """Approved as idle, used again before the act: it is left alone, and lives."""
    back = await at_each(known_hosts, lambda machine: logins.terminal(machine, USER))
    gone = await at_each(known_hosts, lambda machine: logins.terminal(machine, USER))
    await at_each(known_hosts, lambda machine: wait_until_quiet(machine, without_keys=2))
    planned = await kicks.ask(USER, *known_hosts, only=Filter(idle=SECONDS))
    plan = plan_of(planned)
    assert each(known_hosts, lambda m: len(plan.on(m.name))) == alike(known_hosts, 2)

    for login in back.values():
        login.send("echo back''again")
        login.wait_for("backagain")
    done = await kicks.finish(await kicks.approve(planned))

    results = {host: sorted(of) for host, of in done.results.items()}
    assert results == alike(known_hosts, ["ended", "left alone"])
    assert {host: login.alive for host, login in back.items()} == alike(known_hosts, value=True)
    assert each(known_hosts, lambda m: gone[m.name].wait_end()) == alike(known_hosts, 255)


async def test_a_warning_does_not_keep_an_idle_session(
    kicks: Kicks, logins: Logins, known_hosts: list[Machine]
) -> None:
    """The bot's own words on the terminal are no use of it; who reads them and types stays."""
    idle = await at_each(known_hosts, lambda machine: logins.terminal(machine, USER))
    back = await at_each(known_hosts, lambda machine: logins.terminal(machine, USER))
    await at_each(known_hosts, lambda machine: wait_until_quiet(machine, without_keys=2))
    asked = await kicks.ask(USER, *known_hosts, only=Filter(idle=SECONDS), warn=12)
    await kicks.approve(asked)
    warned = await kicks.until(asked.id, lambda r: r.state == "warned", "to warn")

    with typing(back.values()):
        done = await kicks.finish(warned)

    assert {host: "if it is idle then" in login.output for host, login in idle.items()} == alike(
        known_hosts, value=True
    )
    assert {host: sorted(of) for host, of in done.results.items()} == alike(known_hosts, ["ended", "left alone"])
    assert {host: login.alive for host, login in back.items()} == alike(known_hosts, value=True)


async def test_nobody_makes_a_login_look_older_than_it_is(
    kicks: Kicks, logins: Logins, known_hosts: list[Machine]
) -> None:
    """A terminal whose times were set to an hour ago, on a login of some seconds, is not idle for an hour."""
    await at_each(known_hosts, lambda machine: logins.terminal(machine, USER))
    for machine in known_hosts:
        machine.run("sh", "-c", "touch -d '1 hour ago' /dev/pts/[0-9]*")

    done = await kicks.kick(USER, *known_hosts, only=Filter(idle=60))

    assert (done.request.state, done.request.plan) == ("closed", None)
    assert done.note.count("older than the login itself") == len(known_hosts)


# ------------------------------------------------------------------------------------------------ what people do


def building(logins: Logins, machine: Machine) -> Login:
    login = logins.terminal(machine, USER)
    login.send("while :; do echo building; sleep 1; done")
    return login


def asleep(logins: Logins, machine: Machine) -> Login:
    login = logins.terminal(machine, USER)
    login.send(SLEEPS)
    witness.wait(machine, SLEEPS)
    return login


@contextmanager
def typing(logins: Iterable[Login]) -> Iterator[None]:
    """Someone presses Enter in each of them, every second."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(1):
            for login in logins:
                login.send("")

    hand = threading.Thread(target=go_on)
    hand.start()
    try:
        yield
    finally:
        over.set()
        hand.join()


def wait_until_quiet(machine: Machine, without_keys: int = 1) -> None:
    """Until one terminal of the account was left alone for long enough, and so many got no key; by the host's clock."""

    def quiet() -> bool:
        now, *lines = machine.run("sh", "-c", "date +%s; stat -c '%U %X %Y' /dev/pts/[0-9]*").splitlines()
        times = [[int(now) - int(time) for time in line.split()[1:]] for line in lines if line.startswith(f"{USER} ")]
        keys = sum(key >= QUIET for key, _ in times)
        return keys >= without_keys and any(min(both) >= QUIET for both in times)

    witness.until(quiet, f"a quiet terminal on {machine.name}", 60)
