"""Reads from Slack what the policy needs to know, and asks it. It never says yes itself; what can't be read is a no."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from time import monotonic
from typing import Any, Literal, TypeVar

from bot import bounds, policy
from bot.borders import Authenticators, People
from bot.errors import LookupFailed, Refused
from bot.estate import Estate
from bot.events import BOT
from bot.inventory import fold
from bot.models import Account, Act, Asking, Kick, Person, Plan, Target, Value
from bot.policy import Members, Policy, Rule, Verdict
from bot.request import Request, command_of, kick_of, plan_of

Found = TypeVar("Found")

NAMED = 5
"""How many possible approvers are looked up and named."""
MOST = 20
"""The same for a reminder, which also reaches those who were not called at first."""

SHOWN = 60.0
"""Seconds for which what was read to show something is shown."""
ASKED = 10.0
"""Seconds for which what was read to ask counts, if it is a yes: Slack allows some twenty group reads a minute."""

REFUSED = 5.0
"""The same for a no: else whoever is refused again and again would use up the reads that decisions need."""

UNHOLD = frozenset({Act.UNHOLD})

Aims = Sequence[tuple[str, Account]]
"""What a plan touches: hosts, each with an account on it."""


class Likely(Value):
    """What will decide about a command, as far as that is known before a look: the rules, and some approvers."""

    rules: tuple[Rule, ...]
    approvers: tuple[str, ...]


class Viewer(Value):
    """Someone and the groups that the rules name: for showing, never for deciding.

    unread: the groups of which Slack did not say who is in them; nobody is, here.
    """

    person: Person
    members: dict[str, frozenset[str]]
    unread: tuple[str, ...] = ()


class Rights:
    """The policy, with people and groups read afresh at each question. A lookup that fails raises LookupFailed."""

    def __init__(
        self,
        rules: Policy,
        people: People,
        clock: Callable[[], float] = monotonic,
        *,
        authenticators: Authenticators | None = None,
    ) -> None:
        """authenticators: without them nobody has a second factor."""
        self.policy = rules
        self.authenticators = authenticators
        self._people = people
        self._showing = _Recent(people, SHOWN, clock)
        self._asking = _Recent(people, ASKED, clock)
        self._acting = _Recent(people, ASKED, clock)

    def judge_by(self, estate: Estate) -> None:
        """From now on by these rules."""
        self.policy = estate.policy

    async def to_look(self, who: str, hosts: Sequence[str]) -> dict[str, Verdict]:
        """A verdict for each host."""
        question = _Question(self._people)
        person = await question.person(who)
        members = await question.groups(person, self.policy.groups(hosts, "look"))
        return {host: policy.may_look(self.policy, host, person, members) for host in hosts}

    async def to_ask(self, who: str, command: Asking) -> "Likely":
        """Before the hosts were looked at. Raises Refused only if no uid could give a yes."""

        async def ask(question: _Question) -> Likely:
            likely = [await self._likely(host, command, who, question) for host in command.hosts]
            return Likely(
                rules=tuple(rule for one in likely for rule in one.rules),
                approvers=tuple(dict.fromkeys(person for one in likely for person in one.approvers)),
            )

        return await self._asking.asked(ask)

    async def to_plan(
        self, who: str, command: Asking, aims: Aims, *, sessions: int = 0, above: bool = False
    ) -> tuple[str, ...]:
        """Once the hosts were looked at: who could approve now.

        sessions: how many would end. above: it passes a bound for which one approval more is needed.

        Raises Refused, also where too few could approve it.
        """
        return await self._asking.asked(
            lambda question: self._approvers(
                who, command, aims, question, sessions=sessions, above=above, all_of_them=command.emergency
            )
        )

    async def to_remind(self, request: Request, aims: Aims) -> tuple[str, ...]:
        """Who could approve now and has not, or some of them. It decides nothing: a lookup that fails names nobody."""
        try:
            question = _Question(self._people)
            sessions, above = _sessions(request), bool(request.above)
            able = await self._approvers(
                request.asker, command_of(request), aims, question, sessions=sessions, above=above, all_of_them=True
            )
        except (Refused, LookupFailed):
            return ()
        return tuple(who for who in able if all(decision.who != who for decision in request.decisions))

    async def to_approve(self, who: str, request: Request, aims: Aims) -> tuple[str, ...]:
        """The hosts for which this person's approval counts. Raises Refused when there are none."""
        return await self._counted(who, _acts(request.command), aims, request.asker, _Question(self._people))

    def second_factor_demanded(self, request: Request) -> bool:
        """Does a yes to it count only with a code? By what was planned, and by every rule that speaks about it now.

        What is kept is no rule's affair, so there the strictest of all decides. Raises Refused where none is left.
        """
        if request.retention is not None:
            return policy.second_factor_demanded(self.policy.rules)
        if request.held is not None:
            target = request.held.target
            return policy.second_factor_demanded(self.rules(target.host, target.account, UNHOLD))
        deciding = self.deciding(aims(plan_of(request)), _acts(request.command))
        return request.second_factor or any(map(policy.second_factor_demanded, deciding.values()))

    def enrolled(self) -> frozenset[str]:
        """Who has a second factor. Raises SecretsUnusable."""
        return frozenset(self.authenticators.enrolled()) if self.authenticators else frozenset()

    async def still_hold(self, request: Request, aims: Aims) -> None:
        """Right before acting: raises Refused if the asker or an approver lost a right, or a rule needs more people."""
        await self._still_hold(request, aims, self._acting.anew())

    async def held_just_now(self, request: Request, aims: Aims) -> None:
        """The same, by what was read in the last seconds: Slack can't be asked anew for each of hundreds of hosts."""
        await self._acting.asked(lambda question: self._still_hold(request, aims, question))

    async def _still_hold(self, request: Request, aims: Aims, question: "_Question") -> None:
        if request.emergency or not request.permitted:
            await self._demand_command(request.asker, request.command, aims, question)
        if request.emergency or request.permitted:
            self.demand_permitted(kick_of(request), aims, _sessions(request))
            return
        acts, proved = _acts(request.command), self.second_factor_demanded(request)
        for decision in request.decisions:
            if proved and not decision.second_factor:
                raise Refused(f"{policy.mention(decision.who)} approved without the code that a rule asks for now.")
            counted = await self._counted(decision.who, acts, aims, request.asker, question)
            if lost := decision.hosts - set(counted):
                raise Refused(f"{policy.mention(decision.who)} may no longer approve on {fold(lost)}.")
        for host, needed in self.approvals_needed(request, aims).items():
            if len(request.approved_on(host)) < needed:
                raise Refused(f"{host} now needs {needed} approvals.")

    def demand_permitted(self, command: Kick, aims: Aims, sessions: int) -> None:
        """Raises Refused unless the configuration lets this sweep or emergency end all of that without a click."""
        rules = [rule for host, account in aims for rule in self.policy.rules_to_act(host, account, command.acts)]
        if passed := bounds.passed(rules, [host for host, _ in aims]):
            raise Refused(passed.refusal())
        for host, account in aims:
            _demand(self._without_approval(host, account, command))
            if limit := policy.limit_passed(self.rules(host, account, command.acts), command.acts, sessions):
                raise Refused(f"It would end {sessions} sessions, more than {limit} on {host}.")

    def _without_approval(self, host: str, account: Account, command: Kick) -> Verdict:
        if command.emergency:
            return policy.may_act_alone(self.policy, host, account, command)
        return policy.may_sweep(self.policy, host, account, command, "end")

    def approvals_needed(self, request: Request, aims: Aims) -> dict[str, int]:
        """For each host, by the rules as they are now. Raises Refused where no rule speaks about it any more."""
        acts, sessions = _acts(request.command), _sessions(request)
        rules = self.deciding(aims, acts)
        passed = bounds.passed((rule for deciding in rules.values() for rule in deciding), rules)
        if passed and passed.above == "no":
            raise Refused(passed.refusal())
        above = bool(passed or request.above)
        return {h: policy.approvals_needed(deciding, acts, sessions, above=above) for h, deciding in rules.items()}

    def deciding(self, aims: Aims, acts: frozenset[Act]) -> dict[str, tuple[Rule, ...]]:
        """Every rule that decides about an account of a host. Raises Refused where an act has none."""
        found: dict[str, tuple[Rule, ...]] = {}
        for host, account in aims:
            found[host] = tuple(dict.fromkeys((*found.get(host, ()), *self.rules(host, account, acts))))
        return found

    def rules(self, host: str, account: Account, acts: frozenset[Act]) -> tuple[Rule, ...]:
        """The rules that decide, at least one. Raises Refused where an act has none."""
        rules = self.policy.rules_to_act(host, account, acts)
        if not rules:
            raise Refused(f"No rule speaks about {account.name} on {host}, so nobody may.")
        return rules

    async def to_ask_unhold(self, who: str, target: Target, reason: str) -> None:
        """Raises Refused for someone who may not ask to give that hold back, or who must say why."""
        await self._demand_ask(who, UNHOLD, [(target.host, target.account)], reason, _Question(self._people))

    async def to_approve_unhold(self, who: str, target: Target, asker: str) -> int:
        """How many have to agree. Raises Refused for someone whose word does not count."""
        await self._counted(who, UNHOLD, [(target.host, target.account)], asker, _Question(self._people))
        return policy.approvals_needed(self.rules(target.host, target.account, UNHOLD), UNHOLD, sessions=0)

    def unhold_waits(self, target: Target) -> int:
        """For how many seconds the asker's word counts. Raises Refused where no rule allows to give back."""
        return min(rule.expires for rule in self.rules(target.host, target.account, UNHOLD))

    async def to_freeze(self, who: str) -> None:
        """Raises Refused for someone who may approve nothing anywhere."""
        question = _Question(self._people)
        person = await question.person(who)
        verdict, unread = policy.may_freeze(self.policy, person, {}), list[LookupFailed]()
        for group in () if verdict else sorted(self.policy.approving_groups):
            try:
                members = await question.groups(person, frozenset({group}))
            except LookupFailed as error:  # another group may do, and an emergency can't wait for this one
                unread.append(error)
                continue
            if verdict := policy.may_freeze(self.policy, person, members):
                break
        if not verdict and unread:
            raise unread[0]
        _demand(verdict)

    async def may_freeze(self, who: str) -> bool:
        """The same as an answer; what can't be looked up is a no."""
        try:
            await self.to_freeze(who)
        except (Refused, LookupFailed):
            return False
        return True

    async def others_to_freeze(self, who: str) -> tuple[str, ...]:
        """Some who could agree to what this person asks for. Raises Refused where nobody could."""
        question = _Question(self._people)
        members = await question.members(self.policy.approving_groups)
        listed = sorted(policy.could_freeze(self.policy, members) - {who})
        if able := await question.full_members(listed, enough=NAMED):
            return tuple(able)
        raise Refused("Nobody could approve this: a rule has to let another person approve something. Not asked.")

    async def name(self, who: str) -> str:
        """What people call someone; empty if Slack doesn't say. It decides nothing."""
        try:
            return (await self._people.person(who)).name
        except LookupFailed:
            return ""

    # ------------------------------------------------------------------------------------------ for showing only

    async def viewer(self, who: str) -> "Viewer":
        """Someone, with every group of the rules, as read within the last minute. Raises LookupFailed for the person.

        What people look at must not use up the group reads that decisions need.
        """
        question = self._showing.question()
        person = await question.person(who)
        wanted = sorted(self.policy.every_group) if person.is_member else []
        read = dict(zip(wanted, await asyncio.gather(*map(question.group_if_told, wanted)), strict=True))
        unread = tuple(group for group, members in read.items() if members is None)
        return Viewer(person=person, members={g: m for g, m in read.items() if m is not None}, unread=unread)

    async def called(self, ids: Sequence[str]) -> dict[str, str]:
        """What people are called, as read within the last minute; whom Slack doesn't name is left out."""
        question = self._showing.question()
        names = dict(zip(ids, await asyncio.gather(*map(question.name_if_told, ids)), strict=True))
        return {who: name for who, name in names.items() if name}

    # ------------------------------------------------------------------------------------------ one question each

    async def _likely(self, host: str, command: Asking, who: str, question: "_Question") -> "Likely":
        first: Refused | None = None
        for account in policy.supposed(self.policy, host, command.user):
            try:
                approvers = await self._approvers(who, command, [(host, account)], question)
            except Refused as refusal:
                first = first or refusal
            else:
                return Likely(rules=self.rules(host, account, command.acts), approvers=approvers)
        raise first or Refused(f"Nobody may do this on {host}.")

    async def _approvers(
        self,
        asker: str,
        command: Asking,
        aims: Aims,
        question: "_Question",
        *,
        sessions: int = 0,
        above: bool = False,
        all_of_them: bool = False,
    ) -> tuple[str, ...]:
        await self._demand_command(asker, command, aims, question)
        members = await self._members(asker, aims, question, "approve")
        found: dict[str, None] = {}
        deciding = self.deciding(aims, command.acts)
        proved = any(map(policy.second_factor_demanded, deciding.values()))
        for host, rules in deciding.items():
            needed = policy.approvals_needed(rules, command.acts, sessions, above=above)
            needed = policy.REVIEWERS if command.emergency else needed  # who is passed over now reviews it afterwards
            accounts = [account.name for there, account in aims if there == host]
            listed = policy.candidates(self.policy, rules, accounts, members, asker=asker)
            first = policy.called_first(rules, members)
            listed = self._enrolled(host, listed, needed) if proved else listed
            ordered = sorted(listed, key=lambda person: (person not in first, person))
            able = await question.full_members(ordered, enough=max(needed, MOST if all_of_them else NAMED))
            if len(able) < needed:
                alone = policy.too_few_reviewers(host, len(able)) if command.emergency else ""
                raise Refused(alone or policy.too_few(host, rules, needed, len(able)))
            at_once = [person for person in able if person in first]
            enough = len(at_once) >= needed and not all_of_them
            found.update(dict.fromkeys(at_once if enough else able))
        return tuple(found)

    def _enrolled(self, host: str, listed: frozenset[str], needed: int) -> frozenset[str]:
        """Those of them whose approval could count. Raises Refused where only second factors are missing."""
        able = listed & self.enrolled()
        if len(able) < needed <= len(listed):
            raise Refused(policy.too_few_enrolled(host, needed, len(able)))
        return able

    async def _demand_command(self, who: str, command: Asking | None, aims: Aims, question: "_Question") -> None:
        if who == BOT:
            self._demand_sweep(command, aims)
            return
        if command:
            _demand(policy.may_ask_for_everyone(self.policy, command, who))
        await self._demand_ask(who, _acts(command), aims, command.reason if command else "", question)
        if command and command.emergency:
            for host, account in aims:
                _demand(policy.may_act_alone(self.policy, host, account, command))

    async def _demand_ask(self, who: str, acts: frozenset[Act], aims: Aims, reason: str, question: "_Question") -> None:
        person, members = await question.person(who), await self._members(who, aims, question, "ask")
        for host, account in aims:
            _demand(policy.may_ask(self.policy, host, account, acts, person, members))
            if any(rule.reason for rule in self.rules(host, account, acts)) and not reason:
                raise Refused(f"On {host} a reason is needed: add `because …` at the end.")

    def _demand_sweep(self, command: Asking | None, aims: Aims) -> None:
        """What Kickbot asks by itself is what a sweep of the configuration asks, where each rule lets it."""
        if not isinstance(command, Kick):
            raise Refused("Kickbot asks for nothing but the sweeps of kickbot.toml.")
        for host, account in aims:
            _demand(policy.may_sweep(self.policy, host, account, command, "propose"))

    async def _counted(
        self, who: str, acts: frozenset[Act], aims: Aims, asker: str, question: "_Question"
    ) -> tuple[str, ...]:
        person, members = await question.person(who), await self._members(who, aims, question, "approve")
        verdicts = policy.may_decide(self.policy, aims, acts, person, members, asker=asker)
        counted = tuple(host for host, verdict in verdicts.items() if verdict)
        if not counted:
            _demand(next(iter(verdicts.values())))
        return counted

    async def _members(self, who: str, aims: Aims, question: "_Question", listed: Literal["ask", "approve"]) -> Members:
        groups = self.policy.groups([host for host, _ in aims], listed)
        if who == BOT:
            return await question.members(groups)
        return await question.groups(await question.person(who), groups)


