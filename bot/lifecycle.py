"""The state of a request is its events, replayed. Pure.

asked -> refused
asked -> observed(before) -> planned -> pending (reminded) -> approved | denied | cancelled | expired
asked (of a sweep: due at its time) -> observed(before) -> closed | planned -> permitted, the same as approved
asked (as an emergency) -> observed(before) -> planned -> permitted, the same
approved -> (warning: observed, ending, signalled) -> warned, until its time has come
approved | warned -> acting (observed, ending, signalled, again) -> verifying -> closed; who wasn't told before is there
approved | warned -> lapsed | cancelled
frozen -> unfrozen, a request of its own that stops all others, see `brake.py`
review_opened (given, reminded) -> reviewed, a request of its own for each emergency, see `reviews.py`
retention: to drop -> dropping -> dropped, a request of its own about attachments of the trail, see `drops.py`
held -> released, a request of its own for each host on which an account is kept out, see `holds.py`
"""

from collections.abc import Iterable
from datetime import timedelta

from bot.errors import TrailError
from bot.events import (
    WITHOUT_EFFECT,
    Approved,
    Asked,
    Closed,
    Denied,
    Ending,
    Event,
    Exported,
    Frozen,
    Held,
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
    RetentionApproved,
    RetentionAsked,
    Reviewed,
    ReviewGiven,
    ReviewOpened,
    Signalled,
    UnfreezeAsked,
    UnholdApproved,
    UnholdAsked,
    Warned,
)
from bot.models import Asking, Release, Warn
from bot.request import Attempt, Decision, Request
from bot.states import State

REMIND_AFTER = 2 / 3
"""Of the time to decide, how much has passed when people are reminded."""
REVIEW_AGAIN = timedelta(days=1)
"""After which people are reminded of a review, again and again."""

# kind of event -> the states in which it may be recorded, and the state that it leads to (None: no change)
FOLLOWS: dict[str, tuple[frozenset[State], State | None]] = {
    "refused": (frozenset({State.ASKED}), State.REFUSED),
    "observed": (frozenset({State.ASKED, State.APPROVED, State.WARNED, State.ACTING, State.VERIFYING}), None),
    "planned": (frozenset({State.ASKED}), State.PENDING),
    "reminded": (frozenset({State.PENDING, State.REVIEW}), None),
    "approved": (frozenset({State.PENDING}), None),
    "permitted": (frozenset({State.PENDING}), State.APPROVED),
    "denied": (frozenset({State.PENDING}), State.DENIED),
    "cancelled": (
        frozenset({State.ASKED, State.PENDING, State.APPROVED, State.WARNED, State.TO_DROP}),
        State.CANCELLED,
    ),
    "expired": (frozenset({State.PENDING, State.TO_DROP}), State.EXPIRED),
    "lapsed": (frozenset({State.APPROVED, State.WARNED}), State.LAPSED),
    "warned": (frozenset({State.APPROVED}), State.WARNED),
    "decision_refused": (frozenset(State), None),
    "wrong_code": (frozenset(State), None),
    "ending": (frozenset({State.APPROVED, State.WARNED, State.ACTING, State.HELD}), State.ACTING),
    "signalled": (frozenset({State.ACTING, State.HELD}), None),
    "judged": (frozenset({State.APPROVED, State.WARNED, State.ACTING}), None),
    "verifying": (frozenset({State.APPROVED, State.WARNED, State.ACTING}), State.VERIFYING),
    "closed": (frozenset({State.ASKED, State.VERIFYING}), State.CLOSED),
    "unfreeze_asked": (frozenset({State.FROZEN}), None),
    "unfrozen": (frozenset({State.FROZEN}), State.UNFROZEN),
    "unhold_asked": (frozenset({State.HELD}), None),
    "unhold_approved": (frozenset({State.HELD}), None),
    "overdue": (frozenset({State.HELD}), None),
    "released": (frozenset({State.HELD}), State.RELEASED),
    "review_given": (frozenset({State.REVIEW}), None),
    "reviewed": (frozenset({State.REVIEW}), State.REVIEWED),
    "retention_approved": (frozenset({State.TO_DROP}), State.DROPPING),
    "dropped": (frozenset({State.DROPPING}), State.DROPPED),
}


