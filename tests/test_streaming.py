"""Every event to a collector, in order and at least once; nothing that anyone wrote breaks a frame or a field."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit import signing, streaming
from bot.audit.places import opening
from bot.audit.places.opening import Access
from bot.audit.sqlite import SqliteTrail
from bot.audit.streaming import WORDINGS, Stream
from bot.audit.syslog import frame
from bot.borders import Store
from bot.events import Entry, Event, Record
from bot.models import RequestId
from bot.sandbox.server import SandboxSlack
from tests import make
from tests.scene import until
from tests.test_events import EVERY
from tests.test_notary import CLOSED, one_request, path, trail, until_remembered  # noqa: F401 - fixtures
from tests.test_places import Heard
from tests.whole import bot_at_work, configure

LONGEST = 8192
"""Bytes that every collector should take (RFC 5425)."""

HEADER = re.compile(
    r"<109>1 (?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (?P<host>[!-~]{1,255}) kickbot (?P<process>\d+) event "
)
FIELDS = {"event", "request", "kind", "who", "host", "account", "hash"}
FIELD = re.compile(r' (\w+)="((?:[^"\\\]]|\\["\\\]])*)"')

HOSTILE = ["\n<0>1 - - - - - -", "\0", "|", "=", "]", '"] ', "\\", "\\]", "a\\", "\u2028", "\N{SNOWMAN}", "msg=x cs1=y"]
WORDS = st.lists(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=9)).map("".join)


def recorded(event: Event, seq: int = 7) -> Record:
    entry = Entry(seq=seq, request=RequestId(1), at=make.START, event=event)
    return Record(entry=entry, hash="a" * 64)


def fields(message: bytes) -> tuple[dict[str, str], str]:
    """A message of RFC 5424, read as strictly as it is written: its own fields, and what it says."""
    text = message.decode()
    header = HEADER.match(text)
    assert header, text
    rest = text[header.end() :]
    assert rest.startswith("[kickbot@32473")
    found, at = {}, len("[kickbot@32473")
    while pair := FIELD.match(rest, at):
        found[pair[1]] = re.sub(r'\\(["\\\]])', r"\1", pair[2])
        at = pair.end()
    assert rest[at : at + 2] == "] "
    return found, rest[at + 2 :]


def cef_fields(message: bytes) -> tuple[list[str], dict[str, str]]:
    """A message of CEF: its header, and its fields; a name counts where an unescaped `=` follows it."""
    text = message.decode()
    header = HEADER.match(text)
    assert header
    assert text[header.end() :].startswith("- CEF:0|")
    parts = re.split(r"(?<!\\)(?:\\\\)*\|", text[header.end() + 2 :], maxsplit=7)
    pairs = re.split(r"(?:^| )(\w+)(?<!\\)=", parts[7])[1:]
    return parts[:7], dict(zip(pairs[::2], pairs[1::2], strict=True))


# ------------------------------------------------------------------------------------------ what is sent


@given(WORDS, WORDS)
def test_no_words_break_a_frame_or_a_field(who: str, words: str) -> None:
    """Whatever people and hosts wrote stays where it belongs, on one line, and is bounded."""
    event = make.asked(who=who, words=words)
    for form, wording in WORDINGS.items():
        message = wording(recorded(event))
        assert len(message) <= LONGEST
        assert len(message.decode().splitlines()) == 1
        assert b"\0" not in message
        assert frame(message) == str(len(message)).encode() + b" " + message
        if form == "syslog":
            found, _ = fields(message)
            assert {"event", "request", "kind", "hash"} <= found.keys() <= FIELDS
            assert (found["event"], found["hash"]) == ("7", "a" * 64)
        else:
            header, told = cef_fields(message)
            assert [*header[:3], header[4]] == ["CEF:0", "Kickbot", "Kickbot", "asked"]
            assert (told["externalId"], told["cs1"]) == ("7", "a" * 64)


@pytest.mark.parametrize("form", sorted(WORDINGS))
def test_every_kind_of_event_is_told_in_words(form: str) -> None:
    """With what it is about; and none of them brings evidence with it."""
    for event in EVERY:
        text = WORDINGS[form](recorded(event)).decode()
        assert event.kind in text
        assert not any(each.content.decode() in text for each in event.attachments if each.content)


@pytest.mark.parametrize("words", ["x", "\N{GRINNING FACE}", "\\", "\n", "\u2028"])
def test_a_message_has_an_end(words: str) -> None:
    """However long the words are that someone typed."""
    for wording in WORDINGS.values():
        message = wording(recorded(make.asked(who=words * 100_000, words=words * 100_000)))
        assert 1000 < len(message) <= LONGEST


# ------------------------------------------------------------------------------------------ how it is sent


class Told(Heard):
    """A collector that keeps the numbers of the events that it heard."""

    def numbers(self) -> list[int]:
        return [int(fields(message)[0]["event"]) for message in self.messages()]


def named(port: int) -> str:
    return f"syslog+tcp://127.0.0.1:{port}"


def remembered_as(port: int) -> str:
    return f"stream {named(port)}"


@asynccontextmanager
async def streamed(
    trail: Store,  # noqa: F811
    port: int,
    *,
    beginning: bool = True,
) -> AsyncIterator[None]:
    name = named(port)
    stream = Stream(trail, name, opening.collector(name, Access()), beginning=beginning)
    task = asyncio.create_task(stream.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_every_event_arrives_in_order_over_restarts(trail: SqliteTrail) -> None:  # noqa: F811
    """From the beginning of the trail on; what was recorded while nobody streamed too; nothing comes twice."""
    await one_request(trail, "1")
    async with Told.listening() as heard:
        async with streamed(trail, heard.port):
            await until(lambda: heard.numbers() == [1, 2])
            await one_request(trail, "2")
            await until(lambda: heard.numbers() == [1, 2, 3, 4])
            await until_remembered(trail, 4, remembered_as(heard.port))
        await one_request(trail, "3")
        async with streamed(trail, heard.port):
            await until(lambda: heard.numbers() == [1, 2, 3, 4, 5, 6])


async def test_a_collector_may_hear_only_what_comes_from_now_on(trail: SqliteTrail) -> None:  # noqa: F811
    """Now is when it was first named, also if nothing was recorded for it before the next start."""
    await one_request(trail, "1")
    async with Told.listening() as heard:
        async with streamed(trail, heard.port, beginning=False):
            await until_remembered(trail, 2, remembered_as(heard.port))
        await one_request(trail, "2")
        async with streamed(trail, heard.port, beginning=False):
            await until(lambda: heard.numbers() == [3, 4])


async def test_now_is_now_on_an_empty_trail_too(trail: SqliteTrail) -> None:  # noqa: F811
    """The first events of a trail are not older than its collector."""
    async with Told.listening() as heard:
        async with streamed(trail, heard.port, beginning=False):
            await until_remembered(trail, 0, remembered_as(heard.port))
        await one_request(trail, "1")
        async with streamed(trail, heard.port, beginning=False):
            await until(lambda: heard.numbers() == [1, 2])


async def test_what_a_collector_cut_off_comes_again_and_nothing_before_it_is_skipped(
    trail: SqliteTrail,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At least once: what was not read to the end counts as not told."""
    monkeypatch.setattr(streaming, "AT_ONCE", 3)
    for number in range(4):
        await one_request(trail, str(number))

    refused = list[bool]()

    class Moody(Told):
        async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            refused.append(len(refused) == 1)
            if refused[-1]:
                writer.transport.abort()
            else:
                await super().take(reader, writer)

    async with Moody.listening() as heard, streamed(trail, heard.port):
        await until(lambda: heard.numbers()[-1:] == [8])
    assert heard.numbers() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert refused.count(True) == 1


