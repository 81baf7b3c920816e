"""Who may look, ask and approve. Pure; nothing else in Kickbot may say yes.

Refuse by default: the first rule that fits decides, no rule means nobody, an absent list means nobody. Ids decide,
never names. The asker never approves, nor does the owner of the account. What was not looked up is not there: a no.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from bot.models import (
    EVERYONE,
    FIRST_PERSON,
    Account,
    Act,
    Asking,
    Kick,
    Person,
    Sense,
    Series,
    SweepAction,
    Value,
)


class Verdict(Value):
    """Yes or no. reason: for the person who asked, one or two sentences; empty for a yes."""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


Above = Literal["no", "approval"]

YES = Verdict(allowed=True)
MAX_SESSIONS = 20
REVIEWERS = 2
"""People besides the asker who review an emergency."""

_MENTION = re.compile(r"<(?:@|!subteam\^)([A-Z0-9]+)>")


def no(reason: str) -> Verdict:
    return Verdict(allowed=False, reason=reason)


class Rule(Value):
    """One `[[rules]]` of kickbot.toml. hosts: names, already expanded. Times in seconds.

    accounts: `people` (uid 1000 and up), `any`, or a set of login names. then: those in `approve` who are called only
    by the reminder; it gives nobody a right. idle: what makes a session idle.
    spare_groups: groups on the host whose members stay where everyone goes. max_sessions: a plan for everyone that ends
    more needs one approval more.
    max_hosts: in one request; requests_per_hour, hosts_per_hour: of one asker, on this rule's hosts, see `bounds.py`;
    None: any number. above: what becomes of a request that passes one of these: nothing, or one approval more.
    canary: of a request on several hosts one goes first, see `canary.py`.
    sweeps: what a sweep may do by itself: nothing, propose, or end without a click as well.
    emergency: whoever may ask may act without anybody's approval, if they say that it is one.
    second_factor: an approval counts only with a code of the approver's own, which Slack never has.
    """

    hosts: frozenset[str]
    accounts: Literal["people", "any"] | frozenset[str] = "people"
    acts: frozenset[Act] = frozenset({Act.KICK})
    look: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    approvals: int = 1
    expires: int = 900
    act_by: int = 900
    late: int = 60
    reason: bool = False
    channel: str | None = None
    idle: Sense = "careful"
    spare_groups: tuple[str, ...] = ()
    max_sessions: int = MAX_SESSIONS
    max_hosts: int | None = None
    requests_per_hour: int | None = None
    hosts_per_hour: int | None = None
    above: Above = "no"
    canary: bool = False
    sweeps: Literal["no", "propose", "end"] = "no"
    emergency: bool = False
    second_factor: bool = False

    def fits(self, account: Account, acts: frozenset[Act]) -> bool:
        """True if this rule speaks about that account and allows all of those acts."""
        if not acts <= self.acts:
            return False
        if self.accounts == "any":
            return True
        if self.accounts == "people":
            return account.is_of_people
        return account.name in self.accounts


class Channel(Value):
    """A Slack channel. member: the bot is in it. shared: people of other companies are in it."""

    id: str
    name: str = ""
    member: bool = False
    shared: bool = False


class Policy(Value):
    """All rules, in order. owners: login name -> whose it is. protected: login names never ended.

    channels: where evidence may stand besides the incident channel and the rules' own: ids, or patterns `#inc-*`.
    sweeps: what Kickbot asks by itself. keep: seconds for which what hosts said is kept at least; 0: for ever.
    """

    rules: tuple[Rule, ...] = ()
    owners: dict[str, frozenset[str]] = Field(default_factory=dict)
    protected: frozenset[str] = frozenset({"root"})
    incident_channel: str = ""
    channels: tuple[str, ...] = ()
    sweeps: tuple[Series, ...] = ()
    keep: int = 0

    def groups(self, hosts: Iterable[str], *lists: Literal["look", "ask", "approve"]) -> frozenset[str]:
        """Every user group that stands in those lists of a rule about any of those hosts."""
        rules = [r for r in self.rules if not r.hosts.isdisjoint(hosts)]
        listed = {"look": [r.look for r in rules], "ask": [r.ask for r in rules], "approve": [r.approve for r in rules]}
        return frozenset(i for name in lists for ids in listed[name] for i in ids if is_group(i))

    @property
    def approving_groups(self) -> frozenset[str]:
        """Every user group that may approve something."""
        return frozenset(i for rule in self.rules for i in rule.approve if is_group(i))

    @property
    def every_group(self) -> frozenset[str]:
        """Every user group that stands in any rule."""
        hosts = frozenset[str]().union(*(rule.hosts for rule in self.rules))
        return self.groups(hosts, "look", "ask", "approve")

    def protects(self, account: Account) -> bool:
        """True for those whose sessions are never ended: whoever is root, and the protected login names."""
        return account.uid == 0 or account.name in self.protected

    def rule_to_look(self, host: str) -> Rule | None:
        """A listing shows every account, so only the host chooses its rule."""
        return next((r for r in self.rules if host in r.hosts), None)

    def rules_to_act(self, host: str, account: Account, acts: frozenset[Act]) -> tuple[Rule, ...]:
        """For each act the first rule that fits, each rule once: all must be kept. None if an act has no rule."""
        found = [
            next((r for r in self.rules if host in r.hosts and r.fits(account, frozenset({act}))), None)
            for act in sorted(acts)
        ]
        rules = [rule for rule in found if rule is not None]
        return tuple(dict.fromkeys(rules)) if len(rules) == len(found) else ()

    def allows(self, aims: Iterable[tuple[str, Account]], act: Act) -> bool:
        """True if rules speak about that act for each of these hosts and accounts."""
        return all(self.rules_to_act(host, account, frozenset({act})) for host, account in aims)

    def spare_groups(self, hosts: Iterable[str]) -> tuple[str, ...]:
        """The groups that a look at any of those hosts has to tell about before everyone goes."""
        rules = [rule for rule in self.rules if Act.EVERYONE in rule.acts and not rule.hosts.isdisjoint(hosts)]
        return tuple(sorted({group for rule in rules for group in rule.spare_groups}))

    def owns(self, account: str, person: str) -> bool:
        """True if the configuration says that this account is that person's."""
        return person in self.owners.get(account, frozenset())

    def knows_accounts_of(self, person: str) -> bool:
        """True if the configuration names an account of that person."""
        return any(person in people for people in self.owners.values())

    def sense_to_look(self, host: str) -> Sense:
        """What makes a session idle in a listing of that host."""
        rule = self.rule_to_look(host)
        return rule.idle if rule else "careful"

    def sense_to_act(self, host: str, account: Account, acts: frozenset[Act]) -> Sense:
        """The same where it is to be ended: careful, unless every rule that decides asks for less."""
        rules = self.rules_to_act(host, account, acts)
        return "keys" if rules and all(rule.idle == "keys" for rule in rules) else "careful"


