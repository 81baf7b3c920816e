"""The trail in the words of other tools: nothing in it runs there, and each form is what its readers expect."""

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.audit import chain, exporting, lines, reading, sources
from bot.audit.ocsf import Mapper
from bot.audit.sqlite import SqliteTrail
from bot.errors import BrokenTrail
from bot.events import Asked, Closed, Entry, Event, Exported, Held, Released
from bot.models import Hold, Outcome, Release, RequestId, Result
from tests import make
from tests.test_audit_commands import Left, configured
from tests.test_events import EVERY
from tests.test_reading import edit

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "ocsf.json").read_text())
HOSTILE = ['=cmd|"/c calc"!A1', "+1", "-1", "@SUM(1)", "\t=1", "  =1", "|x", "%0", '";=1', "\r\n=1"]


def exported(path: Path, *events: Event) -> Path:
    """A trail of one request with those events, as JSON lines."""
    previous, content = chain.GENESIS, b""
    for seq, event in enumerate(events, 1):
        text, previous = chain.seal(previous, Entry(seq=seq, request=RequestId(1), at=make.START, event=event))
        content += lines.of_event(text.encode(), previous)
    path.write_bytes(content)
    return path


def export(path: Path, form: str) -> bytes:
    with sources.ExportedFile.opened(path) as source:
        return b"".join(exporting.export(source, form))


def cells(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(export(path, "csv").decode(), newline="")))


# ------------------------------------------------------------------------------------------ what people and hosts wrote


@pytest.mark.parametrize("words", HOSTILE)
def test_no_cell_is_a_formula(tmp_path: Path, words: str) -> None:
    """Whatever someone typed, a spreadsheet shows it and computes nothing."""
    hostile = make.asked(who=words, words=words)

    (_, row) = cells(exported(tmp_path / "trail", hostile))

    assert not any(cell.lstrip()[:1] in {"=", "+", "-", "@", "|", "%"} for cell in row)


@pytest.mark.parametrize("words", ["a|b", "a=b", "a\\=b|", "a\nCEF:0|x", "a\r\nb cs1=forged"])
def test_no_field_of_cef_can_be_forged(tmp_path: Path, words: str) -> None:
    """A line is one event, and a name of a field stands only where it is one."""
    content = export(exported(tmp_path / "trail", make.asked(who=words, words=words)), "cef").decode()

    assert len(content.splitlines()) == 1
    fields = content.replace("\\\\", "").replace("\\=", "").split("=")
    assert sum(field.endswith(" cs1") for field in fields) == 1
    assert content.startswith("CEF:0|Kickbot|Kickbot|")
    assert len(content.replace("\\\\", "").replace("\\|", "").split("rt=")[0].split("|")) == 8


def test_what_was_changed_is_not_exported_for_reports(tmp_path: Path) -> None:
    """But as JSON lines, which a verifier judges."""
    path = exported(tmp_path / "trail", make.asked(), Closed(outcomes=()))
    path.write_bytes(path.read_bytes().replace(b"closed", b"Closed"))

    for form in ("csv", "cef", "ocsf"):
        with pytest.raises(BrokenTrail):
            export(path, form)
    assert export(path, "jsonl") == path.read_bytes()


# ------------------------------------------------------------------------------------------ what its readers expect


def test_csv_has_a_row_for_each_event_of_each_kind(tmp_path: Path) -> None:
    """With what it is about, in the same columns."""
    header, *rows = cells(exported(tmp_path / "trail", *EVERY))

    assert tuple(header) == exporting.COLUMNS
    assert [row[3] for row in rows] == [event.kind for event in EVERY]
    assert {len(row) for row in rows} == {len(header)}


