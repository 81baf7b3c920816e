"""START HERE: every way in that somebody hostile has, each as a function of bytes that fails where it must not.

What such a function demands is always: no crash, no yes. Each is opened with what it needs, and takes any bytes.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tests.fuzz import answers, configuration, quoting, signed, slack, words

Target = Callable[[bytes], None]

Opens = Callable[[], AbstractContextManager[Target]]


def _needs_nothing(target: Target) -> Opens:
    return lambda: nullcontext(target)


TARGETS: dict[str, Opens] = {
    "words": _needs_nothing(words.command_text),
    "slack": slack.opened,
    "configuration": configuration.opened,
    "looks": _needs_nothing(answers.looks),
    "acts": _needs_nothing(answers.acts),
    "limits": _needs_nothing(answers.set_limits),
    "signed": _needs_nothing(signed.signed_http),
    "quoting": _needs_nothing(quoting.quoting),
}

CORPUS = Path(__file__).parent / "corpus"


def corpus(name: str) -> list[bytes]:
    """What was found once, and what leads far; `make test` plays all of it."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]
