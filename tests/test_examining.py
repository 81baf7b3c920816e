"""The attacks on a trail that an auditor is afraid of: each is found, and named. Attacks first."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.audit import chain, checkpoints, lines, signing, sources
from bot.audit.anchors import Anchor, expected, in_slack, of_checkpoint
from bot.audit.checkpoints import Statement
from bot.audit.examining import Fits, examine
from bot.audit.records import Verified
from bot.audit.signing import Signer, Signers
from bot.borders import Checkpoint, Told
from bot.errors import BrokenTrail
from bot.events import Cancelled, Entry
from bot.models import RequestId

START = datetime(2026, 11, 20, 13, 31, 5, tzinfo=UTC)
SIGNED = (3, 6, 9)

Rows = list[tuple[bytes, str]]


class Trail:
    """Ten events, and a checkpoint of every third one."""

    def __init__(self, signer: Signer, who: str = "U1", events: int = 10, anew: int = 99) -> None:
        """anew: from this event on it is another story."""
        self.rows: Rows = []
        previous = chain.GENESIS
        for seq in range(1, events + 1):
            event = Cancelled(who=who if seq < anew else "U0MALLORY")
            entry = Entry(seq=seq, request=RequestId(1), at=START + timedelta(seconds=seq), event=event)
            text, previous = chain.seal(previous, entry)
            self.rows.append((text.encode(), previous))
        self.sealed = [self._sealed(signer, seq) for seq in SIGNED if seq <= events]

    def _sealed(self, signer: Signer, seq: int) -> Checkpoint:
        before = seq - 3
        text = checkpoints.Statement(
            trail=self.hash(1),
            seq=seq,
            hash=self.hash(seq),
            at=f"2026-11-20T13:31:{5 + seq:02}.500000Z",
            before=before,
            before_hash=self.hash(before) if before else chain.GENESIS,
        ).text
        return Checkpoint(seq=seq, text=text, signature=signer.sign(text))

    def hash(self, seq: int) -> str:
        return self.rows[seq - 1][1]

    def told(self, *seqs: int) -> list[Anchor]:
        """What stands in Slack about it."""
        return [in_slack(Told(request=RequestId(1), event=s, hash=self.hash(s), place=f"message {s}")) for s in seqs]

    def pushed(self) -> list[Anchor]:
        """What a collector has of it."""
        return [of_checkpoint(said, f"line {said.seq}") for c in self.sealed if (said := checkpoints.read(c.text))]


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("keys") / "key"
    signing.make(path)
    return Signer(path)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    path = tmp_path_factory.mktemp("keys") / "key"
    signing.make(path)
    return Signer(path)


@pytest.fixture
def fits(signer: Signer) -> Fits:
    return Signers(signer.allowed).fits


@pytest.fixture
def trail(signer: Signer) -> Trail:
    return Trail(signer)


def found(
    rows: Rows, sealed: Sequence[Checkpoint] = (), elsewhere: Sequence[Anchor] = (), fits: Fits | None = None
) -> tuple[int, str]:
    with pytest.raises(BrokenTrail) as caught:
        examine(rows, sealed, elsewhere, fits)
    return caught.value.sequence, caught.value.kind


# ------------------------------------------------------------------------------------------ inside the chain


def without(*numbers: int) -> Callable[[Rows], Rows]:
    return lambda rows: [row for seq, row in enumerate(rows, 1) if seq not in numbers]


def with_changed(seq: int, old: bytes, new: bytes) -> Callable[[Rows], Rows]:
    return lambda rows: [(c.replace(old, new) if s == seq else c, h) for s, (c, h) in enumerate(rows, 1)]


def with_inserted(rows: Rows) -> Rows:
    """An event more at the fifth place, as well sealed as can be without changing those after it."""
    content = rows[4][0].replace(b"U1", b"U0MALLORY")
    return [*rows[:4], (content, chain.link(rows[3][1], content)), *rows[4:]]


@pytest.mark.parametrize(
    ("attack", "seq", "kind"),
    [
        (with_changed(5, b"U1", b"U2"), 5, "changed"),
        (with_changed(10, b"U1", b"U2"), 10, "changed"),
        (lambda rows: [*rows[:4], (rows[4][0], "0" * 64), *rows[5:]], 5, "changed"),
        (without(5), 5, "removed"),
        (without(5, 6, 7), 5, "removed"),
        (without(1), 1, "cut off at the beginning"),
        (without(1, 2, 3), 1, "cut off at the beginning"),
        (with_inserted, 6, "inserted"),
        (lambda rows: [*rows[:4], (rows[4][0].replace(b"U1", b"U2"), rows[4][1]), *rows[4:]], 5, "inserted"),
        (lambda rows: [*rows[:5], rows[2], *rows[5:]], 6, "inserted"),
        (lambda rows: [*rows[:3], rows[4], rows[3], *rows[5:]], 4, "moved"),
        (lambda rows: rows[::-1], 1, "moved"),
    ],
)
def test_what_was_done_inside_the_chain_has_a_name(
    trail: Trail, attack: Callable[[Rows], Rows], seq: int, kind: str
) -> None:
    """Changed, removed, inserted, moved, cut off at the beginning: at the first event that it concerns."""
    assert found(attack(trail.rows)) == (seq, kind)


# ------------------------------------------------------------------------------------------ with the file alone


def test_a_tail_that_was_cut_off_is_missed_by_its_checkpoint(trail: Trail, fits: Fits) -> None:
    """The chain alone would fit."""
    assert found(trail.rows[:8], trail.sealed, fits=fits) == (9, "cut off at the end")


def test_a_trail_that_was_made_anew_does_not_fit_its_checkpoints(trail: Trail, signer: Signer, fits: Fits) -> None:
    """Every hash of it fits; what was signed before doesn't."""
    assert found(Trail(signer, anew=5).rows, trail.sealed, fits=fits) == (6, "made anew")


