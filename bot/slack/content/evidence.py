"""The first replies in a request's thread: what was there, and who decided. Never edited. Pure."""

from collections.abc import Iterator, Sequence

from bot.counting import count
from bot.events import Approved, Cancelled, Denied, Permitted, Record
from bot.models import Process, Snapshot
from bot.sentences import proved
from bot.slack.content import trees
from bot.slack.content.blocks import LONGEST_PREFORMATTED, Message, Part, aside, compose, paragraph, preformatted
from bot.slack.content.lines import Line, Who, bold, in_plain, italic, line
from bot.slack.content.listing import cut_note, headings, host_lines, sessions_table
from bot.slack.content.naming import MANY
from bot.slack.content.proof import mark, raw
from bot.slack.content.story import Story, short

TREES = 6_000
"""Characters of all process trees in one message; what is cut here stands whole in the file beside it."""
MOST_TREES = 12


# -------------------------------------------------------------------------------------------- before


def before(story: Story, record: Record) -> Message:
    """Who was logged in when the plan was made, and what ends with each session of it."""
    said = headings(story.before)
    titles = [line(bold("Before"), ": ", one) for one in said[:MANY]]
    more = len(said) - len(titles)
    rest = [line(f"and {count(more, 'more line')}, in the file.")] if more > 0 else []
    shown = sessions_table(story.before)
    table = [shown.part, *cut_note(shown)] if shown else []
    notes = [line(n) for look in story.before if isinstance(look, Snapshot) for n in look.notes]
    small = [aside(*notes, needed=False)] if notes else []
    top = paragraph(*titles, *rest, needed=True, cut=more > 0 or len(said) < len(story.before))
    return compose(top, *table, *_trees(story), *small, *raw(story.before), mark(record))


def before_whole(story: Story) -> Iterator[str]:
    """The same for a file, with nothing left out."""
    yield from host_lines(story.before)
    for title, processes in _dying(story):
        yield f"\n{in_plain(title)}\n{trees.whole(processes)}"


def _trees(story: Story) -> Iterator[Part]:
    dying = list(_dying(story))
    each = TREES // max(min(len(dying), MOST_TREES), 1)
    for title, processes in dying[:MOST_TREES]:
        yield preformatted(title, trees.tree(processes), min(each, LONGEST_PREFORMATTED))
    if (more := len(dying) - MOST_TREES) > 0:
        yield aside(line(f"What ends with {count(more, 'more session')} stands in the file."), cut=True)


def _dying(story: Story) -> Iterator[tuple[Line, Sequence[Process]]]:
    """What ends, under its title: the processes of each session, and the other ones of an account."""
    several = len(story.before) > 1
    for host, session in story.targets_before:
        where = f" on {host}" if several else ""
        yield line("Ends with session ", bold(session.id), f" of {session.account.name}{where}:"), session.processes
    known = {(host, p.pid) for host, session in story.targets_before for p in session.processes}
    for target, there in story.accounts_before:
        if rest := [p for p in there if (target.host, p.pid) not in known]:
            yield line(f"Ends of {target.account.name} outside these sessions on {target.host}:"), rest


# -------------------------------------------------------------------------------------------- decisions


def decision(story: Story, record: Record) -> Message:
    """`Carol approved the plan 3f9c 81d2.`"""
    return compose(paragraph(_decision(story, record), needed=True), mark(record))


def _decision(story: Story, record: Record) -> Line:
    event, who = record.event, Who(id=record.event.who)
    if isinstance(event, Approved):
        rest = "" if event.complete else f" It counts for {', '.join(event.hosts)}; more approvals are needed."
        return line(who, f" approved the plan {short(event.plan_hash)}{proved(event)}.{rest}")
    if isinstance(event, Permitted) and event.emergency:
        acts = line("🚨 ", bold("An emergency"), ": ", who, f" acts alone on the plan {short(event.plan_hash)}, which")
        return line(acts, " nobody approved. Two other people review it afterwards.")
    if isinstance(event, Permitted):
        return line(f"The configuration lets this sweep end the plan {short(event.plan_hash)} without a click.")
    if isinstance(event, Denied):
        because = line(": ", italic(event.reason)) if event.reason else line(".")
        return line(who, f" denied the plan {short(event.plan_hash)}", because)
    if isinstance(event, Cancelled):
        return line(who, " stopped it: nothing was ended." if story.warned else " cancelled the request.")
    return line(f"{event.kind}.")
