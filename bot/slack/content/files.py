"""The files in a request's thread: what is too long for a message, whole and masked. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from bot.events import Record
from bot.models import Value
from bot.slack.content import aftermath, evidence, warning, what_was_run
from bot.slack.content.blocks import Message
from bot.slack.content.proof import answers, fit_in_a_message
from bot.slack.content.story import Story


class File(Value):
    """Text for a file in the thread. name: tells the request, the event and the part."""

    name: str
    title: str
    content: str


# What a message has in full, by the name of its part: what the file is about, and its text.
_WHOLE: Mapping[str, tuple[str, Callable[[Story], Iterable[str]]]] = {
    "before": ("sessions", evidence.before_whole),
    "warning": ("who was told", warning.whole),
    "run": ("what was run", what_was_run.whole),
    "after": ("outcomes", aftermath.whole),
}


def files(story: Story, record: Record, part: str, message: Message) -> Iterator[File]:
    """What this message does not show: the hosts' own answers, and all that was folded or cut."""
    if message.cut and part in _WHOLE:
        about, text = _WHOLE[part]
        yield _file(story, record, part, about, "\n".join(text(story)))
    if part in {"before", "after"}:
        looks = story.before if part == "before" else story.newest
        for look in [] if fit_in_a_message(looks) else answers(looks):
            yield _file(story, record, part, look.host, look.raw)


def report(record: Record, page: str) -> File:
    """The whole request as a page."""
    name = f"kickbot-{record.request}-{record.seq}-report.html"
    return File(name=name, title=f"Report of request {record.request}", content=page)


def _file(story: Story, record: Record, part: str, about: str, content: str) -> File:
    name = f"kickbot-{story.request.id}-{record.seq}-{part}-{about.replace(' ', '-')}.txt"
    return File(name=name, title=f"{part.capitalize()}: {about}", content=content)
