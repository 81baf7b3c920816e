"""Messages of syslog (RFC 5424) and the frames in which they travel over a stream (RFC 5425, RFC 6587). Pure."""

from datetime import datetime

from bot.cleaning import clean, shorten
from bot.models import timestamp

_AUDIT_NOTICE = 13 * 8 + 5
"""Facility 13 (log audit), severity 5 (notice)."""
_LONGEST_NAME = 255
_ID = "kickbot@32473"
"""32473 is the number for examples (RFC 5612): Kickbot has none of its own."""


def message(
    content: bytes, *, at: datetime, host: str, process: int, kind: str, data: dict[str, str] | None = None
) -> bytes:
    """kind: the MSGID. data: what stands in fields of its own; what is empty is left out."""
    host = "".join(c for c in host if "!" <= c <= "~")[:_LONGEST_NAME] or "-"
    return f"<{_AUDIT_NOTICE}>1 {timestamp(at)} {host} kickbot {process} {kind} {_data(data)} ".encode() + content


def frame(message: bytes) -> bytes:
    """Octet counting: nothing in a message can end it."""
    return b"%d %s" % (len(message), message)


def _data(data: dict[str, str] | None) -> str:
    fields = "".join(f' {name}="{_value(value)}"' for name, value in (data or {}).items() if value)
    return f"[{_ID}{fields}]" if fields else "-"


def _value(text: str) -> str:
    text = shorten(clean(text), _LONGEST_NAME)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
