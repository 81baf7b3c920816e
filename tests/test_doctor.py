"""`kickbot check` on a good installation and on broken ones: each fault is found, with what to do."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.audit import signing
from bot.doctor.clocks import of_clock
from bot.rollcall import apart
from bot.sandbox.hosts import HostSpec
from bot.sandbox.nouns import Channel, Fault
from bot.slack.tokens import SCOPES
from tests import make
from tests.codes import enrolled
from tests.installation import Installation
from tests.test_reading import edit
from tests.whole import CHANNEL, at_the_terminal, bot_at_work, environment_of

Break = Callable[[Installation], Any]


@pytest.fixture
async def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    """However full this machine is."""
    usage = shutil.disk_usage(tmp_path)._replace(free=2**40)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    async with Installation.set_up(tmp_path, HostSpec("host1")) as installation:
        yield installation


async def found(installation: Installation, *words: str, **environment: str) -> list[tuple[str, str, str]]:
    """Part, what about, and the words, of all that is wrong; each with what to do."""
    done = await installation.check("--json", *words, **environment)
    told = json.loads(done.stdout)
    wrong = [one for one in told["findings"] if one["level"] == "wrong"]
    assert (done.exit_code, told["ok"]) == ((1, False) if wrong else (0, True))
    assert [one for one in wrong if not one["todo"]] == []
    return [(one["part"], one["about"], f"{one['said']} -> {one['todo']}") for one in wrong]


# ------------------------------------------------------------------------------------------------ nothing is changed


async def test_it_changes_nothing_anywhere(good: Installation) -> None:
    """No file, no message, no event, and no connection that a click could be sent to. No token is in what it says."""
    before = {path.name: path.read_bytes() for path in good.config.parent.iterdir() if path.is_file()}
    happened = [one for one in good.slack.workspace.happenings if one.kind != "api_call"]

    done = await good.check()

    assert (done.exit_code, done.stderr) == (0, "")
    assert {path.name: path.read_bytes() for path in good.config.parent.iterdir() if path.is_file()} == before
    assert [one for one in good.slack.workspace.happenings if one.kind != "api_call"] == happened
    for secret in (good.slack.bot_token, good.slack.app_token):
        assert secret not in done.output


async def test_a_good_installation(good: Installation) -> None:
    """Each part is there, all is ok, and the status is 0."""
    done = await good.check()

    assert done.exit_code == 0
    parts = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert parts == ["settings", "tokens", "manifest", "clocks", "channels", "policy", "hosts", "trail", "12 ok"]
    assert "ok     host1: answered in " in done.stdout


async def test_the_same_beside_a_bot_at_work(good: Installation) -> None:
    """The bot goes on, over the only connection that there is."""
    good.database.unlink()
    async with bot_at_work(good.slack, good.config):
        done = await good.check()
        assert len(good.slack.socket.connections) == 1
        await good.slack.as_("alice").command(CHANNEL, "/sessions", "host1")
        await good.slack.as_("alice").sees("host1: nobody is logged in", CHANNEL)
    assert done.exit_code == 0
    assert "kickbot.db: opens" in done.stdout


# ------------------------------------------------------------------------------------------------ what is wrong

BROKEN: dict[str, tuple[Break, list[tuple[str, str, str]]]] = {
    "a scope is missing": (
        lambda it: it.slack.workspace.change_app(scopes=SCOPES - {"files:write"}),
        [("tokens", "SLACK_BOT_TOKEN", "lacks the scopes files:write -> Add them to the Slack app")],
    ),
    "the app token has not its scope": (
        lambda it: it.slack.workspace.change_app(app_scopes=frozenset()),
        [("tokens", "SLACK_APP_TOKEN", "Slack says missing_scope. It must be an app-level token")],
    ),
    "not in the incident channel": (
        lambda it: it.slack.workspace.change_channel("C0INCIDENT", members=("U0ALICE",)),
        [("channels", "C0INCIDENT", "Kickbot is not in #incidents -> Invite it")],
    ),
    "the incident channel is shared": (
        lambda it: it.slack.workspace.change_channel("C0INCIDENT", is_ext_shared=True),
        [("channels", "C0INCIDENT", "#incidents is shared with another company")],
    ),
    "nobody listens where the trail is told": (
        lambda it: it.change("[audit]\n", '[audit]\npush = "syslog+tcp://127.0.0.1:9"\n'),
        [("places", "127.0.0.1:9", "can't be told: ")],
    ),
    "no such channel": (
        lambda it: it.change("C0INCIDENT", "C0NOWHERE"),
        [("channels", "C0NOWHERE", "there is none, or none that Kickbot may see")],
    ),
    "a group is gone": (
        lambda it: it.slack.workspace.change_group("S0LEADS", disabled=True),
        [
            ("policy", "rules[0].approve", "S0LEADS: Slack doesn't say who that is"),
            ("policy", "rules[0]", "it takes 1"),
        ],
    ),
    "an approver is gone": (
        lambda it: it.change('approve = ["S0LEADS"]', 'approve = ["S0LEADS", "U0ZOE"]'),
        [("policy", "rules[0].approve", "zoe (U0ZOE): This Slack account is deactivated")],
    ),
    "approvers without a second factor": (
        lambda it: _second_factor(it, 0o600),
        [("policy", "rules[0].approve", "no second factor, which the rule asks for: bob (U0BOB), carol (U0CAROL)")],
    ),
    "second factors that others may read": (
        lambda it: _second_factor(it, 0o644),
        [("settings", "files", "codes.toml: others may read or write it; `chmod 600` takes that away")],
    ),
    "no sudo on a host": (
        lambda it: (it.hosts.folder / "host1" / "no-sudo").touch(),
        [("hosts", "host1", "NOPASSWD: /bin/sh")],
    ),
    "nobody listens at a host": (
        lambda it: it.change(f"port = {it.hosts.hosts['host1'].port}", "port = 9"),
        [("hosts", "host1", "refuses connections at 127.0.0.1 port 9 -> From this machine")],
    ),
    "a host that is not known": (
        lambda it: it.hosts.known_hosts.write_text(""),
        [("hosts", "host1", "shows an unknown host key, SHA256:")],
    ),
    "a host whose key is another one": (
        lambda it: it.hosts.known_hosts.write_text(_other_key(it)),
        [("hosts", "host1", "kickbot hosts trust host1 --replace")],
    ),
    "a host that does not know the key": (
        lambda it: it.change('user = "kickbot"', 'user = "robot"'),
        [("hosts", "host1", "refused the login robot@127.0.0.1 (no key accepted) -> Put the public half")],
    ),
    "a host whose clock is behind": (
        lambda it: _clock_of(it, -9000),
        [("clocks", "host1", "2 h behind this machine's -> Set the wrong one of the two by NTP")],
    ),
    "a key of the bot is gone": (
        lambda it: it.hosts.client_key.unlink(),
        [("settings", "files", "ssh.keys[0]: there is no file")],
    ),
    "a group of hosts is gone": (
        lambda it: it.change('hosts = "*"', 'hosts = "@prod"'),
        [("settings", "hosts and rules", "rules[0].hosts: There is no group `@prod`.")],
    ),
    "the newest event was changed": (
        lambda it: edit(it.database, "UPDATE events SET bytes = replace(bytes, 'host1', 'host2')"),
        [("trail", "newest events", "broken at event 1: ")],
    ),
    "the database is none": (
        lambda it: it.database.write_text("no database " * 100),
        [("trail", "kickbot.db", "the file is no database")],
    ),
    "the key for checkpoints is gone": (
        lambda it: it.key.unlink(),
        [("settings", "files", "audit.key: there is no file"), ("trail", "audit.key", "can't be used")],
    ),
    "another public half": (
        lambda it: signing.make(other := it.key.with_name("other")) and shutil.copy(f"{other}.pub", f"{it.key}.pub"),
        [("trail", "audit.key", "is not its public half: no checkpoint would count")],
    ),
}


def _other_key(it: Installation) -> str:
    host = it.hosts.hosts["host1"]
    other = signing.make(it.config.with_name("other")).split()
    return f"[{host.address}]:{host.port} {other[-2]} {other[-1]}\n"


def _second_factor(it: Installation, mode: int) -> None:
    """The rule asks for one, and only Alice, who asks, has one."""
    it.change('approve = ["S0LEADS"]', 'approve = ["S0LEADS"]\nsecond_factor = true')
    it.config.write_text(it.config.read_text() + '\n[second_factor]\nsecrets = "codes.toml"\n')
    enrolled(it.config.with_name("codes.toml"), "U0ALICE")
    it.config.with_name("codes.toml").chmod(mode)


def _clock_of(it: Installation, seconds: int) -> None:
    date = it.hosts.folder / "host1" / "bin" / "date"
    date.write_text(f'#!/bin/sh\necho "$(($(/bin/date +%s) + {seconds}))"\n')
    date.chmod(0o700)


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_broken_is_found(good: Installation, name: str) -> None:
    """That alone, with what to do; and no token is ever in the words."""
    breaks, expected = BROKEN[name]
    breaks(good)

    wrong = await found(good)

    assert [(part, Path(about).name) for part, about, _ in wrong] == [(part, about) for part, about, _ in expected]
    for (_, _, said), (_, _, words) in zip(wrong, expected, strict=True):
        assert words in said


@pytest.mark.parametrize(
    ("changed", "about", "said"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN", "is not set: put the token that starts with xoxb-"),
        ({"SLACK_BOT_TOKEN": "xoxb-WRONGISH"}, "SLACK_BOT_TOKEN", "Slack says invalid_auth. It must be"),
        ({"SLACK_BOT_TOKEN": "WRONGISH"}, "SLACK_BOT_TOKEN", "has the wrong form: put the token"),
        ({"SLACK_APP_TOKEN": "xapp-WRONGISH"}, "SLACK_APP_TOKEN", "Slack says invalid_auth. It must be"),
        ({"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN", "is not set: put the token that starts with xapp-"),
    ],
)
async def test_a_token_that_can_not_be_used(good: Installation, changed: dict[str, str], about: str, said: str) -> None:
    """It is named, never shown, and the rest is examined all the same."""
    done = await good.check(**changed)
    assert done.exit_code == 1
    assert f"WRONG  {about}: {said}" in done.stdout
    assert "WRONGISH" not in done.output
    assert "ok     host1: answered in " in done.stdout
    if about == "SLACK_BOT_TOKEN":
        assert "?      C0INCIDENT: could not be looked at without a bot token" in done.stdout
        assert "?      groups: who is in them was not looked up" in done.stdout


async def test_no_slack_at_all(good: Installation) -> None:
    """Each token says so, and the rest is examined all the same."""
    wrong = await found(good, SLACK_API_URL="http://127.0.0.1:9/api/")
    assert [(part, about) for part, about, _ in wrong] == [("tokens", "Slack"), ("tokens", "Slack")]


async def test_slacks_clock_and_ours(good: Installation) -> None:
    """By the date of Slack's answer."""
    body = {"ok": True, "team_id": "T0SANDBOX", "user_id": "U0KICKBOT", "bot_id": "B0", "user": "kickbot", "team": "S"}
    headers = {"Date": "Fri, 20 Nov 2020 13:31:05 GMT", "x-oauth-scopes": ",".join(SCOPES)}
    answer = Fault(body=body, headers=headers)
    good.slack.workspace.faults = lambda method, _: answer if method == "auth.test" else None
    ((part, about, said),) = await found(good)
    assert (part, about) == ("clocks", "Slack")
    assert "days behind this machine's" in said


