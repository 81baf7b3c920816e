"""A host that takes a minute holds up nobody else's command, nor the other hosts of its own request."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.audit.sqlite import SqliteTrail
from bot.borders import Origin
from bot.execution import Timing
from bot.models import Act, Answer, HostUptime, Result, Snapshot, Step, Unreachable
from bot.rights import Rights
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.host_server import Fault
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeHosts, FakePeople
from tests.lives import PATIENCE
from tests.stage import GROUPS, HERE, allowing
from tests.whole import APPROVE, CHANNEL, bot_at_work, configure, parent_with_buttons

DEAD = 12
"""Hosts that take a minute."""


class OneHangs:
    """Hosts of which one doesn't answer an act before it is let go."""

    def __init__(self, hosts: FakeHosts, slow: str) -> None:
        self._hosts, self._slow = hosts, slow
        self.limits = hosts.limits
        self.go_on = asyncio.Event()

    async def look(
        self, hosts: Sequence[str], *, groups: Sequence[str] = (), account: str = ""
    ) -> AsyncIterator[Snapshot | Unreachable]:
        async for look in self._hosts.look(hosts, groups=groups, account=account):
            yield look

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        if step.host == self._slow:
            await self.go_on.wait()
        return await self._hosts.act(step, not_after=not_after)


async def test_a_slow_host_holds_up_no_step_on_another_one_of_the_same_request(tmp_path: Path) -> None:
    """host1 doesn't answer its first act; on host2, where every step is needed, all of them are taken meanwhile."""
    hosts = FakeHosts(host1=[make.login("7")], host2=[make.login("8")])
    hosts["host2"].stubborn, hosts["host2"].ended_by = {"8"}, {"kill"}
    stuck = OneHangs(hosts, "host1")
    rights = Rights(allowing(Act.FORCE), FakePeople({group: set(members) for group, members in GROUPS.items()}))
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        workflow = Workflow(trail=trail, hosts=stuck, rights=rights, timing=Timing(rung=0.05, watch=0.1, poll=(0.01,)))
        command = make.kick("host1", "host2", reason="INC-42", force=True)
        asked = await workflow.ask(Origin(who="U0ALICE", channel=HERE, key="k1"), "/kick", command)
        planned = await workflow.drive(asked.id)
        await workflow.approve(Origin(who="U0CAROL", channel=HERE, key="k2"), planned.id, planned.plan_hash)
        driving = asyncio.create_task(workflow.drive(asked.id))
        async with asyncio.timeout(PATIENCE):
            while hosts["host2"].sessions:
                assert not driving.done()
                await asyncio.sleep(0.01)
        assert hosts["host1"].sessions
        stuck.go_on.set()
        closed = await asyncio.wait_for(driving, PATIENCE)

    assert [outcome.result for outcome in closed.outcomes] == [Result.ENDED, Result.ENDED]


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    async with SandboxSlack.start(demo_workspace()) as slack:
        yield slack


async def test_many_hosts_that_take_a_minute_hold_up_nobody_elses_command(tmp_path: Path, slack: SandboxSlack) -> None:
    """Bob asks for twelve hosts that take a minute; meanwhile Alice's kick on another one is done, to the proof."""
    slow = [HostSpec(f"slow{n}", (Login("audituser"),)) for n in range(DEAD)]
    quick = HostSpec("quick", (Login("audituser"),))
    async with SandboxHosts.start([*slow, quick]) as hosts:
        for spec in slow:
            hosts.hosts[spec.name].fault = Fault("slow", seconds=60)
        lines = [(host.name, host.address, host.port) for host in hosts.hosts.values()]
        config = configure(tmp_path, lines, key=hosts.client_key, known_hosts=hosts.known_hosts)
        alice, bob, carol = slack.as_("alice"), slack.as_("bob"), slack.as_("carol")
        async with bot_at_work(slack, config):
            await bob.command(CHANNEL, "/sessions", f"slow[0-{DEAD - 1}]")
            async with asyncio.timeout(PATIENCE):
                while not all(hosts.hosts[f"slow{n}"].commands for n in range(5)):  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(0.01)
            await alice.command(CHANNEL, "/kick", "audituser quick because INC-42")
            await carol.click(await parent_with_buttons(alice, 25), APPROVE)
            await alice.sees("audituser is off quick", CHANNEL, seconds=25)
            assert not any("slow0:" in message.text for message in bob.messages(CHANNEL))
