"""The replies in a request's thread: what was there, who decided, what was run, what is left. Never edited. Pure."""

from collections.abc import Iterator, Sequence

from bot.cleaning import shorten
from bot.events import Approved, Cancelled, Denied, Event, Observed, Record, Signalled
from bot.models import Answer, Outcome, Process, Result, Session, Snapshot, Target, Unreachable, Value, by_host
from bot.slack.blocks import LONGEST_PREFORMATTED, Message, Part, aside, compose, paragraph, preformatted
from bot.durations import exact
from bot.slack.lines import Line, Who, bold, code, italic, line
from bot.slack.listing import cut_note, heading, sessions_table, unreachable
from bot.slack.request_card import processes, targets_before
from bot.slack.story import Story, is_gone, short

TREES = 6_000
"""Characters of all process trees in one message; what is cut here stands whole in the file beside it."""
COMMAND = 200
OUTPUT = 600


class File(Value):
    """Text for a file in the thread. name: tells the request, the event and the part."""

    name: str
    title: str
    content: str


# -------------------------------------------------------------------------------------------- before


def before(story: Story, record: Record) -> Message:
    """Who was logged in when the plan was made, and what ends with each session of it."""
    titles = [line(bold("Before"), ": ", heading(look)) for look in story.before]
    shown = sessions_table(story.before)
    table = [shown.part, *cut_note(shown)] if shown else []
    notes = [line(n) for look in story.before if isinstance(look, Snapshot) for n in look.notes]
    small = [aside(*notes, needed=False)] if notes else []
    return compose(paragraph(*titles, needed=True), *table, *_trees(story), *small, *_raw(story.before), mark(record))


