"""Nobody is ended without the warning that was promised, as far as anybody can know: who is to be told, and who may not
be ended yet. Pure.

A session counts as told once its host has answered that it wrote the warning, or that no terminal takes it. Nobody was
told where the host wasn't reached, refused for now, or never answered: then only a warning of its own lets it be ended.
"""

from collections.abc import Sequence
from datetime import datetime

from bot.models import Snapshot, Target, Unreachable
from bot.presence import is_left, remaining
from bot.request import Request
from bot.states import State

MAX_WARNINGS = 2
"""How often somebody is told, at most, where no answer came, or it was refused for now."""
UNTOLD = "nobody there could be warned in time; ask again, or without the warning"
"""What an outcome says of a session that was left alone therefore."""


def to_tell(request: Request, looks: Sequence[Snapshot | Unreachable], act_at: datetime) -> tuple[Target, ...]:
    """The sessions whose people are to be told now that they end at act_at; none where nothing may start by then.

    At first each once, so that nobody waits for a host that doesn't answer. Afterwards those whose warning failed are
    told once more.
    """
    if request.plan is None or not request.warns or request.act_by is None or act_at >= request.act_by:
        return ()
    most = 1 if request.state is State.APPROVED else MAX_WARNINGS
    there = (target for target in remaining(request.plan, looks) if request.is_untold(target))
    return tuple(target for target in there if len(request.warnings(target)) < most)


def held_back(request: Request, look: Snapshot, now: datetime) -> frozenset[tuple[str, str, str]]:
    """The keys of the sessions on this host that must not be ended yet: nobody was told, or they still have time."""
    if request.plan is None or not request.warns:
        return frozenset()
    there = (target for target in request.plan.on(look.host) if target.kind == "session" and is_left(target, look))
    return frozenset(t.key for t in there if request.is_untold(t) or request.time_left(t, now))


def left_alone(request: Request, target: Target, look: Snapshot | Unreachable) -> bool:
    """True for a session that nobody told, and for its whole account while such a session is there."""
    if isinstance(look, Unreachable) or request.may_have_run(target) or not request.warns or request.plan is None:
        return False
    if target.kind == "session":
        return request.is_untold(target)
    others = (t for t in request.plan.on(look.host) if t.kind == "session" and request.is_untold(t))
    return any(is_left(other, look) for other in others)
