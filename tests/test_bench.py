"""What the bench tells: ratios within each round, what was missed, what was left out; and its picture."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from tests.bench.picture import drawn
from tests.bench.results import KICKBOT, Results

SVG = "{http://www.w3.org/2000/svg}"


def results(kickbot: Sequence[float], pssh: Sequence[float], missing: Sequence[str] = ()) -> Results:
    """With these seconds of CPU in each round. parallel-ssh, clush and ansible were not there."""
    rounds = [
        {KICKBOT: {"cpu": ours, "wall": 1.0, "memory": 6e7}, "pssh": {"cpu": theirs, "wall": 2.0, "memory": 1e7}}
        for ours, theirs in zip(kickbot, pssh, strict=True)
    ]
    one = {name: [1.0] for name in ("slash wall", "master wall", "slash cpu", "ssh cpu", "start wall", "imports wall")}
    return Results(hosts=200, missing=missing, rounds=rounds, growth={1000: rounds[0]}, one=one)


def test_a_ratio_is_of_one_round() -> None:
    """When the machine is slow for a while, it is so for both: the median of the ratios is told, with their spread."""
    found = results(kickbot=[1, 10, 1], pssh=[10, 100, 5])

    assert "cpu: cold / pssh: 0.100 (0.100 to 0.200), at most 0.125: met" in found.lines()


def test_a_ratio_that_was_missed() -> None:
    """It is said, in capitals."""
    assert "cpu: cold / pssh: 0.500 (0.500 to 0.500), at most 0.125: MISSED" in results([5], [10]).lines()


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
