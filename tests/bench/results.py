"""What a bench found: figures of each round, and what is told of them, each beside its bar.

No time of one machine says anything, so nearly all are ratios; the rates of the trail are what this one machine did.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

from pydantic import BaseModel, Field

KICKBOT = "Kickbot cold"
LIBRARY = "asyncssh alone"
OTHERS = ("parallel-ssh", "pssh", "clush", "ansible raw")
MOST_CPU = {"parallel-ssh": 1 / 2, "pssh": 1 / 8, "clush": 1 / 8, "ansible raw": 1 / 15}
MOST_MEMORY = 120e6
LINEAR = 1.25
"""How much more the same number of hosts may cost among many than among few."""
LEAST_VERIFIED = 50_000
CONSTANT = 1.1
"""How much more memory ten times as many events may take."""
MOST_IDLE = 0.01


class Told(BaseModel):
    """Of each round, or pair. most, least: the bar; None where there is none."""

    name: str
    values: Sequence[float]
    most: float | None = None
    least: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    def row(self) -> tuple[str, ...]:
        """What, the median, its spread, the bar, and whether it is met."""
        spread = f"{_short(min(self.values))} to {_short(max(self.values))}"
        return self.name, _short(self.median), spread, *self._judged()

    def _judged(self) -> tuple[str, str]:
        if self.most is not None:
            return f"at most {_short(self.most)}", "met" if self.median <= self.most else "NOT MET"
        if self.least is not None:
            return f"at least {_short(self.least)}", "met" if self.median >= self.least else "NOT MET"
        return "", ""


class Results(BaseModel):
    """Of the newest run of each part; a part that was never run is empty.

    hosts: in each round. missing: programs that were left out, and what brings them. rounds: name -> cpu and wall in
    seconds, memory in bytes. growth: number of hosts -> its rounds. one: see slash.pairs. events, trail: see
    trail.rates. waiting, idle: see idle.idle.
    """

    hosts: int = 0
    missing: Sequence[str] = ()
    rounds: Sequence[dict[str, dict[str, float]]] = ()
    growth: Mapping[int, Sequence[dict[str, dict[str, float]]]] = Field(default_factory=dict)
    one: Mapping[str, Sequence[float]] = Field(default_factory=dict)
    events: int = 0
    trail: Mapping[str, Sequence[float]] = Field(default_factory=dict)
    waiting: int = 0
    idle: Sequence[float] = ()

    def lines(self) -> Iterator[str]:
        """A table for a terminal."""
        rows = [("", "median", "smallest to largest", "bar", ""), *(each.row() for each in self.told())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        yield from (f"left out: {each}" for each in self.missing)
        for row in rows:
            yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()

    def told(self) -> Iterator[Told]:
        if self.rounds:
            yield from self._of_rounds()
        yield from self._of_growth()
        if self.one:
            yield from self._of_one()
        yield from (self._of_trail(name, values) for name, values in self.trail.items())
        if self.idle:
            name = f"idle: {self.waiting} requests wait / one core"
            yield Told(name=name, values=self.idle, most=MOST_IDLE)

    def _of_rounds(self) -> Iterator[Told]:
        there = [each for each in OTHERS if each in self.rounds[0]]
        yield from (self._against(each, "cpu", MOST_CPU[each]) for each in there)
        if LIBRARY in self.rounds[0]:
            yield self._against(LIBRARY, "cpu")
            yield from (self._against(each, "cpu", ours=LIBRARY) for each in there[:1])
        yield from (self._against(each, "wall") for each in there)
        if there:
            fastest = [min(each[other]["wall"] for other in there) for each in self.rounds]
            values = [each[KICKBOT]["wall"] / other for each, other in zip(self.rounds, fastest, strict=True)]
            yield Told(name="wall: Kickbot cold / the fastest of them", values=values, most=1)

    def _against(self, other: str, figure: str, most: float | None = None, ours: str = KICKBOT) -> Told:
        values = [each[ours][figure] / each[other][figure] for each in self.rounds]
        return Told(name=f"{figure}: {ours} / {other}", values=values, most=most)

    def _of_growth(self) -> Iterator[Told]:
        for few, many in pairwise(sorted(self.growth)):
            pairs = list(zip(self._cold(few), self._cold(many), strict=False))
            cpu = [b["cpu"] / many / (a["cpu"] / few) for a, b in pairs]
            yield Told(name=f"cpu for each host: of {many} / of {few}", values=cpu, most=LINEAR)
            memory = [b["memory"] / a["memory"] / (many / few) for a, b in pairs]
            yield Told(name=f"peak memory for each host: of {many} / of {few}", values=memory, most=1)
        if largest := max(self.growth, default=0):
            memory = [each["memory"] / MOST_MEMORY for each in self._cold(largest)]
            yield Told(name=f"peak memory at {largest} hosts / 120 MB", values=memory, most=1)

    def _cold(self, many: int) -> Sequence[dict[str, float]]:
        return [each[KICKBOT] for each in self.growth[many]]

    def _of_one(self) -> Iterator[Told]:
        one = self.one
        slash = [a / b for a, b in zip(one["slash wall"], one["master wall"], strict=True)]
        yield Told(name="wall: warm /sessions / the script over a ControlMaster", values=slash, most=1.2)
        cpu = [one["slash cpu"][0] / ssh for ssh in one["ssh cpu"]]
        yield Told(name="cpu of the bot: warm /sessions / one start of ssh", values=cpu, most=1 / 4)
        start = [a / b for a, b in zip(one["start wall"], one["imports wall"], strict=True)]
        yield Told(name="start to ready / importing asyncssh and slack_bolt", values=start, most=3)

    def _of_trail(self, name: str, values: Sequence[float]) -> Told:
        if name.startswith("memory"):
            name = f"{name}: {self.events} events / a tenth of them"
            return Told(name=name, values=values, most=CONSTANT)
        least = LEAST_VERIFIED if name.startswith("verify") else None
        return Told(name=f"{name}: events a second", values=values, least=least)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"
