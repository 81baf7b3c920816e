"""Who: people in Slack, and accounts on hosts."""

from bot.models.values import Value

EVERYONE = "everyone"
"""The word that stands for all accounts, where a login name could stand."""

FIRST_PERSON = 1000

NO_PEOPLE = frozenset({65534, *range(61184, 65520)})
"""nobody, and systemd's DynamicUser= services."""


def is_of_people(uid: int) -> bool:
    """True for the user ids that people have, by the defaults of useradd(8) and systemd; not the system's own."""
    return uid >= FIRST_PERSON and uid not in NO_PEOPLE


class Person(Value):
    """Someone in Slack. The id decides; the name is only for reading."""

    id: str
    name: str
    deactivated: bool = False
    bot: bool = False
    guest: bool = False
    stranger: bool = False

    @property
    def is_member(self) -> bool:
        """True for a full, active, human member of this workspace: nobody else may decide anything."""
        return not (self.deactivated or self.bot or self.guest or self.stranger)


class Account(Value):
    """A login account on one host. sid: where accounts have no uid, as on Windows; uid is its last number then."""

    name: str
    uid: int
    sid: str = ""

    @property
    def is_of_people(self) -> bool:
        """True for those that people have; not the system's own."""
        return self.uid >= FIRST_PERSON if self.sid else is_of_people(self.uid)
