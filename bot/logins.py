"""Login names as people type them, and what can be one on which platform. Pure.

A name that a platform doesn't have is refused here; what reaches a host is checked by its driver again.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from bot.errors import CommandError
from bot.models import EVERYONE, Platform

LONGEST = 100
MARKS = " _.@\\-'"
QUOTES = '"\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{DOUBLE LOW-9 QUOTATION MARK}«»'
"""Any of them begins a name, and any ends it: phones make pairs of their own, and languages have theirs."""

_POSIX = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?")
_WORD = re.compile(rf"[{QUOTES}](?P<quoted>[^{QUOTES}]*)[{QUOTES}](?=\s|$)|\S+")


class Names(NamedTuple):
    """What accounts of a platform can be called. fits: the bare name.

    any_case: it takes any case for the same, which is small letters here. quoted: they may be typed in quotes.
    """

    fits: Callable[[str], bool]
    any_case: bool
    quoted: bool
    says: str


def _of_any_letters(word: str) -> bool:
    if not word or len(word) > LONGEST or word != word.strip() or not (word[0].isalnum() or word[0] == "_"):
        return False
    return all(unicodedata.category(each)[0] in "LMN" or each in MARKS for each in word.removesuffix("$"))


PLATFORMS: Mapping[Platform, Names] = {
    "linux": Names(
        fits=lambda word: bool(_POSIX.fullmatch(word)),
        any_case=False,
        quoted=False,
        says="That is not a login name. It may hold letters, digits and `_ . @ -`, at most 64.",
    ),
    "windows": Names(
        fits=_of_any_letters,
        any_case=True,
        quoted=True,
        says="That is not a login name. It may hold letters, digits, spaces and `_ . @ - '`; with spaces it stands in"
        ' quotes: `"jane doe"`.',
    ),
}


def login(word: str, platforms: Collection[Platform] = ()) -> str:
    """The name as those platforms have it. Raises CommandError unless it can be one on each; without any, on one.

    word: as it was typed, or the bare name.
    """
    typed = unicodedata.normalize("NFC", word)
    bare = typed[1:-1] if len(typed) > 1 and typed[0] == typed[-1] == '"' else typed
    named = [PLATFORMS[each] for each in sorted(platforms or PLATFORMS)]
    fitting = [names for names in named if names.fits(bare if names.quoted else typed)]
    if not fitting or (platforms and len(fitting) < len(named)):
        raise CommandError(next(names.says for names in named if names not in fitting))
    name = bare.lower() if all(names.any_case for names in fitting) else bare
    if name == EVERYONE != word:
        raise CommandError(f"All are `{EVERYONE}`, in small letters and without quotes. Nothing was done.")
    return name


class Word(NamedTuple):
    """A word of a line, where it begins and ends there. What stands in quotes is one, in plain ones."""

    text: str
    start: int
    end: int


def words(line: str) -> Iterator[Word]:
    for found in _WORD.finditer(line):
        quoted = found["quoted"]
        yield Word(found[0] if quoted is None else f'"{quoted.strip()}"', found.start(), found.end())


def as_typed(name: str) -> str:
    """The same name as somebody would type it."""
    return f'"{name}"' if " " in name else name
