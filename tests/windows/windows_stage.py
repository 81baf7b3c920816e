"""The stage of all stories, with a Windows host instead of those in memory; time is the test's own, so nobody waits."""

from typing import Any

from bot.audit.sqlite import SqliteTrail
from bot.hosts.connections import SshHosts
from bot.models import Act, Kick
from bot.request import Request
from bot.rights import Rights
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeClock
from tests.stage import POLICY, Stage, allowing
from tests.windows.openssh import Machine

RULE = allowing(Act.FORCE, Act.HOLD).rules[0].model_copy(update={"hosts": frozenset({"win1"})})


class WindowsStage(Stage):
    """The stage of all stories, with a Windows host instead of those in memory."""

    def __init__(self, trail: SqliteTrail, clock: FakeClock, hosts: SshHosts, machine: Machine) -> None:
        self.ssh, self.machine = hosts, machine
        super().__init__(trail, clock, POLICY.model_copy(update={"rules": (RULE,)}))

    def restart(self) -> None:
        rights = Rights(self.policy, self.people)
        self.workflow = Workflow(trail=self.trail, hosts=self.ssh, rights=rights, sleep=self.clock.sleep)

    def allow(self, *acts: Act, spare_groups: tuple[str, ...] = (), **changes: Any) -> None:
        """What the one rule allows besides a kick, whom it spares, and what else of the policy is different."""
        allowed = {"acts": frozenset({Act.KICK, *acts}), "sweeps": "end", "spare_groups": spare_groups}
        rule = RULE.model_copy(update=allowed)
        self.policy = self.policy.model_copy(update={"rules": (rule,), **changes})
        self.restart()


def told(request: Request) -> dict[str, str]:
    return {outcome.session: f"{outcome.result} {outcome.detail}".strip() for outcome in request.outcomes}


def kick(user: str = "alice", **changes: object) -> Kick:
    return make.kick("win1", user=user, reason="INC-42", **changes)
