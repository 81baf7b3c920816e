"""The form for a kick, through unmodified bolt: opened, filled and sent by the people of the sandbox."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.borders import Origin
from bot.events import Asked, Event
from bot.listings import Seen
from bot.looking import Onlooker
from bot.models import Kick, Listing, RequestId
from bot.request import Request
from bot.sandbox import elements
from bot.sandbox.nouns import Ephemeral, Fault, Message, View
from bot.sandbox.personas import Outcome, Persona
from bot.sandbox.server import SandboxSlack
from bot.slack.content.kick_form import HOSTS, LEVEL, REASON, SESSIONS, USER, WARN
from bot.slack.content.kick_menu import MENU
from bot.slack.incoming import in_forms
from bot.slack.incoming.kick_forms import SHORTCUT, Desk
from tests.make import INCIDENT
from tests.slack_bot import POLICY, Bot, start
from tests.stories import HOSTILE

HERE = "incidents"
SLACK_WAITS = 3.0
"""Seconds for an answer to a form."""


async def opened(bot: Bot, who: str = "alice", command: str = "/kick", text: str = "") -> View:
    """The form of a command without who and where."""
    persona = bot.sandbox.as_(who)
    assert (await persona.command(HERE, command, text)).ok
    return await persona.sees_modal()


async def chosen(bot: Bot, view: View, user: str = "audituser", host: str = "host1", who: str = "alice") -> View:
    """The form once host and user are chosen and looked at."""
    persona = bot.sandbox.as_(who)
    await persona.suggest(view, HOSTS, "")
    await persona.click(view, HOSTS, value=[host])
    await carrying(bot, persona, host)
    await persona.suggest(view, USER, user)
    await persona.click(view, USER, value=user)
    return await filled(bot, persona)


async def filled(bot: Bot, persona: Persona) -> View:
    """The form once the look is back."""
    return await bot.sandbox.workspace.until(lambda: _filled(persona))


def _filled(persona: Persona) -> View | None:
    view = persona.modal
    return view if view and "about" in known(view) else None


def known(view: View) -> dict[str, Any]:
    metadata: dict[str, Any] = json.loads(view.content["private_metadata"])
    return metadata


async def saying(bot: Bot, persona: Persona, words: str) -> View:
    """The form once these words stand in it."""
    return await bot.sandbox.workspace.until(
        lambda: persona.modal if persona.modal and words in elements.words(persona.modal.blocks) else None
    )


async def carrying(bot: Bot, persona: Persona, hosts: str) -> View:
    """The form once it knows these hosts."""
    return await bot.sandbox.workspace.until(
        lambda: persona.modal if persona.modal and known(persona.modal).get("hosts") == hosts else None
    )


def field(view: View, name: str) -> elements.Place:
    return next(place for place in elements.places(view.blocks) if place.element["action_id"] == name)


def ticked(view: View) -> list[str]:
    return [option["value"] for option in field(view, SESSIONS).element.get("initial_options", [])]


def errors(outcome: Outcome) -> dict[str, str]:
    """What stands at the fields after the form was sent."""
    assert outcome.ok
    response = outcome.response or {}
    assert response.get("response_action") == "errors", response
    said: dict[str, str] = response["errors"]
    return said


async def recorded(bot: Bot, number: int) -> Sequence[Event]:
    return [r.event for r in await bot.trail.read(RequestId(number))]


async def asked(bot: Bot) -> list[Asked]:
    """Every question in the trail."""
    found = [e for number in range(1, 40) for e in await recorded(bot, number)]
    return [e for e in found if isinstance(e, Asked)]


async def answered(bot: Bot, who: str, words: str) -> Ephemeral | Message:
    return await bot.sandbox.as_(who).sees(words)


# -- the whole way -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("command", "text"), [("/kick", ""), ("/kickbot", "kick")])
async def test_the_command_alone_becomes_a_request_by_the_form(bot: Bot, command: str, text: str) -> None:
    """Hosts, then the user, then the sessions, all ticked; and it is the very request that typing would make."""
    alice = bot.sandbox.as_("alice")
    form = await chosen(bot, await opened(bot, command=command, text=text))
    assert ticked(form) == ["host1:7", "host1:9"]
    outcome = await alice.submit(form, {REASON: "INC-42", WARN: "5m"})
    assert (outcome.ok, outcome.response or {}, alice.modal) == (True, {}, None)
    assert isinstance(await alice.sees("waiting for approval", HERE), Message)
    [question] = await asked(bot)
    assert question.words == "/kick audituser host1 warn 5m because INC-42"
    assert question.command == Kick(user="audituser", hosts=("host1",), warn=300, reason="INC-42")
    assert question.channel == INCIDENT
    assert await answered(bot, "alice", "Looking at host1 for sessions of audituser.")


async def test_only_the_ticked_sessions_are_asked_for(bot: Bot) -> None:
    """One of two: as if its id had been typed."""
    form = await chosen(bot, await opened(bot))
    await bot.sandbox.as_("alice").submit(form, {SESSIONS: ["host1:9"]})
    await bot.sandbox.as_("alice").sees("waiting for approval", HERE)
    assert [q.words for q in await asked(bot)] == ["/kick audituser host1 session 9"]


async def test_the_form_opens_before_anything_is_looked_up(bot: Bot) -> None:
    """However slow Slack is with everything else."""
    bot.sandbox.workspace.faults = lambda method, _args: None if method == "views.open" else Fault.slow(30)
    async with asyncio.timeout(20):
        await opened(bot)
    assert not bot.hosts.looks


async def test_a_reason_typed_without_who_stands_in_the_form(bot: Bot) -> None:
    """What was typed is not lost."""
    form = await opened(bot, text="because INC-42 laptop")
    assert field(form, REASON).element["initial_value"] == "INC-42 laptop"


async def test_a_session_shows_its_terminal_address_and_idle_time(bot: Bot) -> None:
    """What one needs to choose; and the look that showed it is in the trail."""
    form = await chosen(bot, await opened(bot))
    said = [(o["text"]["text"], o["description"]["text"]) for o in field(form, SESSIONS).element["options"]]
    assert said[0] == ("session 7", "pts/3, from 203.0.113.10, idle 12 min")
    assert said[1][1].startswith("no terminal, from 203.0.113.10")
    assert [e.kind for e in await recorded(bot, 1)] == ["looked"]


async def test_many_sessions_are_a_menu(bot: Bot) -> None:
    """More than ten don't fit into checkboxes; more than a hundred into no menu, and then all are meant."""
    host = bot.hosts["host1"]
    for number in range(20, 32):
        host.login(str(number))
    form = await chosen(bot, await opened(bot))
    assert field(form, SESSIONS).element["type"] == "multi_static_select"
    assert len(ticked(form)) == 14
    for number in range(100, 200):
        host.login(str(number))
    await bot.sandbox.as_("alice").click(form, HOSTS, value=["host1"])
    form = await saying(bot, bot.sandbox.as_("alice"), "All of these sessions are meant.")
    await bot.sandbox.as_("alice").submit(form, {})
    await bot.sandbox.as_("alice").sees("waiting for approval", HERE)
    assert [q.words for q in await asked(bot)] == ["/kick audituser host1"]


