"""How each target ended, a line for each; from about twenty that say the same on, one for all of them. Pure."""

from collections.abc import Callable, Iterator, Sequence

from bot import planning
from bot.cleaning import shorten
from bot.counting import count, processes
from bot.durations import exact, spell
from bot.logins import as_typed
from bot.models import Outcome, Result, Snapshot, by_host
from bot.slack.content.lines import Line, bold, code, joined, line, told
from bot.slack.content.naming import MANY, NAMED, some
from bot.slack.content.story import Story, named

COMMAND, LONGEST_HOSTS = 80, 200
MOST = 30
"""How many lines a message takes, after those that say the same were made one."""


def notable(story: Story) -> tuple[list[Line], bool]:
    """A line for each outcome that needs more words than "ended", and the notes; True if not all are shown."""
    request = story.request
    worth = [o for o in request.outcomes if o.result is not Result.ENDED or o.detail]
    each = max(MANY // max(len(worth), 1), 1)
    lines, cut = _folded(worth, lambda o: _notable(story, o, each), lambda alike: _many_notable(story, alike))
    if why := story.stopped:
        lines.append(line("Nothing more was begun: ", told(why), "."))
    if request.outcomes and request.reason:
        lines.append(line(request.reason))
    return [*lines, *_advice(story)], cut


def _advice(story: Story) -> Iterator[Line]:
    """Systemd may still end what is only closing, some 90 s later."""
    survivors = [o for o in story.request.outcomes if o.result is Result.SURVIVED and o.kind == "session"]
    if hosts := dict.fromkeys(o.host for o in survivors if _state(story, o) == "closing"):
        force = ", or ask to force it" if planning.again(story.request, force=True) else ""
        look = code(f"/sessions {shorten(named(tuple(hosts)), LONGEST_HOSTS)} {as_typed(story.user)}")
        yield line("Wait two minutes and look again with ", look, force, ".")


def differences(story: Story, outcomes: Sequence[Outcome]) -> tuple[list[Line], bool]:
    """`- 7 ended within 0.05 s` for each outcome; True if not all are shown."""
    return _folded(outcomes, lambda o: difference(story, o), lambda alike: _many_different(story, alike))


def summed_up(story: Story, outcomes: Sequence[Outcome]) -> list[Line]:
    """One line for all outcomes that say the same."""
    return [_many_different(story, group) for group in _groups(outcomes)]


def _groups(outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    groups: dict[tuple[str, Result, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.kind, outcome.result, outcome.detail), []).append(outcome)
    return list(groups.values())


def _folded(
    outcomes: Sequence[Outcome], one: Callable[[Outcome], Line], many: Callable[[Sequence[Outcome]], Line]
) -> tuple[list[Line], bool]:
    """Lines for outcomes, and True if they don't name each."""
    groups = _groups(outcomes)
    large = [len(group) > MANY for group in groups]
    lines = [text for group in groups for text in ([many(group)] if len(group) > MANY else [one(o) for o in group])]
    if len(lines) > MOST:
        rest = line(f"and {count(len(lines) - MOST, 'more line')}, in the thread's file.")
        return [*lines[:MOST], rest], True
    return lines, any(large)


# -------------------------------------------------------------------------------------------- in the parent


def _notable(story: Story, outcome: Outcome, processes_each: int) -> Line:
    lives_on = _lives_on(outcome, min(processes_each, NAMED))
    if outcome.result is Result.SURVIVED and outcome.kind == "account":
        left = bold(f"{processes(len(outcome.lives_on))} of {story.user}")
        verb = _survival(story, outcome, one=len(outcome.lives_on) == 1)
        return line(left, f" on {outcome.host} {verb}", lives_on)
    if outcome.result is Result.SURVIVED:
        return line(
            _named(story, outcome),
            f" {_survival(story, outcome)}",
            lives_on,
            f": {outcome.detail}" if outcome.detail else "",
        )
    return line(_named(story, outcome), f" {outcome.result}", f": {outcome.detail}" if outcome.detail else "")


def _many_notable(story: Story, outcomes: Sequence[Outcome]) -> Line:
    first = outcomes[0]
    words = first.result.value if first.result is not Result.SURVIVED else "lived on"
    detail = f": {first.detail}" if first.detail else ""
    return line(bold(_number(outcomes)), f" {words}{detail} (", _ids(story, outcomes), ")")


def _number(outcomes: Sequence[Outcome]) -> str:
    return count(len(outcomes), "session" if outcomes[0].kind == "session" else "account")


def _named(story: Story, outcome: Outcome) -> Line:
    several = len(story.request.hosts) > 1 or outcome.kind == "account"
    return line(bold(_name(story, outcome)), f" on {outcome.host}" if several else "")


def _name(story: Story, outcome: Outcome) -> str:
    """`7`, or `every process of audituser`"""
    return outcome.session if outcome.kind == "session" else f"every process of {story.user}"


def _survival(story: Story, outcome: Outcome, *, one: bool = True) -> str:
    """What it withstood, as far as anything was tried."""
    target, command = story.target(outcome), story.request.command
    tries = [e for _, e in story.tries if e.step.target == target]
    ran = [e.step.what for e in tries if e.answer.status == "done"]
    if not ran:
        why = "no try is known to have run" if tries else "nothing was tried"
        return f"{'is' if one else 'are'} still there, {why}"
    if target and target.takes:
        return f"{'has' if one else 'have'} not ended within {spell(target.takes)}"
    if command and command.force and target and target.rungs[-1] in ran:
        return "outlived even SIGKILL"
    return "ignores the polite signals" if one else "ignore the polite signals"


def _lives_on(outcome: Outcome, most: int) -> Line:
    """` (pid 4242, `python train.py`)`"""
    if not outcome.lives_on:
        return ()
    shown = [line(f"pid {p.pid}, ", code(shorten(p.command, COMMAND))) for p in outcome.lives_on[:most]]
    more = len(outcome.lives_on) - len(shown)
    return line(" (", joined(shown, "; "), f" and {more} more" if more else "", ")")


def _state(story: Story, outcome: Outcome) -> str:
    """The state in which the newest look saw a session."""
    look = by_host(story.newest).get(outcome.host)
    session = look.session(outcome.identity) if isinstance(look, Snapshot) else None
    return session.state if session else ""


# -------------------------------------------------------------------------------------------- in the thread

_NOT_LISTED = frozenset({Result.ENDED, Result.ALREADY_GONE, Result.RETURNED})
"""No list shows it any more, as it still would a ghost."""


def difference(story: Story, outcome: Outcome) -> Line:
    """`- 7 ended within 0.05 s`"""
    took = story.ended_within(outcome) if _word(outcome) == "ended" else None
    within = f" within {exact(took)}" if took is not None else ""
    if outcome.kind == "account" and outcome.result is Result.SURVIVED:
        return line("! ", bold(f"{processes(len(outcome.lives_on))} of {story.user}"), " still there")
    detail = f": {outcome.detail}" if outcome.detail else ""
    return line(f"{_sign(outcome)} ", bold(_name(story, outcome)), f" {_word(outcome)}{within}{detail}")


def _many_different(story: Story, outcomes: Sequence[Outcome]) -> Line:
    """`- 187 sessions ended within 0.5 s to 3 s: 7, 9, 12 and 184 more`"""
    first = outcomes[0]
    times = [t for o in outcomes if (t := story.ended_within(o)) is not None] if _word(first) == "ended" else []
    within = f" within {_between(min(times), max(times))}" if times else ""
    detail = f", {first.detail}" if first.detail else ""
    return line(
        f"{_sign(first)} ", bold(_number(outcomes)), f" {_word(first)}{within}{detail}: ", _ids(story, outcomes)
    )


def _between(least: float, most: float) -> str:
    return exact(most) if exact(least) == exact(most) else f"{exact(least)} to {exact(most)}"


def _ids(story: Story, outcomes: Sequence[Outcome]) -> str:
    return some(map(story.id_of, outcomes))


def _sign(outcome: Outcome) -> str:
    if outcome.result in _NOT_LISTED:
        return "\N{MINUS SIGN}"
    if outcome.result is Result.LEFT:
        return "="
    return "?" if outcome.result is Result.UNKNOWN else "!"


def _word(outcome: Outcome) -> str:
    return "ended" if outcome.result is Result.RETURNED else outcome.result.value
