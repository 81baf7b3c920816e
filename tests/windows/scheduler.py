"""Windows' own task scheduler, as far as holds need it: it runs what its tasks say, once they are due."""

import re
import signal
from base64 import b64decode
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.windows.asked import words_of
from tests.windows.standin import Program, Scene

NAMES = {"": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
SYSTEM = "S-1-5-18"
READS = re.compile(
    r"\$kickbot = \[IO\.File\]::ReadAllText\('(?P<file>[^']+)'\); & \(\[ScriptBlock\]::Create\(\$kickbot\)\)"
)


class Task:
    """One task, as its description has it. due: when it runs first."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        tree = ET.fromstring(path.read_bytes())
        self.due = datetime.fromisoformat(self._of(tree, "Triggers/TimeTrigger/StartBoundary"))
        self.repeats = self._of(tree, "Triggers/TimeTrigger/Repetition/Interval")
        self.after_a_boot = tree.find("Triggers/BootTrigger", NAMES) is not None
        self.when_missed = self._of(tree, "Settings/StartWhenAvailable") == "true"
        assert self._of(tree, "Principals/Principal/UserId") == SYSTEM
        assert self._of(tree, "Actions/Exec/Command").endswith("powershell.exe")
        *options, command = self._of(tree, "Actions/Exec/Arguments").split(" ")
        assert options == ["-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand"]
        reads = READS.fullmatch(b64decode(command, validate=True).decode("utf-16-le"))
        assert reads is not None
        self.program = Path(reads["file"])

    @staticmethod
    def _of(tree: ET.Element, path: str) -> str:
        return tree.findtext(path, "", NAMES)


def tasks(scene: Scene) -> list[Task]:
    return [Task(path) for path in sorted(scene.tasks.glob("Kickbot*"))]


def run_tasks(program: Program, scene: Scene, *, stop_at: int = 0) -> None:
    """Each of them once, due or not: the program itself looks whether it is time. stop_at: as for Program.answer."""
    for task in tasks(scene):
        program.answer(scene.path, words_of(task.program.read_text()), die_at=stop_at, by=signal.SIGSTOP)