def replay(records: Iterable[Record]) -> Request:
    """The events of one request, oldest first, as a request. Raises TrailError where they can't follow each other."""
    request: Request | None = None
    for record in records:
        request = begin(record) if request is None else advance(request, record)
    if request is None:
        raise TrailError("there is no such request")
    return request


def begin(record: Record) -> Request:
    """A request from its first event."""
    event = record.event
    if isinstance(event, Looked):
        return _new(record, event, State.LOOKED, home=event.channel, words=" ".join(event.hosts), command=None)
    if isinstance(event, Exported):
        return _new(record, event, State.EXPORTED, home="", words=event.what, command=None)
    if isinstance(event, Read):
        return _new(record, event, State.READ, home="", words=event.what, command=None)
    if isinstance(event, Asked):
        asked = _new(record, event, State.ASKED, home=event.home, words=event.words, command=event.command)
        run = {"sweep": event.sweep, "not_before": event.not_before, "follows": event.follows}
        return asked.model_copy(update=run)
    if isinstance(event, Frozen):
        frozen = _new(record, event, State.FROZEN, home=event.home, words="freeze", command=None)
        return frozen.model_copy(update={"reason": event.reason})
    if isinstance(event, Held):
        held = _new(record, event, State.HELD, home=event.home, words="hold", command=None)
        return held.model_copy(update={"held": event, "reason": event.reason})
    if isinstance(event, ReviewOpened):
        opened = _new(record, event, State.REVIEW, home=event.home, words="review", command=None)
        return opened.model_copy(update={"review": event, "remind_at": record.at + REVIEW_AGAIN})
    if isinstance(event, RetentionAsked):
        asked = _new(record, event, State.TO_DROP, home=event.home, words="retention", command=None)
        return asked.model_copy(update={"retention": event, "decide_by": event.decide_by})
    raise TrailError(f"event {record.seq}: {event.kind} can't be the first event of a request")


def may_follow(request: Request, event: Event) -> bool:
    """True if this event may be the next one of that request."""
    if isinstance(event, Ending | Signalled) and isinstance(event.step, Release) is not (request.state is State.HELD):
        return False
    if isinstance(event, Signalled) and isinstance(event.step, Warn):
        return request.may_act
    if isinstance(event, Permitted) and not request.needs_nobody:
        return False
    if isinstance(event, Approved) and (request.emergency or (request.second_factor and event.second_factor is None)):
        return False
    return event.kind in FOLLOWS and request.state in FOLLOWS[event.kind][0]


def advance(request: Request, record: Record) -> Request:
    """The request after one more event. Raises TrailError if that event may not follow."""
    if not may_follow(request, record.event):
        raise TrailError(f"event {record.seq}: {record.event.kind} can't follow in the state {request.state}")
    if record.request != request.id or record.seq <= request.newest:
        raise TrailError(f"event {record.seq} does not continue request {request.id} at {request.newest}")
    state = FOLLOWS[record.event.kind][1]
    changes = {"newest": record.seq, "changed": record.seq, "at": record.at, **_changes(request, record)}
    return request.model_copy(update={"state": state or request.state, **changes})


def _new(
    record: Record,
    event: Looked | Exported | Read | Asked | Frozen | Held | ReviewOpened | RetentionAsked,
    state: State,
    *,
    home: str,
    words: str,
    command: Asking | None,
) -> Request:
    return Request(
        id=record.request,
        state=state,
        newest=record.seq,
        changed=record.seq,
        at=record.at,
        asked_at=record.at,
        asker=event.who,
        channel=getattr(event, "channel", ""),
        home=home,
        words=words,
        command=command,
    )


