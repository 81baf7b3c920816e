"""A stage for the story of a request: the workflow on a real SQLite trail, with hosts, people and time in memory."""

from bot.audit.sqlite import SqliteTrail
from bot.borders import Authenticators, Origin, Trail
from bot.lifecycle import replay
from bot.models import Act, Asking, RequestId
from bot.policy import Policy
from bot.request import Request
from bot.rights import Rights
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeClock, FakeHosts, FakePeople

HERE = make.channel("C0INC4711", name="inc-4711")
POLICY = make.team_policy(owners={"bob": {"U0BOB"}}, protected={"root", "kickbot"})
GROUPS = {"S0SRE": {"U0ALICE", "U0BOB", "U0CAROL"}, "S0LEADS": {"U0ALICE", "U0BOB", "U0CAROL"}}
ODD = {
    "U0GUS": make.person("U0GUS", guest=True),
    "U0ZOE": make.person("U0ZOE", deactivated=True),
}


class Stage:
    """A workflow with everything around it, and short ways to say what people do. authenticators: nobody has one."""

    authenticators: Authenticators | None = None

    def __init__(self, trail: SqliteTrail, clock: FakeClock, policy: Policy = POLICY) -> None:
        self.trail = trail
        self.clock = clock
        self.people = FakePeople({group: set(members) for group, members in GROUPS.items()}, ODD)
        self.hosts = FakeHosts(clock, host1=(), host2=())
        self.policy = policy
        self.restart()
        self._messages = 0

    def restart(self) -> None:
        """A new process: only the trail and the hosts remember anything."""
        self.restart_on(self.trail)

    def restart_on(self, trail: Trail) -> None:
        """The same, with the trail seen through something that fails."""
        rights = Rights(self.policy, self.people, authenticators=self.authenticators)
        self.workflow = Workflow(trail=trail, hosts=self.hosts, rights=rights, sleep=self.clock.sleep)

    def origin(self, who: str) -> Origin:
        self._messages += 1
        return Origin(who=who, channel=HERE, key=f"message-{self._messages}")

    async def ask_only(self, command: Asking, who: str = "U0ALICE") -> Request:
        """Asked, and nothing driven yet."""
        return await self.workflow.ask(self.origin(who), "audituser host1", command)

    async def ask(self, command: Asking, who: str = "U0ALICE") -> Request:
        asked = await self.workflow.ask(self.origin(who), "audituser host1", command)
        return await self.workflow.drive(asked.id)

    async def approve(self, request: Request, who: str = "U0CAROL") -> Request:
        await self.workflow.approve(self.origin(who), request.id, request.plan_hash)
        driven = await self.workflow.drive(request.id)
        while driven.unanswered and driven.due is not None:  # the loop would wait until then
            self.clock.now = max(self.clock.now, driven.due)
            driven = await self.workflow.drive(request.id)
        return driven

    async def wait(self, request: Request) -> Request:
        """Let time pass until the request has ended."""
        while not request.state.final:
            if request.due is not None:
                self.clock.now = max(self.clock.now, request.due)
            request = await self.workflow.drive(request.id)
        return request

    async def request(self, request_id: RequestId) -> Request:
        return replay(await self.trail.read(request_id))

    async def kinds(self, request_id: RequestId) -> list[str]:
        return [record.event.kind for record in await self.trail.read(request_id)]


KICK = make.kick(reason="INC-42")


def allowing(*acts: Act) -> Policy:
    """The stage's policy, whose one rule allows those acts besides a kick."""
    rule = POLICY.rules[0].model_copy(update={"acts": frozenset({Act.KICK, *acts})})
    return POLICY.model_copy(update={"rules": (rule,)})