PLAN = make.plan()
TARGET = PLAN.targets[0]
ENDED = Outcome(host="host1", session="7", identity=TARGET.identity, result=Result.ENDED)
HELD = Held(key="k", home="C1", of=RequestId(1), id="1-c", target=TARGET, until=make.START)
HOLD = Hold(target=TARGET, id="1-c", until=make.START, there=make.START)
STORY: tuple[Event, ...] = (
    make.asked(),
    make.planned(PLAN),
    make.signalled(HOLD, exit_status=0),
    make.signalled(make.step(TARGET), command="loginctl terminate-session 7", exit_status=0),
    make.signalled(make.step(TARGET), "refused", refusal="gone"),
    make.signalled(make.step(TARGET), "unknown"),
    make.signalled(make.warning(TARGET), "done", exit_status=1),
    Closed(outcomes=(ENDED, ENDED.model_copy(update={"session": "9", "result": Result.SURVIVED}))),
)
OF_A_HOLD: tuple[Event, ...] = (
    HELD,
    make.signalled(Release(target=TARGET, id="1-c"), "done", exit_status=0),
    Released(how="given", by="kickbot"),
)


def mapped(path: Path, *events: Event) -> list[dict[str, Any]]:
    return [json.loads(line) for line in export(exported(path, *events), "ocsf").splitlines()]


def test_ocsf_tells_of_acts_ends_and_holds(tmp_path: Path) -> None:
    """7001 for each act with an answer, 3002 for each session that ended, 3001 for each hold and its end."""
    story, hold = mapped(tmp_path / "a", *STORY), mapped(tmp_path / "b", *OF_A_HOLD)

    assert [e["type_uid"] for e in story] == [700101, 700102, 700102, 700102, 700199, 300202]
    assert [e["status_id"] for e in story] == [1, 1, 3, 0, 2, 1]
    assert [e["type_uid"] for e in hold] == [300105, 700103, 300102]
    assert story[-1]["user"] == {"name": "audituser", "uid": "1001"}
    assert story[-1]["actor"] == {"user": {"uid": make.ASKER}}
    assert story[-1]["session"] == {"uid": "7"}


@pytest.mark.parametrize("events", [STORY, OF_A_HOLD, EVERY])
def test_ocsf_is_what_its_schema_asks_for(tmp_path: Path, events: tuple[Event, ...]) -> None:
    """Every required attribute, none that isn't there, each of its type, each number one that has a meaning."""
    found = mapped(tmp_path / "trail", *events)

    assert found
    for event in found:
        assert list(faults(SCHEMA["classes"][str(event["class_uid"])], event)) == []
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == SCHEMA["classes"][str(event["class_uid"])]["category_uid"]
        assert event["metadata"]["version"] == SCHEMA["version"]


def test_each_ocsf_event_has_a_name_of_its_own(tmp_path: Path) -> None:
    """A collector that gets it twice can tell."""
    names = [e["metadata"]["uid"] for e in mapped(tmp_path / "trail", *STORY)]

    assert len(set(names)) == len(names)


TYPES: dict[str, type | tuple[type, ...]] = {"integer_t": int, "timestamp_t": int, "long_t": int, "boolean_t": bool}


def faults(shape: dict[str, Any], value: dict[str, Any], place: str = "") -> Iterator[str]:
    """What is wrong with it, by the published schema."""
    known = shape["attributes"]
    yield from (f"{place}{name} is missing" for name, a in known.items() if a["requirement"] == "required"
                and name not in value)  # fmt: skip
    if (one_of := shape["constraints"].get("at_least_one")) and not {*one_of} & value.keys():
        yield f"{place}: none of {one_of}"
    for name, content in value.items():
        about = known.get(name)
        if about is None:
            yield f"{place}{name} isn't in the schema"
        elif about["enum"] and content not in about["enum"]:
            yield f"{place}{name} has no value {content}"
        elif about["type"] in SCHEMA["objects"]:
            yield from faults(SCHEMA["objects"][about["type"]], content, f"{place}{name}.")
        elif name != "unmapped" and not isinstance(content, TYPES.get(about["type"], str)):
            yield f"{place}{name} is a {type(content).__name__}"


