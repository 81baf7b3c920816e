"""Requests written event by event, with what was seen on their hosts: for tests of what is said about them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.events import (
    Approved,
    Asked,
    Attachment,
    Closed,
    Ending,
    Entry,
    Event,
    Observed,
    Planned,
    Record,
    Signalled,
    Verifying,
)
from bot.models import (
    Answer,
    EndSession,
    Kick,
    Listing,
    Outcome,
    RequestId,
    Result,
    Session,
    Snapshot,
    Unreachable,
)
from bot.planning import make
from bot.policy import Policy
from bot.sandbox import elements, limits
from bot.slack import telling
from bot.slack.blocks import Message
from bot.slack.story import Looks, Story, tell
from bot.slack.telling import Part
from bot.workflow import Seen
from tests.fake_hosts import FakeHosts, session

NOW = datetime.fromisoformat("2026-11-20T13:30:00+00:00")
HOSTILE = "<!channel> `rm` *_~ <@U0EVE> & <http://x|y> \\x1b[31m ``` \N{BULLET}"
HOME = "C0INCIDENT"


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
        self.hosts = hosts or FakeHosts(host1=usual())
        self.records: list[Record] = []
        self.seen: dict[int, Looks] = {}
        self.command = Kick(user="audituser", hosts=tuple(names), reason=reason)
        self.add(Asked(who="U0ALICE", key="k", channel=HOME, home=HOME, words="/kick", command=self.command))

    def add(self, event: Event) -> Record:
        seq = len(self.records) + 1
        at = NOW + timedelta(seconds=seq)
        self.records.append(Record(entry=Entry(seq=seq, request=RequestId(1), at=at, event=event), hash=f"{seq:064x}"))
        return self.records[-1]

    def look(self, phase: Any, **lost: str) -> Looks:
        looks = tuple(
            Unreachable(host=h, reason=lost[h]) if h in lost else self.hosts.snapshot(h) for h in self.command.hosts
        )
        record = self.add(Observed(looks=tuple(map(Attachment.of, looks)), phase=phase))
        self.seen[record.seq] = looks
        return looks

    def planned(self, **lost: str) -> "Telling":
        self.plan = make(self.command, self.look("before", **lost), Policy())
        self.add(
            Planned(
                plan=self.plan,
                plan_hash=self.plan.hash,
                decide_by=NOW + timedelta(minutes=15),
                act_within=900,
                approvals=1,
                approvers=("U0BOB", "U0CAROL"),
                groups=("S0LEADS",),
            )
        )
        return self

    def approved(self) -> "Telling":
        self.add(Approved(who="U0CAROL", plan_hash=self.plan.hash, hosts=self.plan.hosts, complete=True))
        return self

    def tried(self, number: int = 0, **answer: Any) -> "Telling":
        step = EndSession(target=self.plan.targets[number], rung="terminate-session")
        self.add(Ending(step=step, not_after=1, answer_by=NOW + timedelta(minutes=1)))
        known = {"status": "done", "command": "loginctl terminate-session 7", "exit_status": 0}
        self.add(Signalled(step=step, answer=Answer.model_validate(known | answer)))
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


def usual() -> list[Session]:
    alice = session("12", "alice", uid=1002, tty="pts/1", remote="198.51.100.4", runs=("bash", "tail"))
    return [session("7", runs=("bash", "vim", "rsync")), session("9", tty=None, runs=("sftp-server",)), alice]


def seen(*looks: Snapshot | Unreachable, user: str | None = None, refused: tuple[str, ...] = ()) -> Seen:
    hosts = tuple(look.host for look in looks) or ("host1",)
    return Seen(listing=Listing(hosts=hosts, user=user), looks=looks, refused=refused)