async def test_several_hosts_are_named_at_each_session(bot: Bot) -> None:
    """And in the words, where only some are ticked."""
    bot.hosts["host2"].login("7")
    alice, form = bot.sandbox.as_("alice"), await opened(bot)
    await alice.suggest(form, HOSTS, "prod")
    form = await chosen(bot, form, host="@prod")
    assert ticked(form) == ["host1:7", "host1:9", "host2:7"]
    await alice.submit(form, {SESSIONS: ["host1:9", "host2:7"]})
    await alice.sees("waiting for approval", HERE)
    assert [q.words for q in await asked(bot)] == ["/kick audituser @prod session host1:9,host2:7"]


# -- suggestions ---------------------------------------------------------------------------------------


async def offered(bot: Bot, who: str, view: View, name: str, text: str) -> list[str]:
    outcome = await bot.sandbox.as_(who).suggest(view, name, text)
    assert outcome.ok, outcome.error
    return [option["value"] for option in (outcome.response or {})["options"]]


async def test_hosts_are_suggested_from_the_inventory(bot: Bot) -> None:
    """Groups, ranges and names; and a range that is typed."""
    form = await opened(bot)
    assert await offered(bot, "alice", form, HOSTS, "") == ["@prod", "host[1-2]", "host1", "host2"]
    assert await offered(bot, "alice", form, HOSTS, "T2") == ["host2"]
    assert await offered(bot, "alice", form, HOSTS, "host[1-1]") == ["host[1-1]"]
    assert await offered(bot, "alice", form, HOSTS, "<!channel>") == []


