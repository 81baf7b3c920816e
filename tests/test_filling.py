"""A look at many hosts while it goes on: the message that fills up, and the button that ends it before its time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.audit.sqlite import SqliteTrail
from bot.errors import TrailError
from bot.events import Event, Looked
from bot.looking import NOT_WAITED_FOR
from bot.models import RequestId
from bot.sandbox import elements
from bot.sandbox.nouns import Ephemeral, Fault, Message
from bot.sandbox.server import SandboxSlack
from bot.slack.incoming import filling
from bot.slack.incoming.filling import STOP
from tests import make
from tests.fakes import FakeHosts
from tests.slack_bot import Bot, start

INC = "inc-4711"
NAMES = [f"web{number:02}" for number in range(1, 31)]
QUICK, SLOW = NAMES[:20], NAMES[20:]
EVERY = "web[01-30]"
DONE = "30 sessions of 1 person on 30 of 30 hosts"


@asynccontextmanager
async def at_work(sandbox: SandboxSlack, folder: Path) -> AsyncIterator[Bot]:
    """Thirty hosts with a login of audituser on each, the last ten of which wait for a word; and one for nobody."""
    hosts = FakeHosts(**{name: [make.login("7")] for name in NAMES}, secret1=[make.login("9", "mallory")])
    for name in SLOW:
        hosts[name].gate = asyncio.Event()
    policy = make.team_policy(rules=(make.rule(hosts=set(NAMES), look=("S0SRE",)),))
    inventory = make.inventory(*NAMES, "secret1")
    async with start(sandbox, folder, hosts, policy, inventory) as running:
        yield running


@pytest.fixture
async def fleet(sandbox: SandboxSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    """The bot on those hosts."""
    async with at_work(sandbox, tmp_path) as running:
        yield running
        answer(running)


def answer(bot: Bot) -> None:
    """The slow ones do."""
    for name in SLOW:
        gate = bot.hosts[name].gate
        assert gate
        gate.set()


async def asks(bot: Bot, who: str = "alice", words: str = EVERY, channel: str = INC) -> None:
    await bot.sandbox.as_(who).command(channel, "/sessions", words)


async def fills(bot: Bot, by: str = "U0ALICE", done: int = 20) -> Message:
    """That person's message, once it shows that so many hosts have answered."""

    def found() -> Message | None:
        texts = (f"{done} of 30 hosts so far", f"Asked by <@{by}>, who can stop it.")
        shown = bot.sandbox.as_("dave").messages(INC)
        return next((message for message in shown if all(text in message.text for text in texts)), None)

    return await bot.sandbox.workspace.until(found)


async def ends(bot: Bot, message: Message, words: str) -> Message:
    """The same message, once it says so."""
    workspace = bot.sandbox.workspace

    def found() -> Message | None:
        now = workspace.message(message.channel, message.ts)
        return now if words in now.text else None

    return await workspace.until(found)


async def alone(bot: Bot, who: str, words: str) -> Ephemeral:
    """What only this person sees."""
    sees = bot.sandbox.as_(who)
    return await bot.sandbox.workspace.until(lambda: next((e for e in sees.ephemerals() if words in e.text), None))


def actions(shown: Message | Ephemeral) -> set[str]:
    return {place.element["action_id"] for place in elements.places(shown.blocks)}


def content(bot: Bot, message: Message) -> bytes:
    """Of the message's file."""
    return bot.sandbox.workspace.files[message.files[0]].content or b""


async def recorded(bot: Bot) -> list[Event]:
    """The first event of each request."""
    records = [await bot.trail.read(RequestId(number)) for number in range(1, 5)]
    return [each.event for request in records for each in request]


# -- filling up ----------------------------------------------------------------------------------------


async def test_one_message_fills_up_and_becomes_the_answer(fleet: Bot) -> None:
    """All see what has come, with the sessions, while ten hosts are silent; nothing else is posted."""
    await asks(fleet)
    message = await fills(fleet)
    assert "20 sessions of 1 person on 20 of 30 hosts" in message.text
    assert "Still waiting for *web[21-30]*." in message.text
    answer(fleet)
    ended = await ends(fleet, message, DONE)
    assert "Asked by <@U0ALICE>." in ended.text
    assert STOP not in actions(ended)
    first = next(message for message in fleet.sandbox.as_("bob").messages(INC))
    assert first.ts == message.ts
    assert not fleet.sandbox.as_("alice").ephemerals()


async def test_one_look_is_one_event_whatever_was_shown_meanwhile(fleet: Bot) -> None:
    """With the digest of each host's answer."""
    await asks(fleet)
    message = await fills(fleet)
    assert await recorded(fleet) == []
    answer(fleet)
    await ends(fleet, message, DONE)
    (event,) = await recorded(fleet)
    assert isinstance(event, Looked)
    assert (event.hosts, len(event.looks)) == (tuple(NAMES), 30)