def _changes(request: Request, record: Record) -> dict[str, object]:
    """What an event changes besides the state."""
    event = record.event
    match event:
        case Observed():
            return _observed(request, record, event)
        case Planned():
            return {
                "plan": event.plan,
                "plan_hash": event.plan_hash,
                "decide_by": event.decide_by,
                "act_within": event.act_within,
                "approvals_needed": event.approvals,
                "approvers": event.approvers,
                "groups": event.groups,
                "owners": event.owners,
                "then": event.then,
                "limit": event.limit,
                "may_hold": event.may_hold,
                "above": event.above,
                "second_factor": event.second_factor,
                "canaries": event.canaries,
                "whose": event.whose,
                "swept": event.swept,
                "remind_at": record.at + (event.decide_by - record.at) * REMIND_AFTER,
            }
        case Approved() | Permitted():
            return _approved(request, record, event)
        case UnfreezeAsked() | RetentionApproved():
            return {"decisions": (*request.decisions, _word(record, event, ()))}
        case Denied() | Refused() | Lapsed():
            return {"ended_by": event.who, "reason": event.reason}
        case Ending():
            attempt = Attempt(seq=record.seq, step=event.step, not_after=event.not_after, answer_by=event.answer_by)
            # a warning ends nothing: the request stays approved; and a hold is one until it is over
            stays = isinstance(event.step, Warn | Release)
            return {"attempts": (*request.attempts, attempt), **({"state": request.state} if stays else {})}
        case Signalled():
            return _signalled(request, event)
        case Warned():
            return {"act_at": event.act_at}
        case Closed():
            return {"outcomes": event.outcomes, "reason": event.note, "swept": event.swept or request.swept}
        case _:
            return _of_plain(request, record, event)


def _of_plain(request: Request, record: Record, event: Event) -> dict[str, object]:
    if isinstance(event, UnholdAsked | UnholdApproved | Overdue | Released):
        return _of_hold(request, record, event)
    if isinstance(event, ReviewGiven | Reviewed):
        word = _word(record, event, event.hosts)
        return {"decisions": (*request.decisions, word), "found": (*request.found, event), "ended_by": event.who}
    if event.kind == "judged":
        judged = {host: tuple(o for o in event.outcomes if o.host == host) for host in event.hosts}
        return {"judged": {**request.judged, **judged}, "judged_at": record.seq}
    if event.kind == "verifying":
        return {"verifying": record.seq, "verifying_since": record.at, "stopped": event.reason}
    unchanged = {"at": request.at, "changed": request.changed}
    if event.kind in WITHOUT_EFFECT:
        return unchanged
    if event.kind == "reminded":
        again = {"remind_at": record.at + REVIEW_AGAIN} if request.review else {}
        return {**unchanged, "reminded": True, **again}
    return {"ended_by": event.who}


def _word(record: Record, event: Event, hosts: Iterable[str]) -> Decision:
    """Whose it is, for which hosts, and whether a code came with it."""
    proved = getattr(event, "second_factor", None) is not None
    return Decision(who=event.who, at=record.at, hosts=frozenset(hosts), second_factor=proved)


def _of_hold(
    request: Request, record: Record, event: UnholdAsked | UnholdApproved | Overdue | Released
) -> dict[str, object]:
    word = _word(record, event, request.hosts)
    match event:
        case UnholdAsked():
            return {"unhold_asked": word, "decisions": (), "reason": event.reason}
        case UnholdApproved():
            return {"decisions": (*request.decisions, word), "unheld": event.complete}
        case Overdue():
            return {"overdue": event.reason}
        case Released():
            return {"released": event, "ended_by": event.who}


def _observed(request: Request, record: Record, event: Observed) -> dict[str, object]:
    seen = {look.host for look in event.looks}
    kept = tuple(look for look in request.looks if look.host not in seen)
    attempts = tuple(
        a.model_copy(update={"looked_after": True}) if a.status is not None and a.step.host in seen else a
        for a in request.attempts
    )
    before = event.looks if event.phase == "before" else request.before
    return {"looked": record.seq, "looks": (*kept, *event.looks), "attempts": attempts, "before": before}


def _approved(request: Request, record: Record, event: Approved | Permitted) -> dict[str, object]:
    if event.plan_hash != request.plan_hash:
        raise TrailError(f"event {record.seq} approves another plan")
    if isinstance(event, Permitted):
        return {"permitted": True, "approved_at": record.at, "act_by": event.act_by, "ended_by": event.who}
    changes: dict[str, object] = {"decisions": (*request.decisions, _word(record, event, event.hosts))}
    if event.complete:
        changes |= {"state": State.APPROVED, "approved_at": record.at, "act_by": event.act_by, "ended_by": event.who}
    return changes


def _signalled(request: Request, event: Signalled) -> dict[str, object]:
    open_ = next((a for a in request.unanswered if a.step == event.step), None)
    if open_ is None:
        raise TrailError(f"request {request.id}: an answer without its intent")
    answer = event.answer
    told = {"status": answer.status, "refusal": answer.refusal, "said": answer.output, "before": answer.before}
    answered = open_.model_copy(update=told)
    return {"attempts": tuple(answered if a is open_ else a for a in request.attempts)}
