"""What people type -> a command, or an error that shows the right usage. Pure; runs nothing and looks nothing up."""

import re
from collections.abc import Callable
from ipaddress import ip_network

from bot.cleaning import clean, has_invisible, quoted
from bot.durations import seconds
from bot.errors import CommandError
from bot.inventory import Inventory, fold
from bot.models import Command, Filter, Help, Kick, Listing

MAX_REASON = 1_000
MAX_TEXT = 500
LONGEST_WARNING = 7200

USAGE = {
    "sessions": "`/sessions HOSTS [USER] [from NET] [key SHA256:…]`: where, and who if you like."
    " For example: `/sessions host1`.",
    "kick": "`/kick USER HOSTS [session ID] [from NET] [key SHA256:…] [processes] [force] [warn 5m] [because REASON…]`:"
    " who, then where. For example: `/kick audituser host1 because INC-42`.",
    "kickbot": "`/kickbot sessions …`, `/kickbot kick …` or `/kickbot help`.",
}

NOT_YET = {
    "sessions": frozenset({"idle"}),
    "kick": frozenset({"idle", "hold"}),
    "kickbot": frozenset({"unhold", "limits", "audit", "freeze", "unfreeze", "holds"}),
}

# How many words stand before the keywords: an account may well be called `hold`.
_FIXED = {"sessions": 1, "kick": 2, "kickbot": 0}

_WORDS = {
    "sessions": frozenset({"from", "key"}),
    "kick": frozenset({"session", "from", "key", "processes", "force", "warn"}),
}
_WITH_VALUE = frozenset({"session", "from", "key", "warn"})

_KEYWORDS = frozenset({"help"}).union(*_WORDS.values(), *NOT_YET.values())

_DASHES = ("--", "\N{EM DASH}", "\N{EN DASH}")
_BECAUSE = re.compile(rf"(?:^|(?<=\s))(?:{'|'.join(_DASHES)})?because(?=\s|$)", re.IGNORECASE)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?")
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9/-]{0,31}")
_KEY = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def parse(command: str, text: str, inventory: Inventory) -> Command:
    """`kick`, `audituser host1 because INC-42` -> Kick. `kickbot` takes the command from its first word.

    Raises CommandError, which shows the right usage and never repeats what was typed as markup.
    """
    head, reason = _split_reason(text)
    typed = head.split()
    words = [_plain(word) for word in typed]
    if command == "kickbot" and words and words[0] in {"sessions", "kick"}:
        command, words, typed = words[0], words[1:], typed[1:]
    if not words or words[0] == "help":
        return Help(topic=command)
    dashed = [word for word, as_typed in zip(words, typed, strict=True) if word != as_typed]
    if word := next((w for w in (*dashed, *words[_FIXED[command] :]) if w in NOT_YET[command]), None):
        raise CommandError(f"`{word}` is not there yet: nothing was done. Today: {USAGE[command]}")
    if len(dashed) > sum(w != t for w, t in zip(words[_FIXED[command] :], typed[_FIXED[command] :], strict=True)):
        raise CommandError(f"`{dashed[0]}` comes after who and where. {USAGE[command]}")
    return _PARSERS[command](words, reason, inventory)


def _sessions(words: list[str], reason: str | None, inventory: Inventory) -> Listing:
    hosts, *rest = words
    user = rest.pop(0) if rest and rest[0] not in _WITH_VALUE else "everyone"
    said = _keywords("sessions", rest)
    if reason is not None:
        raise CommandError(USAGE["sessions"])
    selected = inventory.select(hosts)
    return Listing(hosts=selected, user=None if user == "everyone" else _user(user), only=_filter(said))


def _kick(words: list[str], reason: str | None, inventory: Inventory) -> Kick:
    if len(words) < 2:  # noqa: PLR2004 - USER and HOSTS
        raise CommandError(USAGE["kick"])
    user, hosts, *rest = words
    if user == "everyone":
        raise CommandError(f"`everyone` is not there yet: nothing was done. Today: {USAGE['kick']}")
    said = _keywords("kick", rest)
    narrowed = [word for word in ("session", "from", "key") if word in said]
    if "processes" in said and narrowed:
        raise CommandError(f"`processes` ends everything of the account: it can't be narrowed by `{narrowed[0]}`.")
    return Kick(
        user=_user(user),
        hosts=inventory.select(hosts),
        session=_session(said["session"]) if "session" in said else None,
        only=_filter(said),
        processes="processes" in said,
        force="force" in said,
        warn=_warn(said["warn"]) if "warn" in said else 0,
        reason=reason or "",
    )