async def test_a_host_that_nobody_may_look_at_never_shows(fleet: Bot) -> None:
    """It isn't counted, asked or waited for; why stands in the end."""
    await asks(fleet, words=f"secret1,{EVERY}")
    message = await fills(fleet)
    answer(fleet)
    ended = await ends(fleet, message, DONE)
    versions = [version.text for version in ended.versions]
    assert not any("mallory" in text for text in versions)
    assert "of 31 hosts" not in "".join(versions)
    assert "may look at secret1" in ended.text


async def test_who_may_look_at_nothing_gets_no_message_for_all(fleet: Bot) -> None:
    """Only the refusal."""
    await asks(fleet, "dave")
    assert "so far" not in (await alone(fleet, "dave", "may look at web")).text
    assert fleet.sandbox.as_("alice").messages(INC) == []


async def test_a_few_hosts_that_answer_at_once_are_told_at_once(fleet: Bot) -> None:
    """In one version, with no button to stop anything."""
    await asks(fleet, words="web[01-03]")
    shown = await fleet.sandbox.as_("bob").sees("web[01-03]: 1 session of 1 person on each", INC)
    assert isinstance(shown, Message)
    assert len(shown.versions) == 1
    assert STOP not in actions(shown)
    assert len(fleet.sandbox.as_("bob").messages(INC)) == 1


async def test_a_silent_host_holds_up_no_other_of_a_few(fleet: Bot) -> None:
    """What two of three hosts said can be read meanwhile."""
    await asks(fleet, words="web[19-21]")
    shown = await fleet.sandbox.as_("bob").sees("2 of 3 hosts so far", INC)
    assert "web[19-20]: 1 session of 1 person on each" in shown.text
    assert "Still waiting for *web21*." in shown.text


async def test_a_mention_is_answered_by_one_message_in_its_thread(fleet: Bot) -> None:
    """Which fills up there."""
    asked = await fleet.sandbox.as_("alice").say(INC, f"<@U0KICKBOT> sessions {EVERY}")
    message = await fills(fleet)
    assert message.thread_ts == asked.ts
    answer(fleet)
    await ends(fleet, message, DONE)


