"""Reads from Slack what the policy needs to know, and asks it. It never says yes itself; what can't be read is a no."""

import asyncio
from collections.abc import Iterable, Sequence

from bot import policy
from bot.borders import People
from bot.errors import Refused
from bot.lifecycle import Request
from bot.models import Account, Act, Kick, Person, Plan
from bot.policy import Members, Policy, Rule, Verdict

NAMED = 5
"""How many possible approvers are looked up and named."""

Aims = Sequence[tuple[str, Account]]
"""What a plan touches: hosts, each with an account on it."""


class Rights:
    """The policy, with people and groups read afresh at each question. A lookup that fails raises LookupFailed."""

    def __init__(self, rules: Policy, people: People) -> None:
        self.policy = rules
        self._people = people

    async def to_look(self, who: str, hosts: Sequence[str]) -> dict[str, Verdict]:
        """A verdict for each host."""
        person, members = await self._read(who, hosts)
        return {host: policy.may_look(self.policy, host, person, members) for host in hosts}

    async def to_ask(self, who: str, command: Kick) -> tuple[Rule, ...]:
        """Before the hosts were looked at: the likely rules. Raises Refused only if no uid could give a yes."""
        person, members = await self._read(who, command.hosts)
        return tuple([await self._likely_rule(host, command, person, members) for host in command.hosts])

    async def _likely_rule(self, host: str, command: Kick, person: Person, members: Members) -> Rule:
        first: Refused | None = None
        for account in policy.supposed(command.user):
            try:
                _demand(policy.may_ask(self.policy, host, account, command.acts, person, members))
                self._demand_reason(command, [(host, account)])
                await self.approvers(person.id, command, [(host, account)])
            except Refused as refusal:
                first = first or refusal
            else:
                return self.rule(host, account, command.acts)
        raise first or Refused(f"Nobody may do this on {host}.")

    async def to_ask_exactly(self, who: str, command: Kick, aims: Aims) -> None:
        """Once the hosts were looked at. Raises Refused."""
        person, members = await self._read(who, [host for host, _ in aims])
        for host, account in aims:
            _demand(policy.may_ask(self.policy, host, account, command.acts, person, members))
        self._demand_reason(command, aims)

    async def to_approve(self, who: str, request: Request, aims: Aims) -> tuple[str, ...]:
        """The hosts for which this person's approval counts. Raises Refused when there are none."""
        person, members = await self._read(who, [host for host, _ in aims])
        verdicts: dict[str, Verdict] = {}
        for host, account in aims:  # a no about one account of a host is a no about the host
            if verdicts.get(host, policy.YES):
                verdicts[host] = policy.may_approve(
                    self.policy, host, account, _acts(request), person, members, asker=request.asker
                )
        counted = tuple(host for host, verdict in verdicts.items() if verdict)
        if not counted:
            _demand(next(iter(verdicts.values())))
        return counted

    async def approvers(self, asker: str, command: Kick, aims: Aims) -> tuple[str, ...]:
        """Who could approve now. Raises Refused where there are not enough: such a request is not asked at all."""
        members = await self._members([host for host, _ in aims])
        found: dict[str, None] = {}
        for host, account in aims:
            rule = self.rule(host, account, command.acts)
            listed = policy.candidates(self.policy, rule, account.name, members, asker=asker)
            able = await self._members_among(sorted(listed), max(rule.approvals, NAMED))
            if len(able) < rule.approvals:
                raise Refused(_nobody(host, rule, len(able)))
            found.update(dict.fromkeys(able))
        return tuple(found)

    def rule(self, host: str, account: Account, acts: frozenset[Act]) -> Rule:
        """The rule that decides. Raises Refused where there is none."""
        rule = self.policy.rule_to_act(host, account, acts)
        if rule is None:
            raise Refused(f"No rule speaks about {account.name} on {host}, so nobody may.")
        return rule

    def _demand_reason(self, command: Kick, aims: Aims) -> None:
        for host, account in aims:
            if self.rule(host, account, command.acts).reason and not command.reason:
                raise Refused(f"On {host} a reason is needed: add `because …` at the end.")

    async def _members_among(self, ids: Sequence[str], enough: int) -> list[str]:
        """The full members among those ids, a few at a time, until there are enough to name."""
        able: list[str] = []
        for start in range(0, len(ids), NAMED):
            people = await asyncio.gather(*(self._people.person(i) for i in ids[start : start + NAMED]))
            able += [p.id for p in people if p.is_member]
            if len(able) >= enough:
                break
        return able

    async def _read(self, who: str, hosts: Iterable[str]) -> tuple[Person, Members]:
        person, members = await asyncio.gather(self._people.person(who), self._members(hosts))
        return person, members

    async def _members(self, hosts: Iterable[str]) -> Members:
        groups = sorted(self.policy.groups(hosts))
        return dict(zip(groups, await asyncio.gather(*(self._people.members(g) for g in groups)), strict=True))


def aims(plan: Plan) -> Aims:
    """Each host and account of a plan, once."""
    return list(dict.fromkeys((target.host, target.account) for target in plan.targets))


def _acts(request: Request) -> frozenset[Act]:
    return request.command.acts if request.command else frozenset()


def _demand(verdict: Verdict) -> None:
    if not verdict:
        raise Refused(verdict.reason)


def _nobody(host: str, rule: Rule, able: int) -> str:
    who = " and ".join(policy.mention(i) for i in rule.approve) or "nobody"
    if not able:
        return f"Nobody could approve this on {host}: {who} may, and that is nobody but you or the account's owner."
    return f"{host} needs {rule.approvals} approvals, and only {able} of {who} could give one. Not asked."