async def test_users_are_suggested_from_who_was_seen(bot: Bot) -> None:
    """On the chosen hosts, and what is typed; nobody is known before a look."""
    alice, form = bot.sandbox.as_("alice"), await opened(bot)
    await alice.suggest(form, HOSTS, "")
    await alice.click(form, HOSTS, value=["host1"])
    await carrying(bot, alice, "host1")
    assert await offered(bot, "alice", form, USER, "aud") == ["aud"]
    await alice.suggest(form, USER, "bob")
    await alice.click(form, USER, value="bob")
    await filled(bot, alice)
    assert await offered(bot, "alice", form, USER, "") == ["alice", "audituser"]
    assert await offered(bot, "alice", form, USER, "aud") == ["audituser", "aud"]
    assert await offered(bot, "alice", form, USER, "a b; <!channel>") == []


async def test_a_keystroke_reads_no_groups(bot: Bot) -> None:
    """Slack allows some twenty readings a minute: one is good for thirty seconds."""
    form = await chosen(bot, await opened(bot))
    await offered(bot, "alice", form, USER, "")
    before = len(bot.sandbox.workspace.calls("usergroups.users.list"))
    for text in ("a", "au", "aud", "audi"):
        await offered(bot, "alice", form, USER, text)
    assert len(bot.sandbox.workspace.calls("usergroups.users.list")) == before


@pytest.mark.parametrize("who", ["dave", "gus"])
async def test_whoever_may_not_look_is_told_no_name(bot: Bot, who: str) -> None:
    """Dave is in no group, Gus is a guest: neither reads who is logged in, and a guest no host either."""
    await chosen(bot, await opened(bot))
    bot.sandbox.workspace.stacks.clear()
    bot.sandbox.workspace.faults = lambda method, _args: (
        Fault.refused("internal_error") if who == "gus" and method == "views.update" else None
    )
    form = await opened(bot, who)
    assert await offered(bot, who, form, HOSTS, "") == (
        [] if who == "gus" else ["@prod", "host[1-2]", "host1", "host2"]
    )
    if who == "dave":
        await bot.sandbox.as_(who).click(form, HOSTS, value=["host1"])
        await carrying(bot, bot.sandbox.as_(who), "host1")
    assert "audituser" not in await offered(bot, who, form, USER, "")


async def test_a_deactivated_person_is_told_no_name(bot: Bot) -> None:
    """Deactivated after the form was opened: what is on the way shows nothing, and asks for nothing."""
    dave, form = bot.sandbox.as_("dave"), await opened(bot, "dave")
    suggesting = asyncio.create_task(dave.suggest(form, HOSTS, ""))
    await asyncio.sleep(0)
    bot.sandbox.workspace.change_person(dave.id, deleted=True)
    outcome = await suggesting
    assert outcome.response == {"options": []}


# -- the menu under a listing --------------------------------------------------------------------------


async def listing(bot: Bot) -> Message:
    """In the channel, for all."""
    await bot.sandbox.as_("alice").command(HERE, "/sessions", "host1")
    seen = await bot.sandbox.as_("bob").sees("host1: 3 sessions of 2 people")
    assert isinstance(seen, Message)
    return seen


async def test_the_menu_of_a_listing_opens_the_form_filled_in(bot: Bot) -> None:
    """By somebody else than who asked for the listing: one session is chosen, and the other stays unticked."""
    bob = bot.sandbox.as_("bob")
    await bob.click(await listing(bot), MENU, value="audituser host1 session 9")
    form = await filled(bot, bob)
    assert ticked(form) == ["host1:9"]
    assert field(form, USER).element["initial_option"]["value"] == "audituser"
    await bob.submit(form, {REASON: "INC-42"})
    await bob.sees("waiting for approval", HERE)
    [question] = await asked(bot)
    assert (question.who, question.words) == ("U0BOB", "/kick audituser host1 session 9 because INC-42")


