"""`kickbot hosts`: which hosts there are, whether Kickbot gets through to them, and whose keys it trusts.

It ends nobody's session, and shows none.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from bot.counting import count
from bot.durations import exact
from bot.hosts import scribe
from bot.hosts.connections import SshHosts
from bot.hosts.ssh import Trouble, Untrusted
from bot.hosts.trust import place_of
from bot.models import Answer, EndSession, Host, HostUptime, Snapshot, Step, Target, Value, Warn
from bot.settings import ROOT, Settings
from bot.survey import Survey

AT_ONCE = 10
NEVER = HostUptime(0)
"""Every host is up for longer."""
OF_ANOTHER_BOOT = Answer(status="refused", refusal="rebooted")


class Line(Value):
    """A host as `hosts list` shows it. rules: the numbers of those that speak about it, as in `rules[0]`."""

    name: str
    address: str
    user: str
    jump: str
    groups: tuple[str, ...]
    hints: tuple[str, ...]
    rules: tuple[int, ...]
    source: str


class Check(Value):
    """How a look at a host went. seconds: with the connection. reason: why there is none; empty if there is.

    way: with the kit, with plain sudo, or as root. refused: acts that were asked for as of another boot, and that the
    host refused. ahead: seconds by which its clock is ahead of this machine's at least, behind if negative.
    """

    name: str
    address: str
    ok: bool
    seconds: float
    reason: str = ""
    host_key: str = ""
    system: str = ""
    way: str = ""
    notes: tuple[str, ...] = ()
    refused: int = 0
    ahead: int = 0


def listed(survey: Survey, names: Sequence[str]) -> list[Line]:
    """What is known of these hosts without asking them."""
    return [
        Line(
            name=host.name,
            address=place_of(host),
            user=host.user,
            jump=" via ".join(each.name for each in _way(host)[-2::-1]),
            groups=tuple(sorted(host.groups)),
            hints=tuple(sorted(host.hints)),
            rules=tuple(n for n, rule in enumerate(survey.policy.rules) if host.name in rule.hosts),
            source=host.source,
        )
        for host in map(survey.inventory.hosts.__getitem__, names)
    ]


async def checked(
    settings: Settings, survey: Survey, names: Sequence[str], *, deep: bool = False
) -> AsyncIterator[Check]:
    """A look at each host, each as it comes. deep: and each kind of act on a session, which the host has to refuse."""
    few = asyncio.Semaphore(AT_ONCE)
    async with _hosts(settings, survey) as hosts:
        checks = [_check(hosts, survey.inventory.hosts[name], few, deep=deep) for name in names]
        for check in asyncio.as_completed(checks):
            yield await check


async def trusted(
    settings: Settings, survey: Survey, names: Sequence[str], confirm: Callable[[str], bool], *, replace: bool
) -> AsyncIterator[tuple[bool, str]]:
    """Whether each host, and each jump host before it, is trusted in the end, and what to tell of it."""
    known_hosts = settings.path(settings.ssh.known_hosts)
    known_hosts.touch(mode=0o600)
    asked: set[Host] = set()
    async with _hosts(settings, survey) as hosts:
        for name in names:
            for host in _way(survey.inventory.hosts[name]):
                if host not in asked:
                    asked.add(host)
                    yield await _trust(hosts, host, known_hosts, confirm, replace=replace)


def apart(clock: datetime, began: datetime, ended: datetime) -> int:
    """Seconds by which a clock that was read between these two moments is ahead at least; negative if it is behind."""
    return round(max((clock - ended).total_seconds(), 0) + min((clock - began).total_seconds(), 0))


def as_table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def list_rows(lines: Sequence[Line]) -> list[tuple[str, ...]]:
    return [("name", "address", "groups", "rules", "source"), *map(_list_row, lines)]


def check_row(check: Check) -> str:
    took = exact(check.seconds)
    if check.ok:
        refused = f"{count(check.refused, 'act')} refused as of another boot" if check.refused else ""
        said = ("ok  ", check.name, check.address, f"in {took}", check.host_key, check.system, check.way, refused)
        return "  ".join(filter(None, said))
    return f"FAIL  {check.name}  {check.reason}  (after {took})"


def as_json(values: Sequence[Value]) -> str:
    return json.dumps([value.model_dump(mode="json") for value in values], indent=2)


def _list_row(line: Line) -> tuple[str, ...]:
    groups = [*(f"@{group}" for group in line.groups), *(f"(@{group})" for group in line.hints)]
    rules = ", ".join(f"rules[{number}]" for number in line.rules)
    way = f"{line.user}@{line.address}" + (f" via {line.jump}" if line.jump else "")
    return line.name, way, " ".join(groups) or "-", rules or "none: nobody", line.source


def _way(host: Host) -> list[Host]:
    """The jump hosts, the first one first, and the host."""
    return [*(_way(host.jump) if host.jump else []), host]


@asynccontextmanager
async def _hosts(settings: Settings, survey: Survey) -> AsyncIterator[SshHosts]:
    known_hosts = settings.path(settings.ssh.known_hosts)
    hosts = SshHosts(survey.inventory.hosts, settings.ssh_keys, known_hosts, agent=settings.agent)
    try:
        yield hosts
    finally:
        await hosts.close()


async def _check(hosts: SshHosts, host: Host, few: asyncio.Semaphore, *, deep: bool) -> Check:
    async with few:
        started, began = monotonic(), datetime.now(UTC)
        (look,) = [look async for look in hosts.look([host.name])]
        ended = datetime.now(UTC)
        said = {"name": host.name, "address": place_of(host), "seconds": round(monotonic() - started, 3)}
        if not isinstance(look, Snapshot):
            return Check.model_validate({**said, "ok": False, "reason": look.reason})
        steps = tuple(_of_another_boot(look)) if deep else ()
        answers = [(step, await hosts.act(step, not_after=NEVER)) for step in steps]
    found = {"host_key": look.host_key, "system": look.system, "notes": look.notes, "way": _way_in(host)}
    counted = {"refused": len(steps), "ahead": apart(look.time, began, ended)}
    wrong = [f"{step.what} gave {a.output or a.refusal or a.status}" for step, a in answers if not _refused(a, host)]
    return Check.model_validate({**said, **found, **counted, "ok": not wrong, "reason": ", ".join(wrong)})


def _refused(answer: Answer, host: Host) -> bool:
    """As of another boot. The kit looks at whom it is about first, and Kickbot's own session is among them."""
    return answer == OF_ANOTHER_BOOT or (host.kit and answer.refusal == "forbidden")


