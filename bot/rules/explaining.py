"""Who may do what on a host and about an account, which rule decides, and why not: in words. Pure.

It asks `policy.py` about each person, and never says yes itself.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from pydantic import Field

from bot.models import EVERYONE, Account, Act, Kick, Person, SetLimit, Value
from bot.policy import (
    Members,
    Policy,
    Rule,
    Verdict,
    approvals_needed,
    candidates,
    may_approve,
    may_ask,
    may_ask_for_everyone,
    may_look,
    mention,
    second_factor_demanded,
    supposed,
    too_few,
)
from bot.rules.roster import Roster, in_all
from bot.trials import ANYBODY

LOOK = "look"
ANYONE = Person(id="U", name="")
"""A full member whom no rule names."""

UNTOLD = "Slack doesn't say who {} is, and what can't be looked up is a no."

READ: dict[str, tuple[Literal["look", "ask", "approve"], ...]] = {
    LOOK: ("look",),
    "ask": ("ask", "approve"),
    "approve": ("approve",),
}
"""The lists of a host's rules whose groups are read for it."""

Judge = Callable[[Person, Members], Verdict]


class Deed(Value):
    """What one can do. acts: what a rule must allow for it; none: it is a look."""

    name: str
    acts: frozenset[Act] = frozenset()


class Opinion(Value):
    """Of one person. person: empty for whoever is in the groups. allowed: None where it hangs on those groups."""

    person: str
    allowed: bool | None
    reason: str = ""
    groups: tuple[str, ...] = ()


class Row(Value):
    """About one deed. rules: the places in kickbot.toml of those that decide. nobody: why there are none.

    opinions: of `look`, or of `ask` and `approve`. needed: approvals. reason: one must be given.
    emergency: whoever may ask may act alone in one. second_factor: approvals count only with a code.
    """

    deed: str
    rules: tuple[int, ...] = ()
    nobody: str = ""
    opinions: dict[str, tuple[Opinion, ...]] = Field(default_factory=dict)
    needed: int = 0
    reason: bool = False
    emergency: bool = False
    second_factor: bool = False


class Explained(Value):
    """accounts: what USER may turn out to be, in words; all of it, where it makes no difference."""

    accounts: tuple[str, ...]
    rows: tuple[Row, ...]


class _Case(Value):
    """One question to the policy. rules: those that decide it."""

    policy: Policy
    host: str
    account: Account
    deed: Deed
    rules: tuple[Rule, ...]

    def judges(self, asker: str) -> dict[str, Judge]:
        """The functions that decide. asker: who asked; empty for somebody else than is judged."""
        policy, host, account, acts = self.policy, self.host, self.account, self.deed.acts
        if not acts:
            return {LOOK: lambda who, members: may_look(policy, host, who, members)}
        return {
            "ask": lambda who, members: may_ask(policy, host, account, acts, who, members),
            "approve": lambda who, members: may_approve(policy, host, account, acts, who, members, asker=asker),
        }

    def named(self, verb: str) -> tuple[str, ...]:
        """Whom the rules name for it."""
        lists = {LOOK: [r.look for r in self.rules], "ask": [r.ask for r in self.rules]}
        return tuple(i for ids in lists.get(verb, [r.approve for r in self.rules]) for i in ids)

    def lost(self, verb: str, roster: Roster, asker: str) -> tuple[str, ...]:
        """What `Rights` looks up for it and Slack doesn't tell: groups; and who could approve what is asked."""
        groups = self.policy.groups([self.host], *READ[verb]) & roster.missing.keys()
        accounts = [self.account.name]
        able = candidates(self.policy, self.rules, accounts, roster.members, asker=asker) if verb == "ask" else set()
        return (*sorted(groups), *sorted(able & roster.missing.keys()))


def places(rules: Iterable[int]) -> str:
    """How kickbot.toml's own errors name rules: `rules[0] and rules[2]`."""
    return " and ".join(f"rules[{number}]" for number in sorted(rules))


def deeds(user: str) -> tuple[Deed, ...]:
    """What can be done about that account; about everyone not everything can."""
    look, limits = Deed(name=LOOK), Deed(name="limits", acts=SetLimit.acts)
    kick = Kick(user=user, hosts=())
    of_all = frozenset({Act.EVERYONE, *kick.acts})
    everyone = (Deed(name="everyone", acts=of_all), Deed(name="everyone, force", acts=of_all | {Act.FORCE}))
    if user == EVERYONE:
        return (look, *everyone, limits)
    more = [Deed(name=act, acts=kick.acts | {act}) for act in (Act.KICK, Act.FORCE, Act.PROCESSES, Act.HOLD)]
    return (look, *more, Deed(name=Act.UNHOLD, acts=frozenset({Act.UNHOLD})), *everyone, limits)


def meant(account: Account, acts: frozenset[Act]) -> Account:
    """Limits are about whoever is there."""
    return ANYBODY if acts == SetLimit.acts else account