async def test_a_whole_user_is_chosen_in_the_menu(bot: Bot) -> None:
    """All of that user's sessions are ticked."""
    bob = bot.sandbox.as_("bob")
    await bob.click(await listing(bot), MENU, value="audituser host1")
    assert ticked(await filled(bot, bob)) == ["host1:7", "host1:9"]


async def test_the_menu_answers_a_week_later(bot: Bot) -> None:
    """The session is gone: the form says so, and nothing else is ticked in its place."""
    bob, message = bot.sandbox.as_("bob"), await listing(bot)
    bot.hosts["host1"].logout("9")
    await bob.click(message, MENU, value="audituser host1 session 9")
    form = await filled(bot, bob)
    assert "Not there any more: session 9." in elements.words(form.blocks)
    assert ticked(form) == []
    bot.hosts["host1"].logout("7")
    await bob.click(message, MENU, value="audituser host1")
    form = await saying(bot, bob, "audituser is not logged in on host1.")
    assert errors(await bob.submit(form, {})) == {USER: "audituser is not logged in on host1."}
    assert not await asked(bot)


async def test_a_form_that_is_sent_while_the_look_is_under_way_keeps_its_session(bot: Bot) -> None:
    """What was chosen in the menu, and not all."""
    bob, message = bot.sandbox.as_("bob"), await listing(bot)
    gate = Gate(bot)
    await bob.click(message, MENU, value="audituser host1 session 9")
    await bob.submit(await saying(bot, bob, "Looking at host1 …"), {})
    gate.open()
    await bob.sees("waiting for approval", HERE)
    assert [q.words for q in await asked(bot)] == ["/kick audituser host1 session 9"]


@pytest.mark.parametrize("value", ["x", "help", "audituser hots1", "because x", "<!channel> host1", "a b c d e"])
async def test_a_menu_that_is_not_kickbots_is_answered(bot: Bot, value: str) -> None:
    """It opens nothing and asks nothing."""
    message = await listing(bot)
    blocks = json.loads(json.dumps(message.blocks))
    next(p for p in elements.places(blocks) if p.element["action_id"] == MENU).element["options"][0]["value"] = value
    bot.sandbox.workspace.edit(message, message.current.model_copy(update={"blocks": tuple(blocks)}))
    bob = bot.sandbox.as_("bob")
    await bob.click(message, MENU, value=value)
    await bot.sandbox.workspace.until(bob.ephemerals)
    assert bob.modal is None
    assert not await asked(bot)


async def test_a_listing_of_nobody_has_no_menu(bot: Bot) -> None:
    """Nothing to choose."""
    await bot.sandbox.as_("alice").command(HERE, "/sessions", "host2")
    seen = await bot.sandbox.as_("bob").sees("host2: nobody is logged in")
    assert MENU not in json.dumps(seen.blocks)


# -- the shortcut of a message -------------------------------------------------------------------------


async def test_a_message_opens_the_form_with_its_hosts(bot: Bot) -> None:
    """Its hosts and a quote; the request belongs to the channel of the message."""
    alice = bot.sandbox.as_("alice")
    said = await bot.sandbox.as_("dave").say("inc-4711", "<@U0BOB> host1: login of audituser, not host9 &lt;look&gt;")
    await alice.shortcut(SHORTCUT, said)
    form = await alice.sees_modal()
    assert [o["value"] for o in field(form, HOSTS).element["initial_options"]] == ["host1"]
    assert field(form, REASON).element["initial_value"] == "U0BOB host1: login of audituser, not host9 <look>"
    assert "initial_option" not in field(form, USER).element
    await alice.suggest(form, USER, "audituser")
    await alice.click(form, USER, value="audituser")
    await alice.submit(await filled(bot, alice), {})
    await alice.sees("waiting for approval", "inc-4711")
    [question] = await asked(bot)
    assert question.channel == "C0INC4711"
    assert question.words.endswith("because U0BOB host1: login of audituser, not host9 <look>")


