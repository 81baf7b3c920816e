"""A little of the fuzzing at every commit, and everything that it has ever found. `make fuzz` does more of it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, corpus

SOME = {"slack": 120, "looks": 100, "configuration": 150, "quoting": 60}
USUAL = 500


@pytest.mark.parametrize("name", TARGETS)
def test_no_crash_and_no_yes(name: str) -> None:
    """What was found once, then what nobody has tried yet."""
    with TARGETS[name]() as target:
        for content in corpus(name):
            target(content)

        @settings(max_examples=SOME.get(name, USUAL), suppress_health_check=list(HealthCheck))
        @given(st.binary(max_size=200))
        def some(content: bytes) -> None:
            target(content)

        some()


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_a_corpus(name: str) -> None:
    """A folder with another name would be played by nobody."""
    assert corpus(name)
