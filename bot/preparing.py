"""From the question to the plan: the hosts are looked at, and then it stands exactly what would be done, and who may
approve it. Each step is safe to enter again after a crash. It acts on no host.
"""

from datetime import timedelta

from bot import canary, events, planning, sweeping, trials
from bot.allowance import Allowance
from bot.borders import Lease
from bot.brake import Brake
from bot.errors import LookupFailed, NotNow, Refused
from bot.ledger import Ledger
from bot.looking import Looking, attached
from bot.models import Act, Asking, Plan, SetLimit, Swept
from bot.policy import approvals_needed, limit_passed, second_factor_demanded
from bot.request import Request, command_of, kick_of, limit_of
from bot.rights import Rights, aims
from bot.sweeps import Sweeps

SLACK_PAUSE = 300.0
"""Seconds after which a sweep is tried again for which Slack did not say who may approve."""


class Preparing:
    """What was asked, and has no plan yet."""

    def __init__(
        self, ledger: Ledger, looking: Looking, rights: Rights, brake: Brake, sweeps: Sweeps, allowance: Allowance
    ) -> None:
        self._ledger = ledger
        self._looking = looking
        self._rights = rights
        self._brake = brake
        self._sweeps = sweeps
        self._allowance = allowance

    async def prepare(self, request: Request, lease: Lease) -> Request:
        """Asked: look, and say exactly what would be done."""
        if request.sweep is not None:
            return await self.sweep(request, lease)
        command = command_of(request)
        try:
            await self._rights.to_ask(request.asker, command)
        except (Refused, LookupFailed) as refusal:
            return await self._ledger.record(request, events.Refused(reason=refusal.for_user()), lease)
        made = self._plan_limit if isinstance(command, SetLimit) else self._plan_kick
        request, plan, nothing = await made(request, lease)
        if not plan.everything:
            return await self._ledger.record(request, events.Closed(outcomes=(), note=nothing), lease)
        try:
            planned = await (self._alone if command.emergency else self._for_people)(request, plan)
        except (Refused, LookupFailed) as refusal:
            return await self._ledger.record(request, events.Refused(reason=refusal.for_user()), lease)
        return await self._ledger.record(request, planned, lease)

    async def sweep(self, request: Request, lease: Lease) -> Request:
        """A sweep's run whose time has come: look, and report; or plan what people approve, or the configuration."""
        command, reports = kick_of(request), request.sweep is not None and request.sweep.action == "report"
        if not reports:
            await self._brake.demand_released()
        if why := await self._sweeps.why_not(request):
            return await self._ledger.record(request, events.Closed(outcomes=(), note=why), lease)
        policy = self._rights.policy
        groups = () if reports else policy.spare_groups(command.hosts)
        looks = await self._looking.at(command.hosts, compared=True, groups=groups)
        request = await self._ledger.record(request, events.Observed(looks=attached(looks), phase="before"), lease)
        plan = None if reports else planning.make(command, looks, policy, asker=request.asker)
        swept = sweeping.found(command, looks, policy, plan)
        event = await self._swept(request, plan, swept) if plan and plan.targets else None
        return await self._ledger.record(request, event or events.Closed(outcomes=(), swept=swept), lease)

    async def _swept(self, request: Request, plan: Plan, swept: Swept) -> events.Planned | events.Closed:
        """The plan, for people or for the configuration to approve; closed, if nobody could."""
        command = kick_of(request)
        try:
            if self._needs_nobody(request, plan):
                return (await self._planned(command, plan, (), swept)).model_copy(
                    update={"approvals": 0, "groups": (), "second_factor": False}
                )
            return await self._for_people(request, plan, swept)
        except Refused as refusal:
            return events.Closed(outcomes=(), note=refusal.for_user(), swept=swept)
        except LookupFailed as failed:
            raise NotNow(str(failed), SLACK_PAUSE) from failed

    def _needs_nobody(self, request: Request, plan: Plan) -> bool:
        """Does the configuration let this sweep end all of it without a click? Otherwise it proposes."""
        if request.sweep is None or request.sweep.action != "end":
            return False
        try:
            self._rights.demand_permitted(kick_of(request), aims(plan), len(plan.sessions))
        except Refused:
            return False
        return True

    async def _for_people(self, request: Request, plan: Plan, swept: Swept | None = None) -> events.Planned:
        """The plan, for people to approve. Raises Refused where nobody could, or it passes a bound; NotNow."""
        command = command_of(request)
        above = await self._allowance.beyond(request, self._rights.deciding(aims(plan), command.acts))
        approvers = await self._rights.to_plan(
            request.asker, command, aims(plan), sessions=len(plan.sessions), above=bool(above)
        )
        return await self._planned(command, plan, approvers, swept, above)

    async def _alone(self, request: Request, plan: Plan) -> events.Planned:
        """The plan of an emergency, with those who are passed over. Raises Refused where a rule doesn't allow it."""
        planned = await self._for_people(request, plan)
        self._rights.demand_permitted(kick_of(request), aims(plan), len(plan.sessions))
        return planned.model_copy(update={"approvals": 0, "then": ()})

    async def _planned(
        self, command: Asking, plan: Plan, approvers: tuple[str, ...], swept: Swept | None = None, above: str = ""
    ) -> events.Planned:
        owners = self._rights.policy.owners
        whose = {name: tuple(sorted(owners[name])) for name in plan.people if name in owners}
        deciding = self._rights.deciding(aims(plan), command.acts)
        rules = [rule for rules in deciding.values() for rule in rules]
        return events.Planned(
            plan=plan,
            plan_hash=plan.hash,
            decide_by=await self._ledger.now() + timedelta(seconds=min(r.expires for r in rules)),
            act_within=min(r.act_by for r in rules),
            approvals=approvals_needed(rules, command.acts, len(plan.sessions), above=bool(above)),
            limit=limit_passed(rules, command.acts, len(plan.sessions)),
            approvers=approvers,
            groups=tuple(dict.fromkeys(i for r in rules for i in r.approve)),
            owners=tuple(sorted({who for people in whose.values() for who in people})),
            whose=whose,
            then=tuple(dict.fromkeys(i for r in rules for i in r.then)),
            may_hold=self._rights.policy.allows(aims(plan), Act.HOLD),
            swept=swept,
            canaries=canary.candidates(deciding),
            above=above,
            second_factor=second_factor_demanded(rules),
        )

    async def _plan_kick(self, request: Request, lease: Lease) -> tuple[Request, Plan, str]:
        """The looks, recorded, the plan, and why there is nothing in it."""
        command = kick_of(request)
        groups = self._rights.policy.spare_groups(command.hosts) if command.is_of_everyone else ()
        account = command.user if command.hold else ""
        looks = await self._looking.at(command.hosts, compared=command.only.idle > 0, groups=groups, account=account)
        request = await self._ledger.record(request, events.Observed(looks=attached(looks), phase="before"), lease)
        first = await self._ledger.load(command.after) if command.after else None
        plan = planning.make(command, looks, self._rights.policy, first=first, asker=request.asker)
        return request, plan, planning.why_nothing(command, plan, looks)

    async def _plan_limit(self, request: Request, lease: Lease) -> tuple[Request, Plan, str]:
        """The same for a limit that is to be set."""
        command = limit_of(request)
        looks = await self._looking.limits(command.hosts)
        request = await self._ledger.record(request, events.Observed(looks=attached(looks), phase="before"), lease)
        plan = trials.make(command, looks)
        return request, plan, trials.why_nothing(plan)
