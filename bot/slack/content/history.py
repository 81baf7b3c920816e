"""The answer to `/audit`: one request as a story, or a line for each of several. For the asker alone. Pure."""

from collections.abc import Mapping

from bot.counting import count
from bot.durations import spell
from bot.models import Audit, RequestId
from bot.pairs import EachOther
from bot.questions import FOUND, SEARCHED, Found, Known
from bot.slack.content.blocks import Message, Part, aside, compose, paragraph, prose
from bot.slack.content.in_short import approved_by, event, in_one_line, outcome, what, why
from bot.slack.content.lines import Line, Link, When, Who, bold, code, line
from bot.slack.content.sweeps import asker

MOST_FIRST, MOST_LAST = 8, 20
"""How many events of a long story are shown, from its beginning and from its end."""
LINES = 5
"""In one block: what doesn't fit is left out block by block."""

NOBODY = "Nobody called `{name}` asked or decided one of the newest requests that you may see. A Slack id works too."
SEVERAL = "Several people are called `{name}`: name one by the Slack id."


def story(known: Known, link: str = "") -> Message:
    """One request, event by event."""
    request = known.request
    number = Link(url=link, text=f"Request {request.id}") if link else bold(f"Request {request.id}")
    because = line(", ", reason) if (reason := why(request)) else ()
    title = line(number, ": ", what(request), ", asked by ", asker(request), approved_by(request), because)
    first, last, left_out = _ends(known)
    rest = f"{count(left_out, 'event')} between them are not shown: `kickbot audit show {request.id}` has all."
    between = [paragraph(line(f"… {rest}"), needed=True)] if left_out else []
    head = paragraph(title, outcome(request), *map(_each_other, known.each_other), needed=True)
    return compose(head, *_blocks(first), *between, *_blocks(last, needed=True), _whole(known))


def _each_other(found: EachOther) -> Line:
    """`⚠️ Alice and Carol approve each other over and over: 12 of 13, and 9 of 9 times lately.`"""
    there, back = found.there, found.back
    times = f": {there.times} of {there.of}, and {back.times} of {back.of} times lately."
    people = line("⚠️ ", Who(id=there.asker), " and ", Who(id=back.asker), " ")
    return line(people, bold("approve each other over and over"), times)


def _ends(known: Known) -> tuple[list[Line], list[Line], int]:
    """The lines of the first and of the last events, and how many events lie between them."""
    records = known.records
    left_out = max(len(records) - MOST_FIRST - MOST_LAST, 0)
    first = records[:MOST_FIRST]
    last = records[MOST_FIRST + left_out :]
    return [each for r in first for each in event(r)], [each for r in last for each in event(r)], left_out


def _blocks(lines: list[Line], *, needed: bool = False) -> list[Part]:
    return [prose(*lines[start : start + LINES], needed=needed) for start in range(0, len(lines), LINES)]


def _whole(known: Known) -> Part:
    if by := known.dropped:
        people = line(", asked by ", Who(id=by.asker), ", approved by ", Who(id=by.approver))
        at = line(", on ", When(moment=by.at, dated=True), ".")
        return aside(line(f"What the hosts said was dropped by request {by.request}", people, at))
    show = code(f"kickbot audit show {known.request.id}")
    return aside(line("With all that the hosts said: ", show, ", where Kickbot runs."))


def requests(wanted: Audit, found: Found, links: Mapping[RequestId, str], hint: str = "") -> Message:
    """The newest requests about someone or somewhere. hint: what may have been meant, if there are none."""
    about = _about(wanted)
    if not found.known:
        cut = f" Only the newest {SEARCHED} requests were looked through." if found.cut else ""
        return compose(paragraph(line("There is no request", about, f" that you may see.{hint}{cut}"), needed=True))
    lines = [line("• ", in_one_line(k.request, links.get(k.request.id, ""))) for k in found.known]
    most = f"the newest {FOUND} requests" if found.more else count(len(found.known), "request")
    small = [aside(line(f"Only the newest {SEARCHED} requests were looked through."))] if found.cut else []
    return compose(paragraph(line(bold(most), about, ":"), needed=True), *_blocks(lines), *small)


def _about(wanted: Audit) -> Line:
    """` about host1, in the last 24 h`."""
    about = line(f" about {wanted.about}") if wanted.about else ()
    who = line(" that ", Who(id=wanted.person), " asked or decided") if wanted.person else ()
    return line(about, who, f" in the last {spell(wanted.since)}" if wanted.since else "")
