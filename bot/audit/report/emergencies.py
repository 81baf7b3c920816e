"""Who acted alone in what a report is about, counted, and what two others found of it. Pure."""

from collections.abc import Iterator, Sequence

from bot.audit.report.html import tag
from bot.request import Request
from bot.sentences import because, found, number
from bot.states import State


def emergencies(requests: Sequence[Request]) -> Iterator[str]:
    """Nothing where nobody did. An emergency without its review here may have one outside of the report."""
    alone = [request for request in requests if request.emergency and request.permitted]
    if not alone:
        return
    reviews = {request.review.of: request for request in requests if request.review}
    over = [r for request in alone if (r := reviews.get(request.id)) and r.state is State.REVIEWED]
    bad = sum(not all(word.fine for word in review.found) for review in over)
    yield tag("h3", "Emergencies")
    yield tag(
        "p", f"{number(len(alone), 'request')} that nobody approved; {len(over)} reviewed, {bad} of them not fine."
    )
    yield tag("ul", *(tag("li", _line(request, reviews.get(request.id))) for request in alone))


def _line(request: Request, review: Request | None) -> str:
    """`Request 42, asked by U0ALICE: INC-42. U0BOB reviewed: fine: seen.`"""
    why = request.command.reason if request.command else ""
    words = review.found if review else ()
    said = "; ".join(f"{word.who} {found(word)}{because(word.comment)}" for word in words)
    waits = "" if review and review.state is State.REVIEWED else "waits for its review"
    return f"Request {request.id}, asked by {request.asker}: {why}. {'; '.join(filter(None, [said, waits]))}."