def test_checkpoints_that_were_made_anew_too_lack_the_key(
    signer: Signer, stranger: Signer, fits: Fits, trail: Trail
) -> None:
    """Whoever has the file, but not the key, can't sign."""
    anew = Trail(stranger, anew=5)

    assert found(anew.rows, anew.sealed, fits=fits) == (3, "checkpoint changed")
    assert found(anew.rows, [*trail.sealed[:1], *anew.sealed[1:]], fits=fits) == (6, "checkpoint changed")


def test_a_checkpoint_that_was_taken_away_is_missed_by_the_next_one(trail: Trail, fits: Fits) -> None:
    """So a trail can't be made anew below its newest checkpoint."""
    assert found(trail.rows, [trail.sealed[0], trail.sealed[2]], fits=fits) == (6, "checkpoint removed")
    assert found(trail.rows, trail.sealed[1:], fits=fits) == (3, "checkpoint removed")


@pytest.mark.parametrize(
    "change",
    [
        {"text": "hello"},
        {"signature": ""},
        {"seq": 7},
    ],
)
def test_a_checkpoint_that_was_edited_is_found(trail: Trail, fits: Fits, change: dict[str, object]) -> None:
    """In its words, its signature or its place."""
    edited = [trail.sealed[0], trail.sealed[1].model_copy(update=change), trail.sealed[2]]

    assert found(trail.rows, edited, fits=fits)[1] == "checkpoint changed"


@pytest.mark.parametrize("seq", [0, -1, 2])
def test_a_checkpoint_in_a_wrong_place_hides_no_other(trail: Trail, fits: Fits, seq: int) -> None:
    """Whatever stands before it in the table."""
    stray = Checkpoint(seq=seq, text="", signature="")

    assert found(trail.rows, sorted([*trail.sealed, stray], key=lambda c: c.seq), fits=fits)[1] == "checkpoint changed"


# ------------------------------------------------------------------------------------------ with heads from elsewhere


def test_an_old_copy_is_found_by_any_head_from_elsewhere(signer: Signer, trail: Trail, fits: Fits) -> None:
    """A backup that was put back fits in itself, with its checkpoints."""
    old = Trail(signer, events=7)

    for elsewhere in (trail.told(5, 9), trail.pushed(), [expected(f"10:{trail.hash(10)}")]):
        assert found(old.rows, old.sealed, elsewhere, fits) == (8, "rolled back to an older copy")


def test_another_database_is_found_by_any_head_from_elsewhere(signer: Signer, trail: Trail, fits: Fits) -> None:
    """One of another bot, or of a test, signed with the same key."""
    other = Trail(signer, who="U2")

    for elsewhere in (trail.told(5, 9), trail.pushed(), [expected(f"10:{trail.hash(10)}")]):
        assert found(other.rows, [], elsewhere, fits)[1] == "another trail"
    assert found(other.rows, other.sealed, trail.pushed(), fits) == (1, "another trail")


def test_a_trail_that_was_made_anew_with_the_key_is_found_by_heads_from_elsewhere(
    signer: Signer, trail: Trail, fits: Fits
) -> None:
    """Whoever has the file and the key can sign, and yet not take back what was told."""
    anew = Trail(signer, anew=5)

    assert found(anew.rows, anew.sealed, trail.pushed()[:1] + trail.told(7), None) == (7, "made anew")
    assert found(anew.rows, [], trail.told(2, 7), fits) == (7, "made anew")


def test_a_message_that_was_edited_is_told_from_a_trail_that_was(trail: Trail, fits: Fits) -> None:
    """A later head that fits vouches for the trail, so it is the message."""
    edited = in_slack(Told(request=RequestId(1), event=4, hash="0" * 64, place="the message 17.2 in C1"))

    assert found(trail.rows, trail.sealed, [edited], fits) == (4, "Slack message edited")
    assert found(trail.rows, [], [edited, *trail.told(7)]) == (4, "Slack message edited")