async def test_a_scope_that_nobody_needs_is_worth_knowing(good: Installation) -> None:
    """It is no fault."""
    good.slack.workspace.change_app(scopes=SCOPES | {"reactions:write"})
    done = await good.check()
    assert done.exit_code == 0
    assert "note   SLACK_BOT_TOKEN: has scopes that nothing uses: reactions:write" in done.stdout


async def test_a_channel_that_need_not_be_open_is_worth_knowing(good: Installation) -> None:
    """Where evidence may stand besides."""
    good.slack.workspace.channels["C0OTHER"] = Channel(id="C0OTHER", name="other")
    good.change('channels = ["#inc-*"]', 'channels = ["#inc-*", "C0OTHER"]')
    done = await good.check()
    assert done.exit_code == 0
    assert "note   C0OTHER: Kickbot is not in #other" in done.stdout


async def test_http_mode_needs_another_secret(good: Installation) -> None:
    """Of which only the form can be told; and the manifest has to say so too."""
    good.change("[slack]\n", '[slack]\nmode = "http"\n')
    without = await found(good)
    done = await good.check(SLACK_SIGNING_SECRET=good.slack.signing_secret)
    assert [(part, about) for part, about, _ in without] == [
        ("tokens", "SLACK_SIGNING_SECRET"),
        ("manifest", "socket_mode_enabled"),
    ]
    assert "note   SLACK_SIGNING_SECRET: has the form of a signing secret" in done.stdout
    assert good.slack.signing_secret not in done.output


