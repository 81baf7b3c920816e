"""How much a person has asked for already, as the trail tells, and whether a request still fits into its rules' bounds.

Judged when it is asked and again when it is planned: then only what was asked before it counts, so of two requests that
come at once, on whichever replicas, the first one wins.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot import bounds
from bot.bounds import HOUR, Passed, Past
from bot.errors import NotNow, Refused
from bot.events import BOT
from bot.ledger import Ledger
from bot.models import Asking
from bot.policy import Rule
from bot.request import Request, command_of

PAUSE = 5.0
"""Seconds after which a request is planned again that has to wait for the plan of an earlier one."""
PATIENCE = timedelta(minutes=5)
"""For so long it waits."""


class Allowance:
    """Nothing is remembered here."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def demand_asking(self, who: str, command: Asking, rules: Sequence[Rule]) -> None:
        """Before the hosts were looked at. Raises Refused where it can't fit, whatever they show."""
        if not any(rule.requests_per_hour or rule.hosts_per_hour for rule in rules):
            return
        earlier = await self._earlier(who, await self._ledger.now() - HOUR)
        passed = bounds.passed(rules, bounds.least(command.hosts, earlier), earlier)
        _demand(passed if passed and passed.sure else None, command)

    async def beyond(self, request: Request, deciding: Mapping[str, Sequence[Rule]]) -> str:
        """Once its plan is known: why it needs one approval more; empty if it doesn't. deciding: its hosts' rules.

        Raises Refused where it doesn't fit, and NotNow where that hangs on requests that have no plan yet.
        """
        rules = [rule for rules in deciding.values() for rule in rules]
        passed = bounds.passed(rules, deciding, await self._before(request, rules))
        if passed and not passed.sure and await self._ledger.now() < request.asked_at + PATIENCE:
            raise NotNow(f"it waits for the plans of earlier requests of {request.asker}", PAUSE)
        _demand(passed, command_of(request))
        return passed.words() if passed else ""

    async def _before(self, request: Request, rules: Sequence[Rule]) -> tuple[Past, ...]:
        """What counts for a request that is recorded; a sweep is nobody's."""
        if request.asker == BOT or not any(rule.requests_per_hour or rule.hosts_per_hour for rule in rules):
            return ()
        return await self._earlier(request.asker, request.asked_at - HOUR, before=request)

    async def _earlier(self, who: str, since: datetime, before: Request | None = None) -> tuple[Past, ...]:
        asked = [r for r in await self._ledger.asked_by(who, since) if before is None or r.id < before.id]
        return tuple(one for one in map(bounds.past, asked) if one is not None)


def _demand(passed: Passed | None, command: Asking) -> None:
    """Where nobody approves, there is no approval more either."""
    if passed and (passed.above == "no" or command.emergency):
        raise Refused(passed.refusal())
