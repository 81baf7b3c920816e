"""`kickbot audit verify` with time stamps: what was done to them, and what they prove, is said. Attacks first."""

import asyncio
import re
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.audit import stamped
from bot.audit.checkpoints import Statement
from bot.audit.notary import Notary
from bot.audit.places import opening
from bot.audit.places.opening import Access
from bot.audit.places.tls import Tls
from bot.audit.records import Verified
from bot.audit.signing import Signer
from bot.audit.sqlite import SqliteTrail
from bot.audit.stored import opened
from bot.borders import Checkpoint, Stamped
from bot.models import timestamp
from tests import audit_verifier
from tests.authorities import Authority, https_server, openssl, stamping
from tests.scene import until
from tests.test_audit_commands import Left, configured
from tests.test_notary import at_work, one_request
from tests.test_reading import edit


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")
    return Authority(tmp_path_factory.mktemp("authority"))


async def recorded(left: Left, authority: Authority) -> None:
    """Two requests, four events, a checkpoint and a stamp of each request's end."""
    access = Access(tls=Tls(authorities=authority.certificates), stamp_authorities=authority.certificates)
    async with SqliteTrail.open(left.database) as trail, https_server(authority, stamping(authority)) as address:
        place = opening.place(f"tsp+{address}/tsr", access)
        notary = Notary(trail, Signer(left.folder / "checkpoints"), 3600, [place])
        for number in "12":
            await one_request(trail, number)
            async with at_work(notary):
                await until(lambda: stamps(left) == int(number))  # noqa: B023 - waited for here


def stamps(left: Left) -> int:
    with opened(left.database) as source:
        return sum(1 for _ in source.stamps())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Path:
    folder = tmp_path_factory.mktemp("made")
    left = configured(folder, [("host1", "127.0.0.1", 22)], key=folder, known_hosts=folder)
    asyncio.run(recorded(left, authority))
    return folder


@pytest.fixture
def left(made: Path, authority: Authority, tmp_path: Path) -> Left:
    """A copy of its own, which names whose stamps count."""
    left = configured(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path, known_hosts=tmp_path)
    left.config.write_text(f'{left.config.read_text()}stamp_authorities = "{authority.certificates}"\n')
    for name in ("kickbot.db", "checkpoints", "checkpoints.pub"):
        shutil.copy(made / name, tmp_path / name)
    return left


# ------------------------------------------------------------------------------------------ what was done to them


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE stamps SET answer = x'3003020100' WHERE seq = 2", "event 2: the time stamp of tsp+https://"),
        ("UPDATE stamps SET answer = (SELECT answer FROM stamps WHERE seq = 4) WHERE seq = 2", "about something else"),
        ("UPDATE stamps SET seq = 3 WHERE seq = 4", "its checkpoint is missing"),
        ("UPDATE stamps SET seq = 9 WHERE seq = 4", "its checkpoint is missing"),
    ],
)
def test_what_was_done_to_a_stamp_is_named(left: Left, statement: str, said: str) -> None:
    """A stamp of one checkpoint says nothing of another one."""
    edit(left.database, statement)

    line = left.broken()

    assert said in line
    assert line.rstrip().endswith(("[time stamp changed]", "[checkpoint removed]"))


def test_a_stamp_of_someone_else_is_named(left: Left, tmp_path: Path) -> None:
    """Whoever has the file can ask an authority of their own."""
    (tmp_path / "strange").mkdir()
    stranger = Authority(tmp_path / "strange").certificates

    assert "none of the authorities" in left.broken("--stamp-authorities", str(stranger))


def test_stamps_that_were_taken_away_are_missed(left: Left) -> None:
    """The newest by what it stood for; all of them where the bot asks for some."""
    edit(left.database, "DELETE FROM stamps WHERE seq = 4")
    assert "No time stamp stands for the events after 2 yet." in left.audit("verify").stdout
    edit(left.database, "DELETE FROM stamps")
    push = f'push = "file:{left.folder}/elsewhere"'
    left.config.write_text(left.config.read_text().replace(push, 'push = "tsp+https://tsa.example.com/"'))

    done = left.audit("verify")

    assert done.exit_code == 0, done.stderr
    assert "There is no time stamp, though checkpoints go to tsp+https://tsa.example.com/." in done.stdout


def test_a_report_says_what_the_stamps_prove(left: Left) -> None:
    """To people who don't know Kickbot it is the strongest word of all. One that was changed gives no report."""
    page = left.folder / "report.html"
    done = left.audit("report", "1", "--out", str(page), "--unrecorded")
    assert done.exit_code == 0, done.stderr
    proved = r"2 time stamps fit\. Event 2 and all before it existed before [0-9: -]+ UTC, says CN=stamper"
    assert re.search(proved, page.read_text())

    edit(left.database, "UPDATE stamps SET answer = x'3003020100' WHERE seq = 2")
    done = left.audit("report", "1", "--out", str(left.folder / "other.html"))

    assert done.exit_code == 1
    assert "[time stamp changed]" in done.stderr
    assert not (left.folder / "other.html").exists()


BEGAN = datetime(2026, 11, 20, 13, 31, 5, tzinfo=UTC)


