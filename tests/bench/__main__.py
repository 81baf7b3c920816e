"""`make bench`: Kickbot beside the programs that people use today, in one run, on this machine."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import picture
from tests.bench.clients import clients
from tests.bench.fanout import rounds
from tests.bench.fleet import fleet
from tests.bench.results import Results
from tests.bench.slash import pairs


def main() -> None:
    options = _options()
    if options.apart:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    else:  # a network of its own: nobody else reaches the hosts
        apart = ("unshare", "--net", sys.executable, "-m", "tests.bench", "--apart", *sys.argv[1:])
        os.execvp(apart[0], apart)
    with tempfile.TemporaryDirectory(prefix="kickbot-bench-") as folder:
        results = _measured(options, Path(folder))
    options.to.with_suffix(".json").write_text(results.model_dump_json(indent=1) + "\n")
    options.to.with_suffix(".svg").write_text(picture.drawn(results))
    print("\n".join(results.lines()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=Path, required=True, help="the folder with the programs of peers.lock")
    parser.add_argument("--growth", type=int, nargs="*", default=[10, 100, 1000], help="so many hosts, Kickbot alone")
    parser.add_argument("--commands", type=int, default=15, help="of `/sessions host1`, at most 19")
    parser.add_argument("--to", type=Path, default=Path("tests/bench/results"), help="the results, .json and .svg")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measured(options: argparse.Namespace, folder: Path) -> Results:
    programs = clients(options.peers)
    missing = [f"{each.name}: {each.remedy}" for each in programs if not each.program]
    with fleet(folder / "fleet", max(options.hosts, *options.growth), recorded=True) as hosts:
        found = rounds(programs, hosts, options.hosts, options.rounds, folder)
        growth = {many: rounds(programs[:1], hosts, many, 1, folder)[0] for many in options.growth}
    with fleet(folder / "host", 1, recorded=False) as host:
        (folder / "bot").mkdir()
        one = asyncio.run(pairs(host, min(options.commands, 19), folder / "bot"))
    return Results(hosts=options.hosts, missing=missing, rounds=found, growth=growth, one=one)


main()
