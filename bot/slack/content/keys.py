"""With which SSH key or certificate a login came: short in a table, whole below it. Pure."""

from collections.abc import Sequence

from bot.cleaning import shorten
from bot.counting import count
from bot.models import Session
from bot.slack.content.lines import Line, code, joined, line
from bot.slack.content.naming import MANY, capital, sessions

DIGITS = 12
CERTIFICATE = 40
LONGEST = 200


def short(session: Session) -> str:
    """`key 3fQ8aZkLmNop…`, `certificate alice@example.com`; empty if nobody told."""
    if not session.key and not session.certificate:
        return ""
    digits = session.key.removeprefix("SHA256:")
    named = f"key {digits[:DIGITS]}{'…' * (len(digits) > DIGITS)}"
    if session.certificate:
        named = f"certificate {shorten(session.certificate, CERTIFICATE)}"
    return f"{named} (by its environment)" if session.key_source == "environment" else named


def whole(listed: Sequence[tuple[str, Session]]) -> list[Line]:
    """Each key and certificate in full, to be copied, with its sessions. listed: sessions with their host's name."""
    hosts = {host for host, _ in listed}
    found: dict[tuple[str, str, str], list[str]] = {}
    for host, session in listed:
        if session.key or session.certificate:
            name = f"{session.id} on {host}" if len(hosts) > 1 else session.id
            found.setdefault((session.key, session.certificate, session.key_source), []).append(name)
    lines = [_line(*named, ids) for named, ids in found.items()]
    if (more := len(lines) - MANY) > 0:
        return [*lines[:MANY], line(f"{count(more, 'more key')} did not fit here: name a user to see fewer.")]
    return lines


def _line(key: str, certificate: str, source: str, ids: list[str]) -> Line:
    parts = [line("key ", code(shorten(key, LONGEST)))] if key else []
    parts += [line("certificate ", code(shorten(certificate, LONGEST)))] if certificate else []
    told = " (by the session's own environment, which its user can write)" if source == "environment" else ""
    return line(f"{capital(sessions(ids))}: ", joined(parts, ", "), told)
