"""Who may end what, said a second time and in other words, for `test_never_alone.py`. It imports nothing of the bot.

A world is what Slack and kickbot.toml say at one moment; a judge is asked whether a session may really be gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

PROTECTED = frozenset({"root", "breakglass"})
PATIENCE = 900
"""Seconds to decide, and then to act, in every rule of these worlds."""
TOGETHER = 900


@dataclass(frozen=True)
class Law:
    """One rule, with accounts as `people`, `any`, or login names."""

    hosts: frozenset[str]
    accounts: str | frozenset[str]
    acts: frozenset[str]
    ask: tuple[str, ...]
    approve: tuple[str, ...]
    approvals: int
    max_sessions: int
    emergency: bool = False
    second_factor: bool = False

    def is_about(self, host: str, user: str, uid: int, act: str) -> bool:
        if host not in self.hosts or act not in self.acts:
            return False
        return self.accounts == "any" or (uid >= 1000 if self.accounts == "people" else user in self.accounts)


@dataclass(frozen=True)
class World:
    """groups: who is in them, without those that Slack doesn't tell. strangers: whoever is no full member."""

    laws: tuple[Law, ...]
    groups: Mapping[str, frozenset[str]]
    owners: Mapping[str, frozenset[str]]
    strangers: frozenset[str] = frozenset()

    def lists(self, ids: Iterable[str], person: str) -> bool:
        if person in self.strangers:
            return False
        return any(person == one or person in self.groups.get(one, frozenset()) for one in ids)

    def approves_something(self, person: str) -> bool:
        return any(self.lists(law.approve, person) for law in self.laws)

    def deciding(self, host: str, user: str, uid: int, acts: Iterable[str]) -> list[Law] | None:
        """The first rule of each act; None if one has none."""
        found = [next((law for law in self.laws if law.is_about(host, user, uid, act)), None) for act in acts]
        return None if None in found else [law for law in found if law]


@dataclass
class Asked:
    """What someone asked, and who clicked Approve since, each in the world of that moment, with their code or not."""

    who: str
    acts: frozenset[str]
    warn: int
    at: datetime
    there: frozenset[str]
    alone: bool = False
    sessions: int = 0
    over: bool = False
    clicks: list[tuple[str, datetime, World, bool]] = field(default_factory=list)

    def why_not(self, world: World, now: datetime, host: str, user: str, uid: int) -> str:
        """Why a session of that account on that host must not end now; empty if it may."""
        if uid == 0 or user in PROTECTED:
            return "protected"
        laws = world.deciding(host, user, uid, self.acts)
        if laws is None:
            return "no rule"
        if not all(world.lists(law.ask, self.who) for law in laws):
            return "the asker may not ask"
        if self.alone:
            return self._why_not_alone(laws, now)
        needed = max(law.approvals for law in laws)
        needed += "everyone" in self.acts and any(self.sessions > law.max_sessions for law in laws)
        proof = any(law.second_factor for law in laws)
        able = {
            who: at
            for who, at, then, proved in self.clicks
            if (proved or not proof) and self._counts(who, at, (then, world), (host, user, uid))
        }
        if len(able) < needed:
            return f"{len(able)} of {needed} approvals"
        if now > max(able.values()) + timedelta(seconds=PATIENCE + self.warn):
            return "too late to act"
        return "denied or cancelled" if self.over else ""

    def _why_not_alone(self, laws: Sequence[Law], now: datetime) -> str:
        """In an emergency nobody's word is needed, but that of every rule."""
        if not all(law.emergency and not law.second_factor for law in laws):
            return "an emergency that not every rule lets be one"
        if "everyone" in self.acts and any(self.sessions > law.max_sessions for law in laws):
            return "more sessions than anybody may end alone"
        if now > self.at + timedelta(seconds=PATIENCE + self.warn + 60):
            return "too late to act"
        return "denied or cancelled" if self.over else ""

    def is_reviewed(
        self, words: Sequence[tuple[str, World]], world: World, aims: Iterable[tuple[str, str, int]]
    ) -> bool:
        """Did two people say what they found about each account, who could have approved it then and still could?"""
        return all(
            len({who for who, then in words if self._counts(who, self.at, (then, world), aim)}) > 1 for aim in aims
        )

    def _counts(self, who: str, at: datetime, worlds: Sequence[World], aim: tuple[str, str, int]) -> bool:
        """Then and now a full member, on every list, not the asker and not the owner; and in time."""
        if who == self.who or at > self.at + timedelta(seconds=PATIENCE + 60):
            return False
        for world in worlds:
            laws = world.deciding(*aim, self.acts)
            if laws is None or who in world.owners.get(aim[1], frozenset()):
                return False
            if not all(world.lists(law.approve, who) for law in laws):
                return False
        return True


@dataclass
class Freeze:
    """Nothing ends from the freeze on, until two people who may approve something have said so within the time."""

    on: bool = False
    words: dict[str, datetime] = field(default_factory=dict)

    def begin(self) -> None:
        self.on, self.words = True, {}

    def release(self, who: str, world: World, now: datetime) -> None:
        if not world.approves_something(who):
            return
        self.words[who] = now
        since = now - timedelta(seconds=TOGETHER)
        if sum(at >= since and world.approves_something(one) for one, at in self.words.items()) > 1:
            self.on = False


def without(world: World, group: str) -> World:
    """The same where Slack doesn't say who is in that group."""
    return replace(world, groups={name: members for name, members in world.groups.items() if name != group})
