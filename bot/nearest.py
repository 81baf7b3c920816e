"""What someone may have meant by a word that isn't known: only ever offered, never acted on. Pure."""

import difflib
from collections.abc import Iterable

from bot.cleaning import quoted

LONGEST = 200


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name that is most like the word, whatever the case; empty if none is."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word[:LONGEST].lower(), list(names), n=1)
    return names[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean `host1`?`, to stand behind a sentence; empty if nothing is like it."""
    near = nearest(word, known)
    return f" Did you mean `{quoted(near)}`?" if near else ""
