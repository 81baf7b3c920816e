"""Time stamps of RFC 3161: the query over a text, and what an answer proves. It alone imports cryptography.

An answer counts if a certificate whose only purpose is stamping signed it, and one of the authorities stands for that
certificate at the time that it names. `openssl ts -verify` judges alike. Revocation is not looked up.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from bot.audit.der import (
    BOOLEAN,
    FIRST,
    GENERALIZED_TIME,
    INTEGER,
    NULL,
    OCTETS,
    OID,
    SEQUENCE,
    SET,
    Item,
    encoded,
    expect,
    integer,
    item,
)
from bot.errors import SettingsError

_SHA256 = bytes.fromhex("608648016503040201")
_HASHES: dict[bytes, Callable[[], hashes.HashAlgorithm]] = {
    _SHA256: hashes.SHA256,
    bytes.fromhex("608648016503040202"): hashes.SHA384,
    bytes.fromhex("608648016503040203"): hashes.SHA512,
}
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_INFO = bytes.fromhex("2a864886f70d0109100104")
_CONTENT_TYPE, _DIGEST = bytes.fromhex("2a864886f70d010903"), bytes.fromhex("2a864886f70d010904")
_CERTIFICATE, _CERTIFICATE_V2 = bytes.fromhex("2a864886f70d010910020c"), bytes.fromhex("2a864886f70d010910022f")
_PSS = bytes.fromhex("2a864886f70d01010a")
_GRANTED = (b"\0", b"\1")
_TIME = re.compile(rb"\d{14}(?:\.\d{1,6})?\d*Z")
_LONGEST_CHAIN = 8
_MOST_CERTIFICATES = 16
_NONE = (
    *(InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension),
    *(x509.UnsupportedGeneralNameType, LookupError, StopIteration),
)
"""What taking apart something else than an answer ends in, besides ValueError."""


class Authorities:
    """Whose stamps count. path: their certificates as PEM. Raises SettingsError for a file that holds none."""

    def __init__(self, path: Path) -> None:
        try:
            self._store = verification.Store(x509.load_pem_x509_certificates(path.read_bytes()))
        except (OSError, ValueError) as error:
            raise SettingsError(f"{path} can't be used as certificates of time stamps: {error}") from error

    def demand(self, leaf: x509.Certificate, others: list[x509.Certificate], at: datetime) -> None:
        """Raises ValueError unless they stand for it, at that time and for this purpose."""
        for_stamps = verification.ExtensionPolicy.permit_all().require_present(
            x509.ExtendedKeyUsage, verification.Criticality.CRITICAL, _only_stamps
        )
        verifier = (
            verification.PolicyBuilder()
            .store(self._store)
            .time(at)
            .max_chain_depth(_LONGEST_CHAIN)
            .extension_policies(
                ca_policy=verification.ExtensionPolicy.permit_all().require_present(
                    x509.BasicConstraints, verification.Criticality.AGNOSTIC, _is_authority
                ),
                ee_policy=for_stamps,
            )
            .build_client_verifier()
        )
        try:
            verifier.verify(leaf, others)
        except verification.VerificationError as error:
            raise ValueError(f"none of the authorities stands for who stamped it: {error}") from error


def _only_stamps(_: verification.Policy, __: x509.Certificate, usage: x509.ExtendedKeyUsage) -> None:
    if list(usage) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise ValueError("its certificate is not for time stamps alone")


def _is_authority(_: verification.Policy, __: x509.Certificate, constraints: x509.BasicConstraints) -> None:
    if not constraints.ca:
        raise ValueError("a certificate between them is none of an authority")


def query(text: str, nonce: int) -> bytes:
    """What is sent to a stamping authority: the text's SHA-256. Its certificate is asked for too."""
    imprint = encoded(SEQUENCE, _algorithm(_SHA256), encoded(OCTETS, hashlib.sha256(text.encode()).digest()))
    return encoded(SEQUENCE, integer(1), imprint, integer(nonce), encoded(BOOLEAN, b"\xff"))


def _algorithm(name: bytes) -> bytes:
    return encoded(SEQUENCE, encoded(OID, name), encoded(NULL))


def read(answer: bytes, text: str, authorities: Authorities | None, nonce: int | None = None) -> tuple[datetime, str]:
    """When this text was stamped, and by whom. Raises ValueError for an answer that proves nothing of it.

    Without authorities nobody is named: it is only about this text. nonce: that of the query, where it is known.
    """
    try:
        token = _SignedData(answer)
        info = item(token.info)
        parts = info.parts()
        imprint = expect(parts, 2, SEQUENCE).parts()
        if imprint[1].content != _hashed(imprint[0], text.encode()):
            raise ValueError("it is about something else")
        if nonce is not None and integer(nonce) not in [part.whole for part in parts[5:]]:
            raise ValueError("it answers another question")
        at = _moment(expect(parts, 4, GENERALIZED_TIME).content)
        if authorities is None:
            return at, ""
        leaf = token.signer()
        authorities.demand(leaf, token.certificates, at)
        return at, leaf.subject.rfc4514_string() or "someone without a name"
    except _NONE as error:
        raise ValueError(f"its signature doesn't count ({type(error).__name__})") from error


