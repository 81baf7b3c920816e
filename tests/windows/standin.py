"""The C# of the Windows driver, compiled and run for real with Mono, on DLLs that stand in for Windows' own."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from bot.hosts.drivers.windows import SOURCES

HERE = Path(__file__).parent
DRIVERS = HERE.parents[1] / "bot" / "hosts" / "drivers"
DLLS = ("wtsapi32", "secur32", "ntdll", "kernel32", "advapi32", "shell32")
MAIN = """
public static class Program
{
    public static int Main(string[] words) { System.Console.Out.Write(Kickbot.Script.Answer(words)); return 0; }
}
"""


class Program:
    """Built once, in that folder, as Windows PowerShell 5.1 would: C# 5, every warning an error."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "kickbot.exe"
        source = folder / "kickbot.cs"
        source.write_text("\n".join((DRIVERS / name).read_text() for name in SOURCES) + MAIN)
        library = folder / "libwindows.so"
        run("mcs", "-langversion:5", "-warn:4", "-warnaserror", "-nowarn:649", f"-out:{self.path}", str(source))
        run("cc", "-shared", "-fPIC", "-o", str(library), str(HERE / "windows.c"))
        maps = "".join(f'<dllmap dll="{name}.dll" target="{library}"/>' for name in DLLS)
        self.path.with_suffix(".exe.config").write_text(f"<configuration>{maps}</configuration>")

    def answer(self, scene: Path, words: Sequence[str]) -> bytes:
        done = subprocess.run(
            ["mono", str(self.path), *words],
            env={**os.environ, "KICKBOT_WINDOWS": str(scene)},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.stderr == b""
        return done.stdout


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Scene:
    """What Windows would tell, and what was done to it."""

    def __init__(self, path: Path, rows: Sequence[Sequence[object]]) -> None:
        self.path = path
        path.write_text("".join("\t".join(map(_escaped, row)) + "\n" for row in rows))

    @property
    def done(self) -> list[str]:
        path = Path(f"{self.path}.done")
        return path.read_text().splitlines() if path.exists() else []


def _escaped(value: object) -> str:
    """As windows.c reads it: UTF-16 in ASCII."""
    units = str(value).encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 and code != 92 else f"\\u{code:04x}" for code in codes)