class _Question:
    """People and groups for one question, each read once: Slack allows only some twenty group reads a minute."""

    def __init__(self, people: People) -> None:
        self._people = people
        self._persons: dict[str, asyncio.Future[Person]] = {}
        self._groups: dict[str, asyncio.Future[frozenset[str]]] = {}

    async def person(self, identifier: str) -> Person:
        return await _once(self._persons, identifier, self._people.person)

    async def groups(self, person: Person, groups: frozenset[str]) -> Members:
        """The members of those groups; none is read for someone who may do nothing anyway."""
        return await self.members(groups) if person.is_member else {}

    async def members(self, groups: frozenset[str]) -> Members:
        wanted = sorted(groups)
        return dict(zip(wanted, await asyncio.gather(*map(self._group, wanted)), strict=True))

    async def full_members(self, ids: Sequence[str], *, enough: int) -> list[str]:
        """The full members among those people, a few at a time, until there are enough to name."""
        able: list[str] = []
        for start in range(0, len(ids), NAMED):
            people = await asyncio.gather(*map(self.person, ids[start : start + NAMED]))
            able += [p.id for p in people if p.is_member]
            if len(able) >= enough:
                break
        return able

    async def group_if_told(self, identifier: str) -> frozenset[str] | None:
        try:
            return await self._group(identifier)
        except LookupFailed:
            return None

    async def name_if_told(self, identifier: str) -> str:
        try:
            return (await self.person(identifier)).name
        except LookupFailed:
            return ""

    async def _group(self, identifier: str) -> frozenset[str]:
        return await _once(self._groups, identifier, self._people.members)


