"""Whether the people whom the rules name are there, and enough of them. Pure.

It changes no verdict: who could approve it asks `policy.py`.
"""

from collections.abc import Iterable, Iterator

from bot.counting import count
from bot.findings import Finding, finding_in
from bot.models import EVERYONE
from bot.policy import REVIEWERS, Policy, Rule, approvals_needed, candidates, names, not_a_member
from bot.rules.explaining import deciding, deeds, places
from bot.rules.roster import Roster, named
from bot.standing import cases

finding = finding_in("policy")

ONE_PERSON = "If they are one person, that person could approve what they asked themselves"
ENOUGH = "Name more people or another group, or ask for fewer approvals."
UNREAD = "Slack doesn't say who that is, which is a no to everyone for whom it has to be looked up"
NOT_KNOWN = "Kickbot sees no e-mail addresses, and a name proves nothing: ask them, and take one id out if it is so."
NO_EMERGENCY = f"an emergency needs {REVIEWERS} other people to review it"
ENROL = "Enrol them on the bot's machine: kickbot second-factor enrol U…."
AS_THE_BOT = "Run it as the user that runs Kickbot, who can read the file that [second_factor] names."
CLOSED = "the same people may ask and approve, and nobody else sees it first"


def manned(policy: Policy, roster: Roster) -> Iterator[Finding]:
    """roster: as far as anybody was asked who is who."""
    yield from _untold(policy, roster)
    yield from _no_members(policy, roster)
    yield from _too_few(policy, roster)
    yield from _not_enrolled(policy, roster)
    yield from _same_people(policy, roster)
    if roster.unread(named(policy)):
        yield finding("unknown", "groups", "who is in them was not looked up", "Set SLACK_BOT_TOKEN.")


def _untold(policy: Policy, roster: Roster) -> Iterator[Finding]:
    for identifier, why in roster.missing.items():
        for place in _places(policy, identifier):
            yield finding("wrong", place, f"{identifier}: {UNREAD} ({why})", "Compare the id with Slack's.")


def _no_members(policy: Policy, roster: Roster) -> Iterator[Finding]:
    """A group may serve others too, so that whoever wrote the rule can't change who is in it."""
    for identifier, person in roster.people.items():
        if not person.is_member:
            said = f"{roster.called(identifier)}: {not_a_member(person)}"
            for place in _places(policy, identifier):
                yield finding("wrong", place, said, "Take that id out.")
            for group in sorted(policy.approving_groups):
                if identifier in roster.members.get(group, ()):
                    yield finding("note", group, said)


def _places(policy: Policy, identifier: str) -> Iterator[str]:
    """Where that very id stands in the rules: `rules[0].approve`."""
    for number, rule in enumerate(policy.rules):
        lists = {"look": rule.look, "ask": rule.ask, "approve": rule.approve}
        yield from (f"rules[{number}].{name}" for name, ids in lists.items() if identifier in ids)


def _not_enrolled(policy: Policy, roster: Roster) -> Iterator[Finding]:
    """Approvers whose yes can't count under a rule that asks for a second factor."""
    asking = [(number, rule) for number, rule in enumerate(policy.rules) if rule.second_factor]
    if asking and roster.enrolled is None:
        yield finding("unknown", "second factors", "who has one could not be looked up", AS_THE_BOT)
        return
    for number, rule in asking:
        people = _active(rule.approve, roster)
        if without := [who for who in people if who not in (roster.enrolled or ())]:
            enough = len(people) - len(without) >= rule.approvals or roster.unread(rule.approve)
            said = f"no second factor, which the rule asks for: {', '.join(map(roster.called, without))}"
            yield finding("note" if enough else "wrong", f"rules[{number}].approve", said, ENROL)


