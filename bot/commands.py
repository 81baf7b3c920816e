"""What people type -> a command, or an error that shows the right usage. Pure; runs nothing and looks nothing up."""

import re
from collections.abc import Callable
from ipaddress import ip_network

from bot.cleaning import clean, has_invisible, quoted
from bot.durations import DAY, MINUTE, seconds, typed
from bot.errors import CommandError
from bot.inventory import Inventory, fold
from bot.logins import as_typed, login
from bot.logins import words as split
from bot.models import (
    EVERYONE,
    Asking,
    Audit,
    Command,
    Filter,
    Form,
    Freeze,
    Help,
    Holds,
    Kick,
    Limits,
    Listing,
    Retention,
    Reviews,
    SetLimit,
    Sweeps,
    Unfreeze,
    Unhold,
)
from bot.nearest import did_you_mean, nearest

MAX_REASON = 1_000
MAX_TEXT = 500
LONGEST_WARNING = 7200
SHORTEST_HOLD, LONGEST_HOLD = MINUTE, 7 * DAY
SHORTEST_LIMIT, LONGEST_LIMIT = MINUTE, 7 * DAY
SHORTEST_IDLE, LONGEST_IDLE = MINUTE, 30 * DAY

USAGE = {
    "sessions": "`/sessions HOSTS [USER] [idle 30m] [from NET] [key SHA256:…]`: where, and who if you like."
    " For example: `/sessions host1`.",
    "kick": "`/kick USER|everyone HOSTS [session ID,…] [idle 30m] [from NET] [key SHA256:…] [processes] [force]"
    " [warn 5m] [hold 2h] [emergency] [because REASON…]`: who, then where. For example:"
    " `/kick audituser host1 because INC-42`.",
    "limits": "`/limits HOSTS [set idle 15m | set unresponsive 15m | set idle off] [because REASON…]`: what hosts do by"
    " themselves about idle people. For example: `/limits host1`, `/limits host1 set idle 30m because INC-42`.",
    "audit": "`/audit [REQUEST | USER | HOST | @PERSON] [since 24h]`: one request, or the newest about someone or"
    " somewhere. For example: `/audit 42`, `/audit host1 since 24h`.",
    "freeze": "`/kickbot freeze because REASON…` stops all acting at once. For example:"
    " `/kickbot freeze because wrong rule deployed`.",
    "unfreeze": "`/kickbot unfreeze`; it needs two people.",
    "unhold": "`/unhold USER HOSTS [because REASON…]` gives back before the time. For example: `/unhold bob web03`.",
    "holds": "`/kickbot holds`: who is held where, and until when.",
    "reviews": "`/kickbot reviews`: the emergencies that wait for their review.",
    "sweeps": "`/kickbot sweeps`: what runs by itself, what it found last, and when it runs next.",
    "retention": "`/kickbot retention` asks to drop what hosts said longer ago than kickbot.toml keeps it; it needs two"
    " people.",
    "kickbot": "`/kickbot sessions …`, `/kickbot kick …`, `/kickbot unhold …`, `/kickbot holds`, `/kickbot sweeps`,"
    " `/kickbot reviews`, `/kickbot limits …`, `/kickbot audit …`, `/kickbot freeze …`, `/kickbot unfreeze`,"
    " `/kickbot retention` or `/kickbot help`.",
}

BEHIND_KICKBOT = frozenset(
    {"sessions", "kick", "unhold", "holds", "sweeps", "reviews", "limits", "audit", "freeze", "unfreeze", "retention"}
)
"""What `/kickbot` takes as its first word."""

_COMPLETE = frozenset({"audit", "unfreeze", "holds", "sweeps", "reviews", "retention"})
"""What is a command without any word behind it; the others then explain themselves."""

# How many words stand before the keywords: an account may well be called `hold`.
_FIXED = {**dict.fromkeys({*BEHIND_KICKBOT, "kickbot"}, 0), "sessions": 1, "limits": 1, "kick": 2, "unhold": 2}

_WORDS = {
    "sessions": frozenset({"idle", "from", "key"}),
    "kick": frozenset({"session", "idle", "from", "key", "processes", "force", "warn", "hold", "me", "emergency"}),
    "unhold": frozenset[str](),
    "holds": frozenset[str](),
    "limits": frozenset({"set"}),
    "sweeps": frozenset[str](),
    "reviews": frozenset[str](),
    "audit": frozenset({"since"}),
    "freeze": frozenset[str](),
    "unfreeze": frozenset[str](),
    "retention": frozenset[str](),
}
_WITH_VALUE = frozenset({"session", "idle", "from", "key", "warn", "hold"})