async def test_two_collectors_do_not_wait_for_each_other(trail: SqliteTrail) -> None:  # noqa: F811
    """One that is away gets everything when it is there."""
    await one_request(trail, "1")
    async with Told.listening() as heard:
        away = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        port = away.sockets[0].getsockname()[1]
        away.close()
        await away.wait_closed()
        async with streamed(trail, port), streamed(trail, heard.port):
            await until(lambda: heard.numbers() == [1, 2])
            late = Told()
            server = await asyncio.start_server(late.take, "127.0.0.1", port)
            async with server:
                await until(lambda: late.numbers() == [1, 2])


async def test_what_another_replica_told_meanwhile_is_not_told_again(
    trail: SqliteTrail,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whose turn it is again goes on from where the other one was."""
    await trail.append(None, make.asked(key="1"))
    memory = trail.checkpoints()
    turns = list[int]()

    async def turn() -> None:
        turns.append(1)
        if len(turns) == 2:  # between what was read and what is sent
            await memory.advance(remembered_as(heard.port), 1)

    async with Told.listening() as heard:
        monkeypatch.setattr("bot.audit.sealed.SqliteCheckpoints.turn", lambda _: turn())
        async with streamed(trail, heard.port):
            await until(lambda: len(turns) >= 2)
            await trail.append(RequestId(1), CLOSED)
            await until(lambda: heard.numbers() == [2])


async def test_the_bot_tells_elsewhere_as_kickbot_toml_says(
    sandbox: SandboxSlack,
    tmp_path: Path,
) -> None:
    """The whole bot, with a collector for events and one for checkpoints, from its first start on."""
    (tmp_path / "known_hosts").touch()
    signing.make(tmp_path / "key")
    config = configure(
        tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path / "key", known_hosts=tmp_path / "known_hosts"
    )
    signing.make(tmp_path / "checkpoints")
    async with SqliteTrail.open(tmp_path / "kickbot.db") as empty:
        await one_request(empty, "1")
    async with Told.listening() as events, Heard.listening() as heads:
        to = f'stream = "syslog+tcp://127.0.0.1:{events.port}"\npush = "syslog+tcp://127.0.0.1:{heads.port}"'
        config.write_text(f'{config.read_text()}\n[audit]\nkey = "checkpoints"\n{to}\n')
        async with bot_at_work(sandbox, config):
            await until(lambda: events.numbers()[:2] == [1, 2])
            await until(lambda: len(heads.messages()) > 0)