def _way_in(host: Host) -> str:
    """How it was asked, which it answered. Whoever has the kit answers no other way."""
    if host.platform != "linux":
        return "as an administrator"
    if host.kit:
        return "with the kit"
    return "as root" if host.user == ROOT else "with plain sudo"


def _of_another_boot(look: Snapshot) -> Iterator[Step]:
    """Every act on a session of each kind, in a way in which no host may do it."""
    boot = look.boot[:-1] + ("2" if look.boot.endswith("1") else "1")
    for ladder, session in {session.ladder: session for session in look.sessions}.items():
        target = Target(
            host=look.host,
            host_key=look.host_key,
            boot=boot,
            session=session.id,
            identity=session.identity,
            account=session.account,
            summary="",
            rungs=tuple(rung.name for rung in ladder),
            leaders=session.leaders,
        )
        if ladder:
            yield Warn(target=target, text="Kickbot's own check.", act_at=look.time)
        yield from (EndSession(target=target, rung=rung) for rung in target.rungs)


async def _trust(
    hosts: SshHosts, host: Host, known_hosts: Path, confirm: Callable[[str], bool], *, replace: bool
) -> tuple[bool, str]:
    try:
        await hosts.greet(host)
    except Untrusted as stranger:
        return _decide(host, stranger, known_hosts, confirm, replace=replace)
    except Trouble as trouble:
        return False, f"{host.name} {trouble}"
    return True, f"{host.name} is trusted already."


def _decide(
    host: Host, stranger: Untrusted, known_hosts: Path, confirm: Callable[[str], bool], *, replace: bool
) -> tuple[bool, str]:
    key, shown = stranger.key, f"{host.name} {stranger}"
    if stranger.authority:
        return False, f"{shown}\n  Compare it, and write a line with @cert-authority yourself."
    if stranger.changed and not replace:
        return False, f"{shown}\n  Nothing was changed. If the host really has a new key, add --replace."
    kind = key.get_algorithm().removeprefix("ssh-")
    if not confirm(f"{shown}\n  Trust {host.name} by its {kind} key {key.get_fingerprint()}?"):
        return False, f"{host.name} is not trusted."
    scribe.write(known_hosts, host, key)
    return True, f"{host.name} is trusted from now on."
