"""Who is who, read once: people and the members of groups, and what could not be read. Pure; it decides nothing."""

from collections.abc import Iterable, Sequence

from pydantic import Field

from bot.models import Person, Value
from bot.policy import Members, Policy, is_group


class Roster(Value):
    """looked_up: Slack was asked; else people are taken for members, and nobody knows who is in a group.

    missing: people and groups of whom Slack told nothing, and why. That always means no.
    enrolled: who has a second factor; None: that could not be looked up.
    """

    looked_up: bool = False
    people: dict[str, Person] = Field(default_factory=dict)
    members: dict[str, frozenset[str]] = Field(default_factory=dict)
    missing: dict[str, str] = Field(default_factory=dict)
    enrolled: frozenset[str] | None = None

    def person(self, identifier: str) -> Person:
        """Who wasn't looked up is taken for a member, and who could not be for a stranger."""
        unknown = Person(id=identifier, name="", stranger=self.looked_up)
        return self.people.get(identifier, unknown)

    def unread(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Of these the groups that nobody was asked about."""
        return () if self.looked_up else tuple(i for i in dict.fromkeys(ids) if is_group(i))

    def everyone_in(self, ids: Iterable[str]) -> tuple[str, ...]:
        """People by their ids and those in the groups, each once."""
        found = (sorted(self.members.get(i, ())) if is_group(i) else [i] for i in ids)
        return tuple(dict.fromkeys(person for people in found for person in people))

    def called(self, identifier: str) -> str:
        """`Alice (U0ALICE)`, as far as that is known."""
        name = self.person(identifier).name
        return f"{name} ({identifier})" if name and name != identifier else identifier


def named(policy: Policy) -> tuple[str, ...]:
    """Every id that stands in a rule or owns an account: people and groups."""
    lists: Sequence[Iterable[str]] = [ids for rule in policy.rules for ids in (rule.look, rule.ask, rule.approve)]
    return tuple(dict.fromkeys(i for ids in (*lists, *map(sorted, policy.owners.values())) for i in ids))


def in_all(groups: Iterable[str], person: str, members: Members) -> Members:
    """The same members, and this person in each of those groups too."""
    return {**members, **{group: members.get(group, frozenset()) | {person} for group in groups}}
