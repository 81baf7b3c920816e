"""What happened, in sentences: the words for each event, on a terminal and in Slack alike. Pure.

A sentence is made of pieces, and whoever shows it decides how a name, a moment or a hash looks. Plain text in it may be
what people or hosts said: it is never markup.
"""

from collections import Counter
from collections.abc import Sequence

from bot.durations import spell
from bot.events import (
    Approved,
    Asked,
    Closed,
    DecisionRefused,
    Denied,
    Ending,
    Event,
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
    Refused,
    Released,
    RetentionApproved,
    RetentionAsked,
    Reviewed,
    ReviewGiven,
    ReviewOpened,
    Signalled,
    UnholdApproved,
    Verifying,
    Warned,
    WrongCode,
)
from bot.models import Answer, Moment, Outcome, Step, Swept, Target, Value


class Name(Value):
    """The Slack id of a person, a group or a channel."""

    id: str


class Own(Value):
    """One of Kickbot's own sentences, which may mention people and groups."""

    text: str


class Hash(Value):
    """A SHA-256, of which as much is shown as finds it again."""

    digest: str


class At(Value):
    moment: Moment


Piece = str | Name | Own | Hash | At
Sentence = tuple[Piece, ...]

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
    "frozen": "all acting was frozen by then",
    "unable": "it can't be held there",
}
HOLD_ENDS = {
    "given": "it is as it was before",
    "changed": "changed by hand on the host, and left so",
    "never": "it had not been in force",
    "unknown": "the host knows nothing of it",
}
PLAIN = {
    "cancelled": "cancelled the request",
    "expired": "nobody decided in time",
    "unfreeze_asked": "would unfreeze; another person has to say so too",
    "unfrozen": "unfroze: acting goes on",
    "unhold_asked": "would give it back now; another person has to say so too",
    "dropped": "dropped all of it, but for what newer or open requests need too",
    "reminded": "nobody has decided yet: those who may are reminded",
}


def sentence(event: Event) -> Sentence:
    """What happened, without who did it."""
    match event:
        case Looked() | Exported() | Read():
            return _looking(event)
        case RetentionAsked():
            many = f"{number(event.bodies, 'attachment')}, {megabytes(event.size)}"
            return (f"asked to drop what hosts said in requests that ended before event {event.up_to + 1}: {many}",)
        case Asked(sweep=sweep, not_before=due) if sweep is not None and due is not None:
            return (f"opened a run of the sweep {sweep.name} ({sweep.action}), due ", At(moment=due))
        case Asked():
            return ("asked in ", Name(id=event.channel), f": {event.words}")
        case Frozen():
            return (f"froze all acting: {event.reason}",)
        case Refused():
            return ("refused: ", Own(text=event.reason))
        case Observed():
            return (f"looked at {number(len(event.looks), 'host')} {PHASES[event.phase]}",)
        case Planned():
            return _planned(event)
        case _:
            return _decided(event)


def _seen(event: Looked) -> str:
    if event.what == "limits":
        return "the limits"
    return f"the sessions of {event.user}" if event.user else "all sessions"


def _looking(event: Looked | Exported | Read) -> Sentence:
    if isinstance(event, Looked):
        return (f"looked at {_seen(event)} on {_names(event.hosts)}, in ", Name(id=event.channel))
    if isinstance(event, Exported):
        taken = f"{event.by} took out {_taken(event)}, up to event {event.up_to}, as {event.what}, at "
        return (taken, At(moment=event.read_at))
    about = f" about {event.about}" if event.about else ""
    read = f"{f'{event.by} ' if event.by else ''}read {number(event.requests, 'request')}{about} ({event.what}), at "
    return (read, At(moment=event.read_at))


def _taken(event: Exported) -> str:
    return f"requests {', '.join(map(str, event.requests))}" if event.requests else "the trail"


def _decided(event: Event) -> Sentence:
    match event:
        case Approved():
            rest = "" if event.complete else "; more approvals are needed"
            said = f" for {_names(event.hosts)}{proved(event)}{rest}"
            return ("approved the plan ", Hash(digest=event.plan_hash), said)
        case Permitted(emergency=True):
            return ("acts alone on the plan ", Hash(digest=event.plan_hash), ": an emergency, which nobody approved")
        case Permitted():
            return ("the configuration lets the sweep end the plan ", Hash(digest=event.plan_hash), " without a click")
        case Denied():
            return ("denied the plan ", Hash(digest=event.plan_hash), because(event.reason))
        case Lapsed():
            return ("nothing may start any more: ", Own(text=event.reason))
        case RetentionApproved():
            return (f"approved{proved(event)}: it is dropped from here on",)
        case WrongCode(barred_until=until) if until is not None:
            return (
                f"gave a wrong code to {event.action}, one too many: none counts until ",
                At(moment=until),
            )
        case WrongCode():
            return (f"gave a wrong code to {event.action}",)
        case DecisionRefused():
            return (f"clicked {event.action}, which didn't count: ", Own(text=event.reason))
        case _:
            return _done(event)


