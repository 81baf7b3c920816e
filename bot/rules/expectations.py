"""A file of what the rules are meant to say, `kickbot policy test`: read, and put to the rules. It asks no Slack.

Each case is judged by `Rights`, as a command or a click would be, with the people and groups that the file makes up.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from bot import policy
from bot.errors import CommandError, LookupFailed, Refused, SettingsError
from bot.inventory import Inventory
from bot.models import EVERYONE, FIRST_PERSON, Account, Act, Asking, Kick, Person, SetLimit, Value
from bot.policy import YES, Policy, Verdict, no, without_markup
from bot.rights import UNHOLD, Rights
from bot.rules.explaining import deciding, meant, places
from bot.settings import from_toml
from bot.shapes import GroupId, PersonId

REASON = "a test of the policy"
UNTOLD = "the file doesn't say who is in it: write it under [groups]"

Kind = Literal["guest", "deactivated", "stranger", "bot"]


class Case(Value):
    """What one person is expected to be allowed, or not. uid: of the account, on each of the hosts.

    user: not needed for a look, nor where it is about everyone. asker: who asked for what is to be approved, if not
    somebody else.
    """

    who: PersonId
    may: Literal["look", "ask", "approve"]
    act: Act = Act.KICK
    user: str = ""
    host: str
    uid: int = FIRST_PERSON
    asker: PersonId | None = None
    expect: Literal["yes", "no"]

    @model_validator(mode="after")
    def _about_somebody(self) -> "Case":
        if not self.user and self.may != "look" and self.act not in {Act.EVERYONE, Act.LIMITS}:
            raise ValueError("names no user: whose sessions is it about?")
        return self

    @property
    def words(self) -> str:
        if self.may == "look":
            return f"{self.who} may look at {self.host}"
        user = f" {self.user}" if self.user else ""
        return f"{self.who} may {self.may} {self.act}{user} on {self.host}"


class Expectations(Value):
    """people: who isn't a full, active member of the workspace; everyone else is."""

    groups: dict[GroupId, tuple[PersonId, ...]] = Field(default_factory=dict)
    people: dict[PersonId, Kind] = Field(default_factory=dict)
    cases: tuple[Case, ...] = Field(min_length=1)


class MadeUp:
    """People of `borders.py`, as the file makes them up."""

    def __init__(self, file: Expectations) -> None:
        self._file = file

    async def person(self, id: str) -> Person:  # noqa: A002 - Slack's own word
        what: dict[str, Any] = {self._file.people[id]: True} if id in self._file.people else {}
        return Person(id=id, name=id, **what)

    async def members(self, group: str) -> frozenset[str]:
        if group not in self._file.groups:
            raise LookupFailed(group, UNTOLD)
        return frozenset(self._file.groups[group])


class Failure(Value):
    """A case that is not as expected. place: in the file. words: what it asks. why: the answer, and whose it is."""

    place: str
    words: str
    why: str


def load(path: Path) -> Expectations:
    """Raises SettingsError with one line that names the key."""
    return from_toml(path, Expectations, "`kickbot policy test FILE` reads one that you write")


async def failures(file: Expectations, rules: Policy, inventory: Inventory) -> tuple[Failure, ...]:
    """On each of its hosts a case has to be as expected."""
    rights, found = Rights(_without_codes(rules), MadeUp(file)), list[Failure]()
    for number, case in enumerate(file.cases):
        for why in [await _unlike(rights, case, host) for host in _hosts(number, case, inventory)]:
            if why:
                found.append(Failure(place=f"cases[{number}]", words=case.words, why=why))
                break
    return tuple(found)


def _without_codes(rules: Policy) -> Policy:
    """What people carry with them is no affair of the file: whoever may approve is taken to have a second factor."""
    plain = tuple(rule.model_copy(update={"second_factor": False}) for rule in rules.rules)
    return rules.model_copy(update={"rules": plain})


def _hosts(number: int, case: Case, inventory: Inventory) -> Sequence[str]:
    try:
        return inventory.select(case.host)
    except CommandError as error:
        raise SettingsError(f"cases[{number}].host: {error}") from error


async def _unlike(rights: Rights, case: Case, host: str) -> str:
    """Why it is not as expected; empty if it is. What the file doesn't say of a group is no answer."""
    account = Account(name=case.user or EVERYONE, uid=case.uid)
    try:
        verdict = await _judge(rights, case, host, account)
    except Refused as refusal:
        verdict = no(refusal.for_user())
    except LookupFailed as error:
        return f"{error.what}: {error.why}"
    if verdict.allowed == (case.expect == "yes"):
        return ""
    decide = deciding(rights.policy, host, account, _acts(case, host))
    rules = places(map(rights.policy.rules.index, decide))
    by = f" (by {rules} on {host})" if rules else ""
    said = f"no: {without_markup(verdict.reason, str)}" if not verdict else "yes"
    return f"expected {case.expect}, and it is {said}{by}"


async def _judge(rights: Rights, case: Case, host: str, account: Account) -> Verdict:
    """Raises Refused and LookupFailed."""
    if case.may == "look":
        return (await rights.to_look(case.who, [host]))[host]
    acts = _acts(case, host)
    if case.may == "ask" and acts != UNHOLD:
        await rights.to_plan(case.who, _command(case, host), [(host, meant(account, acts))])
        return YES
    rights.rules(host, meant(account, acts), acts)
    viewer = await rights.viewer(case.who)
    if unread := sorted(rights.policy.groups([host], "ask", "approve") & set(viewer.unread)):
        raise LookupFailed(unread[0], UNTOLD)
    aim = (rights.policy, host, meant(account, acts), acts, viewer.person, viewer.members)
    return policy.may_ask(*aim) if case.may == "ask" else policy.may_approve(*aim, asker=case.asker or "")


def _acts(case: Case, host: str) -> frozenset[Act]:
    if case.may == "look":
        return frozenset()
    return UNHOLD if case.act is Act.UNHOLD else _command(case, host).acts


def _command(case: Case, host: str) -> Asking:
    """As it would be typed, with a reason, and with `me`, which only keeps people from locking themselves out."""
    if case.act is Act.LIMITS:
        return SetLimit(hosts=(host,), limit="idle", seconds=0, reason=REASON)
    return Kick(
        user=EVERYONE if case.act is Act.EVERYONE else case.user,
        hosts=(host,),
        force=case.act is Act.FORCE,
        processes=case.act is Act.PROCESSES,
        hold=int(case.act is Act.HOLD),
        me=case.act is Act.EVERYONE,
        reason=REASON,
    )
