"""Time stamps: what isn't one proves nothing, and OpenSSL agrees with what does. Attacks first."""

import random
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from bot.audit import der, stamps
from bot.audit.stamps import Authorities
from bot.errors import SettingsError
from tests.authorities import Authority, openssl

TEXT = "kickbot checkpoint 1\n"
NONCE = 2**62 + 5


@pytest.fixture(scope="module", params=["ec", "rsa"])
def authority(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")
    return Authority(tmp_path_factory.mktemp("authority"), key=request.param)


@pytest.fixture(scope="module")
def answer(authority: Authority) -> bytes:
    return authority.stamp(stamps.query(TEXT, NONCE))


@pytest.fixture
def believed(authority: Authority) -> Authorities:
    return Authorities(authority.certificates)


def leaf(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


# ------------------------------------------------------------------------------------------ what proves nothing


@pytest.mark.parametrize(
    "content", [b"", b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"<html>", b"\x30\x00" * 9]
)
def test_what_is_no_answer_is_refused(content: bytes, believed: Authorities) -> None:
    """Whatever a web server said."""
    with pytest.raises(ValueError, match=r"."):
        stamps.read(content, TEXT, believed)


def test_a_refusal_is_no_stamp(believed: Authorities) -> None:
    """An authority that says no has said nothing about the text."""
    refusal = der.encoded(der.SEQUENCE, der.encoded(der.SEQUENCE, der.integer(2)))
    with pytest.raises(ValueError, match="refused to stamp"):
        stamps.read(refusal, TEXT, believed)


def test_a_stamp_of_something_else_is_refused(answer: bytes, believed: Authorities) -> None:
    """Also where nobody said whose stamps count; and one that answers another question."""
    for whose in (believed, None):
        with pytest.raises(ValueError, match="about something else"):
            stamps.read(answer, TEXT + " ", whose)
    with pytest.raises(ValueError, match="answers another question"):
        stamps.read(answer, TEXT, believed, NONCE + 1)


def test_a_stamp_of_a_stranger_is_refused(answer: bytes, tmp_path: Path) -> None:
    """Even one who carries the same names."""
    with pytest.raises(ValueError, match="none of the authorities"):
        stamps.read(answer, TEXT, Authorities(Authority(tmp_path).certificates))


@pytest.mark.parametrize(
    ("extensions", "year"),
    [
        ("subjectAltName=DNS:localhost\n", 0),
        ("extendedKeyUsage=critical,clientAuth\n", 0),
        ("extendedKeyUsage=timeStamping\n", 0),
        ("extendedKeyUsage=critical,timeStamping,serverAuth\n", 0),
        ("extendedKeyUsage=critical,timeStamping\n", 5),
    ],
)
def test_a_certificate_for_anything_else_does_not_stamp(
    authority: Authority, believed: Authorities, extensions: str, year: int
) -> None:
    """The authority's web server, or whoever is not for stamps alone; nor is one believed when its time is over."""
    other = leaf(authority.issue("other", extensions))
    now = datetime.now(UTC)

    with pytest.raises(ValueError, match="none of the authorities"):
        believed.demand(other, [], now.replace(year=now.year + year, day=1))
    believed.demand(leaf(authority.folder / "stamper.pem"), [], now)


def test_who_has_a_certificate_issues_none(authority: Authority, believed: Authorities, tmp_path: Path) -> None:
    """A certificate under one that is no authority's counts for nothing."""
    between, folder = authority.folder / "stamper", tmp_path
    made = ["-keyout", folder / "x.key", "-out", folder / "x.csr"]
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", *made)
    (folder / "x.ext").write_text("extendedKeyUsage=critical,timeStamping\n")
    signed = ["-CA", f"{between}.pem", "-CAkey", f"{between}.key", "-CAcreateserial", "-days", 20]
    openssl("x509", "-req", "-in", folder / "x.csr", *signed, "-extfile", folder / "x.ext", "-out", folder / "x.pem")

    with pytest.raises(ValueError, match="none of the authorities"):
        believed.demand(leaf(folder / "x.pem"), [leaf(Path(f"{between}.pem"))], datetime.now(UTC))


def test_what_was_signed_can_not_be_changed(answer: bytes, believed: Authorities) -> None:
    """The time and the imprint bear the signature: not one bit of them is another."""
    info = answer.index(b"\x18\x0f20")
    for place in range(info - 60, info + 17):
        for bit in range(8):
            changed = bytearray(answer)
            changed[place] ^= 1 << bit
            with pytest.raises(ValueError, match=r"."):
                stamps.read(bytes(changed), TEXT, believed)


@pytest.mark.filterwarnings("ignore")
def test_no_damage_is_more_than_a_refusal(answer: bytes, believed: Authorities) -> None:
    """Bytes changed, cut out and put in anywhere: it is refused, or says what it said."""
    said, chance = stamps.read(answer, TEXT, believed), random.Random(5)
    refused = 0
    for _ in range(500):
        changed = bytearray(answer)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(changed))
            changed[at : at + chance.choice([0, 1, 1, 7])] = chance.randbytes(chance.choice([0, 1, 1, 4]))
        try:
            assert stamps.read(bytes(changed), TEXT, believed) == said
        except ValueError:
            refused += 1
    assert refused > 200


def test_a_file_without_certificates_is_no_authority(tmp_path: Path) -> None:
    """It is told in one line."""
    (tmp_path / "empty").touch()
    for name in ("empty", "nowhere"):
        with pytest.raises(SettingsError, match="can't be used as certificates of time stamps"):
            Authorities(tmp_path / name)


# ------------------------------------------------------------------------------------------ what proves something


def test_an_answer_says_when_and_who(answer: bytes, believed: Authorities) -> None:
    """The authority's time in UTC; its name only where its signature was checked."""
    at, by = stamps.read(answer, TEXT, believed, NONCE)

    assert abs((datetime.now(UTC) - at).total_seconds()) < 600
    assert by == "CN=stamper"
    assert stamps.read(answer, TEXT, None) == (at, "")


def test_openssl_agrees(answer: bytes, authority: Authority, tmp_path: Path) -> None:
    """Its own command reads the question, and verifies the answer against the plain text."""
    (tmp_path / "text").write_text(TEXT)
    (tmp_path / "answer").write_bytes(answer)
    (tmp_path / "query").write_bytes(stamps.query(TEXT, NONCE))

    asked = openssl("ts", "-query", "-in", tmp_path / "query", "-text").decode()
    judged = openssl(
        *("ts", "-verify", "-data", tmp_path / "text", "-in", tmp_path / "answer", "-CAfile", authority.certificates)
    )

    assert f"Nonce: {NONCE:#x}".lower() in asked.lower()
    assert "Certificate required: yes" in asked
    assert b"Verification: OK" in judged
