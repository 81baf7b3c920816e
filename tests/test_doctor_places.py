"""`kickbot check` where the trail is told outside of Slack: it tries whether a place could be told, and tells none."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot import settings
from bot.audit import signing
from bot.audit.notary import Notary
from bot.audit.signing import Signer
from bot.audit.sqlite import SqliteTrail
from bot.doctor import of_places
from bot.findings import Finding
from tests import make
from tests.authorities import Authority, https_server
from tests.test_places import Heard, authority  # noqa: F401 - a fixture
from tests.whole import configure


class Audited:
    """A kickbot.toml with an [audit] section, beside a trail with one checkpoint."""

    def __init__(self, folder: Path, behind: Authority) -> None:
        self.folder = folder
        self.authority = behind

    async def found(self, **lines: object) -> list[Finding]:
        """What `kickbot check` says with these lines in that section."""
        named = {"key": "checkpoints", "tls_authorities": str(self.authority.certificates), **lines}
        text = "".join(f"{name} = {value!r}\n" for name, value in named.items() if value)
        config = configure(self.folder, [("host1", "127.0.0.1", 22)], key=self.folder, known_hosts=self.folder)
        config.write_text(f"{config.read_text()}\n[audit]\n{text}")
        return [one async for one in of_places.examine(settings.load(config))]

    async def wrong(self, **lines: object) -> list[tuple[str, str]]:
        """What about, and the words, of what is wrong; each with what to do."""
        found = [one for one in await self.found(**lines) if one.level == "wrong"]
        assert all(one.todo for one in found)
        return [(one.about, one.said) for one in found]


@pytest.fixture
async def audited(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Audited:  # noqa: F811
    for name in ("AWS_ACCESS_KEY_ID", "AUDIT_PUSH_AUTHORIZATION"):
        monkeypatch.delenv(name, raising=False)
    signing.make(tmp_path / "checkpoints")
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        await trail.append(None, make.asked())
        await Notary(trail, Signer(tmp_path / "checkpoints"), 3600).make()
    return Audited(tmp_path, authority)


# ------------------------------------------------------------------------------------------ nothing is told


async def test_nothing_is_told_anywhere(audited: Audited) -> None:
    """No object, no request for a stamp, no message and no line: each place says that it waits for a checkpoint."""
    asked = list[str]()

    async def take(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.Response()

    async with https_server(audited.authority, take) as address, Heard.listening(audited.authority.server()) as heard:
        names = [
            f"{address}/a",
            f"tsp+{address}/",
            f"syslog+tls://localhost:{heard.port}",
            f"file:{audited.folder}/told",
        ]
        found = await audited.found(push=names, stamp_authorities=str(audited.authority.certificates))
    _, *of_places_ = found
    assert [(one.about, one.level) for one in of_places_] == [(name, "note") for name in names]
    assert {one.said for one in of_places_} == {
        "could be told, but has heard up to event 0; the newest checkpoint is 1"
    }
    assert asked == []
    assert b"".join(heard.calls) == b""
    assert not (audited.folder / "a").exists()


async def test_what_is_told_is_right(audited: Audited) -> None:
    """Checkpoints by their own places, events by their own collectors."""
    async with Heard.listening(audited.authority.server()) as heard:
        name = f"syslog+tls://localhost:{heard.port}"
        async with SqliteTrail.open(audited.folder / "kickbot.db") as trail:
            memory = trail.checkpoints()
            await memory.turn()
            await memory.advance(name, 1)
        one, other = await audited.found(push=name, stream=f"cef+tls://localhost:{heard.port}")
    assert (one.level, one.said) == ("ok", "could be told, and waits for no checkpoint")
    assert (other.level, other.said) == ("note", "could be told, but has heard up to event 0; the newest event is 1")


async def test_where_none_is_named_nothing_is_said(audited: Audited) -> None:
    """Not everybody has such a place."""
    assert await audited.found() == []


# ------------------------------------------------------------------------------------------ what is wrong


async def test_nobody_is_there(audited: Audited) -> None:
    """Each by itself: one that is down hides no other."""
    names = ["https://127.0.0.1:9/a", "syslog+tcp://127.0.0.1:9", f"file:{audited.folder}/none/told"]
    found = await audited.wrong(push=names)
    assert [about for about, _ in found] == names
    assert all(said.startswith("can't be told: ") for _, said in found)
    assert f"there is no folder {audited.folder}/none" in found[2][1]


async def test_a_path_that_no_line_can_be_added_to(audited: Audited) -> None:
    """As the bot would find it when it tells; nothing is made there meanwhile."""
    folder = audited.folder
    os.mkfifo(folder / "pipe")
    (folder / "regular").write_text("")
    (folder / "leads away").symlink_to(folder / "none" / "told")
    found = await audited.wrong(push=[f"file:{folder}{path}" for path in ("", "/pipe", "/regular/told", "/leads away")])
    assert [said.removeprefix("can't be told: ") for _, said in found] == [
        f"[Errno 21] Is a directory: '{folder}'",
        f"[Errno 6] nobody reads this pipe: '{folder}/pipe'",
        f"[Errno 20] Not a directory: '{folder}/regular/told'",
        f"there is no folder {folder}/none",
    ]


async def test_a_path_that_a_line_can_be_added_to(audited: Audited) -> None:
    """A file, none yet, a pipe that somebody reads: and nothing is written or made."""
    folder = audited.folder
    (folder / "there").write_text("as it was")
    os.mkfifo(folder / "pipe")
    reader = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = await audited.found(push=[f"file:{folder}/{name}" for name in ("there", "not yet", "pipe")])
        assert os.read(reader, 1) == b""
    finally:
        os.close(reader)
    assert [one.level for one in found] == ["note"] * 3
    assert (folder / "there").read_text() == "as it was"
    assert not (folder / "not yet").exists()


async def test_how_far_a_place_was_told_is_not_known_without_the_trail(audited: Audited) -> None:
    """One that can be reached isn't called up to date."""
    (audited.folder / "kickbot.db").write_bytes(b"no trail at all")
    ((_, level, said),) = [
        (one.about, one.level, one.said) for one in await audited.found(push=f"file:{audited.folder}/told")
    ]
    assert (level, said) == ("note", "could be told; how far it was is in the trail, which can't be read")


