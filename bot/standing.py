"""What one person may do on which hosts, told once where it is the same. Pure.

It only describes: what someone really does is judged by `policy.py` at that moment.
"""

from collections.abc import Iterator

from bot.models import FIRST_PERSON, Account, Act, Person, Value
from bot.policy import Members, Policy, candidates, may_approve, may_ask, may_look

LEVELS = (Act.KICK, Act.FORCE, Act.PROCESSES, Act.EVERYONE)
SYSTEM = "*system*"
"""Stands for the accounts of the system among names of accounts; no login name has a star."""


class Allowed(Value):
    """Levels about which the same holds. approvers: who else could say yes, as far as the lists tell."""

    levels: tuple[Act, ...]
    ask: bool
    approve: bool
    approvers: tuple[str, ...]

    @property
    def anything(self) -> bool:
        return self.ask or self.approve


class Standing(Value):
    """accounts: login names to which alone it applies, or SYSTEM; none: the accounts of people."""

    hosts: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    look: bool
    allowed: tuple[Allowed, ...]


def standings(policy: Policy, person: Person, members: Members) -> tuple[Standing, ...]:
    """Hosts on which this person may do nothing are left out, and accounts that are no exception there."""
    found: dict[tuple[str, bool, tuple[Allowed, ...]], list[str]] = {}
    for hosts in _alike(policy):
        look = bool(may_look(policy, hosts[0], person, members))
        usual = _allowed(policy, hosts[0], Account(name="", uid=FIRST_PERSON), person, members)
        found.setdefault(("", look, usual), []).extend(hosts)
        for name, account in _special(policy, hosts[0]):
            other = _allowed(policy, hosts[0], account, person, members)
            if other != usual and any(a.anything for a in other):
                found.setdefault((name, look, other), []).extend(hosts)
    return tuple(_merged(found))


def _merged(found: dict[tuple[str, bool, tuple[Allowed, ...]], list[str]]) -> Iterator[Standing]:
    """Accounts with equal rights on equal hosts are one exception."""
    accounts: dict[tuple[tuple[str, ...], bool, tuple[Allowed, ...], bool], list[str]] = {}
    for (name, look, allowed), hosts in found.items():
        if look or any(a.anything for a in allowed):
            accounts.setdefault((tuple(hosts), look, allowed, bool(name)), []).extend([name] if name else [])
    for (named, look, allowed, _), names in accounts.items():
        yield Standing(hosts=named, accounts=tuple(names), look=look, allowed=allowed)


def _alike(policy: Policy) -> list[list[str]]:
    """Every host that a rule names, together with those that exactly the same rules name."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for host in sorted(frozenset().union(*(rule.hosts for rule in policy.rules))):
        alike.setdefault(tuple(n for n, rule in enumerate(policy.rules) if host in rule.hosts), []).append(host)
    return list(alike.values())


def _special(policy: Policy, host: str) -> Iterator[tuple[str, Account]]:
    """Accounts for which a rule about that host may say something else than for a person's."""
    rules = [rule for rule in policy.rules if host in rule.hosts]
    for name in sorted({name for rule in rules if isinstance(rule.accounts, frozenset) for name in rule.accounts}):
        yield name, Account(name=name, uid=FIRST_PERSON)
    yield SYSTEM, Account(name="", uid=FIRST_PERSON - 1)


def cases(policy: Policy) -> Iterator[tuple[str, Account]]:
    """One host of all that the same rules name, with each account about which they may say something else."""
    for host, *_ in _alike(policy):
        named = ["", *(account.name for _, account in _special(policy, host) if account.name)]
        accounts = [Account(name=name, uid=uid) for name in named for uid in (FIRST_PERSON, FIRST_PERSON - 1)]
        yield from ((host, account) for account in accounts if not policy.protects(account))


def _allowed(policy: Policy, host: str, account: Account, person: Person, members: Members) -> tuple[Allowed, ...]:
    """Every level that a rule allows, those with the same rights together."""
    same: dict[tuple[bool, bool, tuple[str, ...]], list[Act]] = {}
    for level in LEVELS:
        acts = frozenset({Act.KICK, level})
        if rules := policy.rules_to_act(host, account, acts):
            ask = bool(may_ask(policy, host, account, acts, person, members))
            approve = bool(may_approve(policy, host, account, acts, person, members, asker=""))
            able = candidates(policy, rules, [account.name], members, asker=person.id)
            same.setdefault((ask, approve, tuple(sorted(able))), []).append(level)
    return tuple(
        Allowed(levels=tuple(levels), ask=ask, approve=approve, approvers=approvers)
        for (ask, approve, approvers), levels in same.items()
    )
