"""The C# of the Windows driver, compiled and run for real with Mono, on DLLs that stand in for Windows' own."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bot.hosts.drivers.windows import SOURCES, script

HERE = Path(__file__).parent
DRIVERS = HERE.parents[1] / "bot" / "hosts" / "drivers"
DLLS = ("wtsapi32", "secur32", "ntdll", "kernel32", "advapi32", "shell32", "netapi32")
MAIN = """
public static class Program
{
    public static int Main(string[] words)
    {
        string script = System.IO.File.ReadAllText(System.Environment.GetEnvironmentVariable("KICKBOT_SCRIPT"));
        System.Console.Out.Write(Kickbot.Script.Answer(words, script));
        return 0;
    }
}
"""
TASKS = "Tasks"
SCHTASKS = f"""\
#!/bin/sh
# schtasks of Windows, as far as a hold needs it. It knows its words in one order only.
tasks=${{0%/*}}/../{TASKS}
mkdir -p "$tasks"
echo 'ERFOLG: etwas in der Sprache dieses Rechners'
case "$1 $2 $4" in
    '/Create /TN /XML')
        [ "$(head -c 2 "$5" | od -An -tx1)" = ' ff fe' ] && [ "$6" = /F ] && [ ! -e "$tasks/refuses" ] &&
            cp "$5" "$tasks/$3" ;;
    '/Query /TN ') [ -e "$tasks/$3" ] ;;
    '/Delete /TN /F') rm "$tasks/$3" 2>/dev/null ;;
    *) exit 87 ;;
esac
"""


class Program:
    """Built once, in that folder, as Windows PowerShell 5.1 would: C# 5, every warning an error.

    without: a function that this Windows doesn't have.
    """

    def __init__(self, folder: Path, *, without: str = "") -> None:
        self.path = folder / "kickbot.exe"
        source = folder / "kickbot.cs"
        source.write_text("\n".join((DRIVERS / name).read_text() for name in SOURCES) + MAIN)
        library = folder / "libwindows.so"
        run("mcs", "-langversion:5", "-warn:4", "-warnaserror", "-nowarn:649", f"-out:{self.path}", str(source))
        missing = [f"-D{without}=missing"] if without else []
        run("cc", "-shared", "-fPIC", *missing, "-o", str(library), str(HERE / "windows.c"))
        self.library = library
        maps = "".join(f'<dllmap dll="{name}.dll" target="{library}"/>' for name in DLLS)
        self.path.with_suffix(".exe.config").write_text(f"<configuration>{maps}</configuration>")

    def answer(self, scene: Path, words: Sequence[str], *, die_at: int = 0, by: int = signal.SIGKILL) -> bytes:
        """What it printed. die_at: it gets a signal at that one of the moments at which something changes; 0: none."""
        text = Path(f"{scene}.script.{words[0]}")
        text.write_text(script(words))
        about = {"KICKBOT_WINDOWS": str(scene), "KICKBOT_SCRIPT": str(text)}
        if die_at:
            about |= {"LD_PRELOAD": str(self.library), "KICKBOT_DIE_AT": str(die_at), "KICKBOT_SIGNAL": str(int(by))}
        done = subprocess.run(
            ["mono", str(self.path), *words],
            env={**os.environ, **about},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == b""
        assert done.returncode == 0 or (die_at and done.returncode == -signal.SIGKILL)
        return done.stdout


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Scene:
    """What Windows would tell, and what was done to it."""

    def __init__(self, path: Path, rows: Sequence[Sequence[object]]) -> None:
        self.path = path
        path.write_text("".join("\t".join(map(_escaped, row)) + "\n" for row in rows))
        self.windows = Path(f"{path}.windows")
        self.tasks = self.windows / TASKS
        system32 = self.windows / "System32"
        if not system32.exists():
            system32.mkdir(parents=True)
            (system32 / "schtasks.exe").write_text(SCHTASKS)
            (system32 / "schtasks.exe").chmod(0o755)

    @property
    def done(self) -> list[str]:
        return [line for line in self.noted if not line.startswith(("signalled ", "waits"))]

    @property
    def noted(self) -> list[str]:
        """That, and what became of the script itself."""
        path = Path(f"{self.path}.done")
        return path.read_text().splitlines() if path.exists() else []


def _escaped(value: object) -> str:
    """As windows.c reads it: UTF-16 in ASCII."""
    units = str(value).encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 and code != 92 else f"\\u{code:04x}" for code in codes)
