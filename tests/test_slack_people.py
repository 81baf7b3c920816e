"""Who is who: read from the sandbox through the real client; whatever goes wrong means no."""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import LookupFailed
from bot.sandbox.nouns import TEAM, Channel, Fault
from bot.sandbox.server import SandboxSlack
from bot.slack.people import SlackPeople


@pytest.fixture
def people(slack: SandboxSlack) -> SlackPeople:
    return asking(slack, patience=60)


def asking(slack: SandboxSlack, patience: float) -> SlackPeople:
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
    return SlackPeople(client, TEAM, patience=patience)


def always(slack: SandboxSlack, fault: Fault) -> None:
    slack.workspace.faults = lambda _method, _args: fault


@pytest.mark.parametrize(
    ("who", "flag"), [("U0ZOE", "deactivated"), ("U0GUS", "guest"), ("U0KICKBOT", "bot"), ("U0ALICE", None)]
)
async def test_what_slack_says_about_a_person_is_kept(people: SlackPeople, who: str, flag: str | None) -> None:
    """Deactivated people, guests and bots are told apart, and none of them is a member."""
    person = await people.person(who)
    flags = {name for name in ("deactivated", "bot", "guest", "stranger") if getattr(person, name)}
    assert flags == ({flag} if flag else set())
    assert person.is_member == (flag is None)


async def test_a_person_of_another_workspace_is_a_stranger(slack: SandboxSlack, people: SlackPeople) -> None:
    """The team decides even where Slack does not say `is_stranger`."""
    slack.workspace.change_person("U0BOB", team_id="T0OTHER")
    assert (await people.person("U0BOB")).stranger


async def test_a_single_channel_guest_is_a_guest(slack: SandboxSlack, people: SlackPeople) -> None:
    """Slack has two kinds of guests."""
    slack.workspace.change_person("U0BOB", is_ultra_restricted=True)
    assert (await people.person("U0BOB")).guest


async def test_members_are_read_afresh(slack: SandboxSlack, people: SlackPeople) -> None:
    """Someone who left a group since the last question is not in it."""
    assert await people.members("S0LEADS") == {"U0BOB", "U0CAROL"}
    slack.workspace.change_group("S0LEADS", members=("U0CAROL",))
    assert await people.members("S0LEADS") == {"U0CAROL"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault.refused("user_not_found"),
        Fault.server_error(503),
        Fault.dropped_before(),
        Fault.slow(1),
        Fault.rate_limited(1),
        Fault(body="<html>no JSON</html>"),
        Fault(body={"ok": True}),
        Fault(body={"ok": True, "user": None, "users": None}),
        Fault(body={"ok": True, "user": {"id": "U0ALICE", "is_restricted": "no"}, "users": "U0ALICE"}),
        Fault(body={"ok": True, "user": {"id": "U0BOB", "team_id": TEAM, "deleted": "no"}, "users": [1]}),
    ],
)
async def test_every_failure_is_a_no(slack: SandboxSlack, fault: Fault) -> None:
    """Errors, time-outs and odd answers raise LookupFailed, and never give half a person."""
    always(slack, fault)
    people = asking(slack, patience=0.3)
    with pytest.raises(LookupFailed):
        await people.person("U0ALICE")
    with pytest.raises(LookupFailed):
        await people.members("S0LEADS")


async def test_a_flag_that_is_not_there_is_not_set(slack: SandboxSlack, people: SlackPeople) -> None:
    """A stand-in for Slack may name only what is special about a person; a guest is still a guest."""
    always(slack, Fault(body={"ok": True, "user": {"id": "U0ALICE", "name": "alice"}}))
    assert (await people.person("U0ALICE")).is_member
    always(slack, Fault(body={"ok": True, "user": {"id": "U0ALICE", "is_ultra_restricted": True}}))
    assert not (await people.person("U0ALICE")).is_member


async def test_an_answer_about_someone_else_is_a_failure(slack: SandboxSlack, people: SlackPeople) -> None:
    """Slack must speak about the person that was asked about."""
    carol: dict[str, Any] = {"ok": True, "user": slack.workspace.person("U0CAROL").to_slack()}
    always(slack, Fault(body=carol))
    with pytest.raises(LookupFailed):
        await people.person("U0ALICE")


async def test_a_failure_names_the_person_for_the_one_who_waits(people: SlackPeople) -> None:
    """The sentence mentions who could not be looked up."""
    with pytest.raises(LookupFailed) as failed:
        await people.person("U0NOBODY")
    assert "<@U0NOBODY>" in failed.value.for_user()


async def test_a_channel_with_the_bot_in_it(people: SlackPeople) -> None:
    """Name and membership are Slack's."""
    channel = await people.channel("C0INC4711")
    assert (channel.name, channel.member, channel.shared) == ("inc-4711", True, False)


@pytest.mark.parametrize("change", [{"is_archived": True}, {"members": ("U0ALICE",)}])
async def test_a_channel_where_the_bot_can_not_post_is_none_of_its_own(
    slack: SandboxSlack, people: SlackPeople, change: dict[str, Any]
) -> None:
    """An archived channel, or one without the bot, gets no evidence."""
    slack.workspace.change_channel("C0INC4711", **change)
    assert not (await people.channel("C0INC4711")).member


async def test_a_shared_channel_is_named_as_such(slack: SandboxSlack, people: SlackPeople) -> None:
    """One company's evidence does not go to another's."""
    shown = Channel(id="C0X", name="x").to_slack("U0KICKBOT") | {"is_member": True, "is_ext_shared": True}
    always(slack, Fault(body={"ok": True, "channel": shown}))
    assert (await people.channel("C0X")).shared


async def test_an_unknown_channel_is_one_without_the_bot(people: SlackPeople) -> None:
    """A channel that can't be looked up gets no evidence, and nothing is raised."""
    assert not (await people.channel("C0NOWHERE")).member
