"""Requests written event by event, with what was seen on their hosts: for tests of what is said about them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot import planning
from bot.events import Closed, Event, Record, Verifying
from bot.models import Listing, Looks, Outcome, Result, Snapshot, Unreachable
from bot.policy import Policy
from bot.sandbox import elements, limits
from bot.slack import telling
from bot.slack.blocks import Message
from bot.slack.story import Story, tell
from bot.slack.telling import Part
from bot.workflow import Seen
from tests import make
from tests.fakes import FakeHosts

NOW = datetime.fromisoformat("2026-11-20T13:30:00+00:00")
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
        self, hosts: FakeHosts | None = None, names: Sequence[str] = ("host1",), reason: str = "INC-42"
    ) -> None:
        self.hosts = hosts or FakeHosts(host1=make.usual_logins())
        self.records: list[Record] = []
        self.seen: dict[int, Looks] = {}
        self.command = make.kick(*names, reason=reason)
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

    def planned(self, **lost: str) -> "Telling":
        self.plan = planning.make(self.command, self.look("before", **lost), Policy())
        until = NOW + timedelta(minutes=15)
        self.add(make.planned(self.plan, decide_by=until, approvers=("U0BOB", "U0CAROL"), groups=("S0LEADS",)))
        return self

    def approved(self) -> "Telling":
        self.add(make.approved(self.plan))
        return self

    def tried(self, number: int = 0, **answer: Any) -> "Telling":
        step = make.step(self.plan.targets[number])
        self.add(make.ending(step))
        known: dict[str, Any] = {"command": "loginctl terminate-session 7", "exit_status": 0}
        self.add(make.signalled(step, **(known | answer)))
        return self

    def closed(self, *results: Result, detail: str = "", note: str = "", **more: Any) -> "Telling":
        self.add(Verifying())
        self.look("after")
        outcomes = tuple(
            Outcome(host=t.host, session=t.session, identity=t.identity, result=r, detail=detail, **more)
            for t, r in zip(self.plan.targets, results, strict=True)
        )
        self.add(Closed(outcomes=outcomes, note=note))
        return self

    @property
    def story(self) -> Story:
        before = next(iter(self.seen.values()), ())
        return tell(self.records, before=before, seen=self.seen)

    def says(self, part: Part) -> str:
        return check(telling.words(part, self.story, self.records[-1], "http://127.0.0.1/archives/C0/p1"))


def seen(*looks: Snapshot | Unreachable, user: str | None = None, refused: tuple[str, ...] = ()) -> Seen:
    hosts = tuple(look.host for look in looks) or ("host1",)
    return Seen(listing=Listing(hosts=hosts, user=user), looks=looks, refused=refused)