Members = Mapping[str, frozenset[str]]
"""User group -> the ids in it, just read from Slack."""


def is_group(identifier: str) -> bool:
    """`S…` is a user group, `U…` and `W…` are people."""
    return identifier.startswith("S")


def mention(identifier: str) -> str:
    """How Slack's mrkdwn names a person or a group."""
    return f"<!subteam^{identifier}>" if is_group(identifier) else f"<@{identifier}>"


def without_markup(text: str, called: Callable[[str], str]) -> str:
    """The same text where nobody reads mrkdwn. called: what to say for the id of a person or a group."""
    return _MENTION.sub(lambda found: called(found[1]), text)


def names(listed: Sequence[str], person: str, members: Members) -> bool:
    """True if the list names that person, or a group that has them. A group that wasn't read has nobody."""
    return any(person in members.get(i, frozenset()) if is_group(i) else i == person for i in listed)


def may_show(policy: Policy, channel: Channel) -> bool:
    """May evidence (addresses, command lines) stand in this channel?"""
    return channel.member and could_show(policy, channel)


def could_show(policy: Policy, channel: Channel) -> bool:
    """Would it, once the bot is in it? Never where another company reads; else the configuration has to name it."""
    if channel.shared:
        return False
    named = {policy.incident_channel, *policy.channels, *(r.channel for r in policy.rules)}
    patterns = [c[1:] for c in policy.channels if c.startswith("#")]
    return channel.id in named or any(fnmatchcase(channel.name, pattern) for pattern in patterns)


