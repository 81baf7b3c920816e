"""kill for one sandbox host. Never signals anything but the processes of its sessions, whatever it is told."""

import os
import signal
import sys

from bot.sandbox.standins.kernel import send
from bot.sandbox.standins.loginctl import signal_number
from bot.sandbox.standins.scene import ROOT, Scene


def main(words: list[str]) -> int:
    """`kill [-s NAME | -NAME | -NUMBER] [--] PID…`; the exit status is 1 if one of them is no process of this host."""
    number = int(signal.SIGTERM)
    match words:
        case ["-s", name, *rest]:
            number, words = signal_number(name), rest
        case [first, *rest] if first.startswith("-") and first != "--":
            number, words = signal_number(first[1:]), rest
    known = {str(one.pid): one for session in Scene.here().sessions() for one in session.processes}
    status = 0
    for word in words[words[:1] == ["--"] :]:
        if word not in known or os.environ.get(ROOT) != "1":
            sys.stderr.write(f"kill: ({word}): {'Operation not permitted' if word in known else 'No such process'}\n")
            status = 1
        else:
            send(known[word], number)
    return status
