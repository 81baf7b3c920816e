"""The picture of a bench: client CPU of each program as multiples of Kickbot's, drawn from the results alone."""

from statistics import median
from xml.sax.saxutils import escape

from tests.bench.results import KICKBOT, OTHERS, Results

WIDTH, ROW, LEFT, RIGHT = 720, 34, 150, 150
INK, BAR, OURS = "#57606a", "#9aa4b0", "#2da44e"


def drawn(results: Results) -> str:
    """An SVG. A line on each bar goes from the smallest to the largest ratio of a round."""
    names = [KICKBOT, *(each for each in OTHERS if each in results.rounds[0])]
    times = {name: sorted(each[name]["cpu"] / each[KICKBOT]["cpu"] for each in results.rounds) for name in names}
    scale = (WIDTH - LEFT - RIGHT) / max(each[-1] for each in times.values())
    rows = [_row(number, name, times[name], scale) for number, name in enumerate(names)]
    title = f"CPU of the client for one look at {results.hosts} hosts, cold, as multiples of Kickbot's"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{50 + ROW * len(rows)}"'
            f' font-family="sans-serif" font-size="14" fill="{INK}">',
            f'<text x="10" y="26" font-size="15">{escape(title)}</text>',
            *rows,
            "</svg>\n",
        )
    )


def _row(number: int, name: str, times: list[float], scale: float) -> str:
    top, middle = 44 + ROW * number, median(times)
    centre, end = top + 12, LEFT + times[-1] * scale
    return (
        f'<text x="{LEFT - 10}" y="{top + 17}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{LEFT}" y="{top}" width="{middle * scale:.1f}" height="24" fill="{OURS if not number else BAR}"/>'
        f'<line x1="{LEFT + times[0] * scale:.1f}" x2="{end:.1f}" y1="{centre}" y2="{centre}" stroke="{INK}"/>'
        f'<text x="{end + 8:.1f}" y="{top + 17}">{middle:.1f} times</text>'
    )