def places(policy: Policy) -> tuple[str, ...]:
    """Where evidence may stand: ids, and patterns such as `#inc-*`."""
    named = (policy.incident_channel, *policy.channels, *(rule.channel or "" for rule in policy.rules))
    return tuple(dict.fromkeys(filter(None, named)))


def in_time(rules: Iterable[Rule], seconds: float) -> bool:
    """Was it sent so lately that all of these rules let it still be asked? seconds: how old it is."""
    return all(seconds <= rule.late for rule in rules)


def home(policy: Policy, rules: Iterable[Rule], asked_in: Channel) -> str:
    """The channel where a request under these rules lives."""
    own = next((r.channel for r in rules if r.channel), None)
    return own or (asked_in.id if may_show(policy, asked_in) else policy.incident_channel)


def may_look(policy: Policy, host: str, person: Person, members: Members) -> Verdict:
    """May this person see who is logged in there?"""
    if not person.is_member:
        return no(not_a_member(person))
    rule = policy.rule_to_look(host)
    if rule is None:
        return no(f"No rule says who may look at {host}, so nobody may.")
    if not names(rule.look, person.id, members):
        return no(_only(rule.look, f"may look at {host}"))
    return YES


def may_ask(
    policy: Policy, host: str, account: Account, acts: frozenset[Act], person: Person, members: Members
) -> Verdict:
    """May this person ask to end that account's sessions there?"""
    if not person.is_member:
        return no(not_a_member(person))
    if policy.protects(account):
        return no(f"{account.name} is protected on {host}: its sessions are never ended.")
    if Act.PROCESSES in acts and not account.is_of_people:
        return no(f"{account.name} is an account of the system on {host}: `processes` is only for people's accounts.")
    rules = policy.rules_to_act(host, account, acts)
    if not rules:
        return no(f"No rule allows to {_spell(acts, account)} on {host}, so nobody may.")
    refusal = next((rule for rule in rules if not names(rule.ask, person.id, members)), None)
    return no(_only(refusal.ask, f"may ask {_for(refusal, acts)}on {host}")) if refusal else YES


def may_ask_for_everyone(policy: Policy, command: Asking, person: str) -> Verdict:
    """Nobody locks themselves out by mistake: where it isn't known which sessions are theirs, they have to say so."""
    if not command.is_of_everyone or command.me or policy.knows_accounts_of(person):
        return YES
    return no(
        "Which accounts are yours isn't known (`[people]` in kickbot.toml), so your own sessions could be among them."
        " Add the word `me` if they may end too."
    )


def may_sweep(policy: Policy, host: str, account: Account, command: Kick, action: SweepAction) -> Verdict:
    """May a sweep propose to end that account's sessions there, or end them without a click?

    That it is configured says the first word, and each rule that decides has to say the second one.
    """
    if not any(series.command == command and series.sweep.action in {action, "end"} for series in policy.sweeps):
        return no("kickbot.toml has no such sweep any more.")
    if policy.protects(account):
        return no(f"{account.name} is protected on {host}: its sessions are never ended.")
    rules = policy.rules_to_act(host, account, command.acts)
    if not rules or any(rule.sweeps not in {action, "end"} for rule in rules):
        return no(f"No rule lets a sweep {action} {account.name} on {host}.")
    return YES


