"""Reads a roster from Slack: everyone whom the rules name, and everyone in the groups that they name."""

import asyncio
from collections.abc import Sequence

from bot.borders import People
from bot.errors import LookupFailed
from bot.models import Person
from bot.policy import Policy, is_group
from bot.rules.roster import Roster, named

AT_ONCE = 5


async def roster_of(policy: Policy, people: People, *others: str) -> Roster:
    """others: people besides. What Slack doesn't tell is among the missing."""
    ids = dict.fromkeys([*named(policy), *others])
    members: dict[str, frozenset[str]] = {}
    missing: dict[str, str] = {}
    for group in filter(is_group, ids):
        try:
            members[group] = await people.members(group)
        except LookupFailed as error:
            missing[group] = error.why
    direct = [person for person in ids if not is_group(person)]
    wanted = list(dict.fromkeys([*direct, *sorted(frozenset[str]().union(*members.values()))]))
    known: dict[str, Person] = {}
    for start in range(0, len(wanted), AT_ONCE):
        await _read(people, wanted[start : start + AT_ONCE], known, missing)
    return Roster(looked_up=True, people=known, members=members, missing=missing)


async def _read(people: People, few: Sequence[str], known: dict[str, Person], missing: dict[str, str]) -> None:
    answers = await asyncio.gather(*map(people.person, few), return_exceptions=True)
    for who, answer in zip(few, answers, strict=True):
        if isinstance(answer, LookupFailed):
            missing[who] = answer.why
        elif isinstance(answer, BaseException):
            raise answer
        else:
            known[who] = answer
