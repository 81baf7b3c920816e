"""Runs one program and measures it with all its children: OUTPUT PROGRAM ARGUMENT…; prints the figures as JSON.

A process of its own, and a small one: until a child has its own program, its memory counts as what its parent had.
"""

import json
import os
import subprocess
import sys
import time


def main(output: str, *argv: str) -> None:
    """status, cpu and wall in seconds, memory in bytes: the largest that one process had."""
    began = time.monotonic()
    with open(output, "wb") as file:  # noqa: PTH123 - nothing is imported that isn't needed
        process = subprocess.Popen(argv, stdout=file, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    figures = {
        "status": os.waitstatus_to_exitcode(status),
        "cpu": used.ru_utime + used.ru_stime,
        "wall": time.monotonic() - began,
        "memory": used.ru_maxrss * 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
