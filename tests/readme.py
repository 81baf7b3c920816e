"""The README's blocks, for the tests that hold it to what it says."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def block(language: str) -> str:
    """The one block of that language."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)
