"""Events are for good: what was written once is read for ever, byte by byte; what isn't known is refused."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from bot import events
from bot.canonical import canonical, digest
from bot.events import FINAL, Attachment, Entry, Event, Record
from bot.models import (
    Account,
    AccountState,
    Answer,
    EndAccount,
    Ended,
    EndSession,
    Filter,
    Hold,
    HostUptime,
    Idle,
    KeepLimits,
    Kept,
    Kick,
    Outcome,
    Pinned,
    Plan,
    Process,
    Release,
    RequestId,
    Result,
    SetLimit,
    SetLimits,
    ShowAccount,
    Snapshot,
    Sweep,
    Swept,
    Target,
    Unjudged,
    Unreachable,
    Warn,
)
from tests import make
from tests.make import APPROVER, ASKER, INCIDENT, OTHER, START

EVENT: TypeAdapter[Event] = TypeAdapter(Event)
GOLDEN = Path(__file__).parent / "golden" / "events.jsonl"

SEEN = Attachment(host="host1", sha256="a" * 64, size=1234, reached=True)
LOST = Attachment(host="host2", sha256="b" * 64, size=99, reached=False)
TARGET = Target(
    host="host1",
    host_key="SHA256:key-of-host1",
    boot="boot-1",
    session="7",
    identity="logind:7:4300:43000",
    account=Account(name="audituser", uid=1001),
    summary="pts/3, from 203.0.113.10",
    rungs=("terminate", "kill"),
)
PLAN = Plan(
    user="audituser",
    targets=(TARGET,),
    kept=(Kept(host="host1", session="5", identity="logind:5:4200:42000", why="it is Kickbot's own connection"),),
    untouched=("host3",),
    unreachable=(Unreachable(host="host2", reason="did not answer"),),
)
STEP = EndSession(target=TARGET, rung="terminate")
SHELL = Process(
    pid=4301,
    parent=1,
    start="43010",
    uid=1001,
    user="audituser",
    session="7",
    terminal="pts/3",
    foreground=True,
    name="bash",
    command="-bash",
)

# One of each kind, with every field set and nothing taken from elsewhere, as they stand in the golden file.
EXAMPLES: tuple[Event, ...] = (
    events.Looked(who=ASKER, key="k0", channel="C0OPS", hosts=("host1", "host2"), user="bob", looks=(SEEN, LOST)),
    events.Asked(
        who=ASKER,
        key="k1",
        channel="C0OPS",
        home="C0INCIDENT",
        words="audituser host1 session 7 because “Ünïcödé” 🦊",
        command=Kick(user="audituser", hosts=("host1",), session="7", reason="“Ünïcödé” 🦊"),
    ),
    events.Refused(reason="No rule.", told=True),
    events.Observed(phase="before", looks=(SEEN, LOST)),
    events.Planned(
        plan=PLAN,
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=2,
        approvers=(APPROVER, OTHER),
        groups=("S0LEADS",),
    ),
    events.Approved(who=APPROVER, plan_hash="c" * 64, hosts=("host1",), complete=False, act_by=START),
    events.Denied(who=APPROVER, plan_hash="c" * 64, reason="Not now."),
    events.Cancelled(who=ASKER),
    events.Expired(),
    events.Lapsed(reason="Too late."),
    events.DecisionRefused(who=OTHER, action="approve", reason="Not you."),
    events.Ending(step=STEP, not_after=102_000, answer_by=START),
    events.Signalled(
        step=EndSession(target=TARGET, rung="kill", attempt=2),
        answer=Answer(status="refused", refusal="late", command="loginctl", exit_status=3, output="late"),
    ),
    events.Verifying(reason="Too late."),
    events.Closed(
        outcomes=(
            Outcome(
                host="host1",
                session="7",
                identity="logind:7:4300:43000",
                result=Result.SURVIVED,
                detail="it is active",
                lives_on=(SHELL,),
            ),
        ),
        note="New on host1.",
    ),
)

# The same for what came later: kinds, and older kinds with fields that were added. They follow in the golden file.
FULL_TARGET = Target(
    kind="account",
    host="host1",
    host_key="SHA256:key-of-host1",
    boot="boot-1",
    session="",
    identity="uid 1001",
    account=Account(name="audituser", uid=1001),
    summary="12 processes",
    rungs=("terminate", "signal", "kill"),
    leaders=(Pinned(pid=4301, start="43010"),),
    beside=("7:4300:43000", "ssh-90:90:900"),
    seen=HostUptime(100_000),
)
FULL_SHELL = SHELL.model_copy(update={"real_uid": 1002, "unit": "nightly.service", "kernel_session": 4301})
LATER: tuple[Event, ...] = (
    events.Looked(who=ASKER, key="k0", channel="C0OPS", hosts=("host1",), user="bob", looks=(SEEN,)),
    events.Asked(
        who=ASKER,
        key="k2",
        channel="C0OPS",
        home="C0INCIDENT",
        words="after request 12: /kick audituser host1 processes force warn 300s",
        command=Kick(
            user="audituser",
            hosts=("host1",),
            only=Filter(network="203.0.113.0/24", key="SHA256:" + "A" * 43),
            processes=True,
            force=True,
            warn=300,
            after=RequestId(12),
        ),
    ),
    events.Observed(phase="warning", looks=(SEEN,)),
    events.Planned(
        plan=Plan(user="audituser", targets=(TARGET, FULL_TARGET)),
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=1,
        approvers=(APPROVER,),
        owners=("U0BOB",),
    ),
    events.Warned(act_at=START),
    events.Ending(step=Warn(target=TARGET, text="Save your work.", act_at=START), not_after=1, answer_by=START),
    events.Ending(
        step=EndAccount(target=FULL_TARGET, rung="kill", spare=("9:9:9",), seen=HostUptime(100_500)),
        not_after=102_000,
        answer_by=START,
    ),
    events.Signalled(
        step=ShowAccount(target=FULL_TARGET),
        answer=Answer(status="done", exit_status=1, told=("pts/3",), untold=("pts/4: stopped",)),
    ),
    events.Closed(
        outcomes=(
            Outcome(
                kind="account",
                host="host1",
                session="",
                identity="uid 1001",
                result=Result.SURVIVED,
                lives_on=(FULL_SHELL,),
            ),
        ),
    ),
)
LATEST: tuple[Event, ...] = (
    events.Planned(
        plan=Plan(user="audituser", targets=(TARGET,)),
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=1,
        approvers=(APPROVER,),
        groups=("S0LEADS", "S0MANAGERS"),
        then=("S0MANAGERS",),
    ),
    events.Reminded(then=("S0MANAGERS",), approvers=(APPROVER,)),
)
WITH_FREEZES: tuple[Event, ...] = (
    events.Frozen(who=APPROVER, key="k3", channel="C0OPS", home="C0INCIDENT", reason="wrong rule deployed"),
    events.UnfreezeAsked(who=APPROVER),
    events.Unfrozen(who=OTHER),
    events.DecisionRefused(who=ASKER, action="unfreeze", reason="Not you."),
    events.Signalled(step=STEP, answer=Answer(status="refused", refusal="frozen")),
)
IDLE_TARGET = TARGET.model_copy(update={"idle": 1800, "sense": "keys"})
OF_EVERYONE: tuple[Event, ...] = (
    events.Asked(
        who=ASKER,
        key="k4",
        channel="C0OPS",
        home="C0INCIDENT",
        words="everyone host1 idle 30m me",
        command=Kick(user="everyone", hosts=("host1",), only=Filter(idle=1800), me=True),
    ),
    events.Planned(
        plan=Plan(
            user="everyone",
            targets=(IDLE_TARGET,),
            kept=(Kept(host="host1", session="9", identity="9:90:900", why="no rule allows to end it", user="www"),),
        ),
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=2,
        approvers=(APPROVER, OTHER),
        limit=20,
    ),
    events.Signalled(
        step=EndSession(target=IDLE_TARGET, rung="terminate"), answer=Answer(status="refused", refusal="frozen")
    ),
    events.Closed(
        outcomes=(
            Outcome(
                host="host1",
                session="7",
                identity="logind:7:4300:43000",
                result=Result.LEFT,
                detail="it was used again: a key on pts/3 2 s ago",
            ),
        ),
    ),
)
STATE = AccountState(where="local", expiry="25000", drop_in=True, timer="systemd", record="5-cccccccccccccccc")
HOLD = Hold(target=FULL_TARGET, id="5-cccccccccccccccc", until=START, there=START)
OF_HOLDS: tuple[Event, ...] = (
    events.Asked(
        who=ASKER,
        key="k4",
        channel="C0OPS",
        home="C0INCIDENT",
        words="audituser host1 hold 2h",
        command=Kick(user="audituser", hosts=("host1",), hold=7200),
    ),
    events.Planned(
        plan=Plan(user="audituser", targets=(TARGET,), holds=(FULL_TARGET,)),
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=1,
        approvers=(APPROVER,),
    ),
    events.Ending(step=HOLD, not_after=102_000, answer_by=START),
    events.Signalled(step=HOLD, answer=Answer(status="done", exit_status=0, before=STATE, after=STATE)),
    events.Signalled(step=HOLD, answer=Answer(status="refused", refusal="unable", output="has no cron")),
    events.Held(
        key="hold 5-cccccccccccccccc on host1",
        home="C0INCIDENT",
        of=RequestId(5),
        id="5-cccccccccccccccc",
        target=FULL_TARGET,
        until=START,
        before=STATE,
        reason="INC-42",
    ),
    events.UnholdAsked(who=ASKER, reason="INC-42 is over"),
    events.UnholdApproved(who=APPROVER, complete=True),
    events.DecisionRefused(who=ASKER, action="unhold", reason="Not you."),
    events.Overdue(reason="host1 did not answer"),
    events.Ending(step=Release(target=FULL_TARGET, id="5-cccccccccccccccc"), not_after=102_000, answer_by=START),
    events.Signalled(
        step=Release(target=FULL_TARGET, id="5-cccccccccccccccc"),
        answer=Answer(
            status="done", exit_status=0, ended=Ended(now="already", how="given", by="host", at=START), after=STATE
        ),
    ),
    events.Released(how="given", by="host", after=STATE),
)
OFFERED: tuple[Event, ...] = (
    events.Looked(who=ASKER, key="k0", channel="C0OPS", hosts=("host1",), looks=(SEEN,), what="limits"),
    events.Planned(
        plan=PLAN,
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=1,
        approvers=(APPROVER,),
        may_hold=True,
        whose={"audituser": (OTHER,)},
    ),
)
SWEPT = Swept(
    compliant=("host3",),
    idle=(Idle(host="host1", session="7", user="audituser", seconds=16_000),),
    unjudged=(Unjudged(host="host2", why="host2 did not answer", answered=False),),
)
OF_SWEEPS: tuple[Event, ...] = (
    events.Asked(
        key="sweep nightly 0123456789abcdef 2026-11-20T13:31:05.000000Z",
        channel="",
        home="C0INCIDENT",
        words="sweep nightly",
        command=Kick(
            user="everyone",
            hosts=("host1", "host2", "host3"),
            only=Filter(idle=14_400),
            warn=300,
            spare=("deploy",),
            reason="sweep nightly",
        ),
        sweep=Sweep(name="nightly", action="end", every=86_400, quiet=("08:00-18:00",), zone="Europe/Berlin"),
        not_before=START,
        follows=RequestId(3),
    ),
    events.Planned(
        plan=Plan(user="everyone", targets=(IDLE_TARGET,)),
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=0,
        approvers=(),
        swept=SWEPT,
    ),
    events.Permitted(plan_hash="c" * 64, act_by=START),
    events.Closed(outcomes=(), note="Nobody could approve this.", swept=SWEPT),
)
LIMIT = Target(
    kind="limits",
    host="host1",
    host_key="SHA256:key-of-host1",
    boot="boot-1",
    session="idle",
    identity="idle 900",
    account=Account(name="everyone", uid=1000),
    summary="close shells and file transfers in which nothing is sent or received for 15 min",
    rungs=(),
    seen=HostUptime(100_000),
)
SET_LIMITS = SetLimits(
    target=LIMIT, id="5-cccccccccccccccc", limit="idle", seconds=900, about="request 5: asked by Alice"
)
OF_SETTING: tuple[Event, ...] = (
    events.Asked(
        who=ASKER,
        key="k5",
        channel="C0OPS",
        home="C0INCIDENT",
        words="/limits host1 set idle 15m because INC-42",
        command=SetLimit(hosts=("host1",), limit="idle", seconds=900, reason="INC-42"),
    ),
    events.Planned(
        plan=Plan(user="", targets=(LIMIT,)),
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=1,
        approvers=(APPROVER,),
    ),
    events.Ending(step=SET_LIMITS, not_after=102_000, answer_by=START),
    events.Signalled(step=SET_LIMITS, answer=Answer(status="refused", refusal="unable", output="sshd is too old")),
    events.Ending(
        step=KeepLimits(target=LIMIT, id="5-cccccccccccccccc", limit="idle"), not_after=102_000, answer_by=START
    ),
    *(
        events.Closed(
            outcomes=(Outcome(kind="limits", host="host1", session="idle", identity="idle 900", result=result),)
        )
        for result in (Result.SET, Result.BACK, Result.UNSET)
    ),
)
TAKEN_OUT: tuple[Event, ...] = (
    events.Exported(by="alice on bastion1", what="jsonl", up_to=4, read_at=START),
    events.Exported(by="alice on bastion1", what="report", requests=(RequestId(5),), up_to=4, read_at=START),
)
WINDOWS_TARGET = TARGET.model_copy(
    update={
        "boot": "134396536800000000",
        "session": "3",
        "identity": "3:134396545800000000",
        "account": Account(name="corp\\alice", uid=1104, sid="S-1-5-21-1004336348-1177238915-682003330-1104"),
        "rungs": ("logoff",),
        "takes": 180,
    }
)
ON_WINDOWS: tuple[Event, ...] = (
    events.Ending(step=EndSession(target=WINDOWS_TARGET, rung="logoff"), not_after=102_000, answer_by=START),
)
OF_FLEETS: tuple[Event, ...] = (
    events.Planned(
        plan=PLAN,
        plan_hash="c" * 64,
        decide_by=START,
        act_within=900,
        approvals=2,
        approvers=(APPROVER, OTHER),
        canaries=("host1", "host4"),
        above="it is about more than 5 hosts",
    ),
    events.Judged(
        hosts=("host1",),
        outcomes=(Outcome(host="host1", session="7", identity="logind:7:4300:43000", result=Result.ENDED),),
    ),
)
OF_KEEPING: tuple[Event, ...] = (
    events.Read(
        key="read alice on bastion1", by="alice on bastion1", what="list", about="host1", requests=12, read_at=START
    ),
    events.Read(who=ASKER, key="read U0ALICE", what="audit", about="5", requests=1, read_at=START),
    events.RetentionAsked(
        who=ASKER,
        key="k6",
        channel="C0OPS",
        home="C0INCIDENT",
        before=START,
        up_to=4,
        bodies=1204,
        size=82_400_000,
        decide_by=START,
        approvers=(APPROVER,),
    ),
    events.RetentionApproved(who=APPROVER),
    events.DecisionRefused(who=ASKER, action="drop", reason="Not you."),
    events.Dropped(),
)
OF_EMERGENCIES: tuple[Event, ...] = (
    events.Asked(
        who=ASKER,
        key="k6",
        channel="C0OPS",
        home="C0INCIDENT",
        words="/kick audituser host1 emergency because INC-42",
        command=Kick(user="audituser", hosts=("host1",), emergency=True, reason="INC-42"),
    ),
    events.Permitted(who=ASKER, plan_hash="c" * 64, act_by=START, emergency=True),
    events.ReviewOpened(
        key="review 5-cccccccccccccccc",
        home="C0INCIDENT",
        of=RequestId(5),
        asker=ASKER,
        user="audituser",
        hosts=("host1",),
        reason="INC-42",
        reviewers=(APPROVER, OTHER),
    ),
    events.ReviewGiven(who=APPROVER, fine=True, comment="The laptop was stolen.", hosts=("host1",)),
    events.Reviewed(who=OTHER, fine=False, comment="He was on call.", hosts=("host1",)),
    events.DecisionRefused(who=ASKER, action="review", reason="Not you."),
)
WITH_CODES = (
    make.planned(PLAN, second_factor=True),
    make.approved(PLAN, second_factor=58_804_322, authenticator="0f1e2d3c4b5a6978", key="code of U0CAROL at 58804322"),
    events.UnholdApproved(who=APPROVER, complete=True, second_factor=58_804_324, key="code of U0CAROL at 58804324"),
    events.RetentionApproved(who=OTHER, second_factor=58_804_326, key="code of U0DAVE at 58804326"),
    events.WrongCode(who=APPROVER, action="approve"),
    events.WrongCode(who=APPROVER, action="unhold", barred_until=START),
)
UNRELEASED = (
    *(*OFFERED, *OF_SWEEPS, *OF_SETTING, *TAKEN_OUT, *ON_WINDOWS, *OF_FLEETS, *OF_KEEPING),
    *OF_EMERGENCIES,
    *WITH_CODES,
)


class Generation(NamedTuple):
    """Examples that came at one time. sealed: SHA-256 of the golden file up to there, which nobody may edit again."""

    examples: tuple[Event, ...]
    sealed: str


GENERATIONS = (
    Generation(EXAMPLES, "c8f159e8a2d05c320ec5eddb98fac3f0299cbf7b440b5f702273855e4281f592"),
    Generation(LATER, "ff3a8e77cf917c37f41e1c1698fc016c7c25a164ea46607edc02cd946a94e826"),
    Generation(LATEST, "70e5ad6d06da3fb2c5f6cf8e65d86264a21cae77733701b42488d376ae81d373"),
    Generation(WITH_FREEZES, "05f28a0f256c4ea4bcd9293ae0f792ba2af90a7ba66625896f42af6de9baf45a"),
    Generation(OF_EVERYONE, "58acf6ad18c1bffcfe646dd3b2b8f9bcb08c09c4a560eadb64b1627657e40ea3"),
    Generation(OF_HOLDS, "b632a34c4853dd4c0ad76548dea8f9c5a380fba5dc8180f31e078ffe8f033f39"),
    Generation(UNRELEASED, "50cdefbc35d582ac6ce1b88957155c404e61f649bf37ab546161c0dcac48e448"),
)
EVERY = tuple(example for generation in GENERATIONS for example in generation.examples)
NEWEST = GENERATIONS[-1].examples
"""The other ones lack fields that came afterwards."""

KINDS = {get_args(member.model_fields["kind"].annotation)[0] for member in get_args(get_args(Event)[0])}


def entry(event: Event) -> Entry:
    return Entry(seq=7, request=RequestId(5), at=START, event=event)


def written(event: Event) -> dict[str, Any]:
    """An entry as it stands in the trail, to be changed."""
    content: dict[str, Any] = json.loads(canonical(entry(event)))
    return content


# ------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize("version", [0, 2, "1", None, 1.5])
def test_unknown_version(version: object) -> None:
    """An entry of another version is refused, whatever else it says."""
    with pytest.raises(ValidationError):
        Entry.model_validate({**written(EXAMPLES[0]), "v": version})


@pytest.mark.parametrize("kind", ["", "Asked", "approved ", "granted", None, 1])
def test_unknown_kind(kind: object) -> None:
    """An event of a kind that isn't known is refused: it is never passed over."""
    content = written(events.Cancelled(who=ASKER))
    content["event"]["kind"] = kind

    with pytest.raises(ValidationError):
        Entry.model_validate(content)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.kind)