# What a word that isn't known may be a slip of.
_BECAUSE_TOO = {name: _WORDS[name] | {"because"} for name in ("kick", "freeze", "unhold", "limits")}
_MEANT = {**_WORDS, **_BECAUSE_TOO, "kickbot": BEHIND_KICKBOT | {"help"}}

_KEYWORDS = frozenset({"help"}).union(*_WORDS.values())

_DASHES = ("--", "\N{EM DASH}", "\N{EN DASH}")
_BECAUSE = re.compile(rf"(?:{'|'.join(_DASHES)})?because", re.IGNORECASE)
_SESSION = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*:)?[A-Za-z0-9][A-Za-z0-9/-]{0,31}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_PERSON = re.compile(r"<@(?P<id>[UW][A-Z0-9]{2,20})(?:\|[^<>|]*)?>|(?P<bare>[UW](?=[A-Z]*[0-9])[A-Z0-9]{5,20})")
_KEY = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


def parse(command: str, text: str, inventory: Inventory) -> Command:
    """`kick`, `audituser host1 because INC-42` -> Kick. `kickbot` takes the command from its first word.

    Raises CommandError, which shows the right usage and never repeats what was typed as markup.
    """
    head, reason = _split_reason(text)
    typed = [word.text for word in split(head)]
    words = [_plain(word) for word in typed]
    if command == "kickbot" and words and words[0] in BEHIND_KICKBOT:
        command, words, typed = words[0], words[1:], typed[1:]
    if not words and command == "kick":
        return Form(reason=reason or "")
    alone = not words and not (command == "freeze" and reason is not None)
    if words[:1] == ["help"] or (alone and command not in _COMPLETE):
        return Help(topic=command)
    dashed = [word for word, as_typed in zip(words, typed, strict=True) if word != as_typed]
    if len(dashed) > sum(w != t for w, t in zip(words[_FIXED[command] :], typed[_FIXED[command] :], strict=True)):
        raise CommandError(f"`{dashed[0]}` comes after who and where. {USAGE[command]}")
    return _PARSERS[command](words, reason, inventory)


def _sessions(words: list[str], reason: str | None, inventory: Inventory) -> Listing:
    hosts, *rest = words
    if len(rest) > 1 and rest[0] not in _WITH_VALUE and rest[1] not in _WITH_VALUE and nearest(rest[0], _WITH_VALUE):
        raise _unknown("sessions", rest[0])
    user = rest.pop(0) if rest and rest[0] not in _WITH_VALUE else EVERYONE
    said = _keywords("sessions", rest)
    if reason is not None:
        raise CommandError(USAGE["sessions"])
    selected = inventory.select(hosts)
    who = None if user == EVERYONE else login(user, inventory.platforms(selected))
    return Listing(hosts=selected, user=who, only=_filter(said))


def _kick(words: list[str], reason: str | None, inventory: Inventory) -> Kick:
    user, *rest = words
    if not rest:
        raise CommandError(f"On which host? `/kick {as_typed(login(user))} HOSTS`, or `/kick` alone for a form.")
    hosts, *rest = rest
    said = _keywords("kick", rest)
    if reason == "":
        raise CommandError(_missing("kick", "because"))
    if "emergency" in said and not reason:
        raise CommandError("An emergency needs a reason: add `because …` at the end. Nothing was done.")
    narrowed = [word for word in ("session", "idle", "from", "key") if word in said]
    if "processes" in said and narrowed:
        raise CommandError(f"`processes` ends everything of the account: it can't be narrowed by `{narrowed[0]}`.")
    _demand_it_fits(user, said)
    login(user)
    selected = inventory.select(hosts)
    return Kick(
        user=login(user, inventory.platforms(selected)),
        hosts=selected,
        session=session_ids(said["session"]) if "session" in said else None,
        only=_filter(said),
        processes="processes" in said,
        force="force" in said,
        warn=_warn(said["warn"]) if "warn" in said else 0,
        hold=_hold(said["hold"]) if "hold" in said else 0,
        me="me" in said,
        emergency="emergency" in said,
        reason=reason or "",
    )


def _demand_it_fits(user: str, said: dict[str, str]) -> None:
    """Some words mean one account, and one means all of them."""
    if user == EVERYONE and (word := next((w for w in ("session", "processes", "hold") if w in said), None)):
        raise CommandError(f"`{word}` is about one account: it can't stand with `{EVERYONE}`. Nothing was done.")
    if user != EVERYONE and "me" in said:
        raise CommandError(f"`me` stands only with `{EVERYONE}`: your own sessions go too. Nothing was done.")


