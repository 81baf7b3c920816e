"""What a bench found: figures of each round, and the ratios that are told. No time of one machine says anything."""

from collections.abc import Iterator, Sequence
from statistics import median

from pydantic import BaseModel

KICKBOT = "Kickbot cold"
OTHERS = ("parallel-ssh", "pssh", "clush", "ansible raw")
MOST_CPU = {"parallel-ssh": 1 / 2, "pssh": 1 / 8, "clush": 1 / 8, "ansible raw": 1 / 15}
MOST_MEMORY = 120e6


class Ratio(BaseModel):
    """Of each round, or pair. most: what it must not pass; None where there is no such bound."""

    name: str
    values: Sequence[float]
    most: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        bound = (
            "" if self.most is None else f", at most {self.most:.3f}: {'met' if self.median <= self.most else 'MISSED'}"
        )
        return f"{self.name}: {self.median:.3f} ({min(self.values):.3f} to {max(self.values):.3f}){bound}"


class Results(BaseModel):
    """hosts: in each round. missing: programs that were left out, and what brings them. one: see slash.pairs.

    rounds: name -> cpu and wall in seconds, memory in bytes. growth: number of hosts -> the same, of one round.
    """

    hosts: int
    missing: Sequence[str]
    rounds: Sequence[dict[str, dict[str, float]]]
    growth: dict[int, dict[str, dict[str, float]]]
    one: dict[str, Sequence[float]]

    def lines(self) -> Iterator[str]:
        yield from (f"left out: {each}" for each in self.missing)
        yield from map(str, self.ratios())
        for many, found in self.growth.items():
            figures = found[KICKBOT]
            cpu, memory = figures["cpu"] / many * 1000, figures["memory"] / 1e6
            yield f"{many} hosts: {cpu:.1f} ms CPU for each, {memory:.0f} MB at most"

    def ratios(self) -> Iterator[Ratio]:
        yield from (self._against(each, "cpu", MOST_CPU[each]) for each in OTHERS if each in self.rounds[0])
        yield from (self._against(each, "wall") for each in OTHERS if each in self.rounds[0])
        yield self._of_fastest()
        yield from self._of_one()
        if largest := max(self.growth, default=0):
            memory = self.growth[largest][KICKBOT]["memory"] / MOST_MEMORY
            yield Ratio(name=f"peak memory at {largest} hosts / 120 MB", values=[memory], most=1)

    def _against(self, other: str, figure: str, most: float | None = None) -> Ratio:
        values = [each[KICKBOT][figure] / each[other][figure] for each in self.rounds]
        return Ratio(name=f"{figure}: cold / {other}", values=values, most=most)

    def _of_fastest(self) -> Ratio:
        """Of the one that was the fastest in that round."""
        fastest = (min(each[other]["wall"] for other in OTHERS if other in each) for each in self.rounds)
        values = [each[KICKBOT]["wall"] / other for each, other in zip(self.rounds, fastest, strict=True)]
        return Ratio(name="wall: cold / the fastest of them", values=values, most=1)

    def _of_one(self) -> Iterator[Ratio]:
        one = self.one
        slash = [a / b for a, b in zip(one["slash wall"], one["master wall"], strict=True)]
        yield Ratio(name="wall: warm /sessions / the script over a ControlMaster", values=slash, most=1.2)
        cpu = [one["slash cpu"][0] / ssh for ssh in one["ssh cpu"]]
        yield Ratio(name="cpu of the bot: warm /sessions / one start of ssh", values=cpu, most=1 / 4)
        start = [a / b for a, b in zip(one["start wall"], one["imports wall"], strict=True)]
        yield Ratio(name="start to ready / importing asyncssh and slack_bolt", values=start, most=3)
