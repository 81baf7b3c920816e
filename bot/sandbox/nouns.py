"""The nouns of the sandbox's Slack: people, groups, channels, messages with every version, views, files, faults.

Values only: nothing here decides, waits or talks to anyone.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Json = dict[str, Any]
"""One JSON object as Slack sends or takes it."""

TEAM = "T0SANDBOX"


class SlackError(Exception):
    """Slack says no: `error` is Slack's own code, `messages` its explanations, `facts` its other fields."""

    def __init__(self, error: str, *messages: str, **facts: Any) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.messages = messages
        self.facts = facts

    def to_slack(self) -> Json:
        answer: Json = {"ok": False, "error": self.error, **self.facts}
        if self.messages:
            answer["response_metadata"] = {"messages": list(self.messages)}
        return answer


class Noun(BaseModel):
    model_config = ConfigDict(frozen=True)


class Person(Noun):
    id: str
    name: str
    real_name: str
    team_id: str = TEAM
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False

    def to_slack(self) -> Json:
        """The user object of users.info; a deactivated person has no role fields, as in Slack."""
        person = {"id": self.id, "team_id": self.team_id, "name": self.name, "deleted": self.deleted}
        person |= {"is_bot": self.is_bot, "is_app_user": False, "updated": 1700000000}
        person["profile"] = {"real_name": self.real_name, "display_name": self.name, "team": self.team_id}
        if self.deleted:
            return person
        person |= {"real_name": self.real_name, "tz": "Etc/UTC", "tz_offset": 0, "is_admin": False, "is_owner": False}
        person |= {"is_restricted": self.is_restricted, "is_ultra_restricted": self.is_ultra_restricted}
        return person | ({"is_stranger": True} if self.is_stranger else {})


class UserGroup(Noun):
    id: str
    handle: str
    members: tuple[str, ...]
    disabled: bool = False

    def to_slack(self) -> Json:
        group = {"id": self.id, "team_id": TEAM, "is_usergroup": True, "name": self.handle, "handle": self.handle}
        return group | {"date_delete": int(self.disabled) * 1700000000, "user_count": len(self.members)}


class Channel(Noun):
    """A channel, or a direct message between the bot and `person`."""

    id: str
    name: str
    members: tuple[str, ...] = ()
    is_archived: bool = False
    is_private: bool = False
    is_ext_shared: bool = False
    person: str | None = None

    @property
    def kind(self) -> Literal["channels", "groups", "im"]:
        """The first word of the scopes that reach it."""
        return "im" if self.person else "groups" if self.is_private else "channels"

    def to_slack(self, reader: str) -> Json:
        channel: Json = {"id": self.id, "is_archived": self.is_archived, "is_im": bool(self.person)}
        if self.person:
            return channel | {"user": self.person, "is_user_deleted": False}
        channel |= {"name": self.name, "name_normalized": self.name, "is_channel": not self.is_private}
        channel |= {"is_group": self.is_private, "is_private": self.is_private, "is_mpim": False, "is_general": False}
        return channel | {
            "is_member": reader in self.members,
            "is_shared": self.is_ext_shared,
            "is_ext_shared": self.is_ext_shared,
            "num_members": len(self.members),
            "context_team_id": TEAM,
        }


class Version(Noun):
    """What a message said at one time; `at` is the ts of the post or of the edit."""

    at: str
    text: str = ""
    blocks: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    metadata: Json | None = None


class Message(Noun):
    channel: str
    ts: str
    author: str
    versions: tuple[Version, ...]
    thread_ts: str | None = None
    broadcast: bool = False
    files: tuple[str, ...] = ()
    reactions: tuple[tuple[str, str], ...] = ()
    deleted: bool = False

    @property
    def current(self) -> Version:
        return self.versions[-1]

    @property
    def text(self) -> str:
        return self.current.text

    @property
    def blocks(self) -> tuple[Json, ...]:
        return self.current.blocks

    @property
    def metadata(self) -> Json | None:
        return self.current.metadata


class Ephemeral(Noun):
    """A message that only `reader` sees; Slack keeps no history of it."""

    channel: str
    ts: str
    reader: str
    text: str = ""
    blocks: tuple[Json, ...] = ()
    thread_ts: str | None = None


class View(Noun):
    """A modal or a Home tab of one person; `content` is what the app sent, with ids filled in."""

    id: str
    person: str
    content: Json
    hash: str
    root: str
    previous: str | None = None

    @property
    def kind(self) -> str:
        return str(self.content["type"])

    @property
    def blocks(self) -> tuple[Json, ...]:
        return tuple(self.content["blocks"])


class File(Noun):
    id: str
    name: str
    length: int
    title: str = ""
    content: bytes | None = None
    shared: bool = False


class Trigger(Noun):
    """Lets an app open a form for one person, once, within three seconds; `view` is the modal that it came from."""

    person: str
    at: float
    view: str | None = None
    used: bool = False


class Happening(Noun):
    number: int
    at: float
    kind: str
    details: Json


class Fault(Noun):
    """What goes wrong with one call. `effect`: it is carried out all the same; `delay`: seconds, before all else."""

    status: int = 200
    headers: dict[str, str] = Field(default_factory=dict)
    body: Json | str | None = None
    delay: float = 0.0
    drop: bool = False
    effect: bool = False

    @classmethod
    def rate_limited(cls, seconds: int) -> "Fault":
        return cls(status=429, headers={"Retry-After": str(seconds)}, body={"ok": False, "error": "ratelimited"})

    @classmethod
    def server_error(cls, status: int = 500, *, effect: bool = False) -> "Fault":
        return cls(status=status, body={"ok": False, "error": "internal_error"}, effect=effect)

    @classmethod
    def refused(cls, error: str) -> "Fault":
        return cls(body={"ok": False, "error": error})

    @classmethod
    def dropped_before(cls) -> "Fault":
        return cls(drop=True)

    @classmethod
    def dropped_after(cls) -> "Fault":
        return cls(drop=True, effect=True)

    @classmethod
    def slow(cls, seconds: float) -> "Fault":
        return cls(delay=seconds, effect=True)