def _same_people(policy: Policy, roster: Roster) -> Iterator[Finding]:
    """Slack tells no app that two ids are one person."""
    called: dict[str, list[str]] = {}
    for person in roster.everyone_in(named(policy)):
        if roster.person(person).is_member and (name := roster.person(person).name):
            called.setdefault(name.casefold(), []).append(person)
    shared = {login: sorted(owners) for login, owners in policy.owners.items() if len(owners) > 1}
    same = [("have the same name in Slack", people) for people in called.values() if len(people) > 1]
    for why, people in [*same, *((f"own the same account, {login}", people) for login, people in shared.items())]:
        yield finding("note", " and ".join(map(roster.called, people)), f"{why}. {ONE_PERSON}", NOT_KNOWN)


# ------------------------------------------------------------------------------------------------ enough of them


def _too_few(policy: Policy, roster: Roster) -> Iterator[Finding]:
    """What is wrong with one rule is not said again for those with which it decides together."""
    told: list[frozenset[int]] = []
    for numbers in _together(policy):
        rules = [policy.rules[number] for number in sorted(numbers)]
        if not any(other <= numbers for other in told):
            found = [*_of_these(policy, rules, places(numbers), roster)]
            told += [numbers for one in found if one.level == "wrong"]
            yield from found


def _together(policy: Policy) -> list[frozenset[int]]:
    """The places of the rules that decide together about something anywhere: each set once, the small ones first."""
    everything = [deed.acts for deed in (*deeds(""), *deeds(EVERYONE)) if deed.acts]
    found = {
        frozenset(map(policy.rules.index, deciding(policy, host, account, acts))): None
        for host, account in cases(policy)
        for acts in everything
    }
    return sorted(filter(None, found), key=lambda numbers: (len(numbers), sorted(numbers)))


def _of_these(policy: Policy, rules: list[Rule], about: str, roster: Roster) -> Iterator[Finding]:
    asking = [i for rule in rules for i in rule.ask]
    if not asking or roster.unread(i for rule in rules for i in rule.approve):
        return
    askers = [who for who in _active(asking, roster) if all(names(rule.ask, who, roster.members) for rule in rules)]
    anyone = [""] if roster.unread(asking) else []
    if not askers and not anyone:
        yield finding("wrong", about, "nobody whom it lets ask is an active member of this workspace", ENOUGH)
        return
    able = {asker: _able(policy, rules, roster, asker) for asker in [*askers, *anyone]}
    approvers, needed = _able(policy, rules, roster, ""), approvals_needed(rules, frozenset(), 0)
    short = [asker for asker, others in able.items() if len(others) < needed]
    alone = [asker for asker, others in able.items() if len(others) < REVIEWERS and all(r.emergency for r in rules)]
    if short:
        yield finding("wrong", about, _why_short(short, len(able), approvers, needed, roster), ENOUGH)
    elif alone:
        who = ", ".join(roster.called(asker) if asker else "anybody" for asker in alone)
        yield finding("wrong", about, f"{NO_EMERGENCY}, and where {who} asks there are too few", ENOUGH)
    elif set(askers) == set(approvers) and not anyone:
        yield finding("note", about, f"{CLOSED}: {', '.join(map(roster.called, approvers))}")


def _active(ids: Iterable[str], roster: Roster) -> list[str]:
    return [who for who in roster.everyone_in(ids) if roster.person(who).is_member]


def _able(policy: Policy, rules: list[Rule], roster: Roster, asker: str) -> list[str]:
    """Who could approve it all, if that person asks."""
    return _active(sorted(candidates(policy, rules, (), roster.members, asker=asker)), roster)


def _why_short(short: list[str], askers: int, approvers: list[str], needed: int, roster: Roster) -> str:
    people, called = count(needed, "person", "people"), ", ".join(map(roster.called, approvers))
    if short == approvers and askers == 1:
        return f"only {called} may ask, and only {called} may approve: nothing can ever come of it"
    if len(short) == askers:
        named = f"only {len(approvers)}: {called}" if approvers else "nobody"
        return f"it takes {people} besides who asks to approve, and there is {named}"
    who = ", ".join(map(roster.called, short))
    return f"where {who} asks, too few are left to approve: it takes {people}, of {called}"
