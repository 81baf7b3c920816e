"""The summary: a line for each tier, printed at the end of the run."""

from collections.abc import Iterator
from dataclasses import dataclass, field

HEAD = ("tier", "points", "runs", "hit", "right", "doubles", "late acts", "seconds")


@dataclass(frozen=True)
class Row:
    """points: what there is to try. runs: what was tried. hit: where the fault came. right: runs without a mistake."""

    tier: str
    points: int
    runs: int
    hit: int
    right: int
    doubles: int
    late: int
    seconds: float

    def cells(self) -> tuple[str, ...]:
        counted = (self.points, self.runs, self.hit, self.right, self.doubles, self.late)
        return (self.tier, *map(str, counted), f"{self.seconds:.0f}")


@dataclass
class Table:
    """notes: figures that fit in no column."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows.append(row)

    def lines(self) -> Iterator[str]:
        cells = [HEAD, *(row.cells() for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for first, *others in cells if self.rows else []:
            numbers = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
            yield "  ".join([first.ljust(widths[0]), *numbers])
        yield from self.notes
