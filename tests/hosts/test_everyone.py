"""Everyone goes from a real host with six people on it: who may end ends, and nobody is locked out."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from bot.models import Act
from bot.request import plan_of
from tests import make
from tests.hosts import witness
from tests.hosts.kicking import BOTS_ACCOUNT, PROTECTED, Kicks, alike, allowing, at_each, each
from tests.hosts.logins import Login, Logins
from tests.hosts.machines import Machine

GOING = ("audituser", "alice", "opsuser")
ASKERS, PRIMARY, ADDED = "dora", "carl", "erin"
"""The account of whoever asks; one whose own group is spared, and one that was added to it."""
GROUP = "oncall"

MAKE = f"""
groupadd {GROUP}
useradd --create-home --shell /bin/bash {ASKERS}
useradd --create-home --shell /bin/bash --gid {GROUP} {PRIMARY}
useradd --create-home --shell /bin/bash --groups {GROUP} {ADDED}
for user in {ASKERS} {PRIMARY} {ADDED}; do
    cp -r ~alice/.ssh /home/$user/
    chown -R $user: /home/$user/.ssh
    usermod --password '*' $user
done
"""
TAKE_AWAY = f"""
for user in {ASKERS} {PRIMARY} {ADDED}; do
    pkill -KILL -u $user
    while pgrep -u $user >/dev/null; do sleep 0.1; done
    userdel --remove $user
done
groupdel {GROUP} || true
"""


@pytest.fixture
def machines_with_six(logind_hosts: list[Machine], plain_bookworm: Machine) -> Iterator[list[Machine]]:
    """Hosts with three accounts more, two of them on call."""
    machines = [*logind_hosts, plain_bookworm]
    for machine in machines:
        machine.run("sh", "-ec", MAKE)
    yield machines
    for machine in machines:
        machine.run("bash", "-c", TAKE_AWAY)


@pytest.fixture
async def kicks(machines_with_six: list[Machine], logins: Logins, tmp_path: Path) -> AsyncIterator[Kicks]:
    owners = {ASKERS: make.ASKER}
    policy = allowing(
        machines_with_six, Act.EVERYONE, owners=owners, accounts="any", spare_groups=(GROUP,), max_sessions=9
    )
    async with Kicks.at_work(machines_with_six, tmp_path, policy=policy) as kicks:
        yield kicks


async def test_everyone_goes_but_those_who_stay(kicks: Kicks, logins: Logins, machines_with_six: list[Machine]) -> None:
    """Six people, root, and the bot: three end; the asker, who is on call, the protected and the bot stay, named."""
    machines = machines_with_six
    staying = (ASKERS, PRIMARY, ADDED, PROTECTED, "root")
    going = {user: await at_each(machines, terminal(logins, user)) for user in GOING}
    stay = {user: await at_each(machines, terminal(logins, user)) for user in staying}

    done = await kicks.kick("everyone", *machines)

    assert done.results == alike(machines, ["ended"] * 3)
    for user in GOING:
        assert {host: login.wait_end() for host, login in going[user].items()} == alike(machines, 255)
        assert {machine.name: witness.left(machine, user) for machine in machines} == alike(machines, [])
    for user in staying:
        assert {host: login.alive for host, login in stay[user].items()} == alike(machines, value=True)
    for machine in machines:
        why = {kept.user: kept.why for kept in plan_of(done.request).kept if kept.host == machine.name}
        assert why.keys() == {*staying, BOTS_ACCOUNT}
        assert why[PRIMARY] == why[ADDED] == "the account is in the group oncall"
        assert "`me`" in why[ASKERS]
        assert why[PROTECTED] == why["root"] == "the account is protected"
        assert why[BOTS_ACCOUNT] == "it is Kickbot's own connection"


async def test_the_asker_goes_only_by_a_word(kicks: Kicks, logins: Logins, machines_with_six: list[Machine]) -> None:
    """`me`; and above the limit of sessions one approval does nothing yet."""
    machines = machines_with_six
    mine = await at_each(machines, terminal(logins, ASKERS))
    for user in GOING:
        await at_each(machines, terminal(logins, user))

    asked = await kicks.ask("everyone", *machines, me=True)
    once = await kicks.approve(asked)

    assert (len(plan_of(asked).targets), asked.approvals_needed, once.state) == (12, 2, "pending")
    assert {host: login.alive for host, login in mine.items()} == alike(machines, value=True)

    done = await kicks.finish(await kicks.approve(asked, make.OTHER))

    assert done.results == alike(machines, ["ended"] * 4)
    assert each(machines, lambda m: mine[m.name].wait_end()) == alike(machines, 255)


def terminal(logins: Logins, user: str) -> Callable[[Machine], Login]:
    return lambda machine: logins.terminal(machine, user)