@pytest.mark.parametrize("as_json", [True, False])
async def test_a_configuration_that_is_none(good: Installation, as_json: bool) -> None:
    """Status 2: nothing was looked at."""
    good.change("[ssh]", "[ssh")
    done = await good.check(*(["--json"] if as_json else []))
    assert (done.exit_code, done.stderr) == (2, "")
    assert "is not TOML" in done.stdout
    if as_json:
        assert json.loads(done.stdout)["ok"] is False


async def test_a_trail_that_can_not_be_written(good: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing would be done: no record, no act. And the disk is as good as full."""
    usage = shutil.disk_usage(good.config.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1024))
    monkeypatch.setattr(os, "access", lambda place, _: Path(place) != good.database)
    full, barred = await found(good)
    assert full[2].startswith("0.0 GiB free -> Make room")
    assert f"can't be written: user id {os.geteuid()} can't write {good.database}" in barred[2]


async def test_an_installation_that_never_ran(good: Installation) -> None:
    """Its trail is not there yet, which is no fault."""
    good.database.unlink()
    good.change(f'key = "{good.key.name}"', "")
    done = await good.check()
    assert done.exit_code == 0
    assert "kickbot.db: there is no trail in this file yet" in done.stdout
    assert not good.database.exists()
    assert "note   audit.key: nobody signs checkpoints" in done.stdout


async def test_a_bar_on_a_terminal(good: Installation) -> None:
    """It comes to its end; what was found stands below it."""
    words = ("check", "--config", str(good.config))
    status, shown = await asyncio.to_thread(at_the_terminal, *words, environment=environment_of(good.slack))
    assert status == 0, shown
    assert "100%" in shown
    assert re.search(r"\d+ ok", shown.splitlines()[-1])


# ------------------------------------------------------------------------------------------------ clocks


@pytest.mark.parametrize(("clock", "ahead"), [(-70, -70), (-1, -1), (0, 0), (3, 0), (5, 0), (6, 1), (75, 70)])
def test_a_clock_is_off_by_what_the_wait_does_not_explain(clock: int, ahead: int) -> None:
    """It was read somewhere between question and answer, here five seconds apart."""
    assert apart(make.START + timedelta(seconds=clock), make.START, make.START + timedelta(seconds=5)) == ahead


@pytest.mark.parametrize(("ahead", "level"), [(60, "ok"), (-60, "ok"), (61, "wrong"), (-61, "wrong")])
def test_a_minute_is_too_much(ahead: int, level: str) -> None:
    """Above that nobody there is judged idle."""
    assert of_clock("host1", ahead, "this machine's").level == level
