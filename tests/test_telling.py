"""What the command line prints of a request: plain words, and never a control character."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit import telling
from bot.events import (
    Approved,
    Asked,
    Attachment,
    Cancelled,
    Closed,
    DecisionRefused,
    Denied,
    Dropped,
    Ending,
    Event,
    Expired,
    Exported,
    Frozen,
    Held,
    Judged,
    Lapsed,
    Looked,
    Observed,
    Overdue,
    Permitted,
    Planned,
    Read,
    Record,
    Refused,
    Released,
    Reminded,
    RetentionApproved,
    RetentionAsked,
    Reviewed,
    ReviewGiven,
    ReviewOpened,
    Signalled,
    UnfreezeAsked,
    Unfrozen,
    UnholdApproved,
    UnholdAsked,
    Verifying,
    Warned,
    WrongCode,
)
from bot.models import (
    Account,
    Answer,
    EndSession,
    Kept,
    Kick,
    Outcome,
    Plan,
    RequestId,
    Result,
    Target,
    Unreachable,
)
from tests import make

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TARGET = Target(
    host="w1", host_key="SHA256:x", boot="b", session="7", identity="i", account=Account(name="al", uid=1000),
    summary="from 203.0.113.9 since 11:02", rungs=("terminate-session",),
)  # fmt: skip
PLAN = Plan(
    user="al",
    targets=(TARGET,),
    kept=(Kept(host="w1", session="9", identity="j", why="it is the bot's own"),),
    untouched=("w3",),
    unreachable=(Unreachable(host="w2", reason="no route"),),
)
STEP = EndSession(target=TARGET, rung="terminate-session")
LOOK = Attachment(host="w1", sha256="ab" * 32, size=4211, reached=True)
ASKED = Asked(who="U1", key="k", channel="C1", home="C2", words="al w1", command=Kick(user="al", hosts=("w1",)))
PLANNED = Planned(
    plan=PLAN, plan_hash="cd" * 32, decide_by=NOON, act_within=900, approvals=1, approvers=("U2",), groups=()
)
APPROVED = Approved(who="U2", plan_hash="cd" * 32, hosts=("w1",), complete=True, act_by=NOON)
ENDING = Ending(step=STEP, not_after=1, answer_by=NOON)
DONE = Answer(status="done", command="loginctl terminate-session 7", exit_status=0, output="bye")
OUTCOME = Outcome(host="w1", session="7", identity="i", result=Result.ENDED, detail="gone after 1 s")

WHOLE: tuple[Event, ...] = (
    ASKED,
    Observed(looks=(LOOK,), phase="before"),
    PLANNED,
    APPROVED,
    Observed(looks=(LOOK,), phase="acting"),
    ENDING,
    Signalled(step=STEP, answer=DONE),
    Verifying(),
    Observed(looks=(LOOK.model_copy(update={"reached": False}),), phase="after"),
    Closed(outcomes=(OUTCOME,)),
)
OTHERS: tuple[Event, ...] = (
    Frozen(who="U2", key="k", channel="C1", home="C2", reason="wrong rule"),
    UnfreezeAsked(who="U2"),
    Unfrozen(who="U3"),
    Held(key="k", home="C2", of=RequestId(40), id="40-ab", target=TARGET, until=NOON),
    UnholdAsked(who="U1", reason="over"),
    UnholdApproved(who="U2", complete=True),
    Overdue(reason="w1 did not answer"),
    Released(how="changed", by="host"),
    ReviewOpened(key="r", home="C2", of=RequestId(40), asker="U1", user="bob", hosts=("w1",), reason="INC-42"),
    ReviewGiven(who="U2", fine=True, comment="seen", hosts=("w1",)),
    Reviewed(who="U3", fine=False, comment="he was on call", hosts=("w1",)),
    Looked(who="U1", key="k", channel="C1", hosts=("w1",), looks=(LOOK,)),
    Exported(by="root on w1", what="csv", up_to=7, read_at=NOON),
    Read(key="k", by="root on w1", what="list", about="w1", requests=3, read_at=NOON),
    RetentionAsked(
        who="U1", key="k", channel="C1", home="C2", before=NOON, up_to=9, bodies=3, size=4211, decide_by=NOON
    ),
    RetentionApproved(who="U2"),
    Dropped(),
    Refused(reason="no rule for w1"),
    Denied(who="U2", plan_hash="cd" * 32, reason="wait"),
    Cancelled(who="U1"),
    Reminded(),
    Expired(),
    Permitted(plan_hash="cd" * 32, act_by=NOON),
    Warned(act_at=NOON),
    Judged(hosts=("w1",), outcomes=(OUTCOME,)),
    Lapsed(reason="too late"),
    DecisionRefused(who="U1", action="approve", reason="you asked for it"),
    WrongCode(who="U1", action="approve"),
    WrongCode(who="U1", action="drop", barred_until=NOON),
)


def records(*events: Event) -> Sequence[Record]:
    """The events of request 41, a second between each."""
    return [make.record(event, 41 + n, request=41, at=NOON + timedelta(seconds=n)) for n, event in enumerate(events)]


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_but_printable_lines(text: str) -> None:
    """Whatever people and hosts said: no control character, no line break, no direction mark reaches the terminal."""
    asked = ASKED.model_copy(update={"words": text, "who": text})
    answer = Answer(status="done", command=text, output=text)
    told = records(asked, Signalled(step=STEP, answer=answer), Closed(outcomes=(), note=text))

    story = telling.story(told)

    assert len(story.splitlines()) == len(story.split("\n")) == 3 + len(text.splitlines())
    assert all(line.isprintable() for line in story.split("\n") if line.isascii())
    assert not {"\x1b", "\r", "\u202e", "\x00", "\x9b"} & set(story)
    assert "\n" not in telling.line(told)


@pytest.mark.parametrize("event", [*WHOLE, *OTHERS], ids=lambda event: event.kind)
def test_every_kind_is_told(event: Event) -> None:
    """Each kind of event has a sentence of its own, also where it makes no sense."""
    first, *_ = telling.story(records(event)).splitlines()

    assert first.startswith("2026-11-20 12:00:00 UTC      41  ")
    assert len(first.split("  ")[-1]) > 5
    assert telling.line(records(event))


def test_no_kind_is_forgotten() -> None:
    """The test above knows every kind of event that there is."""
    assert {type(event) for event in (*WHOLE, *OTHERS)} == set(get_args(get_args(Event)[0]))


def test_story() -> None:
    """A request is told event by event, in UTC, with what belongs to each below it."""
    assert telling.story(records(*WHOLE)).splitlines() == [
        "2026-11-20 12:00:00 UTC      41  U1 asked in C1: al w1",
        "2026-11-20 12:00:01 UTC      42  looked at 1 host before the plan",
        "                                 w1: a complete answer, 4,211 bytes, SHA-256 abababababab…",
        "2026-11-20 12:00:02 UTC      43  plan cdcdcdcdcdcd…: end 1 session of al;"
        " 1 approval by 2026-11-20 12:00:00 UTC, then 15 min to act",
        "                                 w1: session 7 of al, from 203.0.113.9 since 11:02",
        "                                 w1: session 9 stays: it is the bot's own",
        "                                 w3: nothing to end",
        "                                 w2: no complete answer: no route",
        "2026-11-20 12:00:03 UTC      44  U2 approved the plan cdcdcdcdcdcd… for w1",
        "2026-11-20 12:00:04 UTC      45  looked at 1 host before the next step",
        "                                 w1: a complete answer, 4,211 bytes, SHA-256 abababababab…",
        "2026-11-20 12:00:05 UTC      46  asks w1 to end session 7 of al (terminate-session, attempt 1),"
        " not after 2026-11-20 12:00:00 UTC",
        "2026-11-20 12:00:06 UTC      47  w1 ran loginctl terminate-session 7, exit status 0, which proves no end",
        "                                 it said: bye",
        "2026-11-20 12:00:07 UTC      48  nothing is left to do; from here on only looks",
        "2026-11-20 12:00:08 UTC      49  looked at 1 host after the last step",
        "                                 w1: no complete answer, 4,211 bytes, SHA-256 abababababab…",
        "2026-11-20 12:00:09 UTC      50  closed",
        "                                 w1: session 7 ended (gone after 1 s)",
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(status="unknown"), "gave no complete answer: nobody knows whether the step was carried out"),
        (Answer(status="refused", refusal="rebooted"), "refused the step: it was restarted meanwhile"),
        (Answer(status="refused"), "refused the step: no reason was given"),
    ],
)
def test_answers(answer: Answer, told: str) -> None:
    """A time-out is never told as an end, and a refusal says why."""
    assert telling.story(records(Signalled(step=STEP, answer=answer))).endswith(f"w1 {told}")


@pytest.mark.parametrize(
    ("events", "state"),
    [
        (WHOLE[:1], "asked"),
        (WHOLE[:3], "pending"),
        ((ASKED, Refused(reason="no")), "refused"),
        (WHOLE[:-1], "verifying"),
        ((*WHOLE[:-1], Closed(outcomes=(OUTCOME, OUTCOME.model_copy(update={"result": Result.SURVIVED})))),
         "1 ended, 1 survived"),
        ((ASKED, Closed(outcomes=())), "closed"),
        ((ASKED, Verifying()), "out of order"),
    ],
)  # fmt: skip
def test_line(events: Sequence[Event], state: str) -> None:
    """The list shows number, time, asker, words and where the request stands."""
    assert telling.line(records(*events)) == f"    41  2026-11-20 12:00:00 UTC  U1  al w1  [{state}]"


def test_line_of_a_look() -> None:
    """A listing is told by its hosts and its account."""
    looked = Looked(who="U1", key="k", channel="C1", hosts=("w1", "w2"), user="al", looks=())

    assert telling.line(records(looked)).endswith("  U1  sessions w1,w2 al  [looked]")


def test_mentions_are_readable() -> None:
    """A terminal shows a mention in a reason of Kickbot as an id behind an @, and no markup."""
    refused = Refused(reason="Only <!subteam^S0LEADS> and <@U0CAROL> may approve on w1.")

    assert telling.story(records(refused)).endswith("refused: Only @S0LEADS and @U0CAROL may approve on w1.")


def test_long_words_are_cut() -> None:
    """A line of the list stays a line."""
    long = ASKED.model_copy(update={"words": "because " * 500})

    assert len(telling.line(records(long))) < 130
