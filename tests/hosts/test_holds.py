"""Holds on real hosts: a held account can't log in, whoever tries, and it is given back in time, exactly as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import events
from bot.models import RequestId
from bot.request import Request
from tests.hosts import witness
from tests.hosts.kicking import Kicks, alike, at_each, each
from tests.hosts.logins import Logins
from tests.hosts.machines import Machine

USER, OTHER, DIRECTORY = "audituser", "alice", "dora"
LONG, SHORT = 7200, 60
ENDED = "/var/lib/kickbot/holds/ended"
DAY = "25000"  # the expiry that the account has of its own

MAKE_DIRECTORY = """
sed -i 's/^passwd:.*/passwd: files extrausers/; s/^shadow:.*/shadow: files extrausers/' /etc/nsswitch.conf
mkdir -p /var/lib/extrausers /home/dora/.ssh
echo 'dora:x:2001:2001::/home/dora:/bin/bash' >/var/lib/extrausers/passwd
echo 'dora:*:19000:0:99999:7:::' >/var/lib/extrausers/shadow
cp /root/.ssh/authorized_keys /home/dora/.ssh/
chown -R 2001:2001 /home/dora && chmod 700 /home/dora/.ssh
"""


@pytest.fixture
def clean(four_hosts: list[Machine]) -> Iterator[None]:
    """No hold of another test is left before or after it; the account has an expiry of its own."""
    give_back = (
        f"rm -rf /var/lib/kickbot /etc/cron.d/kickbot-* /etc/ssh/sshd_config.d/00-kickbot-*; usermod -e '{DAY}' {USER}"
    )
    for machine in four_hosts:
        machine.run("sh", "-c", give_back)
        if machine.kind == "plain":
            machine.run("sh", "-c", "pgrep -x cron || cron")
    yield
    for machine in four_hosts:
        timers = "systemctl disable --now kickbot-hold-1001.timer kickbot-hold-1002.timer" if machine.up else ""
        quiet = f"({timers}) 2>/dev/null; rm -f /etc/systemd/system/kickbot-*; usermod -e '' {USER}"
        machine.run("sh", "-c", f"{give_back}; {quiet}")


def expiry(machine: Machine, user: str = USER) -> str:
    return machine.run("getent", "shadow", user).split(":")[7]


def lets_in(machine: Machine, logins: Logins, user: str) -> bool:
    """True if a login by key really comes in."""
    attempt = logins.start(machine, user, "echo inside", options=("-T",))
    return attempt.wait_end() == 0 and "inside" in attempt.output


def takes_su(machine: Machine, user: str) -> bool:
    said = machine.run("sh", "-c", f"su {user} -c 'echo inside' 2>&1 || true")
    assert ("expired" in said) is ("inside" not in said), said
    return "inside" in said


def told_on(machine: Machine) -> list[str]:
    """How holds ended there, as `given by host`."""
    lines = machine.run("sh", "-c", f"cat {ENDED} 2>/dev/null || true").splitlines()
    return [" ".join(line.split()[1:4]) for line in lines]


async def holds(kicks: Kicks) -> list[Request]:
    """Those that were opened so far."""
    begun = await kicks.trail.requests(limit=100)
    numbers = [r[0].request for r in begun if isinstance(r[0].event, events.Held)]
    return [(await kicks.told(await kicks.until(RequestId(n), lambda _: True, "to be there"))).request for n in numbers]


async def test_a_held_account_can_not_log_in_by_key_nor_by_su(
    kicks: Kicks, logins: Logins, four_hosts: list[Machine], clean: None
) -> None:
    """Its sessions end, a real login by key fails, su fails, others come in; what was there before is in the trail."""
    for machine in four_hosts:
        logins.terminal(machine, USER)

    done = await kicks.kick(USER, *four_hosts, hold=LONG)

    assert done.results == alike(four_hosts, ["ended"])
    assert await at_each(four_hosts, lambda m: lets_in(m, logins, USER)) == alike(four_hosts, value=False)
    assert await at_each(four_hosts, lambda m: takes_su(m, USER)) == alike(four_hosts, value=False)
    assert await at_each(four_hosts, lambda m: lets_in(m, logins, OTHER)) == alike(four_hosts, value=True)
    states = {h.held.target.host: h.held.before for h in await holds(kicks) if h.held}
    assert {host: state.expiry for host, state in states.items() if state} == alike(four_hosts, DAY)
    kept = each(four_hosts, lambda m: [a.after.timer for _, a in done.answers(m) if a.after])
    assert kept == {m.name: ["systemd" if m.kind == "systemd" else "cron"] for m in four_hosts}


async def test_who_is_not_logged_in_is_kept_out_too(
    kicks: Kicks, logins: Logins, four_hosts: list[Machine], clean: None
) -> None:
    """Nothing is there to end: the hosts are asked whose that name is, and the account can't come in."""
    done = await kicks.kick(USER, *four_hosts, hold=LONG)

    assert (done.request.outcomes, done.note) == ((), "")
    assert await at_each(four_hosts, lambda m: lets_in(m, logins, USER)) == alike(four_hosts, value=False)
    assert {h.held.target.host for h in await holds(kicks) if h.held} == {m.name for m in four_hosts}