def _done(event: Event) -> Sentence:
    match event:
        case Ending():
            step = event.step
            asks = f"asks {step.host} to {_verb(step)} {aim(step.target)} ({step.what}, attempt {step.attempt})"
            return (f"{asks}, not after ", At(moment=event.answer_by))
        case Signalled():
            return (f"{event.step.host} {_answered(event.answer)}",)
        case Warned():
            return ("the user was told; nothing ends before ", At(moment=event.act_at))
        case Judged():
            ends = counted(event.outcomes) or "nothing was to end"
            return (f"nothing is left to do on {_names(event.hosts)}, while it is on others: {ends}",)
        case Verifying():
            why = (": ", Own(text=event.reason)) if event.reason else ()
            return ("nothing is left to do", *why, "; from here on only looks")
        case Closed():
            return (f"closed{because(event.note)}{because(hosts_swept(event.swept)) if event.swept else ''}",)
        case Held() | UnholdApproved() | Overdue() | Released():
            return _of_hold(event)
        case ReviewOpened():
            waits = f"the emergency of request {event.of} waits for its review by two other people; its asker was "
            return (waits, Name(id=event.asker))
        case ReviewGiven() | Reviewed():
            return (f"{found(event)}{because(event.comment)}",)
        case _:
            return (PLAIN[event.kind],)


def _of_hold(event: Held | UnholdApproved | Overdue | Released) -> Sentence:
    match event:
        case Held():
            whom = f"{event.target.account.name} is kept out of {event.target.host}"
            return (f"{whom} by request {event.of}, until ", At(moment=event.until))
        case UnholdApproved():
            rest = "" if event.complete else "; more approvals are needed"
            return (f"agreed to give it back now{proved(event)}{rest}",)
        case Overdue():
            return ("it is time, and it can't be given back yet: ", Own(text=event.reason))
        case Released():
            by = f" by {event.by}" if event.by else ""
            return (f"the hold is over{by}: {HOLD_ENDS[event.how]}",)


def _planned(event: Planned) -> Sentence:
    plan = event.plan
    more = f" and every process of {plan.user} on {number(len(plan.accounts), 'host')}" if plan.accounts else ""
    whose = f"everyone ({len(plan.people)} accounts)" if plan.is_of_everyone else plan.user
    ends = f": end {number(len(plan.sessions), 'session')} of {whose}{more}; "
    if limits := [target for target in plan.targets if target.kind == "limits"]:
        ends = f": {limits[0].summary} on {_names(plan.hosts)}; "
    factor = " with a second factor" if event.second_factor else ""
    needs = f"{number(event.approvals, 'approval')}{factor} by "
    until = At(moment=event.decide_by)
    return ("plan ", Hash(digest=event.plan_hash), ends, needs, until, f", then {spell(event.act_within)} to act")


def _verb(step: Step) -> str:
    return {"warn": "warn", "show": "show", "hold": "hold", "release": "release", "set": "set", "keep": "keep"}.get(
        step.what, "end"
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


def _names(hosts: Sequence[str]) -> str:
    return ", ".join(hosts)


# ------------------------------------------------------------------------------------------ pieces that others use


def aim(target: Target) -> str:
    """`session 7 of audituser`, `every process of audituser`."""
    return f"session {target.session} of {target.account.name}" if target.kind == "session" else target.name


def ended(outcome: Outcome) -> str:
    """`host1: session 7 ended`."""
    what = {"session": f"session {outcome.session}", "limits": f"the limit {outcome.session}"}.get(
        outcome.kind, "every process of the account"
    )
    return f"{outcome.host}: {what} {outcome.result}"


def counted(outcomes: Sequence[Outcome]) -> str:
    """`2 ended, 1 survived`; empty without any."""
    return ", ".join(f"{many} {result}" for result, many in Counter(o.result for o in outcomes).items())


def hosts_swept(swept: Swept) -> str:
    """`12 hosts looked at: 10 compliant, 1 with idle sessions, 1 did not answer`."""
    unjudged = [one for one in swept.unjudged if one.host not in swept.hosts]
    silent = sum(not one.answered for one in unjudged)
    parts = {
        "compliant": len(swept.compliant),
        "with idle sessions": len(swept.hosts),
        "did not answer": silent,
        "can't be judged": len(unjudged) - silent,
    }
    said = ", ".join(f"{many} {what}" for what, many in parts.items() if many)
    return f"{number(sum(parts.values()), 'host')} looked at: {said}"


def proved(event: Approved | UnholdApproved | RetentionApproved) -> str:
    """` with a second factor`, where a code came with it, and which."""
    which = f" ({event.authenticator})" if event.authenticator else ""
    return "" if event.second_factor is None else f" with a second factor{which}"


def found(event: ReviewGiven | Reviewed) -> str:
    """`reviewed: not fine`."""
    return f"reviewed: {'fine' if event.fine else 'not fine'}"


def because(reason: str) -> str:
    return f": {reason}" if reason else ""


def number(count: int, noun: str) -> str:
    """`1 host`, `4,211 bytes`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def megabytes(size: int) -> str:
    """`82.4 MB`, `4,211 bytes`."""
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else number(size, "byte")  # noqa: PLR2004 - below, it would say 0.0
