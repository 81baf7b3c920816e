"""What the bench tells: ratios within each round, what was missed, what was left out; and its pictures."""

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.bench import growth_picture
from tests.bench.picture import drawn
from tests.bench.results import KICKBOT, Results, Told

SVG = "{http://www.w3.org/2000/svg}"
KEPT = Path(__file__).parent / "bench"


def results(kickbot: Sequence[float], pssh: Sequence[float], missing: Sequence[str] = ()) -> Results:
    """With these seconds of CPU in each round. parallel-ssh, clush and ansible were not there."""
    rounds = [
        {KICKBOT: {"cpu": ours, "wall": 1.0, "memory": 6e7}, "pssh": {"cpu": theirs, "wall": 2.0, "memory": 1e7}}
        for ours, theirs in zip(kickbot, pssh, strict=True)
    ]
    one = {name: [1.0] for name in ("slash wall", "master wall", "slash cpu", "ssh cpu", "start wall", "imports wall")}
    return Results(hosts=200, missing=missing, rounds=rounds, growth={1000: rounds}, one=one)


def rows(found: Results) -> dict[str, list[str]]:
    """The table: name -> its other cells."""
    return {name: cells for line in found.lines() for name, *cells in [re.split(r"  +", line)]}


def test_a_ratio_is_of_one_round() -> None:
    """When the machine is slow for a while, it is so for both: the median of the ratios is told, with their spread."""
    found = rows(results(kickbot=[1, 10, 1], pssh=[10, 100, 5]))

    assert found["cpu: Kickbot cold / pssh"] == ["0.100", "0.100 to 0.200", "at most 0.125", "met"]


def test_a_program_that_is_not_there() -> None:
    """It is named, with what brings it, and nothing is told of it."""
    lines = list(results([1], [10], missing=["clush: `make bench` installs it"]).lines())

    assert lines[0] == "left out: clush: `make bench` installs it"
    assert not any("/ clush" in line for line in lines)


def test_the_picture() -> None:
    """The bars are as long as the ratios: pssh's is ten times as long as Kickbot's."""
    root = ET.fromstring(drawn(results(kickbot=[1, 2], pssh=[10, 20])))

    ours, theirs = (float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect"))
    assert round(theirs / ours) == 10
    assert [text.text for text in root.iter(f"{SVG}text")][1:] == [KICKBOT, "1.0 times", "pssh", "10.0 times"]


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
    kept = Results.model_validate_json((KEPT / "results.json").read_text())

    assert drawn(kept) == (KEPT / "results.svg").read_text()
    assert growth_picture.drawn(kept) == (KEPT / "results-growth.svg").read_text()
