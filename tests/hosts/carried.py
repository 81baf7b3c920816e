"""This Python, its libraries and this checkout, as folders to show to a booted host: Kickbot as the README has it.

A host has no Python. It gets the one that runs the tests, with the shared libraries that it needs.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PYTHON, KICKBOT = "/opt/python", "/opt/kickbot"
ENVIRONMENT = f"LD_LIBRARY_PATH={PYTHON}/lib PYTHONPATH={KICKBOT} PYTHONDONTWRITEBYTECODE=1"

# The host has its own, and a program may have only one.
OF_THE_SYSTEM = re.compile(r"(ld-linux.*|lib(c|m|dl|rt|pthread|util|resolv|nsl|anl)\.so.*)")

COMMAND = f"""#!{KICKBOT}/.venv/bin/python3
from bot.cli.main import main
main()
"""


def carry(folder: Path) -> dict[str, Path]:
    """What to bind, by its place on the host; what has to be made first is made in that folder."""
    library = Path(sysconfig.get_path("stdlib"))
    return {
        PYTHON: _python(folder / "python", library),
        f"{PYTHON}/lib/{library.name}": library,
        KICKBOT: _installed(folder / "kickbot", library.name),
        f"{KICKBOT}/bot": CHECKOUT / "bot",
        f"{KICKBOT}/.venv/lib/{library.name}/site-packages": Path(sysconfig.get_path("purelib")),
    }


def _python(folder: Path, library: Path) -> Path:
    program = Path(sys.executable).resolve()
    (folder / "lib" / library.name).mkdir(parents=True)
    (folder / "bin").mkdir()
    shutil.copy(program, folder / "bin" / "python3")
    for needed in _needed([program, *library.glob("lib-dynload/*.so")]):
        shutil.copy(needed, folder / "lib" / needed.name)
    return folder


def _needed(programs: Iterable[Path]) -> set[Path]:
    """The shared libraries that they name, but the system's own."""
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    found = {Path(path) for path in re.findall(r"=> (/\S+)", said)}
    return {path for path in found if not OF_THE_SYSTEM.fullmatch(path.name)}


def _installed(folder: Path, version: str) -> Path:
    """As `make install` leaves it."""
    environment = folder / ".venv"
    (environment / "lib" / version / "site-packages").mkdir(parents=True)
    (environment / "bin").mkdir()
    (folder / "bot").mkdir()
    (environment / "pyvenv.cfg").write_text(f"home = {PYTHON}/bin\ninclude-system-site-packages = false\n")
    (environment / "bin" / "python3").symlink_to(f"{PYTHON}/bin/python3")
    command = environment / "bin" / "kickbot"
    command.write_text(COMMAND)
    command.chmod(0o755)
    return folder
