"""The parent message of a request: always its present state. Buttons only while a click can do something. Pure."""

from bot import canary
from bot.counting import count, processes
from bot.models import Unreachable
from bot.request import Request
from bot.slack.content import freeze, holds, limit_request, retention, reviews, sweeps
from bot.slack.content.blocks import Message, Part, aside, compose, paragraph
from bot.slack.content.forecast import ends, what_would_happen
from bot.slack.content.headlines import asks, doing, last_line, question
from bot.slack.content.lines import Line, When, Where, Who, bold, either, italic, line, told
from bot.slack.content.naming import alike
from bot.slack.content.outcome_lines import notable
from bot.slack.content.story import Story, in_numbers, named, short
from bot.slack.content.tickets import row
from bot.slack.content.warning import later, not_told, told_in_short
from bot.states import State

MOST_LOST, MOST_WHYS = 20, 8


def card(story: Story) -> Message:
    """The parent as it has to look now."""
    match story.request.state:
        case _ if story.request.retention is not None:
            return retention.card(story.request)
        case State.FROZEN | State.UNFROZEN:
            return freeze.card(story.request)
        case State.HELD | State.RELEASED:
            return holds.card(story.request)
        case State.REVIEW | State.REVIEWED:
            return reviews.card(story.request)
        case State.PENDING:
            return _running(story) if story.request.needs_nobody else _pending(story)
        case State.WARNED:
            return _warned(story)
        case State.APPROVED | State.ACTING | State.VERIFYING:
            return _running(story)
        case _ if story.request.sweep and story.plan is None:
            return sweeps.report(story.request)
        case _:
            return _over(story)


def moved(story: Story) -> Message:
    """The same where the request can't be shown at its own place any more."""
    here = line("This request goes on here: its message in ", Where(id=story.request.home), " is gone or out of reach.")
    shown = card(story)
    note = aside(here)
    return shown.model_copy(update={"text": f"{note.text}\n{shown.text}", "blocks": (note.block, *shown.blocks)})


# -------------------------------------------------------------------------------------------- waiting


def _pending(story: Story) -> Message:
    request = story.request
    until = request.decide_by or request.at
    title = line("⏳ ", question(story), " · waiting for approval, until ", When(moment=until))
    return compose(
        paragraph(title, needed=True),
        *_frozen(story),
        paragraph(asks(story), needed=True),
        *what_would_happen(story),
        *_one_first(request),
        paragraph(*_who_may(request), needed=True),
        *_in_numbers(story),
        *row(request),
        _small(request),
    )


def _in_numbers(story: Story) -> list[Part]:
    """How much it is, right above the buttons, where it is about everyone."""
    plan = story.plan
    return [paragraph(line(bold(f"{in_numbers(plan)}.")), needed=True)] if plan and plan.is_of_everyone else []


def _one_first(request: Request) -> list[Part]:
    """What the rule adds where it asks for a canary."""
    if not request.canaries:
        return []
    first, rest = request.canaries[0], count(len(request.hosts) - 1, "other host")
    told = (
        f" goes first, alone. The {rest} follow only if that goes well. If it can't be reached, another one is first."
    )
    return [paragraph(line(bold(first), told))]


def _who_may(request: Request) -> list[Line]:
    names = line(": ", either(list(request.approvers)))
    groups = [group for group in request.groups if request.reminded or group not in request.then]
    lines = [line(either(groups, "and"), " may approve", names, ". ", _who_may_not(request))]
    if request.second_factor:
        lines.append(
            line("An approval needs a code of the approver's own second factor: ", bold("Approve…"), " asks for it.")
        )
    if request.approvals_needed > 1:
        have = line(", so far ", either([d.who for d in request.decisions], "and")) if request.decisions else ()
        why = f"it ends more than {count(request.limit, 'session')}" if request.limit else request.above
        why = f", one of them as {why}" if why else ""
        lines.append(line(f"It needs {request.approvals_needed} approvals on each host{why}", have, "."))
    return lines


def _who_may_not(request: Request) -> Line:
    """Whatever the rules say. The owner isn't mentioned: a mention would call them before it is decided."""
    nor = ", nor whose account it is" if set(request.owners) - {request.asker} else ""
    if request.sweep:
        return line("Not whose account it is." if nor else "")
    return line("Not ", Who(id=request.asker), ", who asked", nor, ".")


# -------------------------------------------------------------------------------------------- at work


def _warned(story: Story) -> Message:
    """Told, and waiting: until then it can be stopped. Slack's date does the counting."""
    request = story.request
    told = (until for host in request.giving_time if (until := request.told_until(host)))
    at = line(" Ending at ", When(moment=max([request.act_at or request.at, *told]), seconds=True), ".")
    title = line("📣 ", told_in_short(story), at, " Approved by ", *_approved(story), ".")
    untold = [paragraph(*lines[:MOST_LOST])] if (lines := not_told(story)) else []
    return compose(
        *_alone(story),
        paragraph(title, needed=True),
        *_frozen(story),
        *untold,
        *_context(story),
        *row(request),
        _small(request),
    )