async def test_changes_that_requests_need_are_left_to_them(fleet: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no change to spare the message stands as it was posted until the answer is there."""
    monkeypatch.setattr(filling, "KEPT", 50)
    await asks(fleet)
    message = await fills(fleet)
    answer(fleet)
    assert len((await ends(fleet, message, DONE)).versions) == 2


async def test_a_message_that_is_gone_is_no_loss(fleet: Bot) -> None:
    """Somebody deletes it: the answer comes as for few hosts."""
    await asks(fleet)
    message = await fills(fleet)
    fleet.sandbox.workspace.delete(message)
    answer(fleet)
    shown = await fleet.sandbox.as_("bob").sees(DONE, INC)
    assert isinstance(shown, Message)
    assert shown.ts != message.ts


async def test_a_command_that_slack_sends_twice_is_answered_once(fleet: Bot) -> None:
    """While the first is under way, and afterwards: one message, one look, one event."""
    sent = (await fleet.sandbox.as_("alice").command(INC, "/sessions", EVERY)).delivery
    assert sent
    message = await fills(fleet)
    await fleet.sandbox.socket.redeliver(sent)
    answer(fleet)
    await ends(fleet, message, DONE)
    await fleet.sandbox.socket.redeliver(sent)
    assert len([m for m in fleet.sandbox.as_("bob").messages(INC) if not m.thread_ts]) == 1
    assert fleet.hosts.looks == 1


async def test_what_slack_does_not_let_be_posted_is_answered_all_the_same(fleet: Bot) -> None:
    """Through the address that came with the command."""
    refused = Fault(body={"ok": False, "error": "restricted_action"})
    fleet.sandbox.workspace.faults = lambda method, _: refused if method == "chat.postMessage" else None
    await asks(fleet)
    answer(fleet)
    assert isinstance(await fleet.sandbox.as_("bob").sees(DONE, INC), Message)


async def test_an_answer_that_is_not_recorded_does_not_stand(fleet: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was shown meanwhile is taken away when the trail doesn't take the look, and the asker reads why."""
    await asks(fleet)
    message = await fills(fleet)

    async def full(*_: object, **__: object) -> None:
        raise TrailError("the disk is full")

    monkeypatch.setattr(fleet.trail, "append", full)
    answer(fleet)
    ended = await ends(fleet, message, "what it had shown was taken away")
    assert "audituser" not in json.dumps(ended.blocks)
    assert await alone(fleet, "alice", TrailError("").for_user())


# -- stopping ------------------------------------------------------------------------------------------


async def test_the_asker_stops_it_and_what_came_stands(fleet: Bot) -> None:
    """The rest is named as not waited for, in the message and in the trail."""
    await asks(fleet)
    message = await fills(fleet)
    await fleet.sandbox.as_("alice").click(message, STOP)
    ended = await ends(fleet, message, "Asked by <@U0ALICE>; stopped before every host had answered.")
    assert "20 sessions of 1 person on 20 of 30 hosts" in ended.text
    assert "*10 of 30 hosts gave no answer.*" in ended.text
    assert f"• web[21-30] {NOT_WAITED_FOR}" in ended.text
    assert STOP not in actions(ended)
    assert await alone(fleet, "alice", "Stopped: what had come stands")
    (event,) = await recorded(fleet)
    assert isinstance(event, Looked)
    assert len(event.looks) == 30


async def test_nobody_else_can_stop_it(fleet: Bot) -> None:
    """Who tries reads who could."""
    await asks(fleet)
    message = await fills(fleet)
    await fleet.sandbox.as_("bob").click(message, STOP)
    assert await alone(fleet, "bob", "Only <@U0ALICE>, who asked, can stop this look.")
    answer(fleet)
    await ends(fleet, message, DONE)


async def test_two_people_ask_and_one_stops(fleet: Bot) -> None:
    """The other one's look goes on to its end."""
    await asks(fleet, "alice")
    await asks(fleet, "bob")
    of_alice, of_bob = await fills(fleet, "U0ALICE"), await fills(fleet, "U0BOB")
    await fleet.sandbox.as_("alice").click(of_alice, STOP)
    await ends(fleet, of_alice, "stopped before every host")
    assert "20 of 30 hosts so far" in fleet.sandbox.workspace.message(of_bob.channel, of_bob.ts).text
    answer(fleet)
    assert "gave no answer" not in (await ends(fleet, of_bob, DONE)).text


async def test_a_click_on_a_look_that_is_over_is_answered(fleet: Bot) -> None:
    """On a screen that still shows the button."""
    await asks(fleet)
    message = await fills(fleet)
    answer(fleet)
    await ends(fleet, message, DONE)
    await fleet.sandbox.as_("alice").click(message, STOP, stale=True)
    assert await alone(fleet, "alice", "This look is over, or another Kickbot is at it")


async def test_who_alone_sees_it_can_stop_it_too(fleet: Bot) -> None:
    """There is no message that could fill up; the note that it takes longer has the button."""
    await asks(fleet, channel="random")
    noted = await alone(fleet, "alice", f"Looking at {EVERY} …")
    await fleet.sandbox.as_("alice").click(noted, STOP)
    assert NOT_WAITED_FOR in (await alone(fleet, "alice", "20 sessions of 1 person")).text
    assert fleet.sandbox.as_("alice").messages("random") == []


async def test_a_stop_of_the_bot_ends_looks(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """What has come is recorded, and told before the bot is gone."""
    async with at_work(sandbox, tmp_path) as bot:
        await asks(bot)
        message = await fills(bot)
    assert NOT_WAITED_FOR in sandbox.workspace.message(message.channel, message.ts).text
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        assert [record.event.kind for record in await trail.read(RequestId(1))] == ["looked"]


# -- what is too long for a message --------------------------------------------------------------------


async def test_the_file_stands_in_the_thread(fleet: Bot) -> None:
    """Thirty sessions are told by person, and each stands in the file."""
    answer(fleet)
    await asks(fleet)
    shown = await fleet.sandbox.as_("bob").sees("All of it stands in the file in the thread.", INC)
    assert "audituser · 30 · 30 · web[01-30]" in shown.text
    held = await fleet.sandbox.workspace.until(
        lambda: next((m for m in fleet.sandbox.as_("bob").messages(INC) if m.files and m.thread_ts == shown.ts), None)
    )
    assert content(fleet, held).count(b"audituser") == 30


async def test_the_file_of_a_private_answer_goes_to_the_asker(fleet: Bot) -> None:
    """In person, since only they see the answer."""
    answer(fleet)
    await asks(fleet, channel="random")
    assert await alone(fleet, "alice", "All of it stands in a file, in your direct messages with Kickbot.")
    alice = fleet.sandbox.as_("alice")
    held = await fleet.sandbox.workspace.until(lambda: next((m for m in alice.messages("@kickbot") if m.files), None))
    assert b"web30: 1 session" in content(fleet, held)
    assert fleet.sandbox.as_("bob").messages("random") == []


async def test_a_file_that_slack_refuses_is_told(fleet: Bot) -> None:
    """The answer stands without it."""
    refused = Fault(body={"ok": False, "error": "storage_limit_reached"})
    fleet.sandbox.workspace.faults = lambda method, _: refused if method.startswith("files.") else None
    answer(fleet)
    await asks(fleet)
    assert await alone(fleet, "alice", "Slack did not take the file")
