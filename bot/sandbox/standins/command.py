"""The one way into the stand-ins that are written in Python: `NAME ARGUMENTS…`."""

import importlib
import sys

NAMES = frozenset({"loginctl", "ps", "kill", "getent", "ls", "keeper"})


def main() -> None:
    """Run the stand-in named by the first argument and exit as it says."""
    _, name, *words = sys.argv
    if name not in NAMES:
        sys.exit(127)
    sys.exit(importlib.import_module(f"bot.sandbox.standins.{name}").main(words))