def deciding(policy: Policy, host: str, account: Account, acts: frozenset[Act]) -> tuple[Rule, ...]:
    """The rules that decide about it; acts: none for a look."""
    if acts:
        return policy.rules_to_act(host, meant(account, acts), acts)
    rule = policy.rule_to_look(host)
    return (rule,) if rule else ()


def explain(policy: Policy, host: str, user: str, roster: Roster, person: str = "") -> tuple[Explained, ...]:
    """Apart only where it makes a difference what the account turns out to be. person: about this one alone."""
    found: dict[str, tuple[list[str], tuple[Row, ...]]] = {}
    for account in supposed(policy, host, user):
        rows = tuple(_row(policy, host, account, deed, roster, person) for deed in deeds(user))
        key = "\n".join(row.model_dump_json() for row in rows)
        found.setdefault(key, ([], rows))[0].append(_kind(account, user))
    return tuple(Explained(accounts=tuple(kinds), rows=rows) for kinds, rows in found.values())


def _kind(account: Account, user: str) -> str:
    if account.name != user:
        return account.name
    return "a person's account" if account.is_of_people else "an account of the system"


def _row(policy: Policy, host: str, account: Account, deed: Deed, roster: Roster, person: str) -> Row:
    rules = deciding(policy, host, account, deed.acts)
    case = _Case(policy=policy, host=host, account=meant(account, deed.acts), deed=deed, rules=rules)
    judges = case.judges("")
    if not rules:
        return Row(deed=deed.name, nobody=next(iter(judges.values()))(ANYONE, {}).reason)
    return Row(
        deed=deed.name,
        rules=tuple(map(policy.rules.index, rules)),
        opinions={verb: tuple(_opinions(case, verb, roster, person)) for verb in judges},
        needed=approvals_needed(rules, deed.acts, 0) if deed.acts else 0,
        reason=bool(deed.acts) and any(rule.reason for rule in rules),
        emergency=Act.KICK in deed.acts and all(rule.emergency for rule in rules),
        second_factor=bool(deed.acts) and second_factor_demanded(rules),
    )


# ------------------------------------------------------------------------------------------------ one person, and all


def _opinions(case: _Case, verb: str, roster: Roster, person: str) -> Iterator[Opinion]:
    """What has to be looked up and can't be is a no to everyone."""
    if lost := case.lost(verb, roster, person):
        reason = UNTOLD.format(" and ".join(map(mention, lost)))
        yield Opinion(person=person or EVERYONE, allowed=False, reason=reason)
    elif person:
        yield _of_person(case, verb, roster, person)
    else:
        yield from _of_all(case.judges("")[verb], case.named(verb), roster)


def _of_all(judge: Judge, named: Sequence[str], roster: Roster) -> Iterator[Opinion]:
    """Everyone whom the rules name, and then whoever is in the groups that nobody was asked about."""
    for person in roster.everyone_in(named):
        yield _opinion(judge, named, roster, person)
    if unread := roster.unread(named):
        verdict = judge(ANYONE, in_all(unread, ANYONE.id, {}))
        if verdict:
            yield Opinion(person="", allowed=None, groups=unread)


def _opinion(judge: Judge, named: Sequence[str], roster: Roster, person: str) -> Opinion:
    """By the groups as they are known, and if that is a no, by the best case of those that aren't."""
    if person in roster.missing:
        return Opinion(person=person, allowed=False, reason=UNTOLD.format(mention(person)))
    who, unread = roster.person(person), roster.unread(named)
    verdict = judge(who, roster.members)
    if not verdict and judge(who, in_all(unread, person, roster.members)):
        return Opinion(person=person, allowed=None, groups=unread)
    return Opinion(person=person, allowed=verdict.allowed, reason=verdict.reason)


def _of_person(case: _Case, verb: str, roster: Roster, person: str) -> Opinion:
    opinion = _opinion(case.judges("")[verb], case.named(verb), roster, person)
    if verb != "ask" or not opinion.allowed:
        return opinion
    if Act.EVERYONE in case.deed.acts and not (
        verdict := may_ask_for_everyone(case.policy, Kick(user=EVERYONE, hosts=(case.host,)), person)
    ):
        return Opinion(person=person, allowed=False, reason=verdict.reason)
    return _with_approvers(case, roster, opinion)


def _with_approvers(case: _Case, roster: Roster, opinion: Opinion) -> Opinion:
    """What nobody could approve isn't asked; what Kickbot itself gives back has nobody waiting for it."""
    if case.deed.acts == {Act.UNHOLD}:
        return opinion
    judge, named = case.judges(opinion.person)["approve"], case.named("approve")
    others = [other.allowed for other in _of_all(judge, named, roster)]
    needed = approvals_needed(case.rules, case.deed.acts, 0)
    if None in others or others.count(True) >= needed:
        return opinion
    reason = too_few(case.host, case.rules, needed, others.count(True))
    return Opinion(person=opinion.person, allowed=False, reason=reason)
