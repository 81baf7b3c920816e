"""The people, groups and channels of the demo: Alice asks, Bob and Carol lead; Dave, Gus and Zoe are refused."""

from typing import Any

from bot.sandbox.nouns import Channel, Person, UserGroup
from bot.sandbox.workspace import Workspace

BOT = "U0KICKBOT"
PEOPLE = (
    Person(id="U0ALICE", name="alice", real_name="Alice Ansah"),
    Person(id="U0BOB", name="bob", real_name="Bob Smith"),
    Person(id="U0CAROL", name="carol", real_name="Carol Okafor"),
    Person(id="U0DAVE", name="dave", real_name="Dave Lindqvist"),
    Person(id="U0GUS", name="gus", real_name="Gus Romero", is_restricted=True),
    Person(id="U0ZOE", name="zoe", real_name="Zoe Petit", deleted=True),
)
GROUPS = (
    UserGroup(id="S0SRE", handle="sre", members=("U0ALICE", "U0BOB", "U0CAROL")),
    UserGroup(id="S0LEADS", handle="sre-leads", members=("U0BOB", "U0CAROL")),
)
EVERYONE = (BOT, *(person.id for person in PEOPLE if not person.deleted))
CHANNELS = (
    Channel(id="C0INC4711", name="inc-4711", members=EVERYONE),
    Channel(id="C0INCIDENT", name="incidents", members=EVERYONE),
    Channel(id="C0RANDOM", name="random", members=EVERYONE),
)


def demo_workspace(**settings: Any) -> Workspace:
    """A new workspace with the whole cast; `settings` are those of Workspace."""
    return Workspace(PEOPLE, GROUPS, CHANNELS, **settings)