def test_the_schema_can_say_no() -> None:
    """What checks the others finds what is wrong."""
    shape = SCHEMA["classes"]["3002"]
    wrong = {"activity_id": 55, "hello": 1, "user": {}, "metadata": {"version": 1, "product": {"name": "x"}}}

    found = list(faults(shape, wrong))

    for fault in (
        "time is missing",
        "activity_id has no value 55",
        "hello isn't",
        "user.: none of",
        "is a int",
    ):
        assert any(fault in one for one in found), fault


# ------------------------------------------------------------------------------------------ how it is taken out


def test_what_is_forgotten_of_a_request_that_ended() -> None:
    """Memory is for the requests that are open at the time."""
    mapper = Mapper()
    for seq, event in enumerate(STORY, 1):
        list(mapper.events(make.record(event, seq=seq, request=1)))

    assert (mapper._asker, mapper._targets, mapper._held) == ({}, {}, {})


def test_memory_does_not_grow_with_the_trail(tmp_path: Path) -> None:
    """Ten times the events, the same memory."""

    def peak(events: int) -> int:
        story: list[Event] = [make.asked(words="x" * 1000), Closed(outcomes=())] * events
        path = exported(tmp_path / str(events), *story)
        tracemalloc.start()
        for form in exporting.FORMS:
            with sources.ExportedFile.opened(path) as source:
                for _ in exporting.export(source, form):
                    pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(1000) < 2 * peak(100) + 100_000


@pytest.fixture
def left(tmp_path: Path) -> Left:
    left = configured(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path, known_hosts=tmp_path)

    async def record() -> None:
        async with SqliteTrail.open(left.database) as trail:
            first = await trail.append(None, make.asked(key="1"))
            await trail.append(first.request, Closed(outcomes=()))

    asyncio.run(record())
    return left


def newest(left: Left) -> Event:
    with reading.opened(left.database) as source:
        *_, (content, _) = source.events()
    return Entry.model_validate_json(content).event


def test_an_export_is_recorded_before_it_is_given_out(left: Left) -> None:
    """Who took it, from which machine, and up to where; what was given out verifies."""
    done = left.audit("export", "--format", "jsonl", "--out", str(left.folder / "export"))

    event = newest(left)
    assert done.exit_code == 0, done.stderr
    assert isinstance(event, Exported)
    assert (event.what, event.up_to, event.requests) == ("jsonl", 2, ())
    assert " on " in event.by
    assert left.audit("verify", "--from-file", str(left.folder / "export")).exit_code == 0
    assert (left.folder / "export").stat().st_mode & 0o777 == 0o600
    assert "took out the trail, up to event 2, as jsonl" in left.audit("show", "3").stdout
    assert "File exists" in left.audit("export", "--format", "csv", "--out", str(left.folder / "export")).stderr


def test_an_export_that_can_not_be_recorded_is_not_given_out(left: Left) -> None:
    """Unless it is said, for a copy."""
    edit(left.database, "CREATE TABLE strange (x)")
    assert left.audit("export", "--format", "csv").exit_code == 2
    edit(left.database, "DROP TABLE strange")

    assert left.audit("export", "--format", "csv", "--unrecorded").exit_code == 0
    assert isinstance(newest(left), Closed)


async def test_beside_a_running_bot_the_bot_records_it(left: Left) -> None:
    """The one that writes the file finds it there."""
    async with SqliteTrail.open(left.database) as trail, asyncio.timeout(60):
        done = await asyncio.to_thread(left.audit, "export", "--format", "cef")
        assert done.exit_code == 0, done.stderr
        async for record in trail.follow(2):
            assert isinstance(record.event, Exported)
            assert record.seq == record.request == 3
            break
        assert await trail.open_requests() == ()


def test_what_someone_else_left_there_is_thrown_away(left: Left) -> None:
    """Only that one kind of event can be left for the bot."""
    text = Asked.model_validate(make.asked(key="9")).model_dump_json().replace("'", "")
    edit(left.database, f"INSERT INTO to_record (event) VALUES ('{text}')")

    async def open_it() -> int:
        async with SqliteTrail.open(left.database) as trail:
            await trail.database.run(trail._take_in)
            return len(await trail.read(RequestId(3)))

    assert asyncio.run(open_it()) == 0
