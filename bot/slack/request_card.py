"""The parent message of a request: always its present state. Buttons only while someone can still decide. Pure."""

import json
from collections import Counter
from collections.abc import Iterator

from bot.lifecycle import Request, State
from bot.models import Plan, Process, Session, Snapshot, Unreachable
from bot.slack.blocks import Button, Message, Part, aside, buttons, compose, paragraph
from bot.slack.headlines import credits_line, headline, outcome_lines
from bot.slack.lines import Line, When, Who, bold, code, either, italic, joined, line, told
from bot.slack.listing import count
from bot.slack.story import Story, short

APPROVE, DENY, CANCEL = "kickbot_approve", "kickbot_deny", "kickbot_cancel"

NAMED = 8
"""How many programs, and how many sessions, are named before the rest is counted."""

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
        _small(request),
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
    programs = Counter(p.name for _, session in targets_before(story) for p in _work(session))
    if not programs:
        return []
    named = [f"{name} ×{number}" if number > 1 else name for name, number in programs.most_common(NAMED)]  # noqa: RUF001
    rest = f" and {len(programs) - NAMED} more" if len(programs) > NAMED else ""
    return [line(f"With them: {', '.join(named)}{rest}.")]


def _work(session: Session) -> list[Process]:
    return [p for p in session.processes if p.name.lstrip("-") not in SCAFFOLDING]


def targets_before(story: Story) -> list[tuple[str, Session]]:
    """The hosts and sessions that the plan ends, as they were seen when it was made."""
    wanted = {(t.host, t.identity) for t in story.plan.targets} if story.plan else set()
    return [
        (look.host, s)
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
    trouble = [paragraph(*lines)] if (lines := _trouble(story)) else []
    return compose(paragraph(title, needed=True), *trouble, *_context(story), *may_stop, _small(request))


def _trouble(story: Story) -> list[Line]:
    """Hosts that stopped answering after the approval, and why nothing more was begun."""
    lines = [line("⚠️ Nothing more is begun: ", told(why), ".")] if (why := story.stopped) else []
    until = story.request.give_up_at
    again = line(" Looking again every minute until ", When(moment=until), ".") if until else ()
    hosts = story.plan.hosts if story.plan and story.request.approved_at else ()
    lost = [look for look in story.newest if isinstance(look, Unreachable) and look.host in hosts]
    waiting = story.request.waiting_for
    return lines + [_waiting(story, look) if look.host in waiting else _unknown(look, again) for look in lost]


def _waiting(story: Story, look: Unreachable) -> Line:
    until = When(moment=story.request.act_by or story.request.at)
    return line("⚠️ ", bold(f"{look.host} {look.reason}."), " Nothing was begun there: trying again until ", until, ".")


def _unknown(look: Unreachable, again: Line) -> Line:
    return line("⛔ ", bold(f"{look.host} {look.reason}."), " What happened there is not known.", again)


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
