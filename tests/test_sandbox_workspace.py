"""The sandbox's workspace: times, triggers, threads, versions and the log of all that happened."""

import asyncio

import pytest

from bot.sandbox.cast import BOT, demo_workspace
from bot.sandbox.nouns import SlackError, Version
from bot.sandbox.workspace import Workspace
from tests.fakes import FakeSeconds

CHANNEL = "C0INCIDENT"


@pytest.fixture
def clock() -> FakeSeconds:
    return FakeSeconds()


@pytest.fixture
def workspace(clock: FakeSeconds) -> Workspace:
    return demo_workspace(clock=clock)


def text(words: str) -> Version:
    return Version(at="", text=words)


def test_ticks_are_unique_and_increase_even_if_the_clock_stands_still(workspace: Workspace) -> None:
    """A ts names one message, and sorts."""
    ticks = [workspace.tick() for _ in range(100)]

    assert ticks[0] == "1700000000.000000"
    assert ticks == sorted(set(ticks))


def test_an_edit_keeps_every_version(workspace: Workspace) -> None:
    """What a message said before stays known to the sandbox, though Slack shows only the newest."""
    message = workspace.post(CHANNEL, BOT, text("waiting"))

    changed = workspace.edit(message, text("done"))

    assert [version.text for version in changed.versions] == ["waiting", "done"]
    assert workspace.to_slack(changed)["edited"]["user"] == BOT


def test_a_deleted_message_is_not_found(workspace: Workspace) -> None:
    """A deleted message is in no history, and can't be edited."""
    message = workspace.post(CHANNEL, BOT, text("oops"))

    workspace.delete(message)

    assert workspace.history(CHANNEL) == []
    with pytest.raises(SlackError, match="message_not_found"):
        workspace.message(CHANNEL, message.ts)


def test_replies_stand_in_the_thread_and_not_in_the_channel(workspace: Workspace) -> None:
    """The parent counts its replies; the channel shows the parent alone, and a broadcast."""
    parent = workspace.post(CHANNEL, BOT, text("parent"))
    workspace.post(CHANNEL, "U0BOB", text("reply"), thread_ts=parent.ts)
    loud = workspace.post(CHANNEL, BOT, text("loud"), thread_ts=parent.ts, broadcast=True)

    assert [message.text for message in workspace.thread(CHANNEL, loud.ts)] == ["parent", "reply", "loud"]
    assert [message.text for message in workspace.history(CHANNEL)] == ["parent", "loud"]
    assert workspace.to_slack(parent)["reply_count"] == 2
    assert workspace.to_slack(loud)["parent_user_id"] == BOT


def test_a_trigger_works_once(workspace: Workspace) -> None:
    """The second form for one click is refused."""
    trigger = workspace.new_trigger("U0ALICE")

    assert workspace.use_trigger(trigger).person == "U0ALICE"
    with pytest.raises(SlackError, match="exchanged_trigger_id"):
        workspace.use_trigger(trigger)


def test_a_trigger_lives_for_three_seconds(workspace: Workspace, clock: FakeSeconds) -> None:
    """A form that comes too late is refused, and one for no click at all."""
    trigger = workspace.new_trigger("U0ALICE")
    clock.now += 3.1

    with pytest.raises(SlackError, match="expired_trigger_id"):
        workspace.use_trigger(trigger)
    with pytest.raises(SlackError, match="invalid_trigger_id"):
        workspace.use_trigger("1.2.3")


def test_a_private_channel_without_the_bot_does_not_exist_for_it(workspace: Workspace) -> None:
    """Slack answers channel_not_found, not not_in_channel."""
    workspace.change_channel(CHANNEL, is_private=True, members=("U0ALICE",))

    with pytest.raises(SlackError, match="channel_not_found"):
        workspace.channel(CHANNEL)


@pytest.mark.parametrize(
    ("user", "code"), [("U0NOBODY", "user_not_found"), ("U0ZOE", "user_disabled"), (BOT, "cannot_dm_bot")]
)
def test_no_direct_message_with_whom_there_is_none(workspace: Workspace, user: str, code: str) -> None:
    """Strangers, deactivated people and bots have no direct messages."""
    with pytest.raises(SlackError, match=code):
        workspace.open_direct(user)


def test_a_deactivated_person_has_no_roles_in_the_answer(workspace: Workspace) -> None:
    """users.info of a deactivated person lacks is_restricted and its like: reading them must not fail open."""
    zoe, gus = workspace.person("U0ZOE").to_slack(), workspace.person("U0GUS").to_slack()

    assert zoe["deleted"] is True
    assert "is_restricted" not in zoe
    assert gus["is_restricted"] is True


def test_tokens_are_new_with_every_workspace_and_stay_out_of_its_words() -> None:
    """No token can be written into a test, nor read in a log."""
    one, other = demo_workspace(), demo_workspace()

    assert one.app.bot_token != other.app.bot_token
    assert one.app.bot_token not in repr(one.app)
    assert one.app.app_token not in repr(one.app)


async def test_followers_get_what_was_and_what_comes(workspace: Workspace) -> None:
    """The log can be read from any number on, and waits for more."""
    workspace.happen("first")
    workspace.happen("second")
    follower = workspace.follow(1)

    assert (await anext(follower)).kind == "second"
    waiting = asyncio.ensure_future(anext(follower))
    await asyncio.sleep(0)
    workspace.happen("third")

    assert (await waiting).number == 3


async def test_waiting_for_what_never_happens_ends(workspace: Workspace) -> None:
    """A test that waits in vain fails by a time limit."""
    with pytest.raises(TimeoutError):
        await workspace.until(lambda: None, seconds=0.01)
