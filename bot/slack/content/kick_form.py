"""The form behind `/kick`: what it carries along, and what it shows for what is filled in. Pure.

A field's block_id is its action_id, but for the sessions: each list of them is a block of its own, so that Slack does
not carry the ticks of one list into the next.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot import commands
from bot.canonical import digest
from bot.cleaning import shorten
from bot.durations import spell
from bot.models import Looks, Session, Snapshot, Value
from bot.slack.content.blocks import paragraph
from bot.slack.content.carried import Carried
from bot.slack.content.lines import Line, bold, either, line, told
from bot.slack.content.story import named

Json = dict[str, Any]

TITLE = "Kick someone off"
KICK_FORM = "kickbot_kick_form"
HOSTS, USER, SESSIONS = "kickbot_kick_hosts", "kickbot_kick_user", "kickbot_kick_sessions"
LEVEL, WARN, REASON = "kickbot_kick_level", "kickbot_kick_warn", "kickbot_kick_reason"
KEEP_OUT = "kickbot_kick_keep_out"
HINTS = "kickbot_kick_hints"

MOST_BOXES, MOST_LISTED = 10, 100
MOST_HOSTS = 20
LONGEST_HOSTS = 200
LONGEST_OPTION = 75

_LEVELS = {
    "processes": ("every process of the account too", "processes: services, cron's and at's jobs, what tmux keeps"),
    "force": ("what ignores the polite signals (SIGKILL: force)", ""),
}
NO_HOLD = "0"
HOLDS = {NO_HOLD: "no", "30m": "30 min", "2h": "2 h", "8h": "8 h", "1d": "1 day", "7d": "7 days"}
NO_WARNING = "0"
WARNINGS = {NO_WARNING: "no warning", "1m": "1 min", "5m": "5 min", "15m": "15 min", "30m": "30 min", "1h": "1 h"}


class Known(Carried):
    """What the form carries along unseen.

    The url is good from `opened` on (seconds since 1970). hosts: those chosen, as the menu of users needs them. wanted:
    the sessions to tick once they are listed. about: of which choice the sessions are listed. nobody: none of them is
    there on any of these hosts.
    """

    opened: int = 0
    hosts: str = ""
    wanted: str = ""
    about: str = ""
    nobody: bool = False


class Filled(Value):
    """What was filled in. hosts: as people type them, one by one.

    ticked: `host1:7`; None: there was no choice. listed: all that could be ticked. block: where they were.
    """

    hosts: tuple[str, ...] = ()
    user: str = ""
    ticked: tuple[str, ...] | None = None
    listed: tuple[str, ...] = ()
    block: str = LEVEL
    processes: bool = False
    force: bool = False
    warn: str = NO_WARNING
    hold: str = NO_HOLD
    reason: str = ""

    @property
    def where(self) -> str:
        return ",".join(self.hosts)

    @property
    def about(self) -> str:
        """Names whose sessions are meant, and where; empty until both are chosen."""
        return digest(f"{self.user} {self.where}".encode())[:12] if self.user and self.hosts else ""


class Choice(Value):
    """One session to tick. value: `host1:7`."""

    value: str
    text: str
    about: str


class Shown(Value):
    """What the form says by itself. turn: which list of sessions this is. hints: beside it. trouble: why it can't be
    asked. approvers: some who could approve. demanded: a reason has to be given.
    """

    listed: tuple[Choice, ...] = ()
    turn: str = ""
    hints: tuple[Line, ...] = ()
    trouble: tuple[Line, ...] = ()
    approvers: tuple[str, ...] = ()
    demanded: bool = False


# -------------------------------------------------------------------------------------------- what it shows


def form(known: Known, filled: Filled, shown: Shown, kept: Sequence[Json] = ()) -> Json:
    """The whole form. kept: blocks of an earlier version that stand for the sessions and the hints still."""
    listed = kept or [*_hints(shown.hints), *_sessions(shown, filled)]
    blocks = [
        *_trouble(shown.trouble),
        _input(HOSTS, "Hosts", _hosts(filled.hosts), dispatch_action=True),
        _input(USER, "User", _user(filled.user), dispatch_action=True),
        *listed,
        _input(LEVEL, "Also end", _level(filled), dispatch_action=True, optional=True),
        _input(WARN, "Warn them first", _select(WARN, WARNINGS, filled.warn)),
        _input(KEEP_OUT, "Keep them out", _select(KEEP_OUT, HOLDS, filled.hold), dispatch_action=True),
        _input(REASON, "Because", _reason(filled.reason), optional=not shown.demanded),
        *_approvers(shown.approvers),
    ]
    return {
        "type": "modal",
        "callback_id": KICK_FORM,
        "title": _plain(TITLE),
        "submit": _plain("Ask"),
        "close": _plain("Cancel"),
        "private_metadata": known.model_dump_json(exclude_defaults=True),
        "blocks": blocks,
    }


def notice(why: str) -> Json:
    """In place of the form, for those who can't send it."""
    blocks = [paragraph(line("⛔ ", told(why))).block]
    return {"type": "modal", "title": _plain(TITLE), "close": _plain("Close"), "blocks": blocks}


