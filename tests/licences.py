"""Under which licences the packages of run.lock are: `make lint` fails where one says something else than licences.txt.

python -m tests.licences           compares
python -m tests.licences --write   writes the list anew, for whoever has looked at the difference
"""

import re
import sys
from importlib.metadata import distribution
from pathlib import Path

LOCK = Path(__file__).parent.parent / "run.lock"
LIST = Path(__file__).with_suffix(".txt")
SHORT = 80
"""Some packages put the whole text of their licence where its name belongs."""


def locked(lock: Path) -> dict[str, str]:
    """Package -> its version, as a lock pins it."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def licence(package: str) -> str:
    """As the installed package itself says."""
    about = distribution(package).metadata
    said = next((about[name] for name in ("License-Expression", "License") if name in about), "")
    if said and len(said) <= SHORT:
        return said
    classifiers = [line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    return ", ".join(classifiers)


def main() -> str | None:
    """What to do where the list is not true; None where it is."""
    told = "".join(f"{package}: {licence(package)}\n" for package in locked(LOCK))
    if "--write" in sys.argv:
        LIST.write_text(told)
    if told == LIST.read_text():
        return None
    changed = sorted(set(told.splitlines()) ^ set(LIST.read_text().splitlines()))
    return "\n".join(["other licences than in tests/licences.txt (look, then `--write`):", *changed])


if __name__ == "__main__":
    sys.exit(main())
