"""The Home tab: what waits for one person, what runs, what was, and what this person may do. Pure.

It shows no evidence: who asked what, when and why, and how it ended.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bot.cleaning import shorten
from bot.counting import count
from bot.inventory import Inventory, fold
from bot.models import Act, Moment, RequestId
from bot.questions import Known, Page
from bot.request import Request
from bot.slack.content import freeze, holds, reviews, sweeps
from bot.slack.content.blocks import Block, Button, Message, Part, aside, buttons, paragraph
from bot.slack.content.in_short import approved_by, in_one_line, outcome, scope, what, why
from bot.slack.content.lines import Line, When, Who, bold, code, either, joined, line, told
from bot.slack.content.tickets import APPROVE, CANCEL, DENY, DROP, KEEP, REVIEW, UNFREEZE, UNHOLD, actions, button
from bot.standing import SYSTEM, Allowed, Standing
from bot.states import State

View = dict[str, Any]
Links = Mapping[RequestId, str]

REFRESH, OPEN = "kickbot_home_refresh", "kickbot_home_open"

MOST_WAITING, MOST_YOURS, MOST_RUNNING, MOST_RIGHTS, MOST_NAMED = 20, 5, 10, 15, 3
"""How many of each are shown. Slack takes 100 blocks, and a request takes two."""
MOST_HELD = 5
MOST_REVIEWS = 5
MOST_SWEEPS = 5
MOST_NOTES = 5
LONGEST_WHERE = 200

NO_RULE = "No rule names you: there is no host on which you may look, ask or approve."
FRESH = "This page is shown anew when a request changes."


def home(page: Page, inventory: Inventory, links: Links, note: Message | None = None) -> View:
    """note: the answer to this person's last click. links: where requests stand, as far as that is known."""
    noted = list(note.blocks[:MOST_NOTES]) if note else []
    return _view([*noted, *(part.block for part in _parts(page, inventory, links))])


def bare(note: Message) -> View:
    """Where nothing can be shown but a few words."""
    return _view([*note.blocks[:MOST_NOTES], _refresh().block])


def shown(page: Page) -> tuple[Known, ...]:
    """The requests that are named on the page."""
    running = page.running[:MOST_RUNNING]
    return (
        *page.frozen,
        *page.held[:MOST_HELD],
        *page.reviews[:MOST_REVIEWS],
        *page.waiting[:MOST_WAITING],
        *page.yours[:MOST_YOURS],
        *running,
        *page.latest,
    )


def _view(blocks: Sequence[Block]) -> View:
    return {"type": "home", "blocks": list(blocks)}


def _parts(page: Page, inventory: Inventory, links: Links) -> Iterator[Part]:
    if page.refusal:
        yield paragraph(told(page.refusal))
        yield _refresh()
        return
    for known in page.frozen:
        yield paragraph(freeze.on_a_request(known.request))
        yield from _row(known.request, (UNFREEZE,) if page.may_freeze else (), links.get(known.request.id, ""))
    yield from _section("Waiting for you", page.waiting, MOST_WAITING, links, _waiting, (APPROVE, DENY, DROP, KEEP))
    if page.yours:
        yield from _section("Yours, waiting for others", page.yours, MOST_YOURS, links, _yours, (CANCEL, KEEP))
    if page.running:
        yield from _section("Running", page.running, MOST_RUNNING, links, _running, (CANCEL,), page.stoppable)
    if page.reviews:
        may = page.reviewable
        yield from _section("To be reviewed", page.reviews, MOST_REVIEWS, links, reviews.in_one_line, (REVIEW,), may)
    if page.held:
        yield from _held(page, links)
    if page.sweeps:
        yield from _sweeps(page)
    if page.latest:
        newest = (line("• ", in_one_line(k.request, links.get(k.request.id, ""))) for k in page.latest)
        yield paragraph(line(bold("Latest")), *newest)
    yield paragraph(line(bold("Your rights")), *_rights(page, inventory))
    yield _read_at(page.at)
    yield _refresh()


# -------------------------------------------------------------------------------------------- requests


def _section(
    title: str,
    listed: Sequence[Known],
    most: int,
    links: Links,
    words: Callable[[Request], Line],
    offered: tuple[str, ...],
    only: frozenset[RequestId] | None = None,
) -> Iterator[Part]:
    """A heading, and each request with its buttons. only: those that have buttons; None for all."""
    yield paragraph(line(bold(f"{title} ({len(listed)})"), "" if listed else ": nothing."))
    for known in listed[:most]:
        request = known.request
        yield paragraph(words(request))
        allowed = offered if only is None or request.id in only else ()
        yield from _row(request, allowed, links.get(request.id, ""))
    if (more := len(listed) - most) > 0:
        yield aside(line(f"and {count(more, 'more request')}, in their channels."))


def _row(request: Request, offered: Iterable[str], link: str) -> Iterator[Part]:
    there = [button(request, action) for action in offered if action in actions(request)]
    if link:
        there.append(Button(text="Open", action=OPEN, value=str(request.id), url=link))
    if there:
        yield buttons(*there)


def _held(page: Page, links: Links) -> Iterator[Part]:
    yield paragraph(line(bold(f"Held accounts ({len(page.held)})")))
    for known in page.held[:MOST_HELD]:
        yield paragraph(holds.in_one_line(known.request))
        yield from _row(known.request, (UNHOLD,), links.get(known.request.id, ""))
    if (more := len(page.held) - MOST_HELD) > 0:
        yield aside(line(f"and {count(more, 'more hold')}: `/kickbot holds`."))


