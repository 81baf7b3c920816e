"""The audit trail in real Datasette: each page opens, answers its question, and writes nothing."""

import asyncio
import json
import os
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.audit import reading
from bot.audit.sqlite import SqliteTrail
from bot.borders import Checkpoint, Stamped
from bot.events import Closed
from bot.models import Outcome, Result
from tests import make
from tests.tiers import DATASETTE

METADATA = DATASETTE.parents[2] / "datasette.yml"
ADDRESS = re.compile(r"running on (http://127\.0\.0\.1:\d+)")
QUERIES = yaml.safe_load(METADATA.read_text())["databases"]["kickbot"]["queries"]
HOSTILE = "<script>alert(1)</script>"

Row = dict[str, Any]


async def recorded(trail: SqliteTrail) -> None:
    """One request: asked, approved, one act that failed, and a session that survived it."""
    first = await trail.append(None, make.asked(words=f"audituser host1 because {HOSTILE}"))
    target = make.plan().targets[0]
    survived = Outcome(host="host1", session="7", identity=target.identity, result=Result.SURVIVED, detail="busy")
    story = (
        make.observed("before", make.snapshot(raw="who")),
        make.planned(),
        make.approved(),
        make.ending(),
        make.signalled(exit_status=3, command="loginctl terminate-session 7"),
        Closed(outcomes=(survived,)),
    )
    for event in story:
        await trail.append(first.request, event)


