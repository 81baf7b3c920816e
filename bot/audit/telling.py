"""Records as plain text for the command line: one line for a request, or its whole story. Pure.

Every line is printable: what people and hosts said is cleaned once more before it reaches a terminal.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from bot import lifecycle
from bot.cleaning import clean, shorten
from bot.errors import TrailError
from bot.events import (
    BOT,
    Approved,
    Asked,
    Attachment,
    Closed,
    DecisionRefused,
    Denied,
    Ending,
    Event,
    Lapsed,
    Looked,
    Observed,
    Planned,
    Record,
    Refused,
    Signalled,
    Verifying,
    Warned,
)
from bot.models import Answer, Outcome, Plan, Step, Target

DIGEST = 12  # digits of a hash that are shown: enough to find it, never enough to prove it
WORDS = 60
INDENT = " " * 33

PHASES = {
    "before": "before the plan",
    "warning": "before the warning",
    "acting": "before the next step",
    "after": "after the last step",
}
REFUSALS = {
    "late": "it was too late",
    "rebooted": "it was restarted meanwhile",
    "gone": "the session is gone already",
    "changed": "it isn't the session that was approved",
    "forbidden": "the bot may not do that there",
}
PLAIN = {"cancelled": "cancelled the request", "expired": "nobody decided in time"}


def line(records: Sequence[Record]) -> str:
    """One request in one line: its number, when (UTC), who, the words, and where it stands now."""
    first = records[0]
    words = clean(shorten(_words(first.event), WORDS))
    return f"{first.request:>6}  {_time(first.at)}  {clean(first.event.who)}  {words}  [{_state(records)}]"


def story(records: Sequence[Record]) -> str:
    """One request from its first event to its newest, one sentence for each; what belongs to it is indented below."""
    return "\n".join(text for record in records for text in _told(record))


def _told(record: Record) -> Iterator[str]:
    event = record.event
    who = "" if event.who == BOT else f"{event.who} "
    yield clean(f"{_time(record.at)}  {record.seq:>6}  {who}{_sentence(event)}".rstrip())
    for detail in _details(event):
        yield clean(f"{INDENT}{detail}")


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _words(event: Event) -> str:
    match event:
        case Asked():
            return event.words
        case Looked():
            return " ".join(["sessions", ",".join(event.hosts), event.user or ""]).rstrip()
        case _:
            return event.kind


def _state(records: Sequence[Record]) -> str:
    """Where a request stands; how its targets ended, once it is closed."""
    try:
        request = lifecycle.replay(records)
    except TrailError:
        return "out of order"
    return ", ".join(_counted(request.outcomes)) or str(request.state)


def _counted(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for result, number in Counter(outcome.result for outcome in outcomes).items():
        yield f"{number} {result}"


# ------------------------------------------------------------------------------------------ one event, one sentence


def _sentence(event: Event) -> str:
    match event:
        case Looked():
            whose = f"the sessions of {event.user}" if event.user else "all sessions"
            return f"looked at {whose} on {', '.join(event.hosts)}, in {event.channel}"
        case Asked():
            return f"asked in {event.channel}: {event.words}"
        case Refused():
            return f"refused: {event.reason}"
        case Observed():
            return f"looked at {_number(len(event.looks), 'host')} {PHASES[event.phase]}"
        case Planned():
            return _planned(event)
        case _:
            return _decided(event)


def _decided(event: Event) -> str:
    match event:
        case Approved():
            rest = "" if event.complete else "; more approvals are needed"
            return f"approved the plan {_short(event.plan_hash)} for {', '.join(event.hosts)}{rest}"
        case Denied():
            return f"denied the plan {_short(event.plan_hash)}{_because(event.reason)}"
        case Lapsed():
            return f"nothing may start any more: {event.reason}"
        case DecisionRefused():
            return f"clicked {event.action}, which didn't count: {event.reason}"
        case _:
            return _done(event)


def _done(event: Event) -> str:
    match event:
        case Ending():
            step = event.step
            times = f"attempt {step.attempt}), not after {_time(event.answer_by)}"
            return f"asks {step.host} to {_verb(step)} {_aim(step.target)} ({step.what}, {times}"
        case Signalled():
            return f"{event.step.host} {_answered(event.answer)}"
        case Warned():
            return f"the user was told; nothing ends before {_time(event.act_at)}"
        case Verifying():
            return f"nothing is left to do{_because(event.reason)}; from here on only looks"
        case Closed():
            return f"closed{_because(event.note)}"
        case _:
            return PLAIN[event.kind]


def _verb(step: Step) -> str:
    return {"warn": "warn", "show": "show"}.get(step.what, "end")


def _aim(target: Target) -> str:
    return f"session {target.session} of {target.account.name}" if target.kind == "session" else target.name


def _planned(event: Planned) -> str:
    plan = event.plan
    more = f" and every process of {plan.user} on {_number(len(plan.accounts), 'host')}" if plan.accounts else ""
    return (
        f"plan {_short(event.plan_hash)}: end {_number(len(plan.sessions), 'session')} of {plan.user}{more};"
        f" {_number(event.approvals, 'approval')} by {_time(event.decide_by)}, then {event.act_within} s to act"
    )


def _answered(answer: Answer) -> str:
    match answer.status:
        case "refused":
            return f"refused the step: {REFUSALS.get(answer.refusal or '', 'no reason was given')}"
        case "unknown":
            return "gave no complete answer: nobody knows whether the step was carried out"
        case "done":
            ran = f"ran {answer.command or 'the step'}, exit status {answer.exit_status}, which proves no end"
            return f"{ran}{_those('told', answer.told)}{_those('not told', answer.untold)}"


def _those(what: str, terminals: tuple[str, ...]) -> str:
    return f"; {what}: {', '.join(terminals)}" if terminals else ""


# ------------------------------------------------------------------------------------------ what belongs to it


def _details(event: Event) -> Iterator[str]:
    match event:
        case Observed() | Looked():
            yield from map(_look, event.looks)
        case Planned():
            yield from _plan(event.plan)
        case Signalled():
            yield from (f"it said: {text}" for text in event.answer.output.splitlines())
        case Closed():
            yield from map(_outcome, event.outcomes)


def _look(look: Attachment) -> str:
    answer = "a complete answer" if look.reached else "no complete answer"
    return f"{look.host}: {answer}, {_number(look.size, 'byte')}, SHA-256 {_short(look.sha256)}"


def _plan(plan: Plan) -> Iterator[str]:
    for target in plan.targets:
        yield f"{target.host}: {_aim(target)}, {target.summary}"
    for kept in plan.kept:
        yield f"{kept.host}: session {kept.session} stays: {kept.why}"
    for host in plan.untouched:
        yield f"{host}: nothing to end"
    for unreachable in plan.unreachable:
        yield f"{unreachable.host}: no complete answer: {unreachable.reason}"


def _outcome(outcome: Outcome) -> str:
    detail = f" ({outcome.detail})" if outcome.detail else ""
    what = f"session {outcome.session}" if outcome.kind == "session" else "every process of the account"
    return f"{outcome.host}: {what} {outcome.result}{detail}"


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _short(digest: str) -> str:
    return f"{digest[:DIGEST]}…"
