"""How much one person may ask for by a rule: hosts in a request, requests and hosts in an hour. Pure.

What came before is counted from the trail, so that every replica and every restart counts the same.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from bot.counting import count
from bot.models import Moment, Value
from bot.policy import Above, Rule
from bot.request import Request
from bot.states import State

HOUR = timedelta(hours=1)

Key = Literal["max_hosts", "requests_per_hour", "hosts_per_hour"]


class Past(Value):
    """A request that was asked before. named: the hosts of its command. hosts: those on which it may act.

    planned: False while it is not known on which of them.
    """

    at: Moment
    named: frozenset[str]
    hosts: frozenset[str]
    planned: bool


class Passed(Value):
    """A bound that a request would pass. free_at: when it wouldn't any more; None: never, as large as it is.

    sure: False if it may yet turn out not to, once earlier requests have their plan.
    """

    key: Key
    most: int
    above: Above
    free_at: Moment | None = None
    sure: bool = True

    def refusal(self) -> str:
        """Why not, and when again, for the person who asked."""
        until = f" It will be free again at {self.free_at:%H:%M:%S} UTC." if self.free_at else ""
        bound = f"(`{self.key} = {self.most}`)"
        if self.key == "requests_per_hour":
            return f"A rule there allows one person {count(self.most, 'request')} in an hour {bound}.{until}"
        if self.key == "hosts_per_hour":
            fewer = "" if self.free_at else " Ask for fewer."
            return f"A rule there allows one person {count(self.most, 'host')} in an hour {bound}.{until}{fewer}"
        return f"A rule there allows {count(self.most, 'host')} in one request {bound}. Ask for fewer."

    def words(self) -> str:
        """The same as a reason for one approval more: `it is about more than 5 hosts`."""
        if self.key == "requests_per_hour":
            return f"{count(self.most, 'request')} of one person came within the hour before it"
        if self.key == "hosts_per_hour":
            return f"with it one person asked for more than {count(self.most, 'host')} within an hour"
        return f"it is about more than {count(self.most, 'host')}"


def past(request: Request) -> Past | None:
    """An earlier request as it counts; None for one that doesn't: it was refused, or is none of a person's."""
    if request.command is None or request.state is State.REFUSED:
        return None
    named = frozenset(request.command.hosts)
    unknown = request.plan is None and not request.state.final
    hosts = frozenset(request.plan.hosts) if request.plan else named if unknown else frozenset[str]()
    return Past(at=request.asked_at, named=named, hosts=hosts, planned=not unknown)


def least(hosts: Collection[str], earlier: Iterable[Past]) -> frozenset[str]:
    """What a request about those hosts will be about at least: on which of them anything is, nobody knows yet."""
    counted = frozenset[str]().union(*(one.hosts for one in earlier))
    return frozenset(next(([host] for host in hosts if host in counted), list(hosts)[:1]))


def passed(rules: Iterable[Rule], hosts: Collection[str], earlier: Sequence[Past] = ()) -> Passed | None:
    """The bound of these rules that a request on those hosts passes: one that means no before all others.

    earlier: what the same person asked for within the hour before it.
    """
    found = [one for rule in dict.fromkeys(rules) for one in _passed(rule, frozenset(hosts) & rule.hosts, earlier)]
    return min(found, key=lambda one: (one.above != "no", not one.sure), default=None)


def _passed(rule: Rule, hosts: frozenset[str], earlier: Sequence[Past]) -> list[Passed]:
    there = sorted((one for one in earlier if one.named & rule.hosts), key=lambda one: one.at)
    found = list[Passed]()
    if rule.max_hosts is not None and len(hosts) > rule.max_hosts:
        found.append(Passed(key="max_hosts", most=rule.max_hosts, above=rule.above))
    if (most := rule.requests_per_hour) is not None and len(there) >= most:
        free_at = there[len(there) - most].at + HOUR
        found.append(Passed(key="requests_per_hour", most=most, above=rule.above, free_at=free_at))
    if (most := rule.hosts_per_hour) is not None and len(_all(rule, hosts, there)) > most:
        sure = len(_all(rule, hosts, [one for one in there if one.planned])) > most
        free_at_ = _free_at(rule, hosts, there, most)
        found.append(Passed(key="hosts_per_hour", most=most, above=rule.above, free_at=free_at_, sure=sure))
    return found


def _all(rule: Rule, hosts: frozenset[str], earlier: Iterable[Past]) -> frozenset[str]:
    """Each host counts once, however often it was asked for."""
    return hosts.union(*(one.hosts & rule.hosts for one in earlier))


def _free_at(rule: Rule, hosts: frozenset[str], earlier: Sequence[Past], most: int) -> datetime | None:
    """When enough of the earlier ones, the oldest first, are more than an hour old."""
    for number, one in enumerate(earlier, 1):
        if len(_all(rule, hosts, earlier[number:])) <= most:
            return one.at + HOUR
    return None