def may_act_alone(policy: Policy, host: str, account: Account, command: Asking) -> Verdict:
    """In an emergency, may whoever may ask act without anybody's approval? Every rule that decides has to say so."""
    rules = policy.rules_to_act(host, account, command.acts)
    if not rules or second_factor_demanded(rules) or not all(rule.emergency for rule in rules):
        return no(f"No rule lets anybody act alone on {host}: ask without `emergency`, and someone else approves.")
    if not command.reason:
        return no("An emergency needs a reason: add `because …` at the end.")
    return YES


def supposed(policy: Policy, host: str, user: str) -> tuple[Account, ...]:
    """What an account may turn out to be before its host was looked at: a person's, or the system's.

    Everyone may turn out to be any account that a rule names, too.
    """
    rules = [rule for rule in policy.rules if host in rule.hosts and user == EVERYONE]
    named = sorted({name for rule in rules if isinstance(rule.accounts, frozenset) for name in rule.accounts})
    usual = (Account(name=user, uid=FIRST_PERSON), Account(name=user, uid=FIRST_PERSON - 1))
    return (*usual, *(Account(name=name, uid=FIRST_PERSON) for name in named if name not in policy.protected))


def may_approve(
    policy: Policy, host: str, account: Account, acts: frozenset[Act], person: Person, members: Members, *, asker: str
) -> Verdict:
    """May this person be the second one for that?"""
    if not person.is_member:
        return no(not_a_member(person))
    if person.id == asker:
        return no("You asked for this one, so you can't approve it.")
    if policy.owns(account.name, person.id):
        also = f" Who has no session on {host} has to." if Act.EVERYONE in acts else ""
        return no(f"{account.name} is your own account, so you can't decide about it.{also}")
    rules = policy.rules_to_act(host, account, acts)
    if not rules:
        return no(f"No rule allows to {_spell(acts, account)} on {host} any more.")
    refusal = next((rule for rule in rules if not names(rule.approve, person.id, members)), None)
    if refusal:
        may = f"may approve {_for(refusal, acts)}on {host}"
        return no(f"{_only(refusal.approve, may)} You are not among them.")
    return YES


def may_freeze(policy: Policy, person: Person, members: Members) -> Verdict:
    """May this person stop all acting, and be one of two who release it, or who let what is old be dropped?

    Whoever may approve anything may.
    """
    if not person.is_member:
        return no(not_a_member(person))
    if any(names(rule.approve, person.id, members) for rule in policy.rules):
        return YES
    return no("Only those whom a rule lets approve may decide about this. You are not among them.")


def could_freeze(policy: Policy, members: Members) -> frozenset[str]:
    """The ids of those, as far as the lists tell."""
    return frozenset[str]().union(*(_people(rule.approve, members) for rule in policy.rules))


def may_decide(
    policy: Policy,
    aims: Iterable[tuple[str, Account]],
    acts: frozenset[Act],
    person: Person,
    members: Members,
    *,
    asker: str,
) -> dict[str, Verdict]:
    """The same for each host of a plan. A no about one account of a host is a no about the host."""
    verdicts: dict[str, Verdict] = {}
    for host, account in aims:
        if verdicts.get(host, YES):
            verdicts[host] = may_approve(policy, host, account, acts, person, members, asker=asker)
    return verdicts


def candidates(
    policy: Policy, rules: Sequence[Rule], accounts: Iterable[str], members: Members, *, asker: str
) -> frozenset[str]:
    """The ids that could approve under all of these rules, as far as the lists tell: nobody who owns an account."""
    able = [_people(rule.approve, members) for rule in rules]
    owners = frozenset[str]().union(*(policy.owners.get(account, frozenset()) for account in accounts))
    return frozenset.intersection(*able) - {asker} - owners


