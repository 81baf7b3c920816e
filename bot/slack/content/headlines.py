"""How a request ended, in one line: the worst outcome is the headline. Pure."""

from collections.abc import Sequence

from bot.counting import count, processes
from bot.durations import exact, spell
from bot.models import Outcome, Result, Snapshot
from bot.slack.content import limit_request, sweeps
from bot.slack.content.lines import Line, When, Who, bold, either, italic, joined, line, told
from bot.slack.content.listing import outside
from bot.slack.content.naming import MANY, capital, some
from bot.slack.content.story import Story, named
from bot.states import State

NEWS = "\N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16} "

_GONE = frozenset({Result.ENDED, Result.ALREADY_GONE, Result.GHOST, Result.RETURNED})
"""The very session is gone, whatever came after it."""


def question(story: Story) -> Line:
    """`Kick audituser off host1?`, and what goes beyond a kick."""
    if story.limit:
        return limit_request.question(story, story.limit)
    command = story.request.command
    force, every = (command.force, command.processes) if command else (False, False)
    if story.request.holds_only:
        return line(bold(f"Keep {story.user} out of {story.where}{_hold_time(story)}?"))
    whom = f"{story.user} and every process of it" if every else story.user
    kept_out = f", and keep it out{_hold_time(story)}" if story.plan and story.plan.holds else ""
    asked = bold(f"{'Force' if force else 'Kick'} {whom} off {story.where}{kept_out}?")
    return line(asked, " (SIGKILL for what ignores the polite signals)" if force else "")


def _hold_time(story: Story) -> str:
    command = story.request.command
    return f" for {spell(command.hold)}" if command else ""


def doing(story: Story) -> str:
    """`Kicking audituser off host1`"""
    if story.limit:
        return f"Setting {limit_request.about(story.limit)}"
    verb = f"Keeping {story.user} out of" if story.request.holds_only else f"Kicking {story.user} off"
    return f"{verb} {story.where}"


def asks(story: Story) -> Line:
    """`Alice asks, because INC-42`"""
    if story.request.sweep and story.request.command:
        idle = spell(story.request.command.only.idle)
        return line("The sweep ", bold(story.request.sweep.name), f": nobody has used these sessions for {idle}.")
    because = (", because ", italic(story.why)) if story.why else (". No reason was given.",)
    return line(sweeps.asker(story.request), " asks", *because)


def last_line(story: Story) -> Line:
    """The headline, and whose request it was."""
    if story.request.state is State.REFUSED:
        return headline(story)
    return joined([part for part in (headline(story), credits_line(story)) if part], " · ")


def headline(story: Story) -> Line:
    """One line that says how the request ended, for the parent, the asker and the incident channel."""
    headlines = {
        State.DENIED: _denied,
        State.CANCELLED: _cancelled,
        State.EXPIRED: _expired,
        State.LAPSED: _lapsed,
        State.REFUSED: _refused,
        State.CLOSED: _closed,
    }
    return headlines[story.request.state](story)


def credits_line(story: Story) -> Line:
    """`asked by Alice, approved by Carol, 13:31 · took 0.6 s`, as far as the headline doesn't say it."""
    request = story.request
    own = request.state is State.CANCELLED and request.ended_by == request.asker
    parts = [] if own else [line("asked by ", sweeps.asker(request))]
    by = either([d.who for d in request.decisions], "and") or sweeps.approved(request)
    if by and request.approved_at:
        parts.append(line("approved by ", by, ", ", When(moment=request.approved_at)))
    said = joined(parts, ", ")
    done = request.state is State.CLOSED and request.approved_at
    return line(said, f" · took {exact(story.took())}") if done else said


def _denied(story: Story) -> Line:
    because = line(" ", italic(story.request.reason)) if story.request.reason else ()
    return line("⛔ ", _by("Denied", story, ":" if because else ""), because, _stays(story))


def _cancelled(story: Story) -> Line:
    if story.warned:
        return line("⛔ ", _by("Stopped", story, ":"), " nothing was ended", _stays(story))
    return line("⛔ ", _by("Cancelled", story), _stays(story))


def _by(what: str, story: Story, end: str = "") -> Line:
    """`Denied by Bob:`"""
    return line(bold(f"{what} by "), Who(id=story.request.ended_by, style="bold"), *([bold(end)] if end else []))


def _stays(story: Story) -> str:
    """What it was about, and that nothing was done about it."""
    if story.limit:
        return f" · {limit_request.about(story.limit)} was not touched"
    return f" · {story.user} stays on {story.where}"


def _expired(story: Story) -> Line:
    until = When(moment=story.request.decide_by or story.request.at)
    return line("⌛ ", bold("Expired:"), " nobody decided until ", until, _stays(story))


def _lapsed(story: Story) -> Line:
    at = When(moment=story.request.approved_at or story.request.at)
    nothing = ", and nothing was ended" if story.warned else ""
    return line("⌛ ", bold("Lapsed:"), " approved at ", at, ", but ", _reason(story), nothing, _stays(story))


def _refused(story: Story) -> Line:
    whom = limit_request.about(story.limit) if story.limit else f"{story.user} on {story.where}"
    about = f". Nothing was done about {whom}."
    return line("⛔ ", bold("Refused:"), " ", _reason(story), about)


def _reason(story: Story) -> Line:
    """Without its full stop, so that the sentence can go on."""
    return told(story.request.reason.rstrip(". "))


