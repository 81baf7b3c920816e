"""One event in ArcSight's Common Event Format, version 0, as one line. Pure."""

from datetime import datetime

from bot import __version__
from bot.audit.telling import said
from bot.cleaning import clean, shorten
from bot.events import Ending, Held, Record, Signalled

LONGEST = 1_023
"""Characters of a value: what the format allows to most of its fields."""


def cef(record: Record) -> str:
    host, account = whom(record)
    told = {
        "rt": str(milliseconds(record.at)),
        "externalId": str(record.seq),
        "suser": record.event.who,
        "dhost": host,
        "duser": account,
        "cn1Label": "request",
        "cn1": str(record.request),
        "cs1Label": "hash",
        "cs1": record.hash,
        "msg": said(record.event),
    }
    shown = " ".join(f"{name}={_value(value)}" for name, value in told.items() if value)
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
    text = shorten(clean(text), LONGEST)
    return text.replace("\\", r"\\").replace("=", r"\=").replace("\n", r"\n").replace("\r", r"\r")