def approvals_needed(rules: Iterable[Rule], acts: frozenset[Act], sessions: int, *, above: bool = False) -> int:
    """How many people besides the asker, by all of these rules.

    sessions: how many the plan ends. above: it passes another bound, where one approval more is asked for.
    """
    rules = tuple(rules)
    return max(rule.approvals for rule in rules) + (above or bool(limit_passed(rules, acts, sessions)))


def second_factor_demanded(rules: Iterable[Rule]) -> bool:
    """Does an approval count only with a code of the approver's own? Where it is about several rules, one is enough."""
    return any(rule.second_factor for rule in rules)


def limit_passed(rules: Iterable[Rule], acts: frozenset[Act], sessions: int) -> int:
    """The smallest `max_sessions` that a plan for everyone passes; 0 if it passes none."""
    limits = [rule.max_sessions for rule in rules if Act.EVERYONE in acts and sessions > rule.max_sessions]
    return min(limits, default=0)


def too_few(host: str, rules: Sequence[Rule], needed: int, able: int) -> str:
    """Why something isn't even asked. able: how many could approve it."""
    strictest = max(rules, key=lambda rule: rule.approvals)
    who = " and ".join(mention(i) for i in strictest.approve) or "nobody"
    if not able:
        return f"Nobody could approve this on {host}: only {who} may, and no one is left there but you or the owner."
    return f"{host} needs {needed} approvals, and only {able} of {who} could give one. Not asked."


def too_few_enrolled(host: str, needed: int, able: int) -> str:
    """The same where only a second factor is missing. able: how many have one."""
    have = f"only {able} have" if able > 1 else "only one has" if able else "nobody has"
    return (
        f"{host} needs {needed} with a second factor to approve, and {have} one of those who may. Not asked."
        " Whoever runs Kickbot enrols people with `kickbot second-factor enrol`."
    )


def too_few_reviewers(host: str, able: int) -> str:
    """Why nobody acts alone there. able: how many could review it."""
    return f"An emergency on {host} has to be reviewed by {REVIEWERS} other people, and only {able} could. Not done."


def called_first(rules: Iterable[Rule], members: Members) -> frozenset[str]:
    """The ids of those who are asked at once; the others who may approve are called by the reminder."""
    return frozenset().union(*(_people([i for i in r.approve if i not in r.then], members) for r in rules))


def _people(ids: Iterable[str], members: Members) -> frozenset[str]:
    """People by their ids, and those in the groups."""
    return frozenset().union(*(members.get(i, frozenset()) if is_group(i) else frozenset({i}) for i in ids))


def _for(rule: Rule, acts: frozenset[Act]) -> str:
    """Which of several acts a rule speaks about: `force `; nothing where it allows all of them."""
    return "" if acts <= rule.acts else f"{_words(acts & rule.acts)} "


def not_a_member(person: Person) -> str:
    """Why someone who is no full member of this workspace can do nothing here."""
    if person.deactivated:
        return "This Slack account is deactivated, so it can't decide anything here."
    kind = "A bot" if person.bot else "A guest" if person.guest else "Someone from another workspace"
    return f"{kind} can't use Kickbot: only full members of this workspace can."


def _only(listed: Sequence[str], may: str) -> str:
    who = " and ".join(mention(i) for i in listed)
    return f"Only {who} {may}." if listed else f"Nobody {may}: the rule names nobody."


def _spell(acts: frozenset[Act], account: Account) -> str:
    """`force and kick audituser`, `kick everyone, audituser among them,`"""
    if acts == {Act.LIMITS}:
        return "set limits"
    if Act.EVERYONE not in acts:
        return f"{_words(acts)} {account.name}"
    among = f", {account.name} among them," if account.name != EVERYONE else ""
    return f"{_words(acts - {Act.EVERYONE})} everyone{among}"


def _words(acts: frozenset[Act]) -> str:
    return " and ".join(sorted(acts))
