"""The last reply: what ended, what is untouched, what is new, what is left, and the account's last word. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bot.counting import count, processes
from bot.events import Record, Signalled
from bot.models import Session, Snapshot, Unreachable, by_host
from bot.presence import inside_others
from bot.slack.content.blocks import Message, Part, compose, paragraph, preformatted
from bot.slack.content.lines import Line, bold, code, in_mrkdwn, in_plain, joined, line
from bot.slack.content.listing import outside, unreachable
from bot.slack.content.naming import MANY, alike, sessions, some
from bot.slack.content.outcome_lines import difference, differences, summed_up
from bot.slack.content.proof import mark, raw
from bot.slack.content.refusals import unanswered
from bot.slack.content.remainder import in_units
from bot.slack.content.story import Story, named

_UNTOUCHED = ("=", "untouched")
_NEW = ("+", "new since then")
FEW = 3
"""Up to so many hosts each has its own lines."""
Result = tuple[Any, ...]

_ROW = re.compile(r"\s*\d+\s")


def after(story: Story, record: Record) -> Message:
    """The difference on each host, and what the hosts themselves said."""
    pairs = list(_pairs(story))
    groups = alike((then.host, _result(story, then, now)) for then, now in pairs) if len(pairs) > FEW else []
    folded = {host for hosts, _ in groups if len(hosts) > 1 for host in hosts}
    parts = [_on_hosts(story, hosts, what) for hosts, what in groups if len(hosts) > 1]
    each = [(then, now) for then, now in pairs if then.host not in folded]
    parts += [part for then, now in each for part in _on_host(story, then, now, needed=len(pairs) == 1)]
    return compose(paragraph(line(bold("After")), needed=True), *parts, *raw(story.newest), mark(record))


def whole(story: Story) -> Iterator[str]:
    """The same for a file, with every session on a line of its own."""
    for then, now in _pairs(story):
        yield f"{then.host}:"
        yield from (in_plain(difference(story, o)) for o in story.request.outcomes if o.host == then.host)
        if isinstance(now, Snapshot):
            untouched, new = _others(story, then, now)
            yield from (in_plain(_other(s, *_UNTOUCHED)) for s in untouched)
            yield from (in_plain(_other(s, *_NEW)) for s in new)
            yield in_plain(_left(story, now, now.host))
    yield from (event.answer.output for event in story.last_words.values())


def _pairs(story: Story) -> Iterator[tuple[Snapshot | Unreachable, Snapshot | Unreachable]]:
    """Each host of the plan, then and now."""
    looks = by_host(story.newest)
    for then in story.before:
        if story.plan and then.host in story.plan.hosts:
            yield then, looks.get(then.host) or Unreachable(host=then.host, reason="was not looked at any more")


def _on_host(
    story: Story, then: Snapshot | Unreachable, now: Snapshot | Unreachable, *, needed: bool
) -> Iterator[Part]:
    if isinstance(now, Unreachable):
        yield paragraph(unreachable(now))
        return
    ended, cut = differences(story, [o for o in story.request.outcomes if o.host == now.host])
    untouched, new = _others(story, then, now)
    lines = [*ended, *_listed(untouched, *_UNTOUCHED), *_listed(new, *_NEW), _left(story, now, now.host)]
    many = cut or max(len(untouched), len(new)) > MANY
    yield paragraph(line(bold(now.host), ":"), *lines, needed=needed, cut=many)
    if event := story.last_words.get(now.host):
        yield from _last_word(event)


def _result(story: Story, then: Snapshot | Unreachable, now: Snapshot | Unreachable) -> Result:
    """What became of a host, in words that don't name it: hosts with the same result are told together."""
    if isinstance(now, Unreachable):
        return (now.reason,)
    untouched, new = _others(story, then, now)
    outcomes = sorted((o.kind, o.result, o.detail) for o in story.request.outcomes if o.host == now.host)
    word = story.last_words.get(now.host)
    return (*outcomes, len(untouched), len(new), in_mrkdwn(_left(story, now, "")), word and word.answer.status)