def _audit(words: list[str], reason: str | None, inventory: Inventory) -> Audit:
    at = words.index("since") if "since" in words else len(words)
    about, since = words[:at], _since(words[at:])
    if reason is not None:
        raise CommandError(USAGE["audit"])
    if not about:
        return Audit(since=since)
    if about[0].startswith("@"):
        return Audit(called=" ".join(about)[1:], since=since)
    if len(about) > 1:
        raise _unknown("audit", about[1])
    if _NUMBER.fullmatch(about[0]):
        if since:
            raise CommandError(f"One request is shown whole, without `since`. {USAGE['audit']}")
        return Audit(request=int(about[0]))
    if person := _PERSON.fullmatch(about[0]):
        return Audit(person=person["id"] or person["bare"], since=since)
    return Audit(about=_host_or_user(about[0], inventory), since=since)


def _host_or_user(word: str, inventory: Inventory) -> str:
    try:
        return word if word in inventory.hosts else login(word)
    except CommandError as error:
        raise _unknown("audit", word) from error


def _since(words: list[str]) -> int:
    """`since 24h` -> its seconds; 0 for no words."""
    if not words:
        return 0
    if len(words) > 2:  # noqa: PLR2004 - since, and how long
        raise _unknown("audit", words[2])
    length = seconds(words[-1])
    if length is None:
        raise CommandError("`since` takes a time, such as `since 30m`, `since 24h` or `since 7d`.")
    return length


def _keywords(command: str, rest: list[str]) -> dict[str, str]:
    """`session 7 force` -> {"session": "7", "force": ""}. Each word once."""
    said: dict[str, str] = {}
    words = iter(rest)
    for word in words:
        if word not in _WORDS[command]:
            raise _unknown(command, word)
        if word in said:
            raise CommandError(f"`{word}` stands there twice. {USAGE[command]}")
        value = next(words, None) if word in _WITH_VALUE else ""
        if value is None:
            raise CommandError(_missing(command, word))
        said[word] = value
    return said


def _missing(command: str, word: str) -> str:
    return f"Something is missing after `{word}`. {USAGE[command]}"


def _filter(said: dict[str, str]) -> Filter:
    return Filter(
        network=_network(said["from"]) if "from" in said else "",
        key=_key(said["key"]) if "key" in said else "",
        idle=_idle(said["idle"]) if "idle" in said else 0,
    )


def _freeze(words: list[str], reason: str | None, _inventory: Inventory) -> Freeze:
    _keywords("freeze", words)
    if not reason:
        raise CommandError(_missing("freeze", "because"))
    return Freeze(reason=reason)


def _unfreeze(words: list[str], reason: str | None, _inventory: Inventory) -> Unfreeze:
    _keywords("unfreeze", words)
    if reason is not None:
        raise CommandError(USAGE["unfreeze"])
    return Unfreeze()


def _unhold(words: list[str], reason: str | None, inventory: Inventory) -> Unhold:
    user, *rest = words
    if not rest:
        raise CommandError(f"On which host? {USAGE['unhold']}")
    hosts, *rest = rest
    _keywords("unhold", rest)
    if reason == "":
        raise CommandError(_missing("unhold", "because"))
    login(user)
    selected = inventory.select(hosts)
    return Unhold(user=login(user, inventory.platforms(selected)), hosts=selected, reason=reason or "")


def _holds(words: list[str], reason: str | None, _inventory: Inventory) -> Holds:
    _keywords("holds", words)
    if reason is not None:
        raise CommandError(USAGE["holds"])
    return Holds()


def _limits(words: list[str], reason: str | None, inventory: Inventory) -> Limits | SetLimit:
    hosts, *rest = words
    if not rest and reason is None:
        return Limits(hosts=inventory.select(hosts))
    if reason == "":
        raise CommandError(_missing("limits", "because"))
    if rest and rest[0] != "set":
        raise _unknown("limits", rest[0])
    match rest:
        case ["set", "idle" | "unresponsive" as limit, length]:
            wanted = 0 if length == "off" else _limit(length)
            return SetLimit(hosts=inventory.select(hosts), limit=limit, seconds=wanted, reason=reason or "")
    raise CommandError(f"What is to be set? {USAGE['limits']}")


def _limit(word: str) -> int:
    length = seconds(word)
    if length is None or not SHORTEST_LIMIT <= length <= LONGEST_LIMIT or length % MINUTE:
        raise CommandError("`set` takes whole minutes from 1 minute to 7 days, such as `15m`, `2h` or `1d`; or `off`.")
    return length


def _sweeps(words: list[str], reason: str | None, _inventory: Inventory) -> Sweeps:
    _keywords("sweeps", words)
    if reason is not None:
        raise CommandError(USAGE["sweeps"])
    return Sweeps()


def _reviews(words: list[str], reason: str | None, _inventory: Inventory) -> Reviews:
    _keywords("reviews", words)
    if reason is not None:
        raise CommandError(USAGE["reviews"])
    return Reviews()


