"""Whether the rules can do what whoever wrote them meant: gaps, rules that never count, approvers that aren't there.

Pure. It changes no verdict: which rule decides it asks `policy.py`.
"""

from collections.abc import Iterable, Iterator, Sequence

from bot.counting import count
from bot.findings import Finding, finding_in
from bot.inventory import fold
from bot.models import Act
from bot.policy import Policy
from bot.rules.explaining import deciding
from bot.rules.manning import manned
from bot.rules.roster import Roster, named
from bot.standing import cases

finding = finding_in("policy")

WITHOUT_RULE = "no rule names them, so nobody may do anything there"
NAME_THEM = "Name them in a rule; one without `look`, `ask` and `approve` says that nobody is meant to."
NEVER = "never counts: for each of its hosts, accounts and acts an earlier rule decides, or the account is protected"
OTHERS_LOOK = "never counts: who may look at a host says the first rule that names it, and that is an earlier one"


def sound(policy: Policy, hosts: Sequence[str], roster: Roster) -> tuple[Finding, ...]:
    """hosts: all that are configured. roster: as far as anybody was asked who is who."""
    found = [*_without_rule(policy, hosts), *_never(policy), *manned(policy, roster), *_unowned(policy, roster)]
    if any(one.level == "wrong" for one in found):
        return tuple(found)
    said = f"{count(len(policy.rules), 'rule')} for {count(len(hosts), 'host')}: nothing is wrong with them"
    return (finding("ok", "rules", said), *found)


def _without_rule(policy: Policy, hosts: Iterable[str]) -> Iterator[Finding]:
    ruled = frozenset[str]().union(*(rule.hosts for rule in policy.rules))
    if without := [host for host in hosts if host not in ruled]:
        yield finding("wrong", fold(without), WITHOUT_RULE, NAME_THEM)


def _never(policy: Policy) -> Iterator[Finding]:
    """A part of a rule that never counts is often meant so: a rule for one act below one for all."""
    counts = counting(policy)
    for number, rule in enumerate(policy.rules):
        about, mine = f"rules[{number}]", counts[number]
        if not mine:
            yield finding("wrong", about, NEVER, "Move it up, or take it out.")
            continue
        if rule.look and None not in mine:
            yield finding("note", f"{about}.look", OTHERS_LOOK)
        if idle := sorted(rule.acts - mine):
            said = f"{' and '.join(idle)} never counts in it: an earlier rule decides, or the accounts are protected"
            yield finding("note", f"{about}.acts", said)


def counting(policy: Policy) -> list[set[Act | None]]:
    """For each rule the acts about which it ever decides; None stands for a look."""
    counts: list[set[Act | None]] = [set() for _ in policy.rules]
    for host, account in cases(policy):
        for act in (None, *Act):
            for rule in deciding(policy, host, account, frozenset({act} - {None})):
                counts[policy.rules.index(rule)].add(act)
    return counts


def _unowned(policy: Policy, roster: Roster) -> Iterator[Finding]:
    """Nobody is kept from deciding about an account that nobody owns."""
    logins = {name for rule in policy.rules if isinstance(rule.accounts, frozenset) for name in rule.accounts}
    if unowned := sorted(logins - policy.owners.keys() - policy.protected):
        said = f"nobody owns {', '.join(unowned)}, so nobody is kept from deciding about them, nor told"
        yield finding("note", "people", said, "Name whose they are under [people], if they are anybody's.")
    people = [who for who in roster.everyone_in(named(policy)) if roster.person(who).is_member]
    if without := [person for person in people if not policy.knows_accounts_of(person)]:
        said = f"no account is known of {', '.join(map(roster.called, without))}: they could decide about their own"
        yield finding("note", "people", said, 'Write their login names under [people]: U… = ["login"].')
