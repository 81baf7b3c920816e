"""When what happened, as a picture: a lane for people, one for looks, one for acts, one for the end. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from bot.audit.report.html import Html, tag
from bot.audit.telling import said
from bot.events import BOT, Record

LANES = ("people", "looks", "acts", "Kickbot")
LOOKS = frozenset({"observed", "looked"})
ACTS = frozenset({"ending", "signalled", "warned", "held", "released"})

LEFT, RIGHT, TOP, LANE, WIDTH = 90, 30, 24, 34, 960
CLOSEST = 13.0
"""Pixels between two events, however close they were."""
TICKS = 110
"""Pixels between two times."""


def picture(records: Sequence[Record]) -> Html:
    """As wide as a page; each event has its number, and its sentence for whoever points at it."""
    places = _places(records)
    bottom = TOP + LANE * len(LANES)
    lanes = [_lane(number, name) for number, name in enumerate(LANES)]
    dots = [_dot(record, x) for record, x in zip(records, places, strict=True)]
    size = f"0 0 {WIDTH} {bottom + 24}"
    told = f"{len(records)} events from {_clock(records[0])} to {_clock(records[-1])} UTC"
    return tag("svg", *lanes, *_times(records, places, bottom), *dots, viewBox=size, role="img", aria_label=told)


def _places(records: Sequence[Record]) -> list[float]:
    """To scale, but for what was too close: that stands side by side."""
    room = WIDTH - LEFT - RIGHT
    gaps = [(b.at - a.at).total_seconds() for a, b in pairwise(records)]
    closest = min(CLOSEST, room / max(len(gaps), 1))
    scale = max(room - closest * len(gaps), 0) / (sum(gaps) or 1)
    places = [float(LEFT)]
    for gap in gaps:
        places.append(places[-1] + closest + gap * scale)
    return places


def _lane(number: int, name: str) -> Html:
    y = TOP + LANE * number + LANE // 2
    line = tag("line", x1=str(LEFT - 10), x2=str(WIDTH - RIGHT + 10), y1=str(y), y2=str(y), class_="lane")
    return Html(line + tag("text", name, x="0", y=str(y + 4), class_="name"))


def _dot(record: Record, x: float) -> Html:
    lane = _lane_of(record)
    y = TOP + LANE * lane + LANE // 2
    dot = tag("circle", cx=f"{x:.1f}", cy=str(y), r="5", class_=f"lane{lane}")
    number = tag("text", str(record.seq), x=f"{x:.1f}", y=str(y - 9), class_="number")
    return tag("g", tag("title", f"{record.seq}: {said(record.event)}"), dot, number)


def _lane_of(record: Record) -> int:
    if record.event.kind in LOOKS:
        return 1
    if record.event.kind in ACTS:
        return 2
    return 3 if record.event.who == BOT else 0


def _times(records: Sequence[Record], places: Sequence[float], y: int) -> list[Html]:
    shown, last = list[Html](), -float(TICKS)
    for record, x in zip(records, places, strict=True):
        if x - last >= TICKS:
            shown.append(tag("text", _clock(record), x=f"{x:.1f}", y=str(y + 14), class_="time"))
            last = x
    return shown


def _clock(record: Record) -> str:
    return f"{record.at:%H:%M:%S}"
