"""Block Kit as a table: each block and view that Slack takes in messages, modals and Home, with its limits.

From https://docs.slack.dev/reference/block-kit. Declares only; `limits` turns what pydantic finds into Slack's words.
Not here, and so refused as unsupported: video, file, call, alert, card, carousel, plan, task_card, context_actions.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from bot.sandbox.block_elements import (
    AnyText,
    Button,
    ChannelsSelect,
    Checkboxes,
    ConversationsSelect,
    DatePicker,
    DateTimePicker,
    EmailInput,
    ExternalSelect,
    Id,
    ImageElement,
    Mrkdwn,
    MultiExternalSelect,
    MultiStaticSelect,
    MultiUsersSelect,
    NumberInput,
    Overflow,
    Plain24,
    Plain150,
    Plain2000,
    PlainText,
    PlainTextInput,
    RadioButtons,
    Shape,
    StaticSelect,
    TimePicker,
    Url,
    UrlInput,
    UsersSelect,
    longest,
)

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
