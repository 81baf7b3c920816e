"""Block Kit as a table: each block, element and object that Slack takes in messages, modals and Home, with its limits.

From https://docs.slack.dev/reference/block-kit. Declares only; `limits` turns what pydantic finds into Slack's words.
Not here, and so refused as unsupported: video, file, call, alert, card, carousel, plan, task_card, context_actions.
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


# -- rich text ---------------------------------------------------------------------------------


class Style(Shape):
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    underline: bool = False
    highlight: bool = False
    client_highlight: bool = False
    unlink: bool = False


class Styled(Shape):
    style: Style | None = None


class RichWords(Styled):
    type: Literal["text"]
    text: str = Field(min_length=1)


class RichLink(Styled):
    type: Literal["link"]
    url: Url
    text: str = ""
    unsafe: bool = False


class RichEmoji(Styled):
    type: Literal["emoji"]
    name: str = Field(min_length=1)
    unicode: str = ""
    skin_tone: int = 1


class RichUser(Styled):
    type: Literal["user"]
    user_id: str = Field(min_length=1)


class RichGroup(Styled):
    type: Literal["usergroup"]
    usergroup_id: str = Field(min_length=1)


class RichChannel(Styled):
    type: Literal["channel"]
    channel_id: str = Field(min_length=1)


class RichBroadcast(Styled):
    type: Literal["broadcast"]
    range: Literal["here", "channel", "everyone"]


class RichDate(Styled):
    type: Literal["date"]
    timestamp: int
    format: str = Field(min_length=1)
    url: str = ""
    fallback: str = ""


class RichColor(Styled):
    type: Literal["color"]
    value: str = Field(min_length=1)


RichInline = Annotated[
    RichWords | RichLink | RichEmoji | RichUser | RichGroup | RichChannel | RichBroadcast | RichDate | RichColor,
    Field(discriminator="type"),
]


class RichSection(Shape):
    type: Literal["rich_text_section"]
    elements: list[RichInline]


class RichPreformatted(Shape):
    type: Literal["rich_text_preformatted"]
    elements: list[Annotated[RichWords | RichLink, Field(discriminator="type")]]
    border: int = Field(0, ge=0, le=1)
    language: str = ""


class RichQuote(Shape):
    type: Literal["rich_text_quote"]
    elements: list[RichInline]
    border: int = Field(0, ge=0, le=1)


class RichList(Shape):
    type: Literal["rich_text_list"]
    style: Literal["bullet", "ordered"]
    elements: list[RichSection]
    indent: int = Field(0, ge=0, le=8)
    offset: int = Field(0, ge=0)
    border: int = Field(0, ge=0, le=1)


RichPart = Annotated[RichSection | RichPreformatted | RichQuote | RichList, Field(discriminator="type")]

# -- blocks ------------------------------------------------------------------------------------

Picker = UsersSelect | ConversationsSelect | ChannelsSelect | DatePicker | TimePicker
Choice = StaticSelect | ExternalSelect | Checkboxes | RadioButtons
MultiChoice = MultiStaticSelect | MultiExternalSelect | MultiUsersSelect
Typing = PlainTextInput | EmailInput | UrlInput | NumberInput
Accessory = Annotated[Button | Overflow | Choice | MultiChoice | Picker | ImageElement, Field(discriminator="type")]
Action = Annotated[Button | Overflow | Choice | Picker | DateTimePicker, Field(discriminator="type")]
Input = Annotated[Typing | Choice | MultiChoice | Picker | DateTimePicker, Field(discriminator="type")]
Aside = Annotated[PlainText | Mrkdwn | ImageElement, Field(discriminator="type")]


class Block(Shape):
    block_id: Id = "-"


class Section(Block):
    type: Literal["section"]
    text: AnyText | None = None
    fields: list[Annotated[AnyText, longest(2000)]] = Field([], min_length=1, max_length=10)
    accessory: Accessory | None = None
    expand: bool = False

    @model_validator(mode="after")
    def says_something(self) -> "Section":
        if not self.text and not self.fields:
            raise PydanticCustomError("missing_text", "missing required field: text or fields")
        return self


class Header(Block):
    type: Literal["header"]
    text: Plain150


class Divider(Block):
    type: Literal["divider"]


class Image(Block, ImageElement):
    type: Literal["image"]
    title: Plain2000 | None = None


class Context(Block):
    type: Literal["context"]
    elements: list[Aside] = Field(min_length=1, max_length=10)


class Actions(Block):
    type: Literal["actions"]
    elements: list[Action] = Field(min_length=1, max_length=25)


class InputBlock(Block):
    type: Literal["input"]
    label: Plain2000
    element: Input
    hint: Plain2000 | None = None
    optional: bool = False
    dispatch_action: bool = False


class Markdown(Block):
    type: Literal["markdown"]
    text: str = Field(min_length=1, max_length=12000)


class RichText(Block):
    type: Literal["rich_text"]
    elements: list[RichPart]


class RawText(Shape):
    type: Literal["raw_text"]
    text: str = Field(min_length=1)


class Column(Shape):
    align: Literal["left", "center", "right"] = "left"
    is_wrapped: bool = False


Cell = Annotated[RawText | RichText, Field(discriminator="type")]
Row = Annotated[list[Cell], Field(min_length=1, max_length=20)]


class Table(Block):
    type: Literal["table"]
    rows: list[Row] = Field(min_length=1, max_length=100)
    column_settings: list[Column | None] = Field([], max_length=20)


InBoth = Section | Header | Divider | Image | Context | Actions | InputBlock | RichText
InMessage = Annotated[InBoth | Markdown | Table, Field(discriminator="type")]
InView = Annotated[InBoth, Field(discriminator="type")]

# -- views -------------------------------------------------------------------------------------


class View(Shape):
    private_metadata: str = Field("", max_length=3000)
    callback_id: str = Field("", max_length=255)
    external_id: str = Field("", max_length=255)


class Modal(View):
    type: Literal["modal"]
    title: Plain24
    blocks: list[InView] = Field(max_length=100)
    submit: Plain24 | None = None
    close: Plain24 | None = None
    clear_on_close: bool = False
    notify_on_close: bool = False
    submit_disabled: bool = False

    @model_validator(mode="after")
    def can_be_sent(self) -> "Modal":
        if not self.submit and any(isinstance(block, InputBlock) for block in self.blocks):
            raise PydanticCustomError("missing_submit", "missing required field: submit")
        return self


class Home(View):
    type: Literal["home"]
    blocks: list[InView] = Field(max_length=100)


AnyView = Annotated[Modal | Home, Field(discriminator="type")]