def _sweeps(page: Page) -> Iterator[Part]:
    each = [line("• ", sweeps.in_one_line(runs)) for runs in page.sweeps[:MOST_SWEEPS]]
    yield paragraph(line(bold(f"Sweeps ({len(page.sweeps)})")), *each)
    if (more := len(page.sweeps) - MOST_SWEEPS) > 0:
        yield aside(line(f"and {count(more, 'more sweep')}: `/kickbot sweeps`."))


def _waiting(request: Request) -> Line:
    """`audituser off host1 · 2 sessions · because INC-42 · asked by Alice · until 13:45 · request 43`."""
    return _row_of(request, line("asked by ", sweeps.asker(request), approved_by(request)), _until(request))


def _yours(request: Request) -> Line:
    can = line(either(list(request.approvers[:MOST_NAMED])), " can approve") if request.approvers else line("waiting")
    return _row_of(request, line(can, approved_by(request)), _until(request))


def _running(request: Request) -> Line:
    told_until = request.act_at if request.state is State.WARNED else None
    ending = line(", ending at ", When(moment=told_until, seconds=True)) if told_until else ()
    asked = line("asked by ", sweeps.asker(request), approved_by(request))
    return _row_of(request, asked, line(outcome(request), ending))


def _row_of(request: Request, *parts: Line) -> Line:
    """A line by which two requests can be told apart."""
    number = line(f"request {request.id}")
    return joined([p for p in (what(request), scope(request), why(request), *parts, number) if p], " · ")


def _until(request: Request) -> Line:
    return line("until ", When(moment=request.decide_by or request.at))


# -------------------------------------------------------------------------------------------- rights


def _rights(page: Page, inventory: Inventory) -> Iterator[Line]:
    if not page.rights and not page.unread:
        yield line(NO_RULE)
    for standing in page.rights[:MOST_RIGHTS]:
        yield line("• ", in_words(standing, inventory))
    if (more := len(page.rights) - MOST_RIGHTS) > 0:
        yield line(f"and {count(more, 'more line')}.")
    if page.unread:
        groups = either(list(page.unread), "and")
        yield line("⚠️ Slack did not say who is in ", groups, ": what that would allow you is missing here.")


def in_words(standing: Standing, inventory: Inventory) -> Line:
    """`On @prod you may look and ask; Bob, Carol and 3 others approve.`"""
    usual = next((a for a in standing.allowed if Act.KICK in a.levels), None)
    verbs = ["look"] if standing.look else []
    verbs += ["ask"] if usual and usual.ask else []
    verbs += ["approve"] if usual and usual.approve else []
    may = "you may only look" if verbs == ["look"] else f"you may {_and(verbs)}"
    levels = _levels(usual.levels) if usual and usual.anything else ()
    approvers = _approvers(usual) if usual and usual.ask else ()
    others = [_beyond(a) for a in standing.allowed if a is not usual and a.anything]
    said = line(f"On {_where(standing.hosts, inventory)}{_of_whom(standing.accounts)} {may}", levels, approvers, ".")
    return line(said, *others)


def _where(hosts: Sequence[str], inventory: Inventory) -> str:
    """By the name of a group that has exactly these hosts, if there is one."""
    meant = set(hosts)
    if len(meant) > 1 and meant == set(inventory.hosts):
        return "every host"
    for group in sorted(inventory.groups):
        if meant == {name for name, host in inventory.hosts.items() if group in host.groups | host.hints}:
            return f"@{group}"
    return shorten(fold(hosts), LONGEST_WHERE)


def _of_whom(accounts: Sequence[str]) -> str:
    named = ["accounts of the system" if name == SYSTEM else name for name in accounts]
    return f", for {shorten(_and(named), LONGEST_WHERE)}," if named else ""


def _levels(levels: Sequence[Act]) -> Line:
    """` (also force and processes)`, of what goes beyond a kick."""
    beyond = [line(code(level.value)) for level in levels if level is not Act.KICK]
    return line(" (also ", joined(beyond, " and "), ")") if beyond else ()


def _beyond(allowed: Allowed) -> Line:
    """` For force you may ask; Carol approves.`"""
    levels = joined([line(code(level.value)) for level in allowed.levels], " and ")
    verbs = [verb for verb, may in (("ask", allowed.ask), ("approve", allowed.approve)) if may]
    return line(" For ", levels, f" you may {_and(verbs)}", _approvers(allowed) if allowed.ask else (), ".")


def _approvers(allowed: Allowed) -> Line:
    """`; Bob, Carol and 3 others approve`."""
    people = allowed.approvers
    if not people:
        return line("; nobody else could approve")
    if len(people) <= MOST_NAMED:
        return line("; ", either(list(people), "and"), " approves" if len(people) == 1 else " approve")
    first = joined([line(Who(id=person)) for person in people[: MOST_NAMED - 1]], ", ")
    return line("; ", first, f" and {len(people) - MOST_NAMED + 1} others approve")


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


# -------------------------------------------------------------------------------------------- the end


def _read_at(at: Moment) -> Part:
    return aside(line("Read at ", When(moment=at, seconds=True), f". {FRESH}"))


def _refresh() -> Part:
    return buttons(Button(text="Refresh", action=REFRESH, value="refresh"))