def _on_hosts(story: Story, hosts: Sequence[str], result: Result) -> Part:
    """Several hosts on which the same happened. Each session stands in the file."""
    where, looks = named(hosts), by_host(story.newest)
    now = looks.get(hosts[0])
    if not isinstance(now, Snapshot):
        return paragraph(unreachable(Unreachable(host=hosts[0], reason=result[0]), where))
    ended = summed_up(story, [o for o in story.request.outcomes if o.host in hosts])
    *_, untouched, new, _, _ = result
    others = [
        f"{sign} {number} more on each, {what}"
        for number, (sign, what) in ((untouched, _UNTOUCHED), (new, _NEW))
        if number
    ]
    return paragraph(line(bold(where), ":"), *ended, *map(line, others), _left(story, now, where), cut=True)


def _others(story: Story, then: Snapshot | Unreachable, now: Snapshot) -> tuple[list[Session], list[Session]]:
    """The sessions that were there before and are untouched, and those that are new."""
    touched = {o.identity for o in story.request.outcomes if o.host == now.host}
    known = {s.identity for s in then.sessions} if isinstance(then, Snapshot) else set()
    others = [s for s in now.sessions if not s.own]
    untouched = [s for s in others if s.identity in known and s.identity not in touched]
    return untouched, [s for s in others if s.identity not in known]


def _listed(listed: Sequence[Session], sign: str, what: str) -> list[Line]:
    """A line for each; one for all if they are many."""
    if len(listed) <= MANY:
        return [_other(session, sign, what) for session in listed]
    names = some(f"{s.id} {s.account.name}" for s in listed)
    return [line(f"{sign} ", bold(count(len(listed), "session")), f" {what}: {names}")]


def _other(session: Session, sign: str, what: str) -> Line:
    """`= 12 alice, untouched`"""
    return line(f"{sign} ", bold(session.id), f" {session.account.name}, {what}")


# -------------------------------------------------------------------------------------------- what is left


def _left(story: Story, now: Snapshot, where: str) -> Line:
    """Everything of the account that the newest look shows, in whatever it is."""
    if story.is_of_everyone:
        ids = [s.id for s in now.sessions if not s.own]
        return line(f"Left on {where}: {sessions(ids)}.") if ids else line(f"No session of anyone is left on {where}.")
    user, named = story.user, list[Line]()
    if ids := [s.id for s in now.of(user)]:
        named.append(line(sessions(ids)))
    if stray := outside(now, user):
        named.append(in_units(stray))
    for session, number in inside_others(user, now):
        named.append(line(f"{processes(number)} inside {session.account.name}'s session {session.id}"))
    if not named:
        return line(f"Nothing of {user} is left on {where}.")
    return line(f"Left of {user} on {where}: ", joined(named, ", "), ".")


# -------------------------------------------------------------------------------------------- the last word


def _last_word(event: Signalled) -> Iterator[Part]:
    """What `ps` and logind still list of the account, as the host says it."""
    answer, target = event.answer, event.step.target
    if answer.status != "done":
        yield paragraph(line(f"The account's last word is missing: {unanswered(answer, target)}."))
        return
    command = answer.command or f"ps -u {target.account.name}"
    title = line("The account's last word: ", code(command), f" on {target.host}")
    proof = (
        f". A header and nothing else: no process of {target.account.name} is left." if _is_bare(answer.output) else ""
    )
    yield preformatted(line(title, proof), answer.output)


def _is_bare(output: str) -> bool:
    """True if ps(1) printed its header and no process below it."""
    lines = output.splitlines()
    header = next((n for n, text in enumerate(lines) if text.split()[:1] == ["PID"]), None)
    return header is not None and not any(_ROW.match(text) for text in lines[header + 1 : header + 2])
