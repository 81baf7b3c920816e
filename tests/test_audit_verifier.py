"""Two verifiers that share no line agree on every trail, whole or not. One was written from the format page alone."""

import ast
import json
import os
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit import chain, checkpoints, lines, signing
from bot.audit.examining import examine
from bot.audit.signing import Signer, Signers
from bot.borders import Checkpoint
from bot.errors import BrokenTrail
from bot.events import Cancelled, Closed, Denied, Entry, Event
from bot.models import RequestId
from tests import audit_verifier, make

TRAILS = int(os.environ.get("KICKBOT_AUDIT_TRAILS", "300"))
"""How many; `make chaos` takes 10,000."""
START = datetime(2026, 11, 20, 13, 31, 5, tzinfo=UTC)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Cancelled, who=TEXT),
    st.builds(Denied, who=TEXT, plan_hash=TEXT, reason=TEXT),
    st.builds(Closed, outcomes=st.just(()), note=TEXT),
    TEXT.map(lambda words: make.asked(words=words)),
)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    signing.make(tmp_path_factory.mktemp("keys") / "key")
    return Signer(tmp_path_factory.getbasetemp() / "keys0" / "key")


def exported(events: list[Event], signed: set[int], signer: Signer) -> list[bytes]:
    """A trail with those events, and checkpoints at those places."""
    rows, sealed, before = list[tuple[bytes, str]](), list[Checkpoint](), (0, chain.GENESIS)
    previous = chain.GENESIS
    for seq, event in enumerate(events, 1):
        at = START + timedelta(seconds=seq // 2)
        text, previous = chain.seal(previous, Entry(seq=seq, request=RequestId(max(1, seq - 2)), at=at, event=event))
        rows.append((text.encode(), previous))
        if seq in signed:
            said = checkpoints.Statement(
                trail=rows[0][1],
                seq=seq,
                hash=previous,
                at="2026-11-20T13:31:05.000000Z",
                before=before[0],
                before_hash=before[1],
            )
            sealed.append(Checkpoint(seq=seq, text=said.text, signature=signer.sign(said.text)))
            before = (seq, previous)
    numbered = ((seq, lines.of_event(*row)) for seq, row in enumerate(rows, 1))
    return list(lines.merged(numbered, sealed))


@st.composite
def attacked(draw: st.DrawFn, content: list[bytes]) -> list[bytes]:
    """Someone has been at it, or nobody."""
    found = list(content)
    place, other = (draw(st.integers(0, max(0, len(found) - 1))) for _ in range(2))
    match draw(st.sampled_from(["nothing", "byte", "remove", "swap", "twice", "cut", "rehash", "blank", "stranger"])):
        case "byte" if found:
            at = draw(st.integers(0, len(found[place]) - 2))
            new = bytes([draw(st.integers(0, 255).filter(lambda b: b != 10))])
            found[place] = found[place][:at] + new + found[place][at + 1 :]
        case "remove" if found:
            del found[place]
        case "swap" if found:
            found[place], found[other] = found[other], found[place]
        case "twice" if found:
            found.insert(other, found[place])
        case "cut":
            found = found[:place]
        case "rehash" if found:
            found = rehashed(found, place, draw(st.sampled_from([b'"seq"', b'"at"', b'"v":1', b'"who"', b'{"kind"'])))
        case "blank":
            found.insert(place, b"\n")
        case "stranger":
            found.insert(place, draw(st.binary(max_size=8)).replace(b"\n", b"") + b"\n")
    return found


def rehashed(content: list[bytes], place: int, name: bytes) -> list[bytes]:
    """One event written anew, and every hash with it."""
    found, previous = list[bytes](), chain.GENESIS
    for number, line in enumerate(content):
        if line.startswith(b'{"hash"'):
            event = line[83:-2].replace(name, name[:-1] + b'x"', 1) if number == place else line[83:-2]
            previous = chain.link(previous, event)
            found.append(lines.of_event(event, previous))
        else:
            found.append(line)
    return found


def ours(content: list[bytes], fits: Signers) -> tuple[int, str] | None:
    try:
        found = examine(lines.events(content), lines.sealed(content), (), fits.fits)
    except BrokenTrail:
        return None
    return found.events, found.head


def theirs(content: list[bytes], fits: Signers) -> tuple[int, str] | None:
    try:
        return audit_verifier.verify(content, fits.fits)
    except audit_verifier.Bad:
        return None


@settings(max_examples=TRAILS, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data(), st.lists(EVENTS, max_size=8), st.sets(st.integers(1, 8)))
def test_both_say_the_same(signer: Signer, data: st.DataObject, events: list[Event], signed: set[int]) -> None:
    """Of a whole trail the same head; of one that someone has been at, that it doesn't fit."""
    whole = exported(events, signed, signer)
    content = data.draw(attacked(whole))
    fits = Signers(signer.allowed)

    assert ours(whole, fits) == theirs(whole, fits) != None  # noqa: E711 - both fit
    assert ours(content, fits) == theirs(content, fits)


def test_it_imports_nothing_of_kickbot() -> None:
    """What it needs is Python's own, and ssh-keygen."""
    tree = ast.parse(Path(audit_verifier.__file__).read_text())
    named = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    named |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}

    assert {name.split(".")[0] for name in named} <= sys.stdlib_module_names


def test_as_a_script_with_openssh(signer: Signer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a file, with signatures judged by OpenSSH's own tool."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen here (openssh-client)")
    content = exported([Cancelled(who="Jürg")] * 3, {2, 3}, signer)
    (tmp_path / "export").write_bytes(b"".join(content))
    (tmp_path / "allowed").write_text(signer.allowed)
    signing.make(tmp_path / "other")

    assert audit_verifier.main(str(tmp_path / "export"), str(tmp_path / "allowed")) == 0
    assert "3 events fit. Head: " in capsys.readouterr().out
    (tmp_path / "allowed").write_text(signing.public(tmp_path / "other"))
    assert audit_verifier.main(str(tmp_path / "export"), str(tmp_path / "allowed")) == 1
    assert json.loads(content[-1])["checkpoint"]["signature"].startswith("-----BEGIN SSH SIGNATURE-----")