def test_unknown_field(example: Event) -> None:
    """A field that the kind doesn't have is refused, in the event and beside it."""
    content = written(example)

    with pytest.raises(ValidationError):
        Entry.model_validate({**content, "note": "x"})
    with pytest.raises(ValidationError):
        Entry.model_validate({**content, "event": {**content["event"], "approved_by": "U0MALLORY"}})


@pytest.mark.parametrize("missing", ["seq", "request", "at", "event"])
def test_missing_field(missing: str) -> None:
    """An entry without one of its fields is refused."""
    content = written(EXAMPLES[0])
    del content[missing]

    with pytest.raises(ValidationError):
        Entry.model_validate(content)


def test_frozen() -> None:
    """An event can't be changed once it is there."""
    with pytest.raises(ValidationError):
        setattr(EXAMPLES[7], "who", "U0MALLORY")  # noqa: B010 - mypy knows that it can't be


# ------------------------------------------------------------------------------------------------ for good


def test_every_kind_has_an_example() -> None:
    """There is one example of each kind, and the kinds that end a request are among them."""
    assert {e.kind for e in EVERY} == KINDS
    assert FINAL < KINDS


@pytest.mark.parametrize("example", EVERY, ids=lambda e: e.kind)
def test_round_trip(example: Event) -> None:
    """Each kind comes back from its canonical JSON as it was, and gives the same bytes again."""
    content = canonical(entry(example))

    again = Entry.model_validate_json(content)

    assert again == entry(example)
    assert type(again.event) is type(example)
    assert canonical(again) == content
    assert EVENT.validate_json(canonical(example)) == example


