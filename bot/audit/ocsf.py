"""Events in the words of the Open Cybersecurity Schema Framework, 1.8. Pure.

Remediation Activity (7001) for each act that got an answer, Authentication (3002, logoff) for each session that a look
showed to have ended, Account Change (3001) when an account is kept out and when it is given back. Others say nothing.
"""

from collections.abc import Iterator
from typing import Any

from bot import __version__
from bot.audit.cef import milliseconds
from bot.audit.telling import said
from bot.events import FINAL, Asked, Closed, Held, Planned, Record, Released, Signalled
from bot.models import (
    Account,
    Answer,
    EndAccount,
    EndSession,
    Hold,
    Outcome,
    Release,
    RequestId,
    Result,
    SetLimits,
    Target,
    Warn,
    timestamp,
)

VERSION = "1.8.0"
INFORMATIONAL = 1
UNKNOWN, SUCCESS, FAILURE, DOES_NOT_EXIST, OTHER = 0, 1, 2, 3, 99
ISOLATE, EVICT, RESTORE, HARDEN = 1, 2, 3, 4
LOGOFF = 2
ENABLE, DISABLE = 2, 5

Json = dict[str, Any]


class Mapper:
    """One after the other. It remembers who asked and what was planned, of the requests that are open at the time."""

    def __init__(self) -> None:
        self._asker: dict[RequestId, str] = {}
        self._targets: dict[RequestId, tuple[Target, ...]] = {}
        self._held: dict[RequestId, Held] = {}

    def events(self, record: Record) -> Iterator[Json]:
        event, request = record.event, record.request
        match event:
            case Asked():
                self._asker[request] = event.who
            case Planned():
                self._targets[request] = event.plan.targets
            case Signalled():
                yield from self._act(record, event)
            case Closed():
                yield from self._ends(record, event)
            case Held():
                self._held[request] = event
                yield self._account(record, event, DISABLE)
            case Released() if event.how == "given" and request in self._held:
                yield self._account(record, self._held[request], ENABLE)
        if event.kind in FINAL:
            for known in (self._asker, self._targets, self._held):
                known.pop(request, None)

    def _act(self, record: Record, event: Signalled) -> Iterator[Json]:
        match event.step:
            case EndSession() | EndAccount():
                activity, name = EVICT, "Evict"
            case Hold():
                activity, name = ISOLATE, "Isolate"
            case Release():
                activity, name = RESTORE, "Restore"
            case SetLimits():
                activity, name = HARDEN, "Harden"
            case Warn():
                activity, name = OTHER, "Warn"
            case _:
                return
        yield {
            **_base(record, 7, 7001, activity, name, "Remediation Activity"),
            "command_uid": f"{record.request}/{record.seq}",
            "remediation": {"desc": f"{event.step.what} {event.step.target.name} on {event.step.host}"},
            "status_id": _status(event.answer),
            "status_detail": "An exit status proves no end: see the logoff events.",
            **self._unmapped(record, event.step.target, command=event.answer.command, exit=event.answer.exit_status),
        }

    def _ends(self, record: Record, event: Closed) -> Iterator[Json]:
        ended = [o for o in event.outcomes if o.kind == "session" and o.result in {Result.ENDED, Result.RETURNED}]
        for number, outcome in enumerate(ended, 1):
            target = next((t for t in self._targets.get(record.request, ()) if t.key == _key(outcome)), None)
            base = _base(record, 3, 3002, LOGOFF, "Logoff", "Authentication", number)
            yield {
                **base,
                "user": _user(target.account) if target else {"uid": "unknown"},
                "session": {"uid": outcome.session},
                "dst_endpoint": {"hostname": outcome.host, "name": outcome.host},
                "status_id": SUCCESS,
                **({"status_detail": outcome.detail} if outcome.detail else {}),
                **self._actor(record),
            }

    def _account(self, record: Record, held: Held, activity: int) -> Json:
        return {
            **_base(record, 3, 3001, activity, "Disable" if activity == DISABLE else "Enable", "Account Change"),
            "user": {**_user(held.target.account), "domain": held.target.host},
            "status_id": SUCCESS,
            **self._actor(record),
        }

    def _actor(self, record: Record) -> Json:
        asker = self._asker.get(record.request)
        return {"actor": {"user": {"uid": asker}}} if asker else {"actor": {"app_name": "kickbot"}}

    def _unmapped(self, record: Record, target: Target, **more: object) -> Json:
        told = {"host": target.host, "account": target.account.name, "asked_by": self._asker.get(record.request)}
        return {"unmapped": {k: str(v) for k, v in {**told, **more}.items() if v not in {None, ""}}}


def _base(record: Record, category: int, class_: int, activity: int, name: str, class_name: str, part: int = 0) -> Json:
    return {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": category,
        "class_uid": class_,
        "class_name": class_name,
        "type_uid": class_ * 100 + activity,
        "severity_id": INFORMATIONAL,
        "time": milliseconds(record.at),
        "message": said(record.event),
        "metadata": {
            "version": VERSION,
            "product": {"name": "Kickbot", "vendor_name": "Kickbot", "version": __version__},
            "log_name": "audit trail",
            "uid": f"{record.hash}/{part}" if part else record.hash,
            "sequence": record.seq,
            "correlation_uid": str(record.request),
            "original_time": timestamp(record.at),
        },
    }


def _status(answer: Answer) -> int:
    if answer.status == "refused":
        return DOES_NOT_EXIST if answer.refusal == "gone" else FAILURE
    if answer.status == "unknown":
        return UNKNOWN
    return SUCCESS if answer.exit_status == 0 else FAILURE


def _key(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.host, outcome.kind, outcome.identity


def _user(account: Account) -> Json:
    return {"name": account.name, "uid": str(account.uid)}
