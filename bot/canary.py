"""One host first, where a rule asks for it: only if it goes well the others follow. Pure.

Everything is read from the request as its events tell it, so that after a crash the same host is still the one.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

from bot.counting import count
from bot.models import Result
from bot.policy import Rule
from bot.request import Request

_WORDS = {
    Result.SURVIVED: "survived",
    Result.UNKNOWN: "ended in a way that nobody knows",
    Result.RETURNED: "came back",
    Result.BACK: "taken back",
    Result.UNSET: "not set",
}
_BAD = frozenset(_WORDS)
TELLING = _BAD | {Result.ENDED, Result.GHOST, Result.SET}
"""What tells anything about the others; what was gone or left alone before anything was done does not."""
_NOUNS = {"session": "session", "account": "account", "limits": "limit"}


def candidates(deciding: Mapping[str, Sequence[Rule]]) -> tuple[str, ...]:
    """The hosts of which one goes first, in that order: those whose rules ask for it; none where there is only one."""
    asking = (host for host, rules in deciding.items() if any(rule.canary for rule in rules))
    return tuple(asking) if len(deciding) > 1 else ()


def goes_first(request: Request) -> str | None:
    """The host that is done now, alone; None where nothing holds the others back.

    One on which something was begun stays the one. Where everything was gone before anything was done, nothing is known
    yet, and the next one goes first. One that can't be reached waits, or whose people have time; then the next one goes
    first; if none can be reached, the one that was looked at longest ago.
    """
    if any(_went_well(request, host) for host in request.judged):
        return None
    left = [host for host in request.canaries if host not in request.judged]
    begun = (host for host in left if host in request.begun)
    reached = sorted((host for host in left if host not in request.lost), key=request.giving_time.__contains__)
    longest_ago = (look.host for look in request.looks if look.host in left)
    return next(chain(begun, reached, longest_ago), None)


def went_wrong(request: Request) -> str:
    """Why the others don't follow: `web01 went first and went wrong (1 of 2 sessions survived)`; empty while they may.

    What becomes of the others, once they follow, is no longer asked.
    """
    for host in request.judged if request.canaries else ():
        if _went_well(request, host):
            return ""
        if why := _fault(request, host):
            return f"{host} went first and went wrong ({why})"
    return ""


def went_first(request: Request, hosts: Sequence[str]) -> bool:
    """True if these hosts are the one by which it was decided whether the others follow."""
    decided = (h for h in request.judged if request.canaries and (_went_well(request, h) or _fault(request, h)))
    return list(hosts) == [next(decided, None)]


def _went_well(request: Request, host: str) -> bool:
    """True if something was done there, and it was no failure."""
    done = any(outcome.result in TELLING for outcome in request.judged[host])
    held = request.plan is not None and any(target.host == host for target in request.plan.holds)
    return (done or held) and not _fault(request, host)


def _fault(request: Request, host: str) -> str:
    """What went wrong there."""
    if why := request.why_not_held(host):
        return f"the account could not be held: {why.rstrip('.')}"
    outcomes = request.judged[host]
    bad = [outcome for outcome in outcomes if outcome.result in _BAD]
    return f"{len(bad)} of {count(len(outcomes), _NOUNS[bad[0].kind])} {_WORDS[bad[0].result]}" if bad else ""
