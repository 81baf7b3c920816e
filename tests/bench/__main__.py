"""`make bench`: Kickbot beside the programs that people use today, in one run, on this machine."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.bench import growth_picture, picture
from tests.bench.clients import clients
from tests.bench.fanout import rounds
from tests.bench.fleet import fleet
from tests.bench.idle import idle
from tests.bench.results import Results
from tests.bench.slash import pairs
from tests.bench.trail import rates

FEWER = 3
"""Rounds at most of what grows: its largest one takes as long as all others."""


def main() -> None:
    options = _options()
    if options.apart:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    else:  # a network of its own: nobody else reaches the hosts
        apart = ("unshare", "--net", sys.executable, "-m", "tests.bench", "--apart", *sys.argv[1:])
        os.execvp(apart[0], apart)
    kept = options.to.with_suffix(".json")
    results = Results.model_validate_json(kept.read_text()) if kept.exists() else Results()
    with tempfile.TemporaryDirectory(prefix="kickbot-bench-") as folder:
        for part in options.only:
            (inside := Path(folder) / part).mkdir()
            results = results.model_copy(update=PARTS[part](options, inside))
    kept.write_text(results.model_dump_json(indent=1) + "\n")
    if results.rounds:
        options.to.with_suffix(".svg").write_text(picture.drawn(results))
    if len(results.growth) > 1:
        options.to.with_name(f"{options.to.name}-growth.svg").write_text(growth_picture.drawn(results))
    print("\n".join(results.lines()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS, help="of the others the last figures stay")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=Path, required=True, help="the folder with the programs of peers.lock")
    parser.add_argument("--hosts", type=int, default=200, help="fanout: so many")
    parser.add_argument("--growth", type=int, nargs="*", default=[10, 100, 1000], help="growth: Kickbot with so many")
    parser.add_argument("--commands", type=int, default=15, help="slash: of `/sessions host1`, at most 19")
    parser.add_argument("--events", type=int, default=1_000_000, help="trail: so many, for verify and export")
    parser.add_argument("--waiting", type=int, default=1000, help="idle: so many requests")
    parser.add_argument("--to", type=Path, default=Path("tests/bench/results"), help="the results: .json and pictures")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _fanout(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    programs = clients(options.peers)
    missing = [f"{each.name}: {each.remedy}" for each in programs if not each.program]
    with fleet(folder / "fleet", options.hosts, recorded=True) as hosts:
        found = rounds(programs, hosts, options.hosts, options.rounds, folder)
    return {"hosts": options.hosts, "missing": missing, "rounds": found}


def _growth(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    kickbot, times = clients(options.peers)[:1], min(options.rounds, FEWER)
    with fleet(folder / "fleet", max(options.growth, default=1), recorded=True) as hosts:
        return {"growth": {many: rounds(kickbot, hosts, many, times, folder) for many in options.growth}}


def _slash(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with fleet(folder / "host", 1, recorded=False) as host:
        return {"one": asyncio.run(pairs(host, min(options.commands, 19), folder))}


def _trail(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    return {"events": options.events, "trail": rates(options.events, min(options.rounds, FEWER), folder)}


def _idle(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    found = asyncio.run(idle(options.waiting, min(options.rounds, FEWER), folder))
    return {"waiting": options.waiting, "idle": found}


PARTS = {"fanout": _fanout, "growth": _growth, "slash": _slash, "trail": _trail, "idle": _idle}

if __name__ == "__main__":
    main()
