"""A hostile host: whoever is root there makes it say anything. It stays one host's word, and text."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bot.lifecycle import replay
from bot.models import RequestId
from bot.sandbox.nouns import Message
from bot.sandbox.server import SandboxSlack
from bot.slack.content.tickets import APPROVE
from bot.states import State
from tests import make
from tests.fakes import FakeHosts
from tests.make import INCIDENT
from tests.slack_bot import start

PING = "<!channel> <@U0BOB> `*x*` https://example.com"


def lying() -> FakeHosts:
    """host1 says what pings, and claims sessions like those of host2; on host2 there is one login of audituser."""
    honest = make.login("7", leader=1070)
    liar = make.login("7", leader=1070, remote=PING, service=PING, runs=(PING,))
    hosts = FakeHosts(host1=[liar], host2=[honest])
    hosts["host1"].raw = PING
    hosts["host1"].stubborn = {"7"}
    return hosts


async def test_what_a_host_says_pings_nobody_and_changes_no_other_outcome(
    sandbox: SandboxSlack, tmp_path: Path
) -> None:
    """Its listing, its evidence and its end are text; host2's session has ended, and is told so, all the same."""
    hosts = lying()
    async with start(sandbox, tmp_path, hosts) as bot:
        alice, carol = sandbox.as_("alice"), sandbox.as_("carol")
        await alice.command(INCIDENT, "/sessions", "host[1-2]")
        await alice.sees("host1", INCIDENT)
        await alice.command(INCIDENT, "/kick", "audituser host[1-2] because INC-42")
        parent = await carol.sees("waiting for approval", INCIDENT)
        assert isinstance(parent, Message)
        await carol.click(parent, APPROVE)
        await alice.sees("1 of 2 sessions of audituser", INCIDENT)
        kick = replay(await bot.trail.read(RequestId(2)))  # the look was the first
    assert {outcome.host: outcome.result for outcome in kick.outcomes} == {"host1": "survived", "host2": "ended"}
    assert list(hosts["host1"].sessions) == ["7"]
    assert not list(markup_that_pings(sandbox))


async def test_a_host_that_lies_changes_no_other_request(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """While a request about host1 is carried out, one about host2 waits for its approval as before."""
    async with start(sandbox, tmp_path, lying()) as bot:
        alice, carol = sandbox.as_("alice"), sandbox.as_("carol")
        await alice.command(INCIDENT, "/kick", "audituser host2 because INC-1")
        await alice.sees("waiting for approval", INCIDENT)
        await alice.command(INCIDENT, "/kick", "audituser host1 because INC-2")
        about = await carol.sees("Kick audituser off host1?", INCIDENT)
        assert isinstance(about, Message)
        await carol.click(about, APPROVE)
        await alice.sees("1 session of audituser is still on host1", INCIDENT)
        assert replay(await bot.trail.read(RequestId(1))).state is State.PENDING
        assert {step.host for step in bot.hosts.acts} == {"host1"}


def markup_that_pings(sandbox: SandboxSlack) -> Iterator[Any]:
    """Where Slack reads markup, the host's own words."""
    for message in sandbox.workspace.messages.values():
        for version in message.versions:
            yield from (text for text in mrkdwn(version.blocks) if "<!channel>" in text)
            yield from [version.text] if "<!channel>" in version.text else []


def mrkdwn(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value.get("type") == "mrkdwn":
        yield json.dumps(value["text"])
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from mrkdwn(item)
