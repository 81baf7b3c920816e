"""An emergency as it is marked for good, and its review as it is shown: its own message, its thread, lists. Pure."""

from collections.abc import Iterable, Mapping

from bot.events import Record, Reviewed, ReviewGiven, ReviewOpened
from bot.inventory import fold
from bot.models import RequestId
from bot.policy import REVIEWERS
from bot.request import Request
from bot.sentences import found
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.lines import Line, Link, When, Who, bold, code, either, italic, joined, line
from bot.slack.content.proof import mark
from bot.slack.content.story import Story
from bot.slack.content.tickets import row
from bot.states import State

NONE = "No emergency that you may see waits for its review."
MOST = 40


def marked(story: Story) -> list[Line]:
    """`🚨 An emergency: nobody approved this. Bob or Carol could have. …`, for good; nothing where it was none."""
    request = story.request
    if not request.emergency or request.plan is None or (request.state.final and not request.permitted):
        return []
    could = line(either(list(request.approvers)), " could have")
    return [line("🚨 ", bold("An emergency"), ": nobody approved this. ", could, ". Two other people review it.")]


def news(story: Story, what: str) -> Line:
    """What the incident channel is told at once. what: `kick audituser off host1`"""
    because = line(", because ", italic(story.why)) if story.why else ()
    return line("🚨 ", Who(id=story.request.asker), f" acts alone in an emergency, to {what}", because)


# -------------------------------------------------------------------------------------------- the review


def card(review: Request) -> Message:
    """Its own message, as it has to look now."""
    asked = [_asks(review)] if review.state is State.REVIEW else []
    words = [line("• ", _word(one)) for one in review.found]
    small = aside(line(f"request {review.id}"))
    top = paragraph(headline(review), *asked, needed=True)
    return compose(top, *([paragraph(*words, needed=True)] if words else []), *row(review), small)


def headline(review: Request) -> Line:
    """`🔎 To be reviewed: the emergency of Alice, audituser off host1`, or what people found."""
    if review.state is State.REVIEW:
        return line("🔎 ", bold("To be reviewed"), ": ", _what(review))
    return line(*in_short(review), ": ", _what(review), ", by ", either([word.who for word in review.decisions], "and"))


def in_short(review: Request) -> Line:
    """`✅ reviewed: fine`; one who says no is enough. While one word is missing, what the others found."""
    fine = all(word.fine for word in review.found)
    said = f"reviewed: {'fine' if fine else 'not fine'}"
    waits = ", another review is needed" if review.state is State.REVIEW else ""
    return line("✅ " if fine else "⚠️ ", bold(said), waits)


def in_one_line(review: Request) -> Line:
    """`the emergency of Alice, audituser off host1, because INC-42 · since 13:31 · so far Bob`"""
    about = review.review
    because = line(", because ", italic(about.reason)) if about else ()
    so_far = line("so far ", either([word.who for word in review.decisions], "and")) if review.decisions else ()
    since = line("since ", When(moment=review.asked_at, dated=True))
    return joined([part for part in (line(_what(review), because), since, so_far) if part], " · ")


def listed(reviews: Iterable[Request], links: Mapping[RequestId, str]) -> Message:
    """The answer to `/kickbot reviews`."""
    lines = [line("• ", in_one_line(review), _link(links.get(review.id, ""))) for review in reviews]
    if not lines:
        return compose(paragraph(line(NONE), needed=True))
    more = [line(f"and {len(lines) - MOST} more")] if len(lines) > MOST else []
    return compose(paragraph(line(bold(f"To be reviewed ({len(lines)})")), *lines[:MOST], *more, needed=True))


def in_person(review: Request, link: str) -> Message:
    """For someone who could have approved it. Its button goes when it is over."""
    asked = [_asks(review)] if review.state is State.REVIEW else []
    return compose(paragraph(line(headline(review), _link(link)), *asked, needed=True), *row(review))


def reply(record: Record) -> Message:
    """In its thread: what someone found."""
    said = _word(record.event) if isinstance(record.event, ReviewGiven | Reviewed) else line("It waits for its review.")
    return compose(paragraph(said, needed=True), mark(record))


def reminder(review: Request, record: Record) -> Line:
    """`🔎 Still to be reviewed: the emergency of Alice, … Bob or Carol, please.`"""
    people = getattr(record.event, "approvers", ())
    please = line(" ", either(list(people)), ", please review it.") if people else ()
    return line("🔎 ", bold("Still to be reviewed"), ": ", _what(review), ".", please)


def answer(review: Request) -> Line:
    """What whoever reviewed reads at once, alone."""
    if review.state is State.REVIEWED:
        return line("Recorded. The review is over: ", *in_short(review), ".")
    return line("Recorded. It needs another person's review too.")


def _what(review: Request) -> Line:
    about = review.review
    return line("the emergency of ", Who(id=about.asker), f", {_named(about)} (request {about.of})") if about else ()


def _named(about: ReviewOpened) -> str:
    return f"{about.user} off {fold(about.hosts)}"


def _asks(review: Request) -> Line:
    about = review.review
    if about is None:
        return ()
    because = line(Who(id=about.asker), " acted alone, because ", italic(about.reason), ". ")
    who = line(
        f"{REVIEWERS} people who could have approved it say whether that was right: ", either(list(about.reviewers))
    )
    what = line(
        ". Not ", Who(id=about.asker), ", nor whose account it is. What was done: ", code(f"/audit {about.of}"), "."
    )
    return line(because, who, what)


def _word(event: ReviewGiven | Reviewed) -> Line:
    """`Bob, reviewed: not fine, he was on call`"""
    return line(Who(id=event.who), f" {found(event)}: ", italic(event.comment))


def _link(url: str) -> Line:
    return line(" ", Link(url=url, text="See its message.")) if url else ()
