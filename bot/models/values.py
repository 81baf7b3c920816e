"""What every noun is made of: frozen values, and the times in them.

Units: times are UTC; durations are seconds; a host's uptime is centiseconds since its boot, as in /proc/uptime;
kernel ticks are opaque strings.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, NewType, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

RequestId = NewType("RequestId", int)

HostUptime = NewType("HostUptime", int)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: `2026-11-20T13:31:05.000000Z`. The only form in which a time is stored."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Moment = Annotated[AwareDatetime, PlainSerializer(timestamp, return_type=str)]


class Value(BaseModel):
    """A frozen value with exactly the fields that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other fields, which works out anew what was only worked out once."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(copied).model_fields.keys():
            del copied.__dict__[name]
        return copied
