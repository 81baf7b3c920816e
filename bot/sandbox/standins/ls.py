"""ls of one sandbox host: its terminals belong to who is logged in there, which can't be real without root."""

import os
import sys
from pathlib import Path

from bot.sandbox.standins.scene import Scene


def main(words: list[str]) -> int:
    """Understands `ls -lnL /dev/pts/N`; the exit status is 2 for anything else."""
    if words[:1] != ["-lnL"] or len(words) != 2 or not words[1].startswith("/dev/pts/"):  # noqa: PLR2004 - one path
        sys.stderr.write("ls: a sandbox host only knows: ls -lnL /dev/pts/N\n")
        return 2
    device = Path(words[1]).stat().st_rdev
    sessions = Scene.here().sessions()
    owner = next((s.account.uid for s in sessions for p in s.processes if p.fields[4] == str(device).encode()), None)
    if owner is None:
        return 2
    sys.stdout.write(f"crw--w---- 1 {owner} 5 {os.major(device)}, {os.minor(device)} Nov 20 13:31 {words[1]}\n")
    return 0
