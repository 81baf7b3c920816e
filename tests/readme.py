"""The README's blocks, for the tests that hold it to what it says."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    """The README's blocks of that language, in their order."""
    shape = rf"^```{language}\n(.*?)^```$"
    return re.findall(shape, README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def block(language: str) -> str:
    """Its only one."""
    (found,) = blocks(language)
    return found