def noted(checkpoints: dict[int, int], stamps: dict[int, int]) -> str:
    """What is noted of a trail. Event -> days: when each checkpoint was made, and when each was stamped."""
    sealed = []
    for seq, day in checkpoints.items():
        statement = Statement(
            trail="a" * 64,
            seq=seq,
            hash="b" * 64,
            at=timestamp(BEGAN + timedelta(days=day)),
            before=0,
            before_hash="0" * 64,
        )
        sealed.append(Checkpoint(seq=seq, text=statement.text, signature=""))
    kept = [Stamped(seq=seq, place="tsp+https://a/", answer=b"") for seq in stamps]
    found = Verified(events=99, head="b" * 64, bodies=0, newest_checkpoint=max(checkpoints))
    times = iter(stamps.values())
    judged = stamped.judged(found, kept, sealed, lambda *_: (BEGAN + timedelta(days=next(times)), "CN=x"))
    return " ".join(judged.notes)


def test_a_past_that_was_made_anew_shows_by_when_it_was_stamped() -> None:
    """Who has the host, and so the key, can date a checkpoint back, but no stamp, nor leave one out unseen."""
    assert noted({2: 0, 4: 1, 6: 2}, {2: 0, 4: 1, 6: 2}) == ""
    assert "event 2 says 2026-11-20 13:31 UTC, which is 3 days before" in noted({2: 0}, {2: 3})
    assert "event 2 says 2026-11-20 13:31 UTC, which is 2 days before" in noted({2: 0, 4: 1, 6: 2}, {6: 2})
    gap = noted({2: 0, 4: 1, 6: 9, 8: 9}, {2: 0, 6: 9, 8: 9})
    assert "event 4 says 2026-11-21 13:31 UTC, which is 8 days before" in gap
    assert "that of event 6" in gap
    assert gap.count("only the bot's word") == 1


def test_a_clock_that_was_ahead_is_shown() -> None:
    """The authority's is the one that counts."""
    assert "event 2 has a time after its time stamp" in noted({2: 1}, {2: 0})


def test_two_authorities_may_stamp_the_same(left: Left) -> None:
    """Each answer is judged; what was done to the second one is found too."""
    edit(left.database, "INSERT INTO stamps SELECT seq, 'tsp+https://two/', answer FROM stamps WHERE seq = 2")
    assert "3 time stamps fit." in left.audit("verify").stdout
    edit(left.database, "UPDATE stamps SET answer = x'00' WHERE place = 'tsp+https://two/'")
    assert "the time stamp of tsp+https://two/" in left.broken()


# ------------------------------------------------------------------------------------------ what they prove


def test_verify_says_what_the_stamps_prove(left: Left, authority: Authority) -> None:
    """Up to which event all existed before when, and who says so."""
    done = left.audit("verify")

    assert done.exit_code == 0, done.stderr
    assert re.search(r"2 time stamps fit\. Event 2 and all before it existed before 20\d\d-\d\d-\d\d ", done.stdout)
    assert re.search(r"The last one: Event 4 and all before it existed before 20\d\d-\d\d-\d\d ", done.stdout)
    assert done.stdout.count("UTC, says CN=stamper") == 2


def test_without_authorities_verify_says_so(left: Left) -> None:
    """They are about these checkpoints, and anybody may have made them."""
    text = left.config.read_text()
    left.config.write_text("\n".join(line for line in text.splitlines() if "stamp_authorities" not in line))

    done = left.audit("verify")

    assert "2 time stamps fit." in done.stdout
    assert "says CN" not in done.stdout
    assert "Nobody said whose time stamps count" in done.stdout


def test_openssl_alone_checks_a_saved_stamp(left: Left, authority: Authority, tmp_path: Path) -> None:
    """The saved text, the saved answer, and the authority's certificates: nothing of Kickbot."""
    assert left.audit("checkpoint", "2", "--save", str(tmp_path / "head.txt")).exit_code == 0
    text, answer = tmp_path / "head.txt", tmp_path / "head.txt.tsr"
    command = ["ts", "-verify", "-data", text, "-in", answer, "-CAfile", authority.certificates]

    assert b"Verification: OK" in openssl(*command)
    text.write_text(text.read_text().replace("event 2", "event 3"))
    with pytest.raises(Exception, match="non-zero exit status"):
        openssl(*command)


def test_an_export_has_the_stamps_with_it(left: Left, authority: Authority, tmp_path: Path) -> None:
    """So that a machine without the database checks them too; the verifier from the format page alone agrees."""
    export = tmp_path / "export"
    assert left.audit("export", "--format", "jsonl", "--unrecorded", "--out", str(export)).exit_code == 0
    words = ("--from-file", str(export), "--stamp-authorities", str(authority.certificates))

    done = left.audit("verify", *words)
    assert "2 time stamps fit." in done.stdout, done.stderr
    assert audit_verifier.main(str(export), "", str(authority.certificates)) == 0

    export.write_text(export.read_text().replace('{"stamp":{"event":2', '{"stamp":{"event":4'))
    assert "about something else" in left.broken(*words)
    assert audit_verifier.main(str(export), "", str(authority.certificates)) == 1


def test_a_trail_of_an_older_release_gets_a_place_for_stamps(left: Left) -> None:
    """It is read as it is, and is brought up to date by the next start."""
    edit(left.database, "DROP TABLE stamps", "DELETE FROM _sqlite_migrations WHERE name = 'stamps'")
    assert left.audit("verify").exit_code == 0
    assert stamps(left) == 0

    async def start() -> None:
        async with SqliteTrail.open(left.database) as trail:
            await trail.checkpoints().keep(Stamped(seq=2, place="a", answer=b"b"))

    asyncio.run(start())
    with sqlite3.connect(left.database) as db:
        assert db.execute("SELECT * FROM stamps").fetchall() == [(2, "a", b"b")]
    db.close()
