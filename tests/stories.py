"""Requests written event by event, with what was seen on their hosts: for tests of what is said about them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot import outcomes, planning
from bot.events import Closed, Event, Record, Verifying, Warned
from bot.listings import Seen
from bot.models import (
    EndAccount,
    Filter,
    Listing,
    Looks,
    Outcome,
    Process,
    Result,
    ShowAccount,
    Snapshot,
    Step,
    Unreachable,
)
from bot.policy import Policy
from bot.sandbox import elements, limits
from bot.slack.content import telling
from bot.slack.content.blocks import Message
from bot.slack.content.files import File, files
from bot.slack.content.story import Story, tell
from bot.slack.content.telling import Part
from tests import make
from tests.fakes import FakeHost, FakeHosts

NOW = datetime.fromisoformat("2026-11-20T13:30:00+00:00")
ACT_AT = NOW + timedelta(minutes=5)
HOSTILE = "<!channel> `rm` *_~ <@U0EVE> & <http://x|y> \\x1b[31m ``` \N{BULLET}"


def check(message: Message) -> str:
    """Slack would take it; all that it says."""
    limits.check_message(message.text, list(message.blocks), [])
    return f"{message.text}\n{elements.words(message.blocks)}"


def harmless(message: Message) -> None:
    """No mention of everyone or of Eve, and no link came out of text."""
    check(message)
    assert "<!channel>" not in message.text
    assert "<@U0EVE>" not in message.text
    assert "<http" not in message.text
    for block in message.blocks:
        if block["type"] == "context":
            assert "<!channel>" not in json.dumps(block)
            assert "<http" not in json.dumps(block)
        assert '"broadcast"' not in json.dumps(block)


class Telling:
    """Writes a request event by event, a second apart."""

    def __init__(
        self,
        hosts: FakeHosts | None = None,
        names: Sequence[str] = ("host1",),
        reason: str = "INC-42",
        policy: Policy = Policy(),  # noqa: B008 - frozen
        **command: Any,
    ) -> None:
        self.hosts = hosts or FakeHosts(host1=make.usual_logins())
        self.policy = policy
        self.records: list[Record] = []
        self.seen: dict[int, Looks] = {}
        self.command = make.kick(*names, reason=reason, **command)
        self.add(make.asked(command=self.command))

    def add(self, event: Event) -> Record:
        seq = len(self.records) + 1
        self.records.append(make.record(event, seq, at=NOW + timedelta(seconds=seq)))
        return self.records[-1]

    def look(self, phase: make.Phase, **lost: str) -> Looks:
        looks = tuple(
            make.unreachable(name, lost[name]) if name in lost else self.hosts[name].snapshot()
            for name in self.command.hosts
        )
        record = self.add(make.observed(phase, *looks))
        self.seen[record.seq] = looks
        return looks

    def planned(
        self, owners: Sequence[str] = (), whose: Mapping[str, tuple[str, ...]] | None = None, **lost: str
    ) -> "Telling":
        self.plan = planning.make(self.command, self.look("before", **lost), self.policy)
        until, people = NOW + timedelta(minutes=15), ("U0BOB", "U0CAROL")
        known = {"approvers": people, "groups": ("S0LEADS",), "owners": owners, "whose": whose or {}}
        self.add(make.planned(self.plan, decide_by=until, **known))
        return self

    def approved(self) -> "Telling":
        self.add(make.approved(self.plan))
        return self

    def did(self, step: Step, **answer: Any) -> "Telling":
        """The intent, and what the host said."""
        self.add(make.ending(step))
        self.add(make.signalled(step, **answer))
        return self

    def tried(self, number: int = 0, **answer: Any) -> "Telling":
        known: dict[str, Any] = {"command": "loginctl terminate-session 7", "exit_status": 0}
        return self.did(make.step(self.plan.sessions[number]), **(known | answer))

    def tried_account(self, rung: str = "terminate", **answer: Any) -> "Telling":
        known: dict[str, Any] = {"command": "loginctl terminate-user audituser", "exit_status": 0}
        return self.did(EndAccount(target=self.plan.accounts[0], rung=rung), **(known | answer))

    def shown(self, output: str, **answer: Any) -> "Telling":
        """The account's last word."""
        known: dict[str, Any] = {"command": "ps -u audituser", "exit_status": 1, "output": output}
        return self.did(ShowAccount(target=self.plan.accounts[0]), **(known | answer))

    def told(self, number: int = 0, **answer: Any) -> "Telling":
        """One session's warning."""
        text = "Kickbot: alice has this session of audituser ended at 13:35:00 UTC. Save your work now."
        return self.did(make.warning(self.plan.sessions[number], text=text, act_at=ACT_AT), **answer)

    def warned(self) -> "Telling":
        """Everyone who could be told was told."""
        self.add(Warned(act_at=ACT_AT))
        return self

    def closed(self, *results: Result, detail: str = "", note: str = "", **more: Any) -> "Telling":
        self.add(Verifying())
        self.look("after")
        ended = tuple(
            Outcome(kind=t.kind, host=t.host, session=t.session, identity=t.identity, result=r, detail=detail, **more)
            for t, r in zip(self.plan.targets, results, strict=True)
        )
        self.add(Closed(outcomes=ended, note=note))
        return self

    def closed_each(self, ends: Sequence[tuple[Result, str]]) -> "Telling":
        """Closed, each target with its own result and detail."""
        ended = tuple(
            Outcome(kind=t.kind, host=t.host, session=t.session, identity=t.identity, result=result, detail=detail)
            for t, (result, detail) in zip(self.plan.targets, ends, strict=True)
        )
        self.add(Closed(outcomes=ended))
        return self

    def judged(self) -> "Telling":
        """Closed with what a last look really shows."""
        self.add(Verifying())
        looks, request = self.look("after"), self.story.request
        self.add(Closed(outcomes=outcomes.judge(request, looks), note=outcomes.note(request, looks)))
        return self

    @property
    def story(self) -> Story:
        before = next(iter(self.seen.values()), ())
        return tell(self.records, before=before, seen=self.seen)

    def files(self, part: Part) -> list[File]:
        """The files that stand beside a reply."""
        message = telling.words(part, self.story, self.records[-1])
        return list(files(self.story, self.records[-1], part, message))

    def says(self, part: str) -> str:
        return check(telling.words(part, self.story, self.records[-1], "http://127.0.0.1/archives/C0/p1"))


def seen(
    *looks: Snapshot | Unreachable,
    user: str | None = None,
    refused: tuple[str, ...] = (),
    owners: dict[str, tuple[str, ...]] | None = None,
    **only: str,
) -> Seen:
    """The answer to a listing. only: its filter."""
    hosts = tuple(look.host for look in looks) or ("host1",)
    wanted = Listing(hosts=hosts, user=user, only=Filter(**only))
    return Seen(listing=wanted, looks=looks, refused=refused, owners=owners or {})


def put_inside(host: FakeHost, session: str, *processes: Process) -> None:
    """More processes in a session that is there."""
    there = host.sessions[session]
    host.sessions[session] = there.model_copy(update={"processes": (*there.processes, *processes)})


def many(number: int, **changes: Any) -> FakeHosts:
    """That many logins of audituser on one host."""
    return FakeHosts(
        host1=[
            make.login(str(n), leader=10_000 + 10 * n, runs=("bash", "job"), **{"tty": f"pts/{n}", **changes})
            for n in range(number)
        ]
    )