class _SignedData:
    """The token in an answer: RFC 5652's SignedData around what was stamped."""

    def __init__(self, answer: bytes) -> None:
        status, *token = expect((item(answer),), 0, SEQUENCE).parts()
        if expect(status.parts(), 0, INTEGER).content not in _GRANTED or not token:
            raise ValueError("the authority refused to stamp")
        kind, signed = token[0].parts()
        if kind.content != _SIGNED_DATA:
            raise ValueError("it is no signed data")
        _, _, inside, *rest = expect(signed.parts(), 0, SEQUENCE).parts()
        what, octets = inside.parts()
        if what.content != _INFO:
            raise ValueError("it is no time stamp")
        self.info = expect(octets.parts(), 0, OCTETS).content
        self._certificates = rest[0].parts() if rest[0].tag == FIRST else ()
        (self._signed_by,) = expect(rest[-1:], 0, SET).parts()

    @property
    def certificates(self) -> list[x509.Certificate]:
        found = [each.whole for each in self._certificates if each.tag == SEQUENCE]
        return [x509.load_der_x509_certificate(whole) for whole in found[:_MOST_CERTIFICATES]]

    def signer(self) -> x509.Certificate:
        """Whose signature it bears. Raises ValueError or InvalidSignature."""
        _, _, digested, attributes, how, signature, *_ = self._signed_by.parts()
        if attributes.tag != FIRST or expect(how.parts(), 0, OID).content == _PSS:
            raise ValueError("it is signed in a way that isn't known here")
        said = dict(_attributes(attributes))
        if said[_CONTENT_TYPE].content != _INFO or said[_DIGEST].content != _hashed(digested, self.info):
            raise ValueError("its signature is about something else")
        leaf = self._named(said)
        _demand_signed(leaf, signature.content, encoded(SET, attributes.content), _known(digested))
        return leaf

    def _named(self, said: dict[bytes, Item]) -> x509.Certificate:
        """The certificate that the signature itself names, by its hash."""
        name = said.get(_CERTIFICATE_V2) or said[_CERTIFICATE]
        first = expect(expect(name.parts(), 0, SEQUENCE).parts(), 0, SEQUENCE).parts()
        digest = next(part.content for part in first if part.tag == OCTETS)
        kind = _known(first[0]) if first[0].tag == SEQUENCE else hashes.SHA256()
        if _CERTIFICATE_V2 not in said:
            kind = hashes.SHA1()  # noqa: S303 - RFC 2634 knows no other; it only picks one, whose signature is checked
        for certificate in self.certificates:
            if certificate.fingerprint(kind) == digest:
                return certificate
        raise ValueError("the certificate of who stamped it is missing")


def _attributes(signed: Item) -> Iterator[tuple[bytes, Item]]:
    """Each with its only value."""
    for each in signed.parts():
        name, values = each.parts()
        (value,) = expect((values,), 0, SET).parts()
        yield name.content, value


def _demand_signed(leaf: x509.Certificate, signature: bytes, content: bytes, kind: hashes.HashAlgorithm) -> None:
    match leaf.public_key():
        case rsa.RSAPublicKey() as key:
            key.verify(signature, content, padding.PKCS1v15(), kind)
        case ec.EllipticCurvePublicKey() as curve:
            curve.verify(signature, content, ec.ECDSA(kind))
        case _:
            raise ValueError("it is signed with a kind of key that isn't known here")


def _known(algorithm: Item) -> hashes.HashAlgorithm:
    """The hash that a value names; a weak one isn't known. Raises ValueError."""
    made = _HASHES.get(expect(algorithm.parts(), 0, OID).content)
    if made is None:
        raise ValueError("it is hashed in a way that isn't known here")
    return made()


def _hashed(algorithm: Item, content: bytes) -> bytes:
    digest = hashes.Hash(_known(algorithm))
    digest.update(content)
    return digest.finalize()


def _moment(text: bytes) -> datetime:
    if not _TIME.fullmatch(text):
        raise ValueError("its time can't be read")
    whole, _, fraction = text.decode().removesuffix("Z").partition(".")
    moment = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return moment.replace(microsecond=int(f"{fraction:0<6}"[:6]))