def nobody_there(user: str, hosts: Sequence[str]) -> str:
    return f"{user} is not logged in on {named(hosts)}."


def _trouble(lines: Sequence[Line]) -> list[Json]:
    shown = [line("⛔ ", bold("This can't be asked: "), one) for one in dict.fromkeys(lines)]
    return [paragraph(*shown).block] if shown else []


def _approvers(ids: tuple[str, ...]) -> list[Json]:
    return [paragraph(line(either(ids), " may approve; not you.")).block] if ids else []


def _hints(lines: Sequence[Line]) -> list[Json]:
    return [{**paragraph(*dict.fromkeys(lines)).block, "block_id": HINTS}] if lines else []


def _hosts(chosen: Sequence[str]) -> Json:
    element = {
        **_external("multi_external_select", HOSTS, "host1, web[01-20], @prod"),
        "max_selected_items": MOST_HOSTS,
    }
    initial = [_option(host, host) for host in chosen[:MOST_HOSTS] if len(host) <= LONGEST_OPTION]
    return {**element, "initial_options": initial} if initial else element


def _user(chosen: str) -> Json:
    element = _external("external_select", USER, "a login name")
    return {**element, "initial_option": _option(chosen, chosen)} if 0 < len(chosen) <= LONGEST_OPTION else element


def _external(kind: str, name: str, example: str) -> Json:
    return {"type": kind, "action_id": name, "min_query_length": 0, "placeholder": _plain(example)}


def _sessions(shown: Shown, filled: Filled) -> list[Json]:
    if not can_choose(shown.listed):
        return []
    kind = "checkboxes" if len(shown.listed) <= MOST_BOXES else "multi_static_select"
    ticked = {c.value for c in shown.listed} if filled.ticked is None else set(filled.ticked)
    options = {choice.value: _option(choice.value, choice.text, choice.about) for choice in shown.listed}
    initial = [option for value, option in options.items() if value in ticked]
    element: Json = {"type": kind, "action_id": SESSIONS, "options": list(options.values())}
    element |= {"initial_options": initial} if initial else {}
    return [{**_input(SESSIONS, "Sessions to end", element), "block_id": f"{SESSIONS}:{shown.turn}"}]


def _level(filled: Filled) -> Json:
    options = {name: _option(name, *said) for name, said in _LEVELS.items()}
    wanted = {"processes": filled.processes, "force": filled.force}
    initial = [option for name, option in options.items() if wanted[name]]
    element = {"type": "checkboxes", "action_id": LEVEL, "options": list(options.values())}
    return {**element, "initial_options": initial} if initial else element


def _select(name: str, choices: Mapping[str, str], chosen: str) -> Json:
    """The first choice stands there if the chosen one is none."""
    options = {value: _option(value, text) for value, text in choices.items()}
    first = options.get(chosen, next(iter(options.values())))
    return {"type": "static_select", "action_id": name, "options": list(options.values()), "initial_option": first}


def _reason(typed: str) -> Json:
    element = {"type": "plain_text_input", "action_id": REASON, "multiline": True, "max_length": commands.MAX_REASON}
    return {**element, "initial_value": typed[: commands.MAX_REASON]} if typed else element


def _input(name: str, label: str, element: Json, **more: bool) -> Json:
    return {"type": "input", "block_id": name, "label": _plain(label), "element": element, **more}


def _option(value: str, text: str, about: str = "") -> Json:
    option: Json = {"text": _plain(shorten(text, LONGEST_OPTION)), "value": value}
    return {**option, "description": _plain(shorten(about, LONGEST_OPTION))} if about else option


def _plain(text: str) -> Json:
    """emoji: a colon in a name makes no picture."""
    return {"type": "plain_text", "text": text, "emoji": False}


# -------------------------------------------------------------------------------------------- the sessions in it


def choices(user: str, looks: Looks) -> tuple[Choice, ...]:
    """The sessions of that user, but for the connection through which Kickbot looks."""
    several = len(looks) > 1
    found = [(look.host, s) for look in looks if isinstance(look, Snapshot) for s in look.of(user) if not s.own]
    return tuple(
        Choice(
            value=f"{host}:{s.id}", text=f"{host}: session {s.id}" if several else f"session {s.id}", about=_about(s)
        )
        for host, s in found
    )


def can_choose(listed: Sequence[Choice]) -> bool:
    """False for more sessions than a menu holds, and for none."""
    return 0 < len(listed) <= MOST_LISTED and all(len(choice.value) <= LONGEST_OPTION for choice in listed)


def _about(session: Session) -> str:
    """`pts/3, from 203.0.113.10, idle 12 min`"""
    terminals = ", ".join(t.name for t in session.terminals) or "no terminal"
    remote = f"from {session.remote}" if session.remote else ""
    idle = "" if session.since_key is None else f"idle {spell(session.since_key)}"
    return ", ".join(filter(None, [terminals, remote, idle]))
