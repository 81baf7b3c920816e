"""The picture of how a look grows with its hosts: CPU and memory of Kickbot, drawn from the results alone.

Both axes grow by the same factors, so that what is linear is a straight line with the slope of the dashed ones.
"""

from collections.abc import Sequence
from math import log10
from statistics import median

from tests.bench.picture import BAR, INK, OURS
from tests.bench.results import KICKBOT, Results

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 60, 200, 44, 40

Line = Sequence[tuple[int, float]]
"""Hosts, and as a multiple of what the fewest hosts took: the median of the rounds."""


def drawn(results: Results) -> str:
    """An SVG."""
    sizes = sorted(results.growth)
    lines = {"CPU": _line(results, "cpu"), "peak memory": _line(results, "memory")}
    linear: Line = [(many, many / sizes[0]) for many in sizes]
    title = f"One look at {sizes[0]} to {sizes[-1]:,} hosts, cold: multiples of what {sizes[0]} hosts take"
    place = _Places(linear)
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
            f' font-family="sans-serif" font-size="14" fill="{INK}">',
            f'<text x="10" y="26" font-size="15">{title}</text>',
            *(
                f'<text x="{place.x(many):.0f}" y="{HEIGHT - 12}" text-anchor="middle">{many:,}</text>'
                for many in sizes
            ),
            _drawn(linear, place, "linear", BAR, dashed=True),
            _drawn(lines["CPU"], place, "CPU", OURS),
            _drawn(lines["peak memory"], place, "peak memory", INK),
            "</svg>\n",
        )
    )


def _line(results: Results, figure: str) -> Line:
    found = {many: median(each[KICKBOT][figure] for each in results.growth[many]) for many in sorted(results.growth)}
    return [(many, value / found[min(found)]) for many, value in found.items()]


class _Places:
    """Where a point stands. linear: the line that goes through all of the picture."""

    def __init__(self, linear: Line) -> None:
        (self._first, _), (last, most) = linear[0], linear[-1]
        self._across = (WIDTH - LEFT - RIGHT) / log10(last / self._first)
        self._up = (HEIGHT - TOP - BOTTOM) / log10(most * 1.5)

    def x(self, hosts: int) -> float:
        return LEFT + self._across * log10(hosts / self._first)

    def y(self, multiple: float) -> float:
        return HEIGHT - BOTTOM - self._up * log10(max(multiple, 1))


def _drawn(line: Line, place: _Places, name: str, colour: str, *, dashed: bool = False) -> str:
    points = " ".join(f"{place.x(many):.1f},{place.y(multiple):.1f}" for many, multiple in line)
    many, multiple = line[-1]
    above, dashes = (-10, ' stroke-dasharray="6 5"') if dashed else (12, "")
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'
        f'<text x="{place.x(many) + 10:.0f}" y="{place.y(multiple) + above:.0f}">{name}: {multiple:.1f} times</text>'
    )
