"""What came back from the form for a kick, as one would have typed it; or what is wrong, field by field. Pure."""

from collections.abc import Callable, Sequence
from typing import Any

from bot import commands
from bot.errors import CommandError
from bot.inventory import Inventory
from bot.logins import as_typed, login
from bot.models import Kick, Platform
from bot.policy import Policy, supposed
from bot.slack.content.kick_form import (
    HINTS,
    HOLDS,
    HOSTS,
    KEEP_OUT,
    LEVEL,
    NO_HOLD,
    NO_WARNING,
    REASON,
    SESSIONS,
    USER,
    WARN,
    WARNINGS,
    Filled,
    Known,
)

Json = dict[str, Any]

NONE_TICKED = "Choose at least one session."
ALL_OR_NOTHING = "`processes` ends everything of the account: choose all sessions, or leave `processes` out."
NOT_LISTED = "Choose one of the times that are listed."
NOT_IN_A_FORM = "`everyone` is not for a form: type it, as in `/kick everyone HOSTS because REASON…`."
NOT_A_USER = "That word is one of the command's own: no account of this name can be kicked."


class Mistakes(CommandError):  # noqa: N818 - they are a person's, not a fault
    """What is wrong with a form. fields: block_id -> what to do about it."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(fields.values())))
        self.fields = fields


def filled_in(view: Json) -> Filled:
    """What stands in the form now. Sessions that are still to be listed are those that the form was opened for."""
    levels = _values(_state(view, LEVEL))
    said = Filled(
        hosts=_values(_state(view, HOSTS)),
        user=_value(_state(view, USER)),
        processes="processes" in levels,
        force="force" in levels,
        warn=_value(_state(view, WARN)) or NO_WARNING,
        hold=_value(_state(view, KEEP_OUT)) or NO_HOLD,
        reason=str(_state(view, REASON).get("value") or ""),
    )
    return said.model_copy(update=_sessions_in(view))


def _sessions_in(view: Json) -> Json:
    if block := _sessions_block(view):
        there = tuple(option["value"] for option in _options(block))
        ticked = _values(_state(view, SESSIONS, block["block_id"]))
        return {"ticked": ticked, "listed": there, "block": block["block_id"]}
    wanted = Known.of(view).wanted
    return {"ticked": tuple(wanted.split(",")) if wanted else None}


def as_it_stands(view: Json, filled: Filled) -> list[Json]:
    """The blocks of the hints and the sessions, with the ticks as they are now."""
    blocks = [block for block in view.get("blocks") or () if block.get("block_id") == HINTS]
    if block := _sessions_block(view):
        element = {name: value for name, value in block["element"].items() if name != "initial_options"}
        ticked = [option for option in _options(block) if option["value"] in (filled.ticked or ())]
        blocks.append({**block, "element": {**element, "initial_options": ticked} if ticked else element})
    return blocks


def _sessions_block(view: Json) -> Json | None:
    blocks = (b for b in view.get("blocks") or () if str(b.get("block_id")).startswith(f"{SESSIONS}:"))
    return next((block for block in blocks if block.get("element")), None)


def _options(block: Json) -> Sequence[Json]:
    return block["element"].get("options") or ()


def _state(view: Json, name: str, block: str = "") -> Json:
    """The state of one field; empty if there is none."""
    return view["state"]["values"].get(block or name, {}).get(name) or {}


def _values(state: Json) -> tuple[str, ...]:
    return tuple(str(option["value"]) for option in state.get("selected_options") or ())


def _value(state: Json) -> str:
    return str((state.get("selected_option") or {}).get("value", ""))


# -------------------------------------------------------------------------------------------- as a command


def command(filled: Filled, inventory: Inventory) -> tuple[str, Kick]:
    """The words that one would have typed behind `/kick`, and what they mean. Raises Mistakes."""
    found = {
        HOSTS: _mistake(lambda: inventory.select(filled.where)),
        USER: _mistake(lambda: login(filled.user, _platforms(filled, inventory))),
        filled.block: _mistake(lambda: _sessions_fit(filled)),
        WARN: "" if filled.warn in WARNINGS else NOT_LISTED,
        KEEP_OUT: "" if filled.hold in HOLDS else NOT_LISTED,
        REASON: _mistake(lambda: commands.because(filled.reason)),
    }
    if mistakes := {block: said for block, said in found.items() if said}:
        raise Mistakes(mistakes)
    words = _words(filled, len(inventory.select(filled.where)) > 1)
    try:
        understood = commands.parse("kick", words, inventory)
    except CommandError as error:
        raise Mistakes({HOSTS: error.for_user()}) from error
    if not isinstance(understood, Kick):
        raise Mistakes({USER: NOT_A_USER})
    if understood.is_of_everyone:
        raise Mistakes({USER: NOT_IN_A_FORM})
    return words, understood


def _platforms(filled: Filled, inventory: Inventory) -> frozenset[Platform]:
    """None of hosts that don't exist: that is told at their own field."""
    try:
        return inventory.platforms(inventory.select(filled.where))
    except CommandError:
        return frozenset()


def _mistake(check: Callable[[], object]) -> str:
    try:
        check()
    except CommandError as error:
        return error.for_user()
    return ""


def _narrowed(filled: Filled) -> tuple[str, ...]:
    """The sessions that were chosen; none if all are meant."""
    ticked = filled.ticked or ()
    return () if filled.listed and set(filled.listed) <= set(ticked) else ticked


def _sessions_fit(filled: Filled) -> None:
    if filled.listed and not filled.ticked:
        raise CommandError(NONE_TICKED)
    for ticked in filled.ticked or ():
        commands.session_ids(ticked)
    if filled.processes and _narrowed(filled):
        raise CommandError(ALL_OR_NOTHING)


def strays(filled: Filled, kick: Kick) -> bool:
    """True if a session is ticked on a host that isn't chosen: the list is still that of an earlier choice."""
    return not {name.split(":")[0] for name in filled.ticked or () if ":" in name} <= set(kick.hosts)


def _words(filled: Filled, several: bool) -> str:
    """`audituser host1 session 7,9 force because INC-42`"""
    sessions = [name if several else name.split(":")[-1] for name in _narrowed(filled)]
    said = [
        f"{as_typed(filled.user)} {filled.where}",
        f"session {','.join(sessions)}" if sessions else "",
        "processes" if filled.processes else "",
        "force" if filled.force else "",
        f"warn {filled.warn}" if filled.warn != NO_WARNING else "",
        f"hold {filled.hold}" if filled.hold != NO_HOLD else "",
        f"because {commands.because(filled.reason)}" if filled.reason.strip() else "",
    ]
    return " ".join(filter(None, said))


def demands_reason(policy: Policy, kick: Kick) -> str:
    """A host whose rules demand a reason for this; empty if none does."""
    for host in kick.hosts:
        by_account = (policy.rules_to_act(host, account, kick.acts) for account in supposed(policy, host, kick.user))
        if any(rule.reason for rule in next(filter(None, by_account), ())):
            return host
    return ""