def _trees(story: Story) -> Iterator[Part]:
    sessions = targets_before(story)
    each = min(TREES // max(len(sessions), 1), LONGEST_PREFORMATTED)
    for host, session in sessions:
        there = f" on {host}" if len(story.before) > 1 else ""
        title = line("Ends with session ", bold(session.id), f" of {session.account.name}{there}:")
        yield preformatted(title, shorten(tree(session), each))


def tree(session: Session) -> str:
    """The processes of a session, each under the one that started it."""
    known = {p.pid for p in session.processes}
    roots = [p for p in session.processes if p.parent not in known]
    return "\n".join(branch for root in roots for branch in _branches(root, session.processes, 0))


def _branches(process: Process, among: Sequence[Process], depth: int) -> Iterator[str]:
    yield f"{'  ' * min(depth, 20)}{process.pid} {shorten(process.command, COMMAND)}"
    for child in among:
        if child.parent == process.pid and child.pid != process.pid:
            yield from _branches(child, among, depth + 1)


def _raw(looks: Sequence[Snapshot | Unreachable]) -> list[Part]:
    """The hosts' own answers, masked, where they are short."""
    if not _fit_in_a_message(looks):
        return []
    return [preformatted(line(f"What {look.host} said:"), look.raw) for look in _answers(looks)]


def _answers(looks: Sequence[Snapshot | Unreachable]) -> list[Snapshot]:
    return [look for look in looks if isinstance(look, Snapshot) and look.raw]


def _fit_in_a_message(looks: Sequence[Snapshot | Unreachable]) -> bool:
    return sum(len(look.raw) for look in _answers(looks)) <= LONGEST_PREFORMATTED


def files(story: Story, record: Record, part: str) -> Iterator[File]:
    """What is too long for a message, whole and masked: the hosts' own answers, and what the commands said."""
    if part == "run":
        said = [(r.event.step.target, r.event.answer) for r in story.records if isinstance(r.event, Signalled)]
        if any(len(answer.output) > OUTPUT or len(answer.command) > COMMAND for _, answer in said):
            content = "\n\n".join(f"{t.host}, session {t.session}: {a.command}\n{a.output}" for t, a in said)
            yield _file(story, record, part, "what was run", content)
        return
    looks = story.before if part == "before" else story.newest
    for look in [] if _fit_in_a_message(looks) else _answers(looks):
        yield _file(story, record, part, look.host, look.raw)


def _file(story: Story, record: Record, part: str, about: str, content: str) -> File:
    name = f"kickbot-{story.request.id}-{record.seq}-{part}-{about.replace(' ', '-')}.txt"
    return File(name=name, title=f"{part.capitalize()}: {about}", content=content)


def mark(record: Record) -> Part:
    """`event 318, trail a1b2 c3d4…`: where this stands in the audit trail."""
    return aside(line(italic(f"event {record.seq}, trail {short(record.hash)}…")))


# -------------------------------------------------------------------------------------------- decisions


def decision(record: Record) -> Message:
    """`Carol approved the plan 3f9c 81d2.`"""
    return compose(paragraph(_decision(record.event), needed=True), mark(record))


def _decision(event: Event) -> Line:
    who = Who(id=event.who)
    if isinstance(event, Approved):
        rest = "" if event.complete else f" It counts for {', '.join(event.hosts)}; more approvals are needed."
        return line(who, f" approved the plan {short(event.plan_hash)}.{rest}")
    if isinstance(event, Denied):
        because = line(": ", italic(event.reason)) if event.reason else line(".")
        return line(who, f" denied the plan {short(event.plan_hash)}", because)
    if isinstance(event, Cancelled):
        return line(who, " cancelled the request.")
    return line(f"{event.kind}.")


# -------------------------------------------------------------------------------------------- what was run


def what_was_run(story: Story, record: Record) -> Message:
    """Each command with its exit status, and what the look after it saw."""
    tries = [r for r in story.records if isinstance(r.event, Signalled)]
    parts = [part for r in tries for part in _try(story, r)]
    if not tries:
        parts = [paragraph(line("Nothing: every session was gone before anything was done."))]
    return compose(paragraph(line(bold("What was run")), needed=True), *parts, mark(record))


def _try(story: Story, record: Record) -> Iterator[Part]:
    event = record.event
    if not isinstance(event, Signalled):
        return
    target, answer = event.step.target, event.answer
    again = f", attempt {event.step.attempt}" if event.step.attempt > 1 else ""
    what = line(bold(target.host), f", session {target.session}{again}: ")
    ran = line(what, code(shorten(answer.command or event.step.rung, COMMAND)))
    yield paragraph(line(ran, f" → {_said(answer)}; {_seen_after(story, record, target)}."))
    if answer.output:
        yield preformatted(line("It said:"), shorten(answer.output, OUTPUT))


def _said(answer: Answer) -> str:
    if answer.status == "done":
        return f"exit status {answer.exit_status}" if answer.exit_status is not None else "ran"
    if answer.status == "unknown":
        return "no complete answer, so nobody knows whether it ran"
    why = {
        "late": "it was too late",
        "rebooted": "the host was rebooted",
        "gone": "the session was gone",
        "changed": "the session was another one by then",
        "forbidden": "it is not allowed to",
    }
    return f"the host did not run it: {why.get(answer.refusal or '', 'it refused')}"


def _seen_after(story: Story, record: Record, target: Target) -> str:
    """What the next look at that host saw of the session."""
    for later in story.records:
        if later.seq > record.seq and isinstance(later.event, Observed):
            look = by_host(story.seen.get(later.seq, ())).get(target.host)
            if look is not None:
                return _seen(target, look, (later.at - record.at).total_seconds())
    return "the host was not looked at after it"


def _seen(target: Target, look: Snapshot | Unreachable, after: float) -> str:
    if isinstance(look, Unreachable):
        return f"the look after it: {look.host} {look.reason}"
    if is_gone(target, look):
        return f"the look after it, {exact(after)} later, no longer saw the session"
    session = look.session(target.identity)
    state = session.state if session else "there"
    return f"the look after it, {exact(after)} later, still saw the session ({state})"


# -------------------------------------------------------------------------------------------- after


def after(story: Story, record: Record) -> Message:
    """The difference: what ended, what is untouched, what is new, and what is left of the account."""
    looks = by_host(story.newest)
    parts: list[Part] = []
    for look in story.before:
        if story.plan and look.host in story.plan.hosts:
            parts += _difference(story, look, looks.get(look.host))
    return compose(paragraph(line(bold("After")), needed=True), *parts, *_raw(story.newest), mark(record))


def _difference(story: Story, then: Snapshot | Unreachable, now: Snapshot | Unreachable | None) -> Iterator[Part]:
    if now is None or isinstance(now, Unreachable):
        lost = now or Unreachable(host=then.host, reason="was not looked at any more")
        yield paragraph(unreachable(lost))
        return
    ended = [_outcome(story, o) for o in story.request.outcomes if o.host == now.host]
    touched = {o.identity for o in story.request.outcomes}
    others = [s for s in now.sessions if not s.own]
    untouched = [line("= ", _who(s), ", untouched") for s in others if s.identity not in touched and _in(then, s)]
    new = [line("+ ", _who(s), ", new since then") for s in others if not _in(then, s)]
    yield paragraph(line(bold(now.host), ":"), *ended, *untouched, *new, _left(story, now))


def _in(then: Snapshot | Unreachable, session: Session) -> bool:
    return isinstance(then, Snapshot) and then.session(session.identity) is not None


def _who(session: Session) -> Line:
    return line(bold(session.id), f" {session.account.name}")


def _outcome(story: Story, outcome: Outcome) -> Line:
    gone = outcome.result in {Result.ENDED, Result.ALREADY_GONE, Result.RETURNED}
    sign = "\N{MINUS SIGN}" if gone else "?" if outcome.result is Result.UNKNOWN else "!"
    word = "ended" if outcome.result is Result.RETURNED else outcome.result.value
    took = story.ended_within(outcome.identity) if word == "ended" else None
    within = f" within {exact(took)}" if took is not None else ""
    return line(f"{sign} ", bold(outcome.session), f" {word}{within}", f": {outcome.detail}" if outcome.detail else "")


def _left(story: Story, now: Snapshot) -> Line:
    sessions = [s.id for s in now.of(story.user)]
    outside = [p.name for p in now.outside if p.user == story.user]
    if not sessions and not outside:
        return line(f"Nothing of {story.user} is left on {now.host}.")
    named = [f"session {s}" for s in sessions]
    named += [f"{processes(len(outside))} outside its sessions"] if outside else []
    programs = (" (", code(", ".join(dict.fromkeys(outside))), ")") if outside else ()
    return line(f"Left of {story.user} on {now.host}: {', '.join(named)}", *programs, ".")
