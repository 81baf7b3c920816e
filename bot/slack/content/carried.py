"""What a form carries along unseen, in its private_metadata. Pure."""

from typing import Any, Self

from pydantic import ValidationError

from bot.errors import CommandError
from bot.models import Value

NOT_OURS = "This form isn't one that Kickbot knows. Nothing was done."


class Carried(Value):
    """channel: where it was asked for. url: where the person can be answered, for a while."""

    channel: str
    url: str = ""

    @classmethod
    def of(cls, view: dict[str, Any]) -> Self:
        """Raises CommandError for what nobody of Kickbot wrote."""
        try:
            return cls.model_validate_json(view.get("private_metadata") or "")
        except ValidationError as error:
            raise CommandError(NOT_OURS) from error
