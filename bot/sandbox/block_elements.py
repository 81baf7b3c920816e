"""Block Kit's texts, small objects and interactive elements, with their limits: half of the table in `block_kit`.

From https://docs.slack.dev/reference/block-kit/block-elements. Declares only; a default value is never sent on.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Object = TypeVar("Object", bound="TextObject")


class Shape(BaseModel):
    """Unknown fields are refused, and types are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def longest(limit: int) -> Any:
    """Bounds the text inside a text object, and reports it at that text."""

    def check(value: Object) -> Object:
        if len(value.text) > limit:
            raise PydanticCustomError("text_too_long", "must be less than {bound} characters", {"bound": limit + 1})
        return value

    return AfterValidator(check)


def one_of(value: Shape, *names: str) -> None:
    if sum(name in value.model_fields_set for name in names) != 1:
        raise PydanticCustomError("one_of", "must provide exactly one of: {names}", {"names": ", ".join(names)})


# -- texts and small objects -------------------------------------------------------------------


class TextObject(Shape):
    text: str = Field(min_length=1, max_length=3000)


class PlainText(TextObject):
    type: Literal["plain_text"]
    emoji: bool = True


class Mrkdwn(TextObject):
    type: Literal["mrkdwn"]
    verbatim: bool = False


AnyText = Annotated[PlainText | Mrkdwn, Field(discriminator="type")]
Plain24 = Annotated[PlainText, longest(24)]
Plain75 = Annotated[PlainText, longest(75)]
Plain150 = Annotated[PlainText, longest(150)]
Plain2000 = Annotated[PlainText, longest(2000)]
Id = Annotated[str, Field(min_length=1, max_length=255)]
Url = Annotated[str, Field(min_length=1, max_length=3000)]
Lines = Annotated[int, Field(ge=0, le=3000)]


class Confirm(Shape):
    title: Annotated[PlainText, longest(100)]
    text: Annotated[AnyText, longest(300)]
    confirm: Annotated[PlainText, longest(30)]
    deny: Annotated[PlainText, longest(30)]
    style: Literal["primary", "danger"] = "primary"


class Option(Shape):
    text: Annotated[AnyText, longest(75)]
    value: str = Field(min_length=1, max_length=150)
    description: Annotated[AnyText, longest(75)] | None = None


class PlainOption(Option):
    text: Plain75


class OverflowOption(PlainOption):
    url: Url = "https://example.com"


class OptionGroup(Shape):
    label: Plain75
    options: list[PlainOption] = Field(min_length=1, max_length=100)


class SuggestedOption(PlainOption):
    value: str = Field(min_length=1, max_length=75)


class SuggestedGroup(OptionGroup):
    options: list[SuggestedOption] = Field(min_length=1, max_length=100)  # type: ignore[assignment]


class Suggestions(Shape):
    """What an app acknowledges a block_suggestion with."""

    options: list[SuggestedOption] = Field([], max_length=100)
    option_groups: list[SuggestedGroup] = Field([], max_length=100)

    @model_validator(mode="after")
    def one_source(self) -> "Suggestions":
        one_of(self, "options", "option_groups")
        return self


class SlackFile(Shape):
    id: str = ""
    url: str = ""


class DispatchActions(Shape):
    trigger_actions_on: list[Literal["on_enter_pressed", "on_character_entered"]] = Field(min_length=1, max_length=2)


# -- elements ----------------------------------------------------------------------------------


class Interactive(Shape):
    action_id: Id = "-"


class Button(Interactive):
    type: Literal["button"]
    text: Plain75
    url: Url = "https://example.com"
    value: str = Field("", max_length=2000)
    style: Literal["primary", "danger"] = "primary"
    confirm: Confirm | None = None
    accessibility_label: str = Field("", max_length=75)


class Menu(Interactive):
    placeholder: Plain150 | None = None
    confirm: Confirm | None = None
    focus_on_load: bool = False


class WithOptions(Menu):
    options: list[PlainOption] = Field([], min_length=1, max_length=100)
    option_groups: list[OptionGroup] = Field([], min_length=1, max_length=100)

    @model_validator(mode="after")
    def one_source(self) -> "WithOptions":
        one_of(self, "options", "option_groups")
        return self


class Several(Menu):
    max_selected_items: int = Field(1, ge=1)


class StaticSelect(WithOptions):
    type: Literal["static_select"]
    initial_option: PlainOption | None = None


class MultiStaticSelect(WithOptions, Several):
    type: Literal["multi_static_select"]
    initial_options: list[PlainOption] = Field([], min_length=1, max_length=100)


class ExternalSelect(Menu):
    type: Literal["external_select"]
    min_query_length: int = 3
    initial_option: PlainOption | None = None


class MultiExternalSelect(Several):
    type: Literal["multi_external_select"]
    min_query_length: int = 3
    initial_options: list[PlainOption] = Field([], min_length=1, max_length=100)


class UsersSelect(Menu):
    type: Literal["users_select"]
    initial_user: str = ""


class MultiUsersSelect(Several):
    type: Literal["multi_users_select"]
    initial_users: list[str] = []


class ConversationsSelect(Menu):
    type: Literal["conversations_select"]
    initial_conversation: str = ""
    default_to_current_conversation: bool = False
    response_url_enabled: bool = False
    filter: dict[str, Any] = {}


class ChannelsSelect(Menu):
    type: Literal["channels_select"]
    initial_channel: str = ""
    response_url_enabled: bool = False


class Overflow(Interactive):
    type: Literal["overflow"]
    options: list[OverflowOption] = Field(min_length=1, max_length=5)
    confirm: Confirm | None = None


class Checkboxes(Interactive):
    type: Literal["checkboxes"]
    options: list[Option] = Field(min_length=1, max_length=10)
    initial_options: list[Option] = Field([], min_length=1, max_length=10)
    confirm: Confirm | None = None
    focus_on_load: bool = False


class RadioButtons(Interactive):
    type: Literal["radio_buttons"]
    options: list[Option] = Field(min_length=1, max_length=10)
    initial_option: Option | None = None
    confirm: Confirm | None = None
    focus_on_load: bool = False


class DatePicker(Menu):
    type: Literal["datepicker"]
    initial_date: str = Field("2000-01-01", pattern=r"^\d{4}-\d\d-\d\d$")


class TimePicker(Menu):
    type: Literal["timepicker"]
    initial_time: str = Field("00:00", pattern=r"^\d\d:\d\d$")
    timezone: str = ""


class DateTimePicker(Interactive):
    type: Literal["datetimepicker"]
    initial_date_time: int = 0
    confirm: Confirm | None = None
    focus_on_load: bool = False


class Typed(Interactive):
    placeholder: Plain150 | None = None
    initial_value: str = Field("", max_length=3000)
    dispatch_action_config: DispatchActions | None = None
    focus_on_load: bool = False


class PlainTextInput(Typed):
    type: Literal["plain_text_input"]
    multiline: bool = False
    min_length: Lines = 0
    max_length: Annotated[int, Field(ge=1, le=3000)] = 3000


class EmailInput(Typed):
    type: Literal["email_text_input"]


class UrlInput(Typed):
    type: Literal["url_text_input"]


class NumberInput(Typed):
    type: Literal["number_input"]
    is_decimal_allowed: bool
    min_value: str = "0"
    max_value: str = "0"


class ImageElement(Shape):
    type: Literal["image"]
    alt_text: str = Field(max_length=2000)
    image_url: Url = "https://example.com"
    slack_file: SlackFile | None = None

    @model_validator(mode="after")
    def one_source(self) -> "ImageElement":
        one_of(self, "image_url", "slack_file")
        return self
