"""The same look at many hosts by each program in turn, round for round."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.bench.clients import Client, Run
from tests.bench.fleet import Fleet

END = b"== end "

Figures = dict[str, float]
"""cpu and wall: seconds. memory: bytes of the largest process."""


def rounds(clients: Sequence[Client], hosts: Fleet, many: int, times: int, folder: Path) -> list[dict[str, Figures]]:
    """For each round the figures of each program, by its name. Kickbot stands there as `_kickbots` has it."""
    return [_round([client for client in clients if client.program], hosts, many, folder) for _ in range(times)]


def _round(clients: Sequence[Client], hosts: Fleet, many: int, folder: Path) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    for client in clients:
        figures, said = measured(client.run(hosts, many, folder), folder / "said")
        found |= _told(client.name, figures, said)
    return found


def _told(name: str, figures: Figures, said: bytes) -> dict[str, Figures]:
    """What runs in Kickbot's own environment measures itself, without the start of Python."""
    match name:
        case "Kickbot":
            return _kickbots(figures, json.loads(said))
        case "asyncssh alone":
            return {name: figures | json.loads(said)}
        case _:
            return {name: figures}


def _kickbots(process: Figures, looks: dict[str, Figures]) -> dict[str, Figures]:
    """The bot runs anyway when it is asked, so its start counts only in `started for it`."""
    start, cold, warm = (looks[part] for part in ("start", "cold", "warm"))
    both = {"cpu": start["cpu"] + cold["cpu"], "wall": start["wall"] + cold["wall"]}
    return {
        "Kickbot cold": cold | {"memory": process["memory"]},
        "Kickbot warm": warm,
        "Kickbot, started for it": both,
    }


def measured(run: Run, output: Path) -> tuple[Figures, bytes]:
    """Its figures, and what it said. Raises RuntimeError for one that did not do its work."""
    measure = (sys.executable, "-S", str(Path(__file__).with_name("measure.py")), str(output), *run.argv)
    environment = os.environ | run.environment
    done = subprocess.run(measure, input=run.stdin, env=environment, capture_output=True, check=True)
    figures: Figures = json.loads(done.stdout)
    said = output.read_bytes()
    if figures.pop("status") or said.count(END) < run.said:
        raise RuntimeError(f"{run.argv[:2]} did not do its work: {said[-2000:].decode(errors='replace')}")
    return figures, said