def _closed(story: Story) -> Line:
    if story.limit:
        return limit_request.closed(story, story.limit)
    outcomes = story.request.outcomes
    if story.request.holds_only:
        return _only_held(story)
    if not outcomes:
        return line(NEWS if _free_everywhere(story) else "⚠️ ", bold("Nothing was done."), " ", _reason(story))
    for result, told_as in ((Result.UNKNOWN, _unknown), (Result.SURVIVED, _survived), (Result.RETURNED, _returned)):
        if these := [o for o in outcomes if o.result is result]:
            return line(told_as(story, these), *([f" · {_undone(story)}"] if story.request.undone else []))
    if story.request.undone:
        return line("⚠️ ", bold(capital(_undone(story))), f" · {_score(story)}")
    if story.request.not_held:
        return line("⚠️ ", bold(_not_kept_out(story)), f" · {_score(story)}")
    if all(o.result is Result.LEFT for o in outcomes):
        return line(NEWS, bold("Nothing was ended"), f" · {_score(story)}{_stays(story)}")
    return line("✅ ", bold(_off(story)), f" · {_score(story)}")


def _only_held(story: Story) -> Line:
    """Nothing was to end. A host that answered in time says so itself; of any other one nothing is known."""
    request = story.request
    held = [host for host in request.hosts if host not in request.not_held]
    if request.not_held:
        where = f", only out of {named(held)}" if held else ""
        return line("⚠️ ", bold(f"{_not_kept_out(story)}{where}"))
    until = request.hold_until
    return line(
        "✅ ",
        bold(f"{story.user} is kept out of {named(held)}"),
        *((" until ", When(moment=until, dated=True)) if until else ()),
    )


def _not_kept_out(story: Story) -> str:
    """`bob is not kept out of web[01-02], and perhaps kept out of web03`, whose answer never came."""
    request = story.request
    perhaps = [host for host in request.not_held if request.may_be_held(host)]
    surely = [host for host in request.not_held if host not in perhaps]
    parts = [f"not kept out of {named(surely)}"] if surely else []
    parts += [f"{'perhaps ' if surely else 'not known to be '}kept out of {named(perhaps)}"] if perhaps else []
    return f"{story.user} is {', and '.join(parts)}"


def _free_everywhere(story: Story) -> bool:
    """True if every host answered, and the account isn't logged in on any."""
    return all(isinstance(look, Snapshot) and not look.of(story.user) for look in story.before)


def _undone(story: Story) -> str:
    """`nothing was done on web[02-20]`, which wasn't reached in time, or not to be begun on any more."""
    hosts = story.request.undone
    return f"nothing was done on {named(hosts)}" if len(hosts) <= MANY else f"nothing was done on {len(hosts)} hosts"


def _off(story: Story) -> str:
    """`audituser is off host1`, but only if nothing of it was left alone there, nor stays at a terminal."""
    plan = story.plan
    left = any(o.result is Result.LEFT for o in story.request.outcomes)
    if plan and not (left or plan.kept or plan.unreachable or story.request.reason or _at_terminals(story)):
        return f"{story.user} is off {story.where}"
    return f"What was approved{story.of_user} on {story.where} has ended"


def _at_terminals(story: Story) -> bool:
    """True if the newest looks show a process of the user at a terminal that no session explains."""
    seen = [look for look in story.newest if isinstance(look, Snapshot)]
    return any(process.terminal for look in seen for process in outside(look, story.user))


# -------------------------------------------------------------------------------------------- counted


def _score(story: Story) -> str:
    """`2 of 2 sessions ended, and nothing of audituser is left on host1`"""
    sessions, accounts = _kinds(story.request.outcomes)
    gone = sum(o.result is Result.ALREADY_GONE for o in sessions)
    ended = sum(o.result in _GONE for o in sessions) - gone
    left = sum(o.result is Result.LEFT for o in sessions)
    scored = f"{ended} of {count(len(sessions), 'session')} ended" + (f", {gone} already gone" if gone else "")
    scored += f", {left} left alone" if left else ""
    cleared = [o.host for o in accounts if o.result in {Result.ENDED, Result.ALREADY_GONE}]
    nothing = f"nothing of {story.user} is left on {named(cleared)}" if cleared else ""
    return ", and ".join(filter(None, [scored if sessions else "", nothing]))


def _kinds(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """Those of sessions, and those of whole accounts."""
    return [o for o in outcomes if o.kind == "session"], [o for o in outcomes if o.kind == "account"]


def _unknown(story: Story, these: list[Outcome]) -> Line:
    sessions, _ = _kinds(these)
    what = f"{count(len(sessions), 'session')}{story.of_user}" if sessions else f"every process of {story.user}"
    words = bold(f"What became of {what} on {_hosts(these)} is not known")
    return line("⛔ ", words, f" · {_score(story)}")


def _survived(story: Story, these: list[Outcome]) -> Line:
    sessions, accounts = _kinds(these)
    if not sessions:
        return line("⚠️ ", bold(f"{_left(story, accounts)} still on {_hosts(these)}"), f" · {_score(story)}")
    of_all = count(len(_kinds(story.request.outcomes)[0]), "session")
    verb = "is" if len(sessions) == 1 else "are"
    also = f", and {_left(story, accounts)} there" if accounts else ""
    return line("⚠️ ", bold(f"{len(sessions)} of {of_all}{story.of_user} {verb} still on {_hosts(these)}{also}"))


def _left(story: Story, accounts: Sequence[Outcome]) -> str:
    """`3 processes of audituser are`"""
    number = len({(o.host, p.pid) for o in accounts for p in o.lives_on})
    return f"{processes(number)} of {story.user} {'is' if number == 1 else 'are'}"


def _returned(story: Story, these: list[Outcome]) -> Line:
    targets = (story.target(outcome) for outcome in these)
    who = some(dict.fromkeys(target.account.name for target in targets if target))
    return line("⚠️ ", bold(f"{_score(story)}, and {who} logged in again"))


def _hosts(outcomes: Sequence[Outcome]) -> str:
    return some(dict.fromkeys(o.host for o in outcomes))
