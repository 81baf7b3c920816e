"""Codes of people's own devices, for rules that let no approval count without one: Slack's word is not enough there.

The trail says which codes counted and how many were wrong, so restarts and replicas change nothing. A code itself is
never recorded, told or logged.
"""

import asyncio
import re
from datetime import datetime

from bot.borders import Match
from bot.bounds import HOUR
from bot.errors import Refused, WrongCode
from bot.events import Action
from bot.events import WrongCode as Wrong
from bot.ledger import USED, Ledger
from bot.models import Value
from bot.request import Request
from bot.rights import Rights
from bot.states import State

MOST_WRONG = 5
"""Wrong codes of one person in an hour; then none of theirs counts until the oldest of these is an hour old."""

COUNTED = ("approved", "unhold_approved", "retention_approved")
"""The kinds of events with which a code counts."""

NEEDED = (
    "A rule asks for a code of your own second factor here, and none came: click the button under its message, which"
    " opens a form for it. Nothing was done."
)
NOT_ENROLLED = (
    "A rule asks for a code of your own second factor here, and you have none yet, so you can't approve it. Ask whoever"
    " runs Kickbot to enrol you on its machine (`kickbot second-factor enrol {who}`) and to give you what it prints in"
    " person, never by Slack."
)
NOT_A_CODE = "A code is six digits, as your authenticator shows them now."
WRONG = "That code is wrong. Take the one that your authenticator shows now; if it stays so, compare its clock."
BARRED = (
    "There were {most} wrong codes in your name within an hour, so none counts until {until:%H:%M} UTC. If they weren't"
    " yours, someone else uses your Slack account: `/kickbot freeze` stops all acting."
)


class Proof(Value):
    """What an event says of the code that came with it, see `events.py`; nothing where none was asked for."""

    second_factor: int | None = None
    authenticator: str | None = None
    key: str | None = None


class SecondFactors:
    """Refused by default: without a right code that was never used there is no proof."""

    def __init__(self, ledger: Ledger, rights: Rights) -> None:
        self._ledger = ledger
        self._rights = rights
        self._checking = asyncio.Lock()  # who sends many at once gets no more tries

    def are_asked_of(self, who: str, request: Request) -> bool:
        """Is a form to be opened for this person's yes? Who has no second factor is told so instead."""
        if who in {request.asker, request.unhold_asked.who if request.unhold_asked else ""}:
            return False
        waiting = request.state in {State.PENDING, State.TO_DROP} or request.unhold_asked is not None
        try:
            return waiting and self._rights.second_factor_demanded(request) and who in self._rights.enrolled()
        except Refused:
            return False  # whoever judges the click says why

    async def proof(self, who: str, request: Request, action: Action, code: str) -> Proof:
        """Right before this person's yes is recorded. Raises Refused where a code is asked for and this isn't it."""
        if not self._rights.second_factor_demanded(request):
            return Proof()
        if who not in self._rights.enrolled():
            raise Refused(NOT_ENROLLED.format(who=who))
        if not code:
            raise Refused(NEEDED)
        async with self._checking:
            found = await self._match(who, request, action, code)
        key = f"code of {who} at {found.step}"
        return Proof(second_factor=found.step, authenticator=found.fingerprint, key=key)

    async def _match(self, who: str, request: Request, action: Action, code: str) -> Match:
        now = await self._ledger.now()
        wrong = [record.at for record in await self._ledger.by(who, ("wrong_code",), now - HOUR)]
        if len(wrong) >= MOST_WRONG:
            raise Refused(_barred(wrong))
        if not re.fullmatch(r"[0-9]{6}", code):
            raise Refused(NOT_A_CODE)
        found = self._rights.authenticators.match(who, code, now) if self._rights.authenticators else None
        if found is None:
            raise await self._wrong(who, request, action, [*wrong, now])
        if found.step <= await self._newest_used(who, now):
            raise Refused(USED)
        return found

    async def _wrong(self, who: str, request: Request, action: Action, wrong: list[datetime]) -> WrongCode:
        """Recorded before it is told."""
        barred = len(wrong) >= MOST_WRONG
        until = _until(wrong) if barred else None
        await self._ledger.record(request, Wrong(who=who, action=action, barred_until=until))
        return WrongCode(_barred(wrong) if barred else WRONG)

    async def _newest_used(self, who: str, now: datetime) -> int:
        """A code that could still be right was used within minutes, whatever the clock did meanwhile."""
        used = await self._ledger.by(who, COUNTED, now - HOUR)
        steps = [getattr(record.event, "second_factor", None) for record in used]
        return max((step for step in steps if step is not None), default=-1)


def _until(wrong: list[datetime]) -> datetime:
    return wrong[-MOST_WRONG] + HOUR


def _barred(wrong: list[datetime]) -> str:
    return BARRED.format(most=MOST_WRONG, until=_until(wrong))
