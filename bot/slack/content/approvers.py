"""What those who may approve are told in person: the question and its buttons, never any evidence. Pure."""

from bot.events import Planned, Record, Reminded, RetentionAsked, ReviewOpened
from bot.slack.content import retention, reviews, sweeps
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.headlines import asks, doing, last_line, question
from bot.slack.content.lines import Line, Link, When, bold, either, line
from bot.slack.content.naming import sessions
from bot.slack.content.story import Story, in_numbers, short
from bot.slack.content.tickets import decisions_row
from bot.states import State
from bot.trials import means

APPROVER = "approver:"
MOST_NAMED = 5
"""How many people a reminder names."""


def called(story: Story, record: Record) -> tuple[str, ...]:
    """The people who are called by this event."""
    if isinstance(record.event, Reminded) and story.request.state not in {State.PENDING, State.REVIEW}:
        return ()
    return named_by(record)


def named_by(record: Record) -> tuple[str, ...]:
    """The people whom an event asks for their word."""
    match record.event:
        case Planned(approvers=people) | Reminded(approvers=people) | RetentionAsked(approvers=people):
            return people
        case ReviewOpened(reviewers=people):
            return people
        case _:
            return ()


def part_for(person: str) -> str:
    return f"{APPROVER}{person}"


def approver_of(part: str) -> str:
    """The person whom a part is for; empty if it is another part."""
    return part.removeprefix(APPROVER) if part.startswith(APPROVER) else ""


def all_in_person(record: Record) -> bool:
    """Those who are passed over in an emergency hear of it, wherever else it stands."""
    return isinstance(record.event, Planned) and record.event.approvals == 0


def for_approver(story: Story, link: str) -> Message:
    """The question with its buttons while it is open; afterwards what became of it."""
    if story.request.review:
        return reviews.in_person(story.request, link)
    if story.request.retention:
        return retention.in_person(story.request, link)
    at = line(" ", Link(url=link, text="See the thread.")) if link else ()
    request = story.request
    small = aside(line(f"request {request.id} · plan {short(request.plan_hash)}"))
    if request.state is not State.PENDING or request.needs_nobody:
        return compose(paragraph(line(_since(story), at), *reviews.marked(story), needed=True), small)
    until = When(moment=request.decide_by or request.at)
    code = ", with a code of your second factor" if request.second_factor else ""
    title = line("⏳ ", question(story), " · you may approve it", code, ", until ", until, ".")
    ends = line(bold(_ends(story)) if story.is_of_everyone else _ends(story), at)
    return compose(paragraph(title, asks(story), ends, needed=True), *decisions_row(request), small)


def reminder(story: Story, record: Record) -> Line:
    """`⏳ Nobody has decided yet, and the time is over at 13:45: Bob or Carol, please approve or deny.`"""
    event = record.event
    then = event.then if isinstance(event, Reminded) else ()
    named = called(story, record)[:MOST_NAMED]
    who = line(either(list(named)), ", please approve or deny.") if named else line("please approve or deny.")
    also = line(" ", either(list(then), "and"), " are asked now too.") if then else ()
    until = When(moment=story.request.decide_by or story.request.at)
    return line("⏳ ", bold("Nobody has decided yet"), ", and the time is over at ", until, ": ", who, also)


def _ends(story: Story) -> str:
    """Whose sessions end, without where they come from or what runs in them."""
    plan = story.plan
    if story.limit:
        return f"It would {means(story.limit.limit, story.limit.seconds)}."
    if plan and plan.is_of_everyone:
        return f"It ends {in_numbers(plan)}."
    ids = [story.id_of(target) for target in plan.sessions] if plan else []
    ends = [f"It ends {sessions(ids)}" if ids else ""]
    ends += [f"every process of {story.user}" if plan and plan.accounts else ""]
    return f"{' and '.join(filter(None, ends))}."


def _since(story: Story) -> Line:
    """What the person reads who was asked, once it is decided."""
    if story.request.state.final:
        return last_line(story)
    by = either([d.who for d in story.request.decisions], "and") or sweeps.approved(story.request)
    at = When(moment=story.request.approved_at or story.request.at)
    return line("▶️ ", bold(doing(story)), " · approved by ", by, ", ", at)