def _retention(words: list[str], reason: str | None, _inventory: Inventory) -> Retention:
    _keywords("retention", words)
    if reason is not None:
        raise CommandError(USAGE["retention"])
    return Retention()


def _kickbot(words: list[str], _reason: str | None, _inventory: Inventory) -> Help:
    raise _unknown("kickbot", words[0])


def _unknown(command: str, word: str) -> CommandError:
    """Nothing is ever done on a guess: a reason behind `becuase` would be lost."""
    only_behind = {"freeze", "unfreeze", "holds", "sweeps", "reviews", "retention"}
    name = f"kickbot {command}" if command in only_behind else command
    said = f"`{quoted(word)}` is not a word that `/{name}` knows.{did_you_mean(word, _MEANT[command])}"
    return CommandError(f"{said} Nothing was done. `/{name} help` explains each word.")


_PARSERS: dict[str, Callable[[list[str], str | None, Inventory], Command]] = {
    "sessions": _sessions,
    "kick": _kick,
    "unhold": _unhold,
    "holds": _holds,
    "limits": _limits,
    "sweeps": _sweeps,
    "reviews": _reviews,
    "audit": _audit,
    "freeze": _freeze,
    "unfreeze": _unfreeze,
    "retention": _retention,
    "kickbot": _kickbot,
}


def _split_reason(text: str) -> tuple[str, str | None]:
    """Everything after the first word `because` is the reason, as it was typed, made printable."""
    found = next((word for word in split(text) if _BECAUSE.fullmatch(word.text)), None)
    head, rest = (text[: found.start], text[found.end :]) if found else (text, "")
    reason = because(rest)
    if len(head) > MAX_TEXT:
        raise CommandError(f"That is too long for a command ({len(head)} characters, at most {MAX_TEXT}).")
    return head, reason if found else None


def because(text: str) -> str:
    """A reason on one line, made printable. Raises CommandError for one that is too long."""
    reason = clean(" ".join(text.split())[: MAX_REASON + 1])
    if len(reason) > MAX_REASON:
        raise CommandError(f"That reason is too long: at most {MAX_REASON} characters.")
    return reason


def _plain(word: str) -> str:
    """A word without invisible characters, and without the dashes that some people put before a keyword."""
    if code := has_invisible(word):
        raise CommandError(f"There is an invisible character ({code}) in what you typed. Type it again by hand.")
    bare = word
    for dash in _DASHES:
        bare = bare.removeprefix(dash)
    return bare if bare in _KEYWORDS else word


def session_ids(word: str) -> str:
    """The same word, if it can be session ids with commas between them. Raises CommandError."""
    if not all(map(_SESSION.fullmatch, word.split(","))):
        raise CommandError("That is not a session id. `/sessions HOST` lists them: `7`, `c1`, `7,9` or `host1:7`.")
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


def _idle(word: str) -> int:
    length = seconds(word)
    if length is None or not SHORTEST_IDLE <= length <= LONGEST_IDLE:
        raise CommandError("`idle` takes a time from 1 minute to 30 days, such as `idle 30m`, `idle 2h` or `idle 1d`.")
    return length


def _warn(word: str) -> int:
    length = seconds(word)
    if length is None or length > LONGEST_WARNING:
        raise CommandError("`warn` takes a time up to 2 hours, such as `warn 90s`, `warn 5m` or `warn 1h`.")
    return length


def _hold(word: str) -> int:
    length = seconds(word)
    if length is None or not SHORTEST_HOLD <= length <= LONGEST_HOLD:
        raise CommandError("`hold` takes a time from 1 minute to 7 days, such as `hold 30m`, `hold 2h` or `hold 3d`.")
    return length


def words(command: Asking) -> str:
    """The command as someone would type it: `/kick audituser host1 force because INC-42`."""
    if isinstance(command, SetLimit):
        length = typed(command.seconds) if command.seconds else "off"
        because = f" because {command.reason}" if command.reason else ""
        return f"/limits {fold(command.hosts)} set {command.limit} {length}{because}"
    said = [
        f"/kick {as_typed(command.user)} {fold(command.hosts)}",
        f"session {command.session}" if command.session else "",
        f"idle {typed(command.only.idle)}" if command.only.idle else "",
        f"from {command.only.network}" if command.only.network else "",
        f"key {command.only.key}" if command.only.key else "",
        "processes" if command.processes else "",
        "force" if command.force else "",
        f"warn {command.warn}s" if command.warn else "",
        f"hold {command.hold}s" if command.hold else "",
        "me" if command.me else "",
        "emergency" if command.emergency else "",
        f"because {command.reason}" if command.reason else "",
    ]
    return " ".join(filter(None, said))