@contextmanager
def datasette(*words: str | Path, home: Path) -> Iterator[str]:
    """Its address. Its own process, without the network's proxies."""
    command = [DATASETTE, *words, "--metadata", METADATA, "--host", "127.0.0.1", "--port", "0"]
    environment = {**os.environ, "HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stderr
            lines = list[str]()
            for line in process.stderr:
                lines.append(line)
                if found := ADDRESS.search(line):
                    break
            else:
                pytest.fail("".join(lines))
            yield found[1]
        finally:
            process.terminate()


def page(address: str, path: str) -> str:
    with urllib.request.urlopen(f"{address}{path}", timeout=30) as answer:
        assert answer.status == 200
        text: str = answer.read().decode()
        return text


def rows(address: str, query: str, **parameters: str) -> list[Row]:
    words = urllib.parse.urlencode({**parameters, "_shape": "array"})
    found: list[Row] = json.loads(page(address, f"/kickbot/{query}.json?{words}"))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trail")

    async def make_it() -> None:
        async with SqliteTrail.open(folder / "kickbot.db") as trail:
            await recorded(trail)
            await trail.checkpoints().put(Checkpoint(seq=7, text="signed text", signature="b"))
            await trail.checkpoints().keep(Stamped(seq=7, place="tsp+https://tsa.example.com/", answer=b"c"))

    asyncio.run(make_it())
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Of an immutable copy."""
    with datasette("--immutable", folder / "kickbot.db", home=folder) as address:
        yield address


@pytest.fixture
async def trail(tmp_path: Path) -> AsyncIterator[SqliteTrail]:
    """One that a bot writes."""
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        await recorded(trail)
        yield trail


# ------------------------------------------------------------------------------------------ nothing is written


async def test_beside_a_bot_it_reads_and_never_writes(trail: SqliteTrail, tmp_path: Path) -> None:
    """What is recorded meanwhile shows at once; what would change anything is refused; the trail fits afterwards."""
    path = tmp_path / "kickbot.db"
    with datasette(path, home=tmp_path) as address:
        assert len(await asyncio.to_thread(rows, address, "story", request="1")) == 7
        new = await trail.append(None, make.asked(key="2", who="U0DAVE"))
        (shown,) = await asyncio.to_thread(rows, address, "by_person", who="U0DAVE")
        assert shown["event"] == new.seq == 8

        for statement in (
            "DELETE FROM events",
            "WITH a AS (SELECT 1) DELETE FROM events",
            "PRAGMA journal_mode=delete",
        ):
            words = urllib.parse.urlencode({"sql": statement})
            with pytest.raises(urllib.error.HTTPError) as refused:
                await asyncio.to_thread(page, address, f"/kickbot?{words}")
            refused.value.close()
            assert refused.value.code in {400, 403}
        await trail.append(new.request, Closed(outcomes=()))
    assert reading.verify(path).events == 9


def test_a_copy_stays_byte_for_byte_as_it_is(address: str, folder: Path) -> None:
    """And nothing is left beside it."""
    before, beside = (folder / "kickbot.db").read_bytes(), sorted(folder.iterdir())
    for query in QUERIES:
        page(address, f"/kickbot/{query}?request=1&who=U0ALICE&host=host1")

    assert (folder / "kickbot.db").read_bytes() == before
    assert sorted(folder.iterdir()) == beside


# ------------------------------------------------------------------------------------------ each page


def test_the_first_pages_lead_to_the_questions(address: str) -> None:
    """Each has a title there, and what only Kickbot itself needs is out of sight."""
    assert "Kickbot&#39;s audit trail" in page(address, "/")
    found = page(address, "/kickbot")
    assert all(f'href="/kickbot/{name}"' in found for name in QUERIES)
    assert '<h3><a href="/kickbot/to_record">' not in found


def test_events_have_facets_and_computed_columns(address: str) -> None:
    """By kind and by person; the newest first."""
    text = page(address, "/kickbot/events")
    found = json.loads(page(address, "/kickbot/events.json?_shape=objects"))

    assert {*found["facet_results"]} == {"kind", "who"}
    assert found["rows"][0]["seq"] == 7
    assert found["rows"][0]["kind"] == "closed"
    assert HOSTILE not in text


@pytest.mark.parametrize("query", sorted(QUERIES))
def test_every_question_has_a_page(address: str, query: str) -> None:
    """With its title, and what people wrote is only text there."""
    text = page(address, f"/kickbot/{query}?request=1&who=U0ALICE&host=host1")

    assert QUERIES[query]["title"].split(",")[0] in text
    assert 'class="rows-and-columns"' in text
    assert HOSTILE not in text


def test_one_request_is_a_story(address: str) -> None:
    """Every event in its order, with what was run and what became of it."""
    story = rows(address, "story", request="1")

    kinds = ["asked", "observed", "planned", "approved", "ending", "signalled", "closed"]
    assert [row["kind"] for row in story] == kinds
    assert story[0]["words"] == f"audituser host1 because {HOSTILE}"
    assert (story[5]["command"], story[5]["exit_status"]) == ("loginctl terminate-session 7", 3)
    assert story[6]["outcomes"] == "host1 7: survived"
    assert rows(address, "story", request="1 OR 1=1") == story
    assert rows(address, "story", request="9") == []


def test_by_person_and_by_host(address: str) -> None:
    """What someone asked or decided; what was done on a host."""
    assert [row["kind"] for row in rows(address, "by_person", who=make.APPROVER)] == ["approved"]
    assert {row["kind"] for row in rows(address, "by_host", host="host1")} >= {"asked", "ending", "signalled"}
    assert rows(address, "by_host", host="host") == []


def test_who_approved_whom(address: str) -> None:
    """Pairs that always approve each other stand out."""
    (pair,) = rows(address, "who_approved_whom")

    assert (pair["asker"], pair["approver"], pair["times"]) == ("U0ALICE", make.APPROVER, 1)


def test_failed_acts(address: str) -> None:
    """The act with its exit status, and what outlived it."""
    found = [(row["event"], row["why"]) for row in rows(address, "failed_acts")]

    assert found == [(7, "survived busy"), (6, "exit status 3")]


def test_signed(address: str) -> None:
    """Each checkpoint, and whose time stamp it has."""
    (found,) = rows(address, "signed")

    assert (found["event"], found["text"]) == (7, "signed text")
    assert found["stamped_by"] == "tsp+https://tsa.example.com/"
