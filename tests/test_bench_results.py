"""What the bench tells of its figures, and that the pictures beside them are theirs."""

from pathlib import Path

import pytest

from tests.bench import growth_picture, picture
from tests.bench.results import Results, Told

KEPT = Path(__file__).parent / "bench"


@pytest.mark.parametrize(
    ("told", "judged"),
    [
        (Told(name="cpu", values=[0.4, 0.5, 0.9], most=0.5), "met"),
        (Told(name="cpu", values=[0.4, 0.51, 0.9], most=0.5), "NOT MET"),
        (Told(name="rate", values=[50_000], least=50_000), "met"),
        (Told(name="rate", values=[49_999, 40_000], least=50_000), "NOT MET"),
        (Told(name="wall", values=[3]), ""),
    ],
)
def test_the_median_decides_whether_a_bar_is_met(told: Told, judged: str) -> None:
    """A figure stands on its bar or on the right side of it, or the table says so; without a bar nothing is said."""
    assert told.row()[-1] == judged


def test_parts_that_never_ran_are_not_told() -> None:
    """The table of one part alone has no line of any other."""
    lines = list(Results(events=1000, trail={"verify the chain": [60_000], "memory to export as csv": [1.2]}).lines())

    assert [line.split()[-1] for line in lines[1:]] == ["met", "MET"]
    assert lines[2].startswith("memory to export as csv: 1000 events / a tenth of them")


def test_pictures_are_of_the_figures_beside_them() -> None:
    """Nobody can take the picture of one run for the figures of another."""
    results = Results.model_validate_json((KEPT / "results.json").read_text())

    assert picture.drawn(results) == (KEPT / "results.svg").read_text()
    assert growth_picture.drawn(results) == (KEPT / "results-growth.svg").read_text()