def test_golden_bytes() -> None:
    """What version 1 writes for each kind is what it always wrote.

    A field that is added with a default changes these bytes: the examples that aren't released yet are written anew,
    and sealed with the release; those of earlier generations stay as they are, and are only read.
    """
    lines = GOLDEN.read_bytes().splitlines()

    assert [Entry.model_validate_json(line).event for line in lines] == list(EVERY)
    assert [canonical(entry(example)) for example in NEWEST] == lines[-len(NEWEST) :]


def test_golden_file_was_never_edited() -> None:
    """The stored lines are those that were written once."""
    lines = GOLDEN.read_bytes().splitlines(keepends=True)

    length = 0
    for generation in GENERATIONS:
        length += len(generation.examples)
        assert sha256(b"".join(lines[:length])).hexdigest() == generation.sealed


@pytest.mark.parametrize("line", GOLDEN.read_bytes().splitlines(), ids=lambda line: json.loads(line)["event"]["kind"])
def test_golden_lines_are_readable(line: bytes) -> None:
    """Every line that was ever written is read, and nothing in it is lost."""
    assert holds(json.loads(canonical(Entry.model_validate_json(line))), json.loads(line))


def holds(now: object, then: object) -> bool:
    """True if everything of `then` is in `now`, at its place."""
    if isinstance(now, dict) and isinstance(then, dict):
        return then.keys() <= now.keys() and all(holds(now[key], value) for key, value in then.items())
    if isinstance(now, list) and isinstance(then, list):
        return len(now) == len(then) and all(map(holds, now, then))
    return now == then