def test_a_short_form_is_compared_as_far_as_it_goes(trail: Trail) -> None:
    """What people see in a message is eight digits."""
    right = in_slack(Told(request=RequestId(1), event=4, hash=trail.hash(4)[:8]))

    assert examine(trail.rows, [], [right]).anchors == 1
    for wrong in ("deadbeef", "", trail.hash(4)[:7]):
        assert found(trail.rows, [], [right.model_copy(update={"hash": wrong}), *trail.told(9)])[0] == 4


@pytest.mark.parametrize("text", ["", "5", "5:", ":abcdef12", "0:abcdef12", "-1:abcdef12", "x:abcdef12", "5:abc"])
def test_an_expected_head_has_a_number_and_a_hash(text: str) -> None:
    """A slip isn't a head that nothing is compared with."""
    with pytest.raises(ValueError, match=r"."):
        expected(text)


# ------------------------------------------------------------------------------------------ what fits


def test_a_whole_trail_fits_with_all_that_is_known_of_it(trail: Trail, fits: Fits) -> None:
    """And the rest is said: what no checkpoint stands for yet."""
    verified = examine(trail.rows, trail.sealed, [*trail.told(2, 10), *trail.pushed()], fits)

    assert (verified.events, verified.checkpoints, verified.vouched, verified.anchors) == (10, 3, 9, 5)
    assert verified.notes == ("No checkpoint stands for the events after 9 yet.",)


def test_what_could_not_be_checked_is_said(trail: Trail) -> None:
    """No key, no checkpoints: nobody takes that for a proof."""
    (without,) = examine(trail.rows, []).notes
    (unsigned,) = examine(trail.rows, trail.sealed).notes

    assert "no checkpoints" in without
    assert "not checked" in unsigned


def test_two_checkpoints_that_were_made_side_by_side_fit(signer: Signer, trail: Trail, fits: Fits) -> None:
    """Two replicas may sign on top of the same one."""
    said = checkpoints.read(trail.sealed[1].text)
    assert said
    text = said._replace(seq=7, hash=trail.hash(7)).text
    beside = Checkpoint(seq=7, text=text, signature=signer.sign(text))

    assert examine(trail.rows, [*trail.sealed[:2], beside, trail.sealed[2]], fits=fits).checkpoints == 4


def test_a_clock_that_was_set_back_is_shown() -> None:
    """Events got the time of the one before them; a checkpoint says when it was really written."""
    rows: Rows = []
    previous = chain.GENESIS
    for seq, second in enumerate((1, 9, 9, 9, 10), 1):
        entry = Entry(seq=seq, request=RequestId(1), at=START + timedelta(seconds=second), event=Cancelled(who="U1"))
        text, previous = chain.seal(previous, entry)
        rows.append((text.encode(), previous))
    trail = rows[0][1]
    early = Statement(
        trail=trail, seq=3, hash=rows[2][1], at="2026-11-20T13:31:07.000000Z", before=0, before_hash=chain.GENESIS
    )

    notes = examine(rows, [Checkpoint(seq=3, text=early.text, signature="")]).notes

    assert "events 2 to 4 have one and the same time" in notes[0]
    assert "the checkpoint of event 3 was written at 2026-11-20T13:31:07.000000Z, which is before" in notes[1]


# ------------------------------------------------------------------------------------------ an exported file


def exported(path: Path, trail: Trail) -> Path:
    numbered = ((seq, lines.of_event(*row)) for seq, row in enumerate(trail.rows, 1))
    path.write_bytes(b"".join(lines.merged(numbered, trail.sealed)))
    return path


def of_file(path: Path, fits: Fits | None) -> Verified:
    with sources.ExportedFile.opened(path) as source:
        return sources.verified(source, (), fits)


def test_an_export_is_as_good_as_the_database(tmp_path: Path, trail: Trail, fits: Fits) -> None:
    """On a machine without one: events and checkpoints are all there."""
    verified = of_file(exported(tmp_path / "export", trail), fits)

    assert (verified.events, verified.head, verified.checkpoints, verified.vouched) == (10, trail.hash(10), 3, 9)


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (b'"seq":5', b'"seq": 5', "changed"),
        (b'{"hash"', b'{ "hash"', "changed"),
        (b'"checkpoint":{"text":"kickbot', b'"checkpoint":{"text":"Kickbot', "checkpoint changed"),
        (b'"checkpoint":', b'"checkpoint";', "inserted"),
        (b"\\nevent 3", b"\\nevent 4", "checkpoint changed"),
        (b"\n", b"\r\n", "changed"),
        (b"\n", b"\nhello\n", "inserted"),
    ],
)
def test_an_export_that_was_edited_is_found(
    tmp_path: Path, trail: Trail, fits: Fits, old: bytes, new: bytes, kind: str
) -> None:
    """Any line, and any between them."""
    path = exported(tmp_path / "export", trail)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, 1))

    with pytest.raises(BrokenTrail) as caught:
        of_file(path, fits)
    assert caught.value.kind == kind
