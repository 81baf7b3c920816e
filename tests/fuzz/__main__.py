"""Fuzzes one target for some minutes: guided by coverage where atheris is installed, else with hypothesis.

python -m tests.fuzz NAME [MINUTES]      what it finds stands in .fuzz/found; a copy in tests/fuzz/corpus/NAME keeps it
"""

import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

try:
    import atheris
except ImportError:
    atheris = None

WORK = Path(".fuzz")
LONGEST = 400


def main() -> None:
    name, minutes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    if atheris:
        with atheris.instrument_imports(include=["bot"], enable_loader_override=False):
            from tests.fuzz.targets import CORPUS, TARGETS  # noqa: PLC0415 - what is imported here is watched
        grown, found = WORK / name, WORK / "found"
        for folder in (grown, found):
            folder.mkdir(parents=True, exist_ok=True)
        kept = [str(folder) for folder in (CORPUS / name,) if folder.is_dir()]
        limits = [f"-max_total_time={int(minutes * 60)}", f"-max_len={LONGEST}", "-timeout=120", "-rss_limit_mb=4096"]
        with TARGETS[name]() as target:
            arguments = [name, *limits, "-print_final_stats=1", f"-artifact_prefix={found}/{name}-", str(grown), *kept]
            atheris.Setup(arguments, target)
            atheris.Fuzz()
        return
    _without_atheris(name, minutes)


def _without_atheris(name: str, minutes: float) -> None:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - as above

    end, tried = time.monotonic() + minutes * 60, 0
    with TARGETS[name]() as target:

        @settings(max_examples=1_000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.binary(max_size=LONGEST))
        def some(content: bytes) -> None:
            nonlocal tried
            tried += 1
            target(content)

        while time.monotonic() < end:
            some()
    print(f"{name}: {tried} inputs", file=sys.stderr)  # noqa: T201 - a program that people start


if __name__ == "__main__":
    main()