# ------------------------------------------------------------------------------------------------ what they carry


@pytest.mark.parametrize("look", [make.snapshot(make.session(), raw="x" * 5_000), make.unreachable()])
def test_attachment(look: Snapshot | Unreachable) -> None:
    """What a host said stands beside the event: the event holds digest and size, and never the content."""
    attachment = Attachment.of(look)
    observed = events.Observed(phase="before", looks=(attachment,))

    assert attachment.content == canonical(look)
    assert (attachment.sha256, attachment.size) == (digest(canonical(look)), len(canonical(look)))
    assert attachment.reached is isinstance(look, Snapshot)
    assert observed.attachments == (attachment,)
    assert len(canonical(observed)) < 300
    assert EVENT.validate_json(canonical(observed)).attachments[0].content is None
    assert "xxx" not in repr(attachment)


def test_a_listing_keeps_no_content() -> None:
    """A listing's event has the digests of the answers, and hands none of them to the store."""
    looked = EXAMPLES[0]

    assert isinstance(looked, events.Looked)
    assert looked.looks == (SEEN, LOST)
    assert looked.attachments == ()


def test_times_are_written_in_one_form() -> None:
    """A time is written in UTC with microseconds, wherever it came from."""
    assert written(EXAMPLES[0])["at"] == "2026-11-20T13:31:05.000000Z"


def test_record() -> None:
    """A record shows its entry's fields."""
    record = Record(entry=entry(EXAMPLES[7]), hash="0" * 64)

    assert (record.seq, record.request, record.at, record.event) == (7, 5, START, EXAMPLES[7])
    assert INCIDENT not in repr(record)


def test_lone_surrogates_and_huge_numbers_are_refused() -> None:
    """What RFC 8785 can't write raises before it could be written otherwise."""
    with pytest.raises(ValueError, match=r"."):
        canonical(events.Refused(reason="\ud800"))
    with pytest.raises(ValueError, match=r"."):
        canonical(make.ending(not_after=2**60))