async def _once(
    known: dict[str, asyncio.Future[Found]], key: str, read: Callable[[str], Coroutine[Any, Any, Found]]
) -> Found:
    """Read it the first time, and again only after a failure."""
    if key not in known:
        known[key] = asyncio.ensure_future(read(key))
    try:
        return await asyncio.shield(known[key])
    except LookupFailed:
        known.pop(key, None)
        raise


class _Recent:
    """One question for all who ask within some seconds."""

    def __init__(self, people: People, seconds: float, clock: Callable[[], float]) -> None:
        self._people = people
        self._seconds = seconds
        self._clock = clock
        self._question = _Question(people)
        self._since = clock()

    def question(self) -> _Question:
        return self._question if self._clock() - self._since < self._seconds else self.anew()

    async def asked(self, ask: Callable[[_Question], Awaitable[Found]]) -> Found:
        """A yes may rest on what was read before; for a no it is read anew, every few seconds at most."""
        question = self.question()
        try:
            return await ask(question)
        except Refused:
            if self._clock() - self._since < REFUSED:
                raise
            return await ask(self.anew())

    def anew(self) -> _Question:
        """Nothing that was read before counts for it, nor for those who ask within the next seconds."""
        self._question, self._since = _Question(self._people), self._clock()
        return self._question


def aims(plan: Plan) -> Aims:
    """Each host and account of a plan, once."""
    return list(dict.fromkeys((target.host, target.account) for target in plan.everything))


def _acts(command: Asking | None) -> frozenset[Act]:
    return command.acts if command else frozenset()


def _demand(verdict: Verdict) -> None:
    if not verdict:
        raise Refused(verdict.reason)


def _sessions(request: Request) -> int:
    return len(request.plan.sessions) if request.plan else 0