async def test_before_the_first_event_nothing_waits(audited: Audited) -> None:
    """A new installation has no trail yet."""
    (audited.folder / "kickbot.db").unlink()
    (one,) = await audited.found(push=f"file:{audited.folder}/told")
    assert (one.level, one.said) == ("ok", "could be told, and waits for no checkpoint")


@pytest.mark.parametrize("given", ["AUDIT_PUSH_AUTHORIZATION", "tls_certificate", ""])
async def test_a_bucket_to_which_nothing_is_shown(
    audited: Audited, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """Most take nothing from a stranger; what this one would answer isn't known before it is told."""
    lines = {}
    if given.isupper():
        monkeypatch.setenv(given, "Bearer of something")
    elif given:
        lines = {given: str(audited.authority.issue("bot", "extendedKeyUsage=clientAuth\n"))}
    async with Heard.listening(audited.authority.server()) as heard:
        found = await audited.found(push=f"https://localhost:{heard.port}/a", **lines)
    said = [(one.level, one.said) for one in found if one.about == "credentials"]
    nothing = ("note", f"none, so https://localhost:{heard.port}/a has to take what anybody brings")
    assert said == ([] if given else [nothing])


@pytest.mark.parametrize(("scheme", "path"), [("https", "/a"), ("syslog+tls", "")])
async def test_a_server_that_nobody_stands_for(audited: Audited, tmp_path: Path, scheme: str, path: str) -> None:
    """Whoever listens there isn't who was meant."""
    (tmp_path / "stranger").mkdir()
    async with Heard.listening(Authority(tmp_path / "stranger").server()) as heard:
        name = f"{scheme}://localhost:{heard.port}{path}"
        ((about, said),) = await audited.wrong(push=name)
    assert about == name
    assert "certificate verify failed" in said
    assert b"".join(heard.calls) == b""


async def test_no_authorities_for_stamps(audited: Audited) -> None:
    """The bot wouldn't start."""
    ((_, said),) = await audited.wrong(push="tsp+https://localhost:9/", stamp_authorities="")
    assert "stamp_authorities: is missing" in said


async def test_a_file_of_secrets_that_is_not_there(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said once, and nobody is tried without them."""
    monkeypatch.setenv("AUDIT_PUSH_AUTHORIZATION_FILE", str(audited.folder / "none"))
    ((about, said),) = await audited.wrong(push="https://localhost:9/a")
    assert about == "credentials"
    assert "AUDIT_PUSH_AUTHORIZATION_FILE" in said


@pytest.mark.parametrize(("days", "level"), [(19, "note"), (21, "wrong"), (2, "")])
async def test_the_bots_own_certificate_comes_to_its_end(
    audited: Audited,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    level: str,
) -> None:
    """It is known two weeks before; the tests' certificates count for twenty days."""
    own = audited.authority.issue("bot", "extendedKeyUsage=clientAuth\n")
    later = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(of_places, "now", lambda: later)
    found = await audited.found(push=f"file:{audited.folder}/told", tls_certificate=str(own))
    assert [one.level for one in found if one.about == str(own)] == [level] * bool(level)
