"""ps -e for one sandbox host: its own processes and no other of this machine. Needs no procps."""

import sys

from bot.sandbox.standins.scene import Scene, Shown

IGNORED = frozenset({"-e", "-A", "-w", "-ww"})
COLUMNS = frozenset({"pid=", "ppid=", "comm=", "args="})


def main(words: list[str]) -> int:
    """Understands `ps -e [-ww] -o pid= -o args=`; the exit status is 1 for anything else."""
    wanted: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "-o":
            wanted += next(rest, "").split(",")
        elif word not in IGNORED:
            wanted.append(word)
    if not wanted or not COLUMNS.issuperset(wanted):
        sys.stderr.write("ps: a sandbox host only knows: ps -e [-ww] -o pid= -o ppid= -o comm= -o args=\n")
        return 1
    for one in Scene.here().publish():
        sys.stdout.buffer.write(b" ".join(cell(one, column) for column in wanted) + b"\n")
    return 0


def cell(one: Shown, column: str) -> bytes:
    match column:
        case "pid=":
            return b"%7d" % one.process.pid
        case "ppid=":
            return b"%7d" % one.parent
        case "comm=":
            return one.name
    return one.title