async def test_a_message_that_names_who_was_seen_opens_the_form_with_the_user(bot: Bot) -> None:
    """As far as the person may know it: Dave, who may not look, fills it in himself."""
    await listing(bot)
    said = await bot.sandbox.as_("bob").say("inc-4711", "host1: what does audituser do there?")
    alice, dave = bot.sandbox.as_("alice"), bot.sandbox.as_("dave")
    await alice.shortcut(SHORTCUT, said)
    form = await filled(bot, alice)
    assert field(form, USER).element["initial_option"]["value"] == "audituser"
    assert ticked(form) == ["host1:7", "host1:9"]
    await dave.shortcut(SHORTCUT, said)
    await asyncio.sleep(0.3)
    assert "initial_option" not in field(await dave.sees_modal(), USER).element


# -- who could approve ---------------------------------------------------------------------------------


async def test_the_form_says_who_could_approve(bot: Bot) -> None:
    """Before it is sent."""
    form = await chosen(bot, await opened(bot))
    assert "U0BOB  or  U0CAROL  may approve; not you." in elements.words(form.blocks)


async def test_where_nobody_could_approve_the_form_says_so_and_refuses(bot: Bot) -> None:
    """At the top before it is sent, and at the field when it is; the refusal is in the trail."""
    groups = bot.sandbox.workspace.groups
    groups["S0LEADS"] = groups["S0LEADS"].model_copy(update={"members": ("U0ALICE",)})
    form = await chosen(bot, await opened(bot))
    assert elements.words(form.blocks[0]).startswith("⛔  This can't be asked:  Nobody could approve this on host1")
    outcome = await bot.sandbox.as_("alice").submit(form, {})
    said = errors(outcome)[HOSTS]
    assert said.startswith("Nobody could approve this on host1: only the user group S0LEADS may")
    assert [e.kind for e in await recorded(bot, 2)] == ["asked", "refused"]
    groups["S0LEADS"] = groups["S0LEADS"].model_copy(update={"members": ("U0BOB",)})
    forgotten(bot)
    assert not (await bot.sandbox.as_("alice").submit(form, {})).response
    await bot.sandbox.as_("alice").sees("waiting for approval", HERE)


async def test_another_level_asks_again_who_could_approve(bot: Bot) -> None:
    """Without another look, and the ticks stay."""
    alice, form = bot.sandbox.as_("alice"), await chosen(bot, await opened(bot))
    looks = bot.hosts.looks
    await alice.click(form, LEVEL, value=["force"], values={SESSIONS: ["host1:9"]})
    form = await saying(bot, alice, "This can't be asked")
    assert "No rule allows to force and kick audituser on host1" in elements.words(form.blocks)
    assert (ticked(form), bot.hosts.looks) == (["host1:9"], looks)
    await alice.click(form, LEVEL, value=[])
    assert ticked(await saying(bot, alice, "may approve; not you.")) == ["host1:9"]


async def test_whoever_may_not_ask_is_told_at_the_top(bot: Bot) -> None:
    """And sees no session."""
    dave, message = bot.sandbox.as_("dave"), await listing(bot)
    await dave.click(message, MENU, value="audituser host1")
    form = await filled(bot, dave)
    assert "Only  S0SRE  may ask on host1." in elements.words(form.blocks[0])
    assert "203.0.113.10" not in json.dumps(form.blocks)
    assert HOSTS in errors(await dave.submit(form, {}))


@pytest.mark.parametrize("way", ["typed", "menu", "shortcut"])
async def test_a_guest_gets_words_in_place_of_the_form(bot: Bot, way: str) -> None:
    """However it is opened: there is no field, and nothing to send."""
    gus, message = bot.sandbox.as_("gus"), await listing(bot)
    if way == "typed":
        assert (await gus.command(HERE, "/kick", "")).ok
    elif way == "menu":
        await gus.click(message, MENU, value="audituser host1")
    else:
        await gus.shortcut(SHORTCUT, message)
    form = await saying(bot, gus, "A guest can't use Kickbot: only full members of this workspace can.")
    assert not list(elements.places(form.blocks))
    assert "submit" not in form.content
    assert bot.hosts.looks == 1


