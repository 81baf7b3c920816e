"""What whoever decided about a request reads at once, alone. Pure."""

from bot.counting import count
from bot.durations import spell
from bot.models import SetLimit
from bot.request import Request
from bot.slack.content.limit_request import about
from bot.slack.content.lines import Line, line
from bot.slack.content.story import named


def approved(request: Request) -> Line:
    """`You approved request 2: 2 sessions of audituser on host1 end now, …`"""
    first = f"You approved request {request.id}"
    if request.approved_at is None:
        return line(f"{first}. It needs another approval too.")
    return line(f"{first}: {_what_happens(request)}, and the result will stand in its message.")


def denied(request: Request) -> Line:
    return line(f"You denied request {request.id}. Nothing was done.")


def cancelled(request: Request) -> Line:
    """Nothing was ended: but once it was announced, the user knows of it."""
    if request.act_at:
        return line(f"You stopped request {request.id}. Nothing was ended.")
    return line(f"You cancelled request {request.id}. Nothing was done.")


def _what_happens(request: Request) -> str:
    plan, command = request.plan, request.command
    if plan is None or command is None:
        return "it is done now"
    if request.holds_only:
        return f"{plan.user} is kept out of {named(plan.hosts)} now"
    if isinstance(command, SetLimit):
        return f"{about(command)} is set on trial now, and kept if a fresh login comes through"
    number = len(plan.sessions)
    sessions = [count(number, "session")] if number else []
    every = ["every process"] if plan.accounts else []
    whose = count(len(plan.people), "person", "people") if plan.is_of_everyone else plan.user
    what = f"{' and '.join([*sessions, *every])} of {whose} on {named(plan.hosts)}"
    end = "ends" if len([*sessions, *every]) == 1 and number <= 1 else "end"
    if command.warn and plan.sessions:
        return f"{plan.user} is told now, {what} {end} {spell(command.warn)} later"
    return f"{what} {end} now"
