"""The parent message of a request: always its present state. Buttons only while someone can still decide. Pure."""

import json
from collections import Counter
from collections.abc import Iterator

from bot.lifecycle import Request, State
from bot.models import Outcome, Plan, Process, Result, Session, Snapshot
from bot.slack.blocks import Button, Message, Part, aside, buttons, compose, paragraph
from bot.slack.durations import exact
from bot.slack.lines import Line, When, Who, bold, code, either, italic, joined, line, told
from bot.slack.listing import count
from bot.slack.story import Story, short

APPROVE, DENY, CANCEL = "kickbot_approve", "kickbot_deny", "kickbot_cancel"

NOTHING_DONE = " Nothing was done."

NAMED = 8
"""How many programs, and how many sessions, are named before the rest is counted."""

ENDED = frozenset({Result.ENDED, Result.ALREADY_GONE, Result.GHOST})

# What a session runs that nobody thinks of as their work; the process tree below shows it all the same.
SCAFFOLDING = frozenset({"sshd", "sshd-session", "systemd", "(sd-pam)", "bash", "sh", "dash", "zsh", "fish", "login"})


def card(story: Story) -> Message:
    """The parent as it has to look now."""
    request = story.request
    if request.state is State.PENDING:
        return _pending(story)
    if request.state in {State.APPROVED, State.ACTING, State.VERIFYING}:
        return _running(story)
    return _over(story)


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
    """`asked by Alice, approved by Carol, 13:31 · took 0.6 s`"""
    request = story.request
    parts = [line("asked by ", Who(id=request.asker))]
    if request.decisions and request.approved_at:
        approved = line("approved by ", either([d.who for d in request.decisions], "and"))
        parts.append(line(approved, ", ", When(moment=request.approved_at)))
    said = joined(parts, ", ")
    done = request.state is State.CLOSED and request.approved_at
    return line(said, f" · took {exact(story.took())}") if done else said


# -------------------------------------------------------------------------------------------- waiting


def _pending(story: Story) -> Message:
    request = story.request
    until = request.decide_by or request.at
    title = line(
        "⏳ ", bold(f"Kick {story.user} off {story.where}?"), " waiting for approval, until ", When(moment=until)
    )
    return compose(
        paragraph(title, needed=True),
        paragraph(_asks(story), needed=True),
        *what_would_happen(story),
        paragraph(*_who_may(request), needed=True),
        buttons(*_buttons(request, APPROVE, DENY, CANCEL)),
        aside(line(f"request {request.id} · plan {short(request.plan_hash)}")),
    )


def processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"


def _asks(story: Story) -> Line:
    because = (", because ", italic(story.why)) if story.why else (". No reason was given.",)
    return line(Who(id=story.request.asker), " asks", *because)


def _who_may(request: Request) -> list[Line]:
    names = line(": ", either(list(request.approvers)))
    may = line(either(list(request.groups), "and"), " may approve", names, ". Not ", Who(id=request.asker), ".")
    lines = [may]
    if request.approvals_needed > 1:
        have = line(", so far ", either([d.who for d in request.decisions], "and")) if request.decisions else ()
        lines.append(line(f"It needs {request.approvals_needed} approvals on each host", have, "."))
    return lines


def _buttons(request: Request, *actions: str) -> list[Button]:
    value = json.dumps({"request": request.id, "plan": request.plan_hash})
    words = {APPROVE: ("Approve", "primary"), DENY: ("Deny…", "danger"), CANCEL: ("Cancel", "")}
    return [Button(text=words[a][0], action=a, value=value, style=words[a][1]) for a in actions]


def what_would_happen(story: Story) -> Iterator[Part]:
    """What ends, what dies with it, and what stays."""
    if story.plan is None:
        return
    yield paragraph(_ends(story.plan), *_with_them(story), needed=True)
    if stays := list(_stays(story, story.plan)):
        yield paragraph(line(bold("Stays: "), stays[0]), *stays[1:])


def _ends(plan: Plan) -> Line:
    several = len(plan.hosts) > 1
    named = [line(bold(t.session), f" ({f'{t.host}, ' if several else ''}{t.summary})") for t in plan.targets[:NAMED]]
    more = len(plan.targets) - len(named)
    rest = f" and {more} more, listed below" if more else ""
    return line(bold(f"Ends {count(len(plan.targets), 'session')}: "), joined(named, ", "), rest, ".")


def _with_them(story: Story) -> list[Line]:
    programs = Counter(p.name for session in targets_before(story) for p in _work(session))
    if not programs:
        return []
    named = [f"{name} ×{number}" if number > 1 else name for name, number in programs.most_common(NAMED)]  # noqa: RUF001
    rest = f" and {len(programs) - NAMED} more" if len(programs) > NAMED else ""
    return [line(f"With them: {', '.join(named)}{rest}.")]


def _work(session: Session) -> list[Process]:
    return [p for p in session.processes if p.name.lstrip("-") not in SCAFFOLDING]


def targets_before(story: Story) -> list[Session]:
    """The sessions that the plan ends, as they were seen when it was made."""
    wanted = {(t.host, t.identity) for t in story.plan.targets} if story.plan else set()
    return [
        s
        for look in story.before
        if isinstance(look, Snapshot)
        for s in look.sessions
        if (look.host, s.identity) in wanted
    ]


def _stays(story: Story, plan: Plan) -> Iterator[Line]:
    for kept in plan.kept:
        yield line("session ", bold(kept.session), f" on {kept.host}: {kept.why}.")
    for look in story.before:
        if not isinstance(look, Snapshot) or look.host not in plan.hosts:
            continue
        if outside := [p for p in look.outside if p.user == plan.user]:
            names = ", ".join(dict.fromkeys(p.name for p in outside[:NAMED]))
            yield line(
                f"{processes(len(outside))} of {plan.user} outside its sessions on {look.host} (", code(names), ")."
            )
    for lost in plan.unreachable:
        yield line(f"{lost.host} {lost.reason}: nothing is known about its sessions, and nothing is done there.")


