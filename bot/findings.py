"""What an examination found: in words, how bad it is, and what to do about it. Pure."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from bot.cleaning import clean
from bot.models import Value

Level = Literal["ok", "note", "wrong", "unknown"]
"""note: worth knowing, and no fault. unknown: it could not be looked at, so it is neither right nor wrong."""

_WORDS: dict[Level, str] = {"ok": "ok", "note": "note", "unknown": "?", "wrong": "WRONG"}
_BY_LEVEL: list[Level] = [*_WORDS]
_COUNTED: dict[Level, str] = {"ok": "ok", "note": "to know", "unknown": "not looked at", "wrong": "wrong"}


class Finding(Value):
    """part: of the installation, `hosts`. about: what exactly, `web01` or `rules[0].approve`. todo: what to do."""

    part: str
    level: Level
    about: str
    said: str
    todo: str = ""


def finding_in(part: str) -> Callable[..., Finding]:
    """Makes the findings of one part: level, about, said, and what to do."""

    def make(level: Level, about: str, said: str, todo: str = "") -> Finding:
        return Finding(part=part, level=level, about=about, said=said, todo=todo)

    return make


class Report(Value):
    """ok: nothing is wrong, as far as could be looked at."""

    ok: bool
    findings: tuple[Finding, ...]


def report(findings: Iterable[Finding]) -> Report:
    found = tuple(findings)
    return Report(ok=all(finding.level != "wrong" for finding in found), findings=found)


def lines(report: Report) -> Iterator[str]:
    """For a terminal: each part with its findings, the worst last, and how many there are of each level."""
    by_level = sorted(report.findings, key=lambda finding: _BY_LEVEL.index(finding.level))
    for part in dict.fromkeys(finding.part for finding in report.findings):
        yield part
        for finding in (one for one in by_level if one.part == part):
            yield clean(f"  {_WORDS[finding.level]:5}  {finding.about}: {finding.said}")
            if finding.todo:
                yield clean(f"         -> {finding.todo}")
    yield ", ".join(f"{number} {_COUNTED[level]}" for level, number in _numbers(report.findings))


def _numbers(findings: Iterable[Finding]) -> Iterator[tuple[Level, int]]:
    levels = [finding.level for finding in findings]
    return ((level, levels.count(level)) for level in _COUNTED if level in levels)