def _keywords(command: str, rest: list[str]) -> dict[str, str]:
    """`session 7 force` -> {"session": "7", "force": ""}. Each word once."""
    said: dict[str, str] = {}
    words = iter(rest)
    for word in words:
        if word not in _WORDS[command]:
            raise CommandError(f"`{quoted(word)}` is not a word that `/{command}` knows. {USAGE[command]}")
        if word in said:
            raise CommandError(f"`{word}` stands there twice. {USAGE[command]}")
        value = next(words, None) if word in _WITH_VALUE else ""
        if value is None:
            raise CommandError(f"Something is missing after `{word}`. {USAGE[command]}")
        said[word] = value
    return said


def _filter(said: dict[str, str]) -> Filter:
    return Filter(
        network=_network(said["from"]) if "from" in said else "", key=_key(said["key"]) if "key" in said else ""
    )


def _kickbot(words: list[str], _reason: str | None, _inventory: Inventory) -> Help:
    raise CommandError(f"`{quoted(words[0])}` is not a word that `/kickbot` knows. {USAGE['kickbot']}")


_PARSERS: dict[str, Callable[[list[str], str | None, Inventory], Command]] = {
    "sessions": _sessions,
    "kick": _kick,
    "kickbot": _kickbot,
}


def _split_reason(text: str) -> tuple[str, str | None]:
    """Everything after the first word `because` is the reason, as it was typed, made printable."""
    head, *rest = _BECAUSE.split(text, maxsplit=1)
    reason = clean(" ".join(" ".join(rest).split())[: MAX_REASON + 1])
    if len(reason) > MAX_REASON:
        raise CommandError(f"That reason is too long: at most {MAX_REASON} characters.")
    if len(head) > MAX_TEXT:
        raise CommandError(f"That is too long for a command ({len(head)} characters, at most {MAX_TEXT}).")
    return head, reason if rest else None


def _plain(word: str) -> str:
    """A word without invisible characters, and without the dashes that some people put before a keyword."""
    if code := has_invisible(word):
        raise CommandError(f"There is an invisible character ({code}) in what you typed. Type it again by hand.")
    bare = word
    for dash in _DASHES:
        bare = bare.removeprefix(dash)
    return bare if bare in _KEYWORDS else word


def _user(word: str) -> str:
    if not _USER.fullmatch(word):
        raise CommandError("That is not a login name. It may hold letters, digits and `_ . @ -`, at most 64.")
    return word


def _session(word: str) -> str:
    if not _SESSION.fullmatch(word):
        raise CommandError("That is not a session id. `/sessions HOST` lists them, for example `7` or `c1`.")
    return word


def _network(word: str) -> str:
    try:
        return str(ip_network(word, strict=False))
    except ValueError as error:
        raise CommandError("That is not an address or a network. For example: `from 203.0.113.0/24`.") from error


def _key(word: str) -> str:
    if not _KEY.fullmatch(word):
        raise CommandError("That is not a key's fingerprint. `/sessions HOST` shows them: `SHA256:` and 43 characters.")
    return word


def _warn(word: str) -> int:
    length = seconds(word)
    if length is None or length > LONGEST_WARNING:
        raise CommandError("`warn` takes a time up to 2 hours, such as `warn 90s`, `warn 5m` or `warn 1h`.")
    return length


def words(command: Kick) -> str:
    """The command as someone would type it: `/kick audituser host1 force because INC-42`."""
    said = [
        f"/kick {command.user} {fold(command.hosts)}",
        f"session {command.session}" if command.session else "",
        f"from {command.only.network}" if command.only.network else "",
        f"key {command.only.key}" if command.only.key else "",
        "processes" if command.processes else "",
        "force" if command.force else "",
        f"warn {command.warn}s" if command.warn else "",
        f"because {command.reason}" if command.reason else "",
    ]
    return " ".join(filter(None, said))