def _running(story: Story) -> Message:
    request = story.request
    first = None if request.state is State.VERIFYING or request.stopped else canary.goes_first(request)
    now = " · looking whether they are gone" if request.state is State.VERIFYING else ""
    now = f" · {first} goes first" if first else now
    words = bold(doing(story))
    title = line("▶️ ", words, " · approved by ", *_approved(story), f" · {_progress(story)} …{now}")
    trouble = [paragraph(*lines)] if (lines := [*_each_host(story), *_trouble(story)]) else []
    return compose(
        *_alone(story),
        paragraph(title, needed=True),
        *_frozen(story),
        *trouble,
        *_context(story),
        *row(request),
        _small(request),
    )


def _approved(story: Story) -> Line:
    """`Carol, 13:31:05`"""
    request = story.request
    at = When(moment=request.approved_at or request.at, seconds=True)
    return line(either([d.who for d in request.decisions], "and") or sweeps.approved(request), ", ", at)


def _progress(story: Story) -> str:
    """`1 of 2 sessions ended`, what is still there of a whole account, and on how many hosts it is held."""
    if story.limit:
        return "sshd's files are checked, and a fresh login tried"
    plan = story.plan
    sessions = plan.sessions if plan else ()
    gone = sum(gone for gone, _ in story.gone().values())
    counted = [f"{gone} of {count(len(sessions), 'session')} ended"] if sessions else []
    counted = [*_hosts_done(story), *counted]
    if plan and plan.accounts:
        counted.append(f"{processes(len(story.left_of_accounts()))} of {story.user} still there")
    if plan and plan.holds:
        counted.append(f"held on {len(plan.holds) - len(story.request.not_held)} of {count(len(plan.holds), 'host')}")
    return ", ".join(counted)


def _hosts_done(story: Story) -> list[str]:
    """`37 of 200 hosts done`, once there are several: those that show nothing more, or where nothing is left to do."""
    hosts, ends = story.request.hosts, story.gone()
    done = [h for h in hosts if h in story.request.judged or (h in ends and ends[h][0] == ends[h][1])]
    return [f"{len(done)} of {count(len(hosts), 'host')} done"] if len(hosts) > 1 else []


def _each_host(story: Story) -> list[Line]:
    """`web[01-12]: 1 of 1 ended · web13: 0 of 2`, once there are several hosts."""
    groups = alike((host, f"{gone} of {of_all} ended") for host, (gone, of_all) in story.gone().items())
    if len(story.request.hosts) < 2 or not groups:  # noqa: PLR2004 - nothing to tell apart
        return []
    shown = [f"{named(hosts)}: {what}" for hosts, what in groups[:MOST_LOST]]
    more = [f"and {len(groups) - MOST_LOST} more"] if len(groups) > MOST_LOST else []
    return [line(" · ".join([*shown, *more]))]


def _trouble(story: Story) -> list[Line]:
    """Hosts that stopped answering after the approval, and why nothing more was begun."""
    lines = [line("⚠️ Nothing more is begun: ", told(why), ".")] if (why := story.stopped) else later(story)
    until = story.request.give_up_at
    again = line(" Looking again every minute until ", When(moment=until), ".") if until else ()
    hosts = story.plan.hosts if story.plan and story.request.approved_at else ()
    lost = [look for look in story.newest if isinstance(look, Unreachable) and look.host in hosts]
    groups = alike((look.host, (_stands(story, look.host), look.reason)) for look in lost)
    shown = [_lost(story, stands, f"{named(where)} {why}", again) for where, (stands, why) in groups[:MOST_WHYS]]
    more = sum(len(where) for where, _ in groups[MOST_WHYS:])
    rest = [line(f"and {count(more, 'more host')}.")] if more else []
    return [*lines, *shown, *rest]


def _stands(story: Story, host: str) -> str:
    request = story.request
    return "waiting" if host in request.waiting_for else "undone" if host in request.undone else "unknown"


def _lost(story: Story, stands: str, why: str, again: Line) -> Line:
    """Hosts that say the same, or nothing, in the same way."""
    until = When(moment=story.request.act_by or story.request.at)
    if stands == "waiting":
        return line("⚠️ ", bold(f"{why}."), " Nothing was begun there: trying again until ", until, ".")
    if stands == "undone":
        return line("⚠️ ", bold(f"{why}."), " Nothing was begun there.")
    return line("⛔ ", bold(f"{why}."), " What happened there is not known.", again)


def _alone(story: Story) -> list[Part]:
    """That it is, or was, an emergency: for good."""
    return [paragraph(each, needed=True) for each in reviews.marked(story)]


def _context(story: Story) -> list[Part]:
    plan = story.plan
    ending = [paragraph(ends(story, plan), needed=True)] if plan and not story.limit else []
    return [paragraph(asks(story), needed=True), *ending]


def _frozen(story: Story) -> list[Part]:
    return [paragraph(freeze.on_a_request(story.frozen), needed=True)] if story.frozen else []


def _small(request: Request) -> Part:
    plan = f" · plan {short(request.plan_hash)}" if request.plan_hash else ""
    return aside(line(f"request {request.id}{plan}"))


# -------------------------------------------------------------------------------------------- over


def _over(story: Story) -> Message:
    request = story.request
    details, cut = (limit_request.notable(request.outcomes), False) if story.limit else notable(story)
    why = [aside(line(italic(story.why)))] if story.why and not request.sweep else []
    shown = [paragraph(*(line("• ", detail) for detail in details), cut=cut)] if details else []
    return compose(
        paragraph(last_line(story), needed=True), *_alone(story), *shown, *why, *row(request), _small(request)
    )