async def test_a_host_with_nothing_that_gives_back_holds_nobody(
    kicks: Kicks, logins: Logins, plain_hosts: list[Machine], clean: None
) -> None:
    """No systemd and no cron: the hold is refused, and so no session ends there."""
    for machine in plain_hosts:
        machine.run("pkill", "-x", "cron")
        logins.terminal(machine, USER)

    done = await kicks.kick(USER, *plain_hosts, hold=LONG)

    assert done.results == alike(plain_hosts, ["survived"])
    assert "has nothing that would give it back if Kickbot were dead" in done.note
    assert each(plain_hosts, expiry) == alike(plain_hosts, DAY)


async def test_the_host_gives_back_in_time_while_kickbot_stays_dead(
    every_host: list[Machine], four_hosts: list[Machine], logins: Logins, clean: None, tmp_path: Path
) -> None:
    """Nobody is locked out by a dead Kickbot, also where the host was rebooted meanwhile."""
    async with Kicks.at_work(every_host, tmp_path) as kicks:
        for machine in four_hosts:
            logins.terminal(machine, USER)
        await kicks.kick(USER, *four_hosts, hold=SHORT)
        assert each(four_hosts, expiry) == alike(four_hosts, "2")
    rebooted = next(machine for machine in four_hosts if machine.name == "trixie")
    rebooted.reboot()

    await at_each(four_hosts, lambda m: witness.until(lambda: told_on(m), "to be given back", SHORT + 150))

    assert each(four_hosts, told_on) == alike(four_hosts, ["given by host"])
    assert each(four_hosts, expiry) == alike(four_hosts, DAY)
    assert await at_each(four_hosts, lambda m: lets_in(m, logins, USER)) == alike(four_hosts, value=True)


async def test_kickbot_and_the_timer_meet_and_give_back_once(
    kicks: Kicks, logins: Logins, four_hosts: list[Machine], clean: None
) -> None:
    """Both come at the same moment: on each host one of them gave back, and Kickbot knows which."""
    for machine in four_hosts:
        logins.terminal(machine, USER)
    await kicks.kick(USER, *four_hosts, hold=SHORT)

    over = [await kicks.until(h.id, lambda r: r.state.final, "to be given back") for h in await holds(kicks)]

    by = {r.held.target.host: (r.released.how, r.released.by) for r in over if r.held and r.released}
    assert {host: f"{how} by {who}" for host, (how, who) in by.items()} == {m.name: told_on(m)[0] for m in four_hosts}
    assert {how for how, _ in by.values()} == {"given"}
    assert each(four_hosts, lambda m: len(told_on(m))) == alike(four_hosts, 1)
    assert each(four_hosts, expiry) == alike(four_hosts, DAY)


async def test_an_account_of_a_directory_is_kept_out_by_sshd(
    kicks: Kicks, logins: Logins, logind_hosts: list[Machine], clean: None
) -> None:
    """Only NSS knows it: sshd denies it, and nobody else; given back, it comes in again."""
    for machine in logind_hosts:
        machine.run("sh", "-c", MAKE_DIRECTORY)
        logins.terminal(machine, DIRECTORY)

    done = await kicks.kick(DIRECTORY, *logind_hosts, hold=LONG)

    ways = each(logind_hosts, lambda m: [(a.after.where, a.after.drop_in) for _, a in done.answers(m) if a.after])
    assert ways == alike(logind_hosts, [("directory", True)])
    held = await holds(kicks)
    let_in = await at_each(logind_hosts, lambda m: lets_in(m, logins, DIRECTORY))
    assert let_in == alike(logind_hosts, value=False)
    assert await at_each(logind_hosts, lambda m: lets_in(m, logins, OTHER)) == alike(logind_hosts, value=True)

    for machine in logind_hosts:
        await kicks.unhold(DIRECTORY, machine)
    over = [await kicks.until(h.id, lambda r: r.state.final, "to be given back") for h in held]
    assert [r.released.how for r in over if r.released] == ["given"] * len(logind_hosts)
    assert await at_each(logind_hosts, lambda m: lets_in(m, logins, DIRECTORY)) == alike(logind_hosts, value=True)
