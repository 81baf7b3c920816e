"""A sweep as it is shown: who asks where no person did, what a run found, and the list of all of them. Pure."""

from collections.abc import Iterable, Sequence

from bot import sentences
from bot.counting import count
from bot.durations import spell
from bot.models import Idle, Series, Swept
from bot.request import Request
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.lines import Line, When, Who, bold, joined, line, told
from bot.slack.content.naming import alike
from bot.slack.content.story import named
from bot.sweeping import Runs

NONE = "No sweep runs on hosts that you may look at."
NEXT = {"report": "Nothing was ended.", "propose": "Nothing was proposed.", "end": "Nothing was ended."}
DOES = {"report": "reports", "propose": "asks people to end", "end": "ends, after a warning,"}
MOST_HOSTS, MOST_ON_HOST, MOST = 20, 8, 20


def asker(request: Request) -> Line:
    """`Alice`, or `the sweep nightly`; of a review, who acted alone."""
    if request.sweep:
        return line("the sweep ", bold(request.sweep.name))
    return line(Who(id=request.review.asker if request.review else request.asker))


def approved(request: Request) -> Line:
    """For a sweep that needs no click, and for an emergency; nothing where people approve."""
    if request.emergency:
        return line("nobody (", bold("an emergency"), ")") if request.permitted or request.needs_nobody else ()
    return line("the configuration, without a click") if request.permitted or request.needs_nobody else ()


# ------------------------------------------------------------------------------------------------ one run


def report(request: Request) -> Message:
    """What it found and didn't plan to end: the whole message of such a run."""
    shown = [paragraph(line("• ", one)) for one in _found(request.swept or Swept())]
    return compose(paragraph(headline(request), needed=True), *shown, aside(_small(request)))


def headline(request: Request) -> Line:
    """`Sweep nightly: 12 hosts looked at: 10 compliant, … Nothing was ended.`"""
    swept, action = request.swept or Swept(), request.sweep.action if request.sweep else "report"
    sign = "⚠️" if swept.unjudged or request.reason else "\N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16}"
    why = line(told(request.reason.rstrip(".")), ". ") if request.reason else ()
    what = f": {sentences.hosts_swept(swept)}. "
    return line(f"{sign} ", bold(f"Sweep {request.sweep.name if request.sweep else ''}"), what, why, NEXT[action])


def _found(swept: Swept) -> list[Line]:
    """Each host with idle sessions, and those of which nothing is known."""
    idle = [line(bold(host), ": ", _on(host, swept.idle)) for host in swept.hosts[:MOST_HOSTS]]
    more = len(swept.hosts) - len(idle)
    rest = [line(f"and {count(more, 'more host')} with idle sessions")] if more > 0 else []
    groups = alike((one.host, one.why.removeprefix(one.host)) for one in swept.unjudged)
    return [*idle, *rest, *(line(bold(named(hosts)), why) for hosts, why in groups[:MOST_HOSTS])]


def _on(host: str, idle: Sequence[Idle]) -> Line:
    """`7 alice, no key for 5 h · 9 bob, no key for 2 days`"""
    there = sorted((one for one in idle if one.host == host), key=lambda one: -one.seconds)
    shown = [line(f"{one.session} {one.user}, no key for {spell(one.seconds)}") for one in there[:MOST_ON_HOST]]
    more = len(there) - len(shown)
    return line(joined(shown, " · "), f" · and {more} more" if more > 0 else "")


def _small(request: Request) -> Line:
    idle = f"idle {spell(request.command.only.idle)} · " if request.command else ""
    return line(f"{idle}request {request.id}")


# ------------------------------------------------------------------------------------------------ all of them


def listed(runs: Iterable[Runs]) -> Message:
    """The answer to `/kickbot sweeps`."""
    lines = [line("• ", in_one_line(each)) for each in runs]
    if not lines:
        return compose(paragraph(line(NONE), needed=True))
    more = [line(f"and {len(lines) - MOST} more")] if len(lines) > MOST else []
    return compose(paragraph(line(bold(f"Sweeps ({len(lines)})")), *lines[:MOST], *more, needed=True))


def in_one_line(runs: Runs) -> Line:
    """`nightly reports what is idle for 4 h on web[01-12] · last run …: 10 compliant · next run …`."""
    return joined(
        [line(bold(runs.series.sweep.name), " ", _does(runs.series)), _last(runs.last), _next(runs.next)], " · "
    )


def _does(series: Series) -> str:
    command = series.command
    return f"{DOES[series.sweep.action]} what is idle for {spell(command.only.idle)} on {named(command.hosts)}"


def _last(run: Request | None) -> Line:
    if run is None or run.swept is None:
        return line("never ran yet")
    return line("last run ", When(moment=run.at, dated=True), f": {sentences.hosts_swept(run.swept)}{_acted(run)}")


def _acted(run: Request) -> str:
    """What became of it, where it was planned to end something."""
    if run.plan is None:
        return ""
    return f" ({sentences.counted(run.outcomes) or run.state})"


def _next(run: Request | None) -> Line:
    if run is None or run.not_before is None:
        return line("no next run yet")
    return line("next run ", When(moment=run.not_before, dated=True))