async def test_a_user_who_is_nowhere_is_refused_at_the_field(bot: Bot) -> None:
    """Nothing would be asked; processes may be there without a login, which is another question."""
    alice, form = bot.sandbox.as_("alice"), await chosen(bot, await opened(bot), user="bobb")
    assert "bobb is not logged in on host1." in elements.words(form.blocks)
    assert errors(await alice.submit(form, {})) == {USER: "bobb is not logged in on host1."}
    assert not await asked(bot)
    assert "No rule allows" in errors(await alice.submit(form, {LEVEL: ["processes"]}))[HOSTS]


async def test_a_user_who_is_on_one_of_the_hosts_is_asked_for(bot: Bot) -> None:
    """The form and the request name the host where they are not."""
    alice, form = bot.sandbox.as_("alice"), await opened(bot)
    await alice.suggest(form, HOSTS, "prod")
    form = await chosen(bot, form, host="@prod")
    assert "audituser is not logged in on host2." in elements.words(form.blocks)
    await alice.submit(form, {})
    parent = await alice.sees("waiting for approval", HERE)
    assert "Not logged in on host2." in parent.text


async def test_a_rule_that_wants_a_reason_makes_the_field_needed(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """And the form refuses at the field what was sent without."""
    rules = tuple(rule.model_copy(update={"reason": True}) for rule in POLICY.rules)
    async with start(sandbox, tmp_path, policy=POLICY.model_copy(update={"rules": rules})) as bot:
        form = await chosen(bot, await opened(bot))
        assert field(form, REASON).block["optional"] is False
        assert "may approve; not you." in elements.words(form.blocks)
        assert errors(await sandbox.as_("alice").submit(form, {REASON: " \n"})) == {
            REASON: "A reason is needed on host1."
        }
        assert not await asked(bot)


# -- mistakes and hostile words ------------------------------------------------------------------------


async def test_mistakes_stand_at_their_fields(bot: Bot) -> None:
    """And nothing is asked."""
    alice, form = bot.sandbox.as_("alice"), await chosen(bot, await opened(bot))
    block = field(form, SESSIONS).block["block_id"]
    said = errors(await alice.submit(form, {LEVEL: ["processes"], SESSIONS: ["host1:9"], REASON: "x" * 5_000}))
    assert said == {
        block: "processes ends everything of the account: choose all sessions, or leave processes out.",
        REASON: "That reason is too long: at most 1000 characters.",
    }
    assert not await asked(bot)


@pytest.mark.parametrize("host", ["nowhere", "host1 session 7", "<!channel>", "host1 because x", "web[1-999999]"])
async def test_a_host_that_was_tampered_with_is_refused_at_its_field(bot: Bot, host: str) -> None:
    """Whatever comes back as a choice is read as if it had been typed."""
    view = tampered(bot, await chosen(bot, await opened(bot)), HOSTS, [host])
    said = errors(await bot.sandbox.as_("alice").submit(view, {}))
    assert list(said) == [HOSTS]
    assert not set("<>`") & set(said[HOSTS])
    assert not await asked(bot)


@pytest.mark.parametrize("user", ["x; reboot", "audituser host1", "<@U0BOB>", "--force", "help", "because"])
async def test_a_user_that_was_tampered_with_is_refused_at_its_field(bot: Bot, user: str) -> None:
    """The same for the user."""
    view = tampered(bot, await chosen(bot, await opened(bot)), USER, user)
    assert list(errors(await bot.sandbox.as_("alice").submit(view, {}))) == [USER]
    assert not await asked(bot)


@pytest.mark.parametrize("session", ["host1:7 force", "../..", "$(id)", "7;reboot"])
async def test_a_session_that_does_not_parse_is_refused_at_its_field(bot: Bot, session: str) -> None:
    """The same for a session."""
    form = await chosen(bot, await opened(bot))
    block = field(form, SESSIONS).block["block_id"]
    view = tampered(bot, form, SESSIONS, [session])
    assert list(errors(await bot.sandbox.as_("alice").submit(view, {}))) == [block]


def tampered(bot: Bot, view: View, name: str, value: Any) -> View:
    """The form, as if this had been among the choices."""
    content = json.loads(json.dumps(view.content))
    element = next(b["element"] for b in content["blocks"] if b.get("element", {}).get("action_id") == name)
    options = [
        {"text": {"type": "plain_text", "text": "x"}, "value": each}
        for each in (value if isinstance(value, list) else [value])
    ]
    element |= {"initial_options": options} if isinstance(value, list) else {"initial_option": options[0]}
    element |= {"options": [*element["options"], *options]} if "options" in element else {}
    changed = view.model_copy(update={"content": content})
    bot.sandbox.workspace.views[view.id] = changed
    return changed


@pytest.mark.parametrize("reason", [HOSTILE, "<!everyone> *a* `b` :tada: \n\n> c", "because because", "\u202e\0"])
async def test_a_reason_is_only_ever_text(bot: Bot, reason: str) -> None:
    """On one line, without markup, as if it had been typed."""
    form = await chosen(bot, await opened(bot))
    await bot.sandbox.as_("alice").submit(form, {REASON: reason})
    parent = await bot.sandbox.as_("alice").sees("waiting for approval", HERE)
    assert "<!everyone>" not in parent.text
    [question] = await asked(bot)
    assert isinstance(question.command, Kick)
    assert question.command.reason.isprintable()


# -- what comes late, twice, or never ------------------------------------------------------------------


class Gate:
    """Every look waits at it until it is opened."""

    def __init__(self, bot: Bot) -> None:
        self._look = bot.workflow.look
        self._opened: dict[str, asyncio.Event] = {}
        self._all = asyncio.Event()
        bot.workflow.look = self.look  # type: ignore[method-assign]

    async def look(self, origin: Origin, listing: Listing, onlooker: Onlooker | None = None) -> Seen:
        mine = self._opened.setdefault(listing.user or "", asyncio.Event())
        await asyncio.wait(
            {asyncio.create_task(mine.wait()), asyncio.create_task(self._all.wait())}, return_when="FIRST_COMPLETED"
        )
        return await self._look(origin, listing, onlooker)

    def open(self, user: str = "") -> None:
        (self._opened.setdefault(user, asyncio.Event()) if user else self._all).set()


async def test_the_second_look_wins(bot: Bot) -> None:
    """The first one comes back later, and overwrites nothing."""
    alice, form = bot.sandbox.as_("alice"), await opened(bot)
    gate = Gate(bot)
    await alice.suggest(form, HOSTS, "")
    await alice.click(form, HOSTS, value=["host1"])
    form = await carrying(bot, alice, "host1")
    for user in ("audituser", "alice"):
        await alice.suggest(form, USER, user)
        await alice.click(form, USER, value=user)
        form = await saying(bot, alice, "Looking at host1 …")
    gate.open("alice")
    form = await filled(bot, alice)
    assert ticked(form) == ["host1:12"]
    gate.open("audituser")
    await bot.sandbox.workspace.until(lambda: bot.hosts.looks == 2)
    await asyncio.sleep(0.2)
    assert alice.modal == form


def test_a_choice_that_arrives_after_a_later_one_is_passed_over() -> None:
    """Slack sends over several connections, and nothing keeps the order."""
    desk = Desk()
    assert [desk.begin(turn) for turn in ("1.000002", "1.000001", "1.000002", "2.000000")] == [True, False, True, True]


async def test_a_form_that_can_not_be_opened_is_answered_with_the_usage(bot: Bot) -> None:
    """The trigger was too old: the person reads what to type instead."""
    bot.sandbox.workspace.faults = lambda method, _args: (
        Fault.refused("expired_trigger_id") if method == "views.open" else None
    )
    alice = bot.sandbox.as_("alice")
    await alice.command(HERE, "/kick", "")
    seen = await answered(bot, "alice", "Slack did not open the form, so nothing was done.")
    assert "`/kick USER|everyone HOSTS" in seen.text
    await alice.click(await listing(bot), MENU, value="alice host1")
    await bot.sandbox.workspace.until(lambda: len(alice.ephemerals()) == 2)


async def test_a_form_that_is_sent_twice_asks_once(bot: Bot) -> None:
    """Slack sends it again; or the person does, because the first one seemed lost."""
    alice, form = bot.sandbox.as_("alice"), await chosen(bot, await opened(bot))
    await asyncio.gather(alice.submit(form, {}), alice.submit(form, {}))
    await alice.sees("waiting for approval", HERE)
    await bot.sandbox.socket.redeliver(bot.sandbox.socket.deliveries[-1])
    await asyncio.sleep(0.2)
    assert len(await asked(bot)) == 1
    assert len(alice.ephemerals()) == 1


async def test_a_command_that_comes_twice_opens_one_form(bot: Bot) -> None:
    """The second time its trigger is used up, and nothing is said of it."""
    await opened(bot)
    await bot.sandbox.socket.redeliver(bot.sandbox.socket.deliveries[-1])
    await asyncio.sleep(0.2)
    assert not bot.sandbox.as_("alice").ephemerals()


@pytest.mark.parametrize("refused", [False, True])
async def test_an_answer_that_takes_too_long_comes_as_a_message(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, *, refused: bool
) -> None:
    """The form closes in time, and the person reads the rest where the command was typed."""
    assert in_forms.ACKNOWLEDGE + in_forms.NAMING < SLACK_WAITS
    monkeypatch.setattr(in_forms, "ACKNOWLEDGE", 0.1)
    known, ask = asyncio.Event(), bot.workflow.ask

    async def slowly(*asked: Any) -> Request:
        await known.wait()
        return await ask(*asked)

    alice, form = bot.sandbox.as_("alice"), await chosen(bot, await opened(bot))
    if refused:
        bot.sandbox.workspace.groups["S0SRE"] = make_empty(bot)
    forgotten(bot)
    monkeypatch.setattr(bot.workflow, "ask", slowly)
    outcome = await alice.submit(form, {})
    assert (outcome.ok, outcome.response or {}, alice.modal) == (True, {}, None)
    known.set()
    assert await answered(
        bot, "alice", "may ask on host1" if refused else "Looking at host1 for sessions of audituser."
    )


def forgotten(bot: Bot) -> None:
    """The seconds are over for which Slack's answers count."""
    bot.workflow._rights._asking.anew()


def make_empty(bot: Bot) -> Any:
    return bot.sandbox.workspace.groups["S0SRE"].model_copy(update={"members": ("U0BOB",)})


async def test_what_the_command_can_no_longer_be_answered_is_told_in_person(bot: Bot) -> None:
    """A response_url is good for half an hour; a form stays open for longer."""
    alice, form = bot.sandbox.as_("alice"), await chosen(bot, await opened(bot))
    content = dict(form.content) | {"private_metadata": json.dumps(known(form) | {"opened": 1_000})}
    bot.sandbox.workspace.views[form.id] = form.model_copy(update={"content": content})
    await alice.submit(form, {})
    assert await alice.sees("Looking at host1 for sessions of audituser.", "@kickbot")


async def test_a_form_sent_after_the_host_changed_plans_what_is_there(bot: Bot) -> None:
    """The plan is made from a new look: of two sessions one is gone, and no other is taken in its place."""
    form = await chosen(bot, await opened(bot))
    bot.hosts["host1"].logout("7")
    bot.hosts["host1"].login("15")
    await bot.sandbox.as_("alice").submit(form, {})
    parent = await bot.sandbox.as_("alice").sees("waiting for approval", HERE)
    assert "15" in elements.words(parent.blocks)
    form = await chosen(bot, await opened(bot))
    bot.hosts["host1"].logout("9")
    await bot.sandbox.as_("alice").submit(form, {SESSIONS: ["host1:9"]})
    assert await bot.sandbox.as_("alice").sees("audituser has no session 9 there, only 15 on host1", HERE)


async def test_a_form_whose_list_is_of_another_choice_is_refused_at_the_field(bot: Bot) -> None:
    """Host2 is chosen and sent before its sessions are shown: session 7 of host1 becomes no session 7 of host2."""
    alice, form = bot.sandbox.as_("alice"), await chosen(bot, await opened(bot))
    other = await alice.suggest(form, HOSTS, "host2")
    assert other.ok
    outcome = await alice.submit(form, {HOSTS: ["host2"]})
    assert "are of another choice" in " ".join(errors(outcome).values())
    assert not await asked(bot)
