"""What an approval leaves alone: services, other sessions, what cron starts, what works inside others' logins. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from bot.cleaning import shorten
from bot.counting import count, processes
from bot.models import Plan, Process, Snapshot
from bot.presence import inside_others
from bot.slack.content.lines import Line, code, joined, line
from bot.slack.content.listing import outside
from bot.slack.content.naming import LONGEST_NAME, NAMED, programs, sessions
from bot.slack.content.story import Story


def stays(story: Story, plan: Plan) -> Iterator[Line]:
    """A sentence for each thing that is still there afterwards."""
    yield from _kept(plan)
    for look in _looks(story, plan):
        if not _takes_all(plan, look):
            yield from _outside(plan.user, look)
        yield from _starts_again(plan, look)
    for lost in plan.unreachable:
        yield line(f"{lost.host} {lost.reason}: nothing is known about its sessions, and nothing is done there.")


def also_active(story: Story, plan: Plan) -> Iterator[Line]:
    """The account's processes inside other people's sessions."""
    for look in _looks(story, plan):
        for session, number in inside_others(plan.user, look):
            whose = f"inside {session.account.name}'s session {session.id} on {look.host} ({processes(number)})"
            one = number == 1
            end = ("it ends" if one else "they end") if _takes_all(plan, look) else ("it stays" if one else "they stay")
            yield line(f"{whose}: {end}.")


def _looks(story: Story, plan: Plan) -> list[Snapshot]:
    return [look for look in story.before if isinstance(look, Snapshot) and look.host in plan.hosts]


def _takes_all(plan: Plan, look: Snapshot) -> bool:
    """True where the plan ends every process of the account."""
    return any(target.host == look.host for target in plan.accounts)


def _kept(plan: Plan) -> Iterator[Line]:
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for kept in plan.kept:
        of = f" of {kept.user}" if plan.is_of_everyone else ""
        reasons.setdefault((kept.host, of, kept.why), []).append(kept.session)
    for (host, of, why), ids in reasons.items():
        yield line(f"{sessions(ids)}{of} on {host}: {why}.")


def _outside(user: str, look: Snapshot) -> Iterator[Line]:
    if there := outside(look, user):
        it = "it" if len({p.unit or p.pid for p in there}) == 1 else "them"
        end = (
            (". It would take ", code("processes"), f" to end {it}.")
            if look.ladder
            else (f". Kickbot can't end {it}.",)
        )
        yield line(in_units(there, f" of {user}", f" on {look.host}"), *end)


def in_units(listed: Sequence[Process], whose: str = "", where: str = "") -> Line:
    """``1 service and 3 processes of audituser outside its sessions on host1 (`nightly.service`, `vim`)``"""
    services = Counter(p.unit for p in listed if p.unit.endswith(".service"))
    others = [p for p in listed if p.unit not in services]
    numbers = [count(len(services), "service")] if services else []
    numbers += [processes(len(others))] if others else []
    names = [*services, *programs(others)]
    shown = joined([line(code(shorten(name, LONGEST_NAME))) for name in names[:NAMED]], ", ")
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return line(f"{' and '.join(numbers)}{whose} outside its sessions{where} (", shown, more, ")")


def _starts_again(plan: Plan, look: Snapshot) -> Iterator[Line]:
    """What nobody ends by ending processes."""
    user = plan.user
    if user in look.lingering and _takes_all(plan, look):
        yield line(f"{user} lingers on {look.host}: its services start again after a reboot.")
    elif user in look.lingering:
        yield line(f"{user} lingers on {look.host}: its services run on and start again after a reboot.")
    planned = {"cron": "a crontab"} if user in look.cron else {}
    planned |= {"at": "at jobs"} if user in look.at else {}
    if planned:
        later = f"what {' or '.join(planned)} starts later is not ended"
        yield line(f"{user} has {' and '.join(planned.values())} on {look.host}: {later}.")
