"""One event in ArcSight's Common Event Format, version 0, as one line. Pure."""

from datetime import datetime

from bot import __version__
from bot.audit.telling import said
from bot.cleaning import clean, shorten
from bot.events import Ending, Held, Record, Signalled

LONGEST, LONGEST_NAME = 1_023, 255
"""Characters of what happened, and of a name: at most what the format allows, so that the whole line has an end."""


def cef(record: Record) -> str:
    host, account = whom(record)
    told = {
        "rt": str(milliseconds(record.at)),
        "externalId": str(record.seq),
        "suser": clean(record.event.who),
        "dhost": clean(host),
        "duser": clean(account),
        "cn1Label": "request",
        "cn1": str(record.request),
        "cs1Label": "hash",
        "cs1": record.hash,
        "msg": said(record.event),
    }
    told = {name: shorten(value, LONGEST if name == "msg" else LONGEST_NAME) for name, value in told.items() if value}
    shown = " ".join(f"{name}={_value(value)}" for name, value in told.items())
    header = "|".join(map(_field, ("Kickbot", "Kickbot", __version__, record.event.kind, record.event.kind)))
    return f"CEF:0|{header}|3|{shown}"


def whom(record: Record) -> tuple[str, str]:
    """The host and the account that an event is about, if it is about one."""
    match record.event:
        case Ending(step=step) | Signalled(step=step):
            return step.host, step.target.account.name
        case Held(target=target):
            return target.host, target.account.name
        case _:
            return "", ""


def milliseconds(moment: datetime) -> int:
    """Since 1970."""
    return int(moment.timestamp() * 1000)


def _field(text: str) -> str:
    return clean(text).replace("\\", r"\\").replace("|", r"\|").replace("\n", " ")


def _value(text: str) -> str:
    return text.replace("\\", r"\\").replace("=", r"\=").replace("\n", r"\n").replace("\r", r"\r")
