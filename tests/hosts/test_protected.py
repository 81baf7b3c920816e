"""Accounts that are never ended, whatever is asked: refused, and nothing on the host is touched."""

from collections.abc import Iterator

import pytest

from bot.errors import Refused
from tests.hosts import witness
from tests.hosts.kicking import BOTS_ACCOUNT, PROTECTED, Kicks, alike, at_each, each
from tests.hosts.logins import Logins
from tests.hosts.machines import Machine

ALIAS = "toor"
"""Uid 0 by another name. It stands first in /etc/passwd, so it is what the host calls that uid from now on."""


@pytest.fixture
def with_alias(every_host: list[Machine]) -> Iterator[list[Machine]]:
    """The hosts, where root has another name too."""
    for machine in every_host:
        machine.run("sed", "-i", f"1i {ALIAS}:*:0:0:root:/root:/bin/bash", "/etc/passwd")
    yield every_host
    for machine in every_host:
        machine.run("sed", "-i", f"/^{ALIAS}:/d", "/etc/passwd")


@pytest.mark.parametrize("user", ["root", BOTS_ACCOUNT, PROTECTED])
async def test_a_protected_account_is_refused_at_every_level(
    kicks: Kicks, logins: Logins, every_host: list[Machine], user: str
) -> None:
    """Root, the bot's own account, and one that the configuration protects: no step, and their logins live."""
    await demand_untouched(kicks, logins, every_host, user)


async def test_uid_0_by_another_name_is_refused_at_every_level(
    kicks: Kicks, logins: Logins, with_alias: list[Machine]
) -> None:
    """An account with uid 0 is root, whatever the host calls it."""
    await demand_untouched(kicks, logins, with_alias, ALIAS)


async def demand_untouched(kicks: Kicks, logins: Logins, machines: list[Machine], user: str) -> None:
    made = await at_each(machines, lambda machine: logins.terminal(machine, user))
    before = each(machines, lambda m: set(witness.pids(m, user)))

    for level in ({}, {"processes": True, "force": True}):
        try:
            done = await kicks.kick(user, *machines, **level)
        except Refused:
            continue
        assert done.request.state in {"refused", "closed"}
        assert done.request.attempts == ()

    assert {host: login.alive for host, login in made.items()} == alike(machines, value=True)
    still = each(machines, lambda m: set(witness.pids(m, user)))
    lasting = {host: pids & still[host] for host, pids in before.items()}
    assert {host: bool(pids) for host, pids in lasting.items()} == alike(machines, value=True)
