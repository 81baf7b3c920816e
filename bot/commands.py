"""What people type -> a command, or an error that shows the right usage. Pure; runs nothing and looks nothing up."""

import re
from collections.abc import Callable

from bot.cleaning import clean, has_invisible, quoted
from bot.errors import CommandError
from bot.inventory import Inventory
from bot.models import Command, Help, Kick, Listing

MAX_REASON = 1_000
MAX_TEXT = 500

USAGE = {
    "sessions": "`/sessions HOSTS [USER]`: where, and who if you like. For example: `/sessions host1`",
    "kick": "`/kick USER HOSTS [session ID] [because REASON…]`: who, then where."
    " For example: `/kick audituser host1 because INC-42`.",
    "kickbot": "`/kickbot sessions …`, `/kickbot kick …` or `/kickbot help`.",
}

NOT_YET = {
    "sessions": frozenset({"idle", "from", "key"}),
    "kick": frozenset({"idle", "from", "key", "processes", "force", "warn", "hold"}),
    "kickbot": frozenset({"unhold", "limits", "audit", "freeze", "unfreeze", "holds"}),
}

# How many words stand before the keywords: an account may well be called `hold`.
_FIXED = {"sessions": 1, "kick": 2, "kickbot": 0}

_KEYWORDS = frozenset({"session", "help"}).union(*NOT_YET.values())

_DASHES = ("--", "\N{EM DASH}", "\N{EN DASH}")
_BECAUSE = re.compile(rf"(?:^|(?<=\s))(?:{'|'.join(_DASHES)})?because(?=\s|$)", re.IGNORECASE)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?")
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9/-]{0,31}")


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
    return _PARSERS[command](words, reason, inventory)


def _sessions(words: list[str], reason: str | None, inventory: Inventory) -> Listing:
    if len(words) > 2 or reason is not None:  # noqa: PLR2004 - HOSTS and USER
        raise CommandError(USAGE["sessions"])
    user = words[1] if words[1:] else "everyone"
    return Listing(hosts=inventory.select(words[0]), user=None if user == "everyone" else _user(user))


def _kick(words: list[str], reason: str | None, inventory: Inventory) -> Kick:
    if len(words) < 2:  # noqa: PLR2004 - USER and HOSTS
        raise CommandError(USAGE["kick"])
    user, hosts, *rest = words
    if user == "everyone":
        raise CommandError(f"`everyone` is not there yet: nothing was done. Today: {USAGE['kick']}")
    session = None
    if rest:
        if len(rest) != 2 or rest[0] != "session":  # noqa: PLR2004 - session ID
            raise CommandError(f"`{quoted(rest[0])}` is not a word that `/kick` knows. {USAGE['kick']}")
        session = _session(rest[1])
    return Kick(user=_user(user), hosts=inventory.select(hosts), session=session, reason=reason or "")


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
