"""Quoting into the shell: what arrives as arguments on a host is byte for byte what was meant."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence

from tests.fuzz.tape import Tape
from tests.fuzz.words import SAID

SHELLS = [
    *([shell] for shell in ("/bin/sh", "dash", "bash") if shutil.which(shell)),
    *([["busybox", "sh"]] if shutil.which("busybox") else []),
]
SCRIPT = b'main() {\nprintf "%s\\0" "$@"\n}\nmain "$@"\n'
"""In the form of Kickbot's own scripts."""
MOST_WORDS = 60


def words_of(tape: Tape) -> list[str]:
    """Hostile words. Without NUL, which no argument can hold, and without what UTF-8 can't: a driver sends none."""
    said = [tape.text(40) if tape.yes() else tape.one(SAID) for _ in range(1 + tape.below(MOST_WORDS))]
    return [word.replace("\0", "").encode("utf-8", "replace").decode() for word in said]


def command_for(words: Sequence[str]) -> str:
    """The one line that SSH carries, as `bot.hosts.ssh` makes it of a driver's call."""
    return shlex.join(("sh", "-s", "--", *words))


def arrived(output: bytes) -> list[str]:
    return output.decode().split("\0")[:-1]


def quoting(content: bytes) -> None:
    """Through the login shell of an account, whichever it is, and the shell that it starts."""
    tape = Tape(content)
    shell, words = tape.one(SHELLS), words_of(tape)
    done = subprocess.run(
        [*shell, "-c", command_for(words)], input=SCRIPT, capture_output=True, env=os.environ, check=True
    )
    assert arrived(done.stdout) == words