# -------------------------------------------------------------------------------------------- at work


def _running(story: Story) -> Message:
    request = story.request
    targets = story.plan.targets if story.plan else ()
    now = " · looking whether they are gone" if request.state is State.VERIFYING else ""
    progress = f" · {story.gone()} of {count(len(targets), 'session')} ended …{now}"
    by = either([d.who for d in request.decisions], "and")
    at = When(moment=request.approved_at or request.at, seconds=True)
    title = line("▶️ ", bold(f"Kicking {story.user} off {story.where}"), " approved by ", by, ", ", at, progress)
    may_stop = [buttons(*_buttons(request, CANCEL))] if request.state is State.APPROVED else []
    return compose(paragraph(title, needed=True), *_context(story), *may_stop, _small(request))


def _context(story: Story) -> list[Part]:
    plan = story.plan
    return [paragraph(_asks(story), needed=True), *([paragraph(_ends(plan), needed=True)] if plan else [])]


def _small(request: Request) -> Part:
    plan = f" · plan {short(request.plan_hash)}" if request.plan_hash else ""
    return aside(line(f"request {request.id}{plan}"))


# -------------------------------------------------------------------------------------------- over


def _over(story: Story) -> Message:
    request = story.request
    title = line(headline(story), " · ", credits_line(story))
    details = [line("• ", detail) for detail in outcome_lines(story)]
    why = [aside(line(italic(story.why)))] if story.why else []
    shown = [paragraph(*details)] if details else []
    return compose(paragraph(title, needed=True), *shown, *why, _small(request))


def _denied(story: Story) -> Line:
    because = line(": ", italic(story.request.reason)) if story.request.reason else line(".")
    return line("⛔ ", bold("Denied"), " by ", Who(id=story.request.ended_by), because, NOTHING_DONE)


def _cancelled(story: Story) -> Line:
    return line("⛔ ", bold("Cancelled"), " by ", Who(id=story.request.ended_by), ".", NOTHING_DONE)


def _expired(story: Story) -> Line:
    until = When(moment=story.request.decide_by or story.request.at)
    return line("⌛ ", bold("Expired:"), " nobody decided until ", until, ".", NOTHING_DONE)


def _lapsed(story: Story) -> Line:
    at = When(moment=story.request.approved_at or story.request.at)
    reason = told(story.request.reason.rstrip("."))
    return line("⌛ ", bold("Lapsed:"), " approved at ", at, ", but ", reason, ".", NOTHING_DONE)


def _refused(story: Story) -> Line:
    return line("⛔ ", bold("Refused: "), told(story.request.reason), NOTHING_DONE)


def _closed(story: Story) -> Line:
    outcomes = story.request.outcomes
    if not outcomes:
        return line("✅ " if _reached_all(story) else "⚠️ ", bold("Nothing was done. "), line(story.request.reason))
    for result, headline_ in ((Result.UNKNOWN, _unknown), (Result.SURVIVED, _survived), (Result.RETURNED, _returned)):
        if some := [o for o in outcomes if o.result is result]:
            return headline_(story, some)
    return line("✅ ", bold(_off(story)), f" {_score(outcomes)}")


def _reached_all(story: Story) -> bool:
    return all(isinstance(look, Snapshot) for look in story.before)


def _off(story: Story) -> str:
    """`audituser is off host1`, but only if nothing of it was left alone there."""
    plan = story.plan
    if plan and not (plan.kept or plan.unreachable or story.request.reason):
        return f"{story.user} is off {story.where}"
    return f"What was approved of {story.user} on {story.where} has ended"


def _score(outcomes: tuple[Outcome, ...]) -> str:
    ended = sum(o.result in ENDED for o in outcomes)
    return f"{ended} of {count(len(outcomes), 'session')} ended"


def _unknown(story: Story, some: list[Outcome]) -> Line:
    where = ", ".join(dict.fromkeys(o.host for o in some))
    words = bold(f"What became of {count(len(some), 'session')} of {story.user} on {where} is not known.")
    return line("⛔ ", words, f" {_score(story.request.outcomes)}")


def _survived(story: Story, some: list[Outcome]) -> Line:
    number, all_ = len(some), len(story.request.outcomes)
    where = ", ".join(dict.fromkeys(o.host for o in some))
    verb = "is" if number == 1 else "are"
    return line("⚠️ ", bold(f"{number} of {count(all_, 'session')} of {story.user} {verb} still on {where}."))


def _returned(story: Story, _some: list[Outcome]) -> Line:
    outcomes = story.request.outcomes
    return line("⚠️ ", bold(f"{_score(outcomes)}, and {story.user} logged in again."))


def outcome_lines(story: Story) -> list[Line]:
    """A line for each outcome that needs more words than "ended", and the note."""
    request = story.request
    several = len(story.request.hosts) > 1
    lines = [
        line(bold(o.session), f" on {o.host}" if several else "", f" {o.result}", *_detail(o))
        for o in request.outcomes
        if o.result is not Result.ENDED or o.detail
    ]
    if request.outcomes and request.reason:
        lines.append(line(request.reason))
    return lines


def _detail(outcome: Outcome) -> list[Line]:
    parts = [line(f": {outcome.detail}")] if outcome.detail else []
    if outcome.lives_on:
        named = [line(f"pid {p.pid} ", code(p.command[:80])) for p in outcome.lives_on[:NAMED]]
        more = len(outcome.lives_on) - len(named)
        parts.append(line("; still running: ", joined(named, ", "), f" and {more} more" if more else ""))
    return parts
