"""Which key the Linux driver says a login came with: what it believes, and what anyone could have written."""

import json
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest

from bot.errors import IncompleteAnswer
from bot.hosts.drivers.linux_keys import fingerprint
from bot.models import Session
from tests.linux_answers import ALICES, LEADER, SSHD, listed, only, parse, sshd, task, told

KEY = "SHA256:oLkGifulr3RNs4m/H7bkMa4OOlH0PP9tqzsS8ZUC/HQ"
OTHER = "SHA256:" + "A" * 43
BLOB = b"AAAAC3NzaC1lZDI1NTE5AAAAIF/QXq5QaDCpEZWPSPLpH27mjxhbKPWUJ0OLThU6BNHp"
BEGAN = 50_000_000  # of listed(), in microseconds since the boot
SHELL = task(101, scope=ALICES)


def accepted(user: str = "alice", key: str = f"ED25519 {KEY}") -> str:
    return f"Accepted publickey for {user} from 198.18.0.1 port 34826 ssh2: {key}"


def entry(message: object, pid: int = 100, at: int = BEGAN) -> bytes:
    """One line of journalctl's JSON."""
    return b"| " + json.dumps({"_PID": str(pid), "__MONOTONIC_TIMESTAMP": str(at), "MESSAGE": message}).encode()


def alice(*keys: bytes, journal: int = 0) -> Session:
    return only(parse(told(LEADER, SHELL, sessions=[listed()], keys=keys, journal=journal)))


def test_by_the_journal() -> None:
    """The key of a login is what sshd recorded when it began."""
    session = alice(entry("Connection from 198.18.0.1"), entry(accepted()))

    assert (session.key, session.certificate, session.key_source) == (KEY, "", "journal")


def test_a_certificate() -> None:
    """Of a certificate the key and its id are told, whatever the id says."""
    identity = f"alice@laptop (serial 1) CA RSA {OTHER} from 1.2.3.4 port 1 ssh2: X \x1b[2J"
    session = alice(entry(accepted(key=f"ED25519-CERT {KEY} ID {identity} (serial 7) CA ED25519 {OTHER}")))

    assert session.key == KEY
    assert session.certificate == identity.replace("\x1b", "\\x1b")


@pytest.mark.parametrize(
    "line",
    [
        entry(accepted(), pid=101),
        entry(accepted("bob")),
        entry(accepted("alice2")),
        entry(accepted(), at=BEGAN - 61_000_000),
        entry(accepted(), at=BEGAN + 61_000_000),
        entry(accepted().replace("publickey", "password")),
        entry(f"alice: {accepted()}"),
        entry(accepted(key="ED25519 MD5:" + "00:" * 15 + "00")),
        entry(accepted(key=f"ED25519 {KEY}=")),
        entry(list(accepted().encode())),
        entry(None),
        b"| {",
        b"| [1, 2]",
        b"| " + b"[" * 60_000,
        b'| {"_PID": "1e99", "__MONOTONIC_TIMESTAMP": "1", "MESSAGE": ""}',
        b'| {"_PID": 1e999, "__MONOTONIC_TIMESTAMP": "1", "MESSAGE": ""}',
        b"| \xff\xfe",
    ],
)
def test_no_record_of_this_login(line: bytes) -> None:
    """A record of another process, user or time, and a line that can't be read, say nothing of a login."""
    assert alice(line).key == ""


def test_the_newest_record() -> None:
    """Of two records that fit, the newer one counts; journalctl tells it first."""
    assert alice(entry(accepted(key=f"RSA {OTHER}"), at=BEGAN + 1), entry(accepted())).key == OTHER


def test_of_a_login_that_logind_does_not_know() -> None:
    """A login below sshd has the key that its first process recorded, also when the user took minutes to unlock it."""
    own = [SSHD, sshd(20, 0), sshd(21, 1001, parent=20)]

    session = only(parse(told(*own, keys=[entry(accepted(), pid=20, at=302_000_000)])))

    assert (session.id, session.key, session.key_source) == ("ssh-20", KEY, "journal")


def test_by_the_environment() -> None:
    """Without a record, the key is what sshd shows to the session, and it says that the account can write it."""
    session = alice(b"exposed 101 ssh-ed25519 " + BLOB)

    assert (session.key, session.key_source) == (KEY, "environment")


def test_the_journal_comes_first() -> None:
    """What the journal says counts more than what the account could have written."""
    session = alice(b"exposed 101 ssh-ed25519 " + BLOB, entry(accepted(key=f"ED25519 {OTHER}")))

    assert (session.key, session.key_source) == (OTHER, "journal")


@pytest.mark.parametrize(
    "line",
    [
        b"exposed 999 ssh-ed25519 " + BLOB,
        b"exposed 101 ssh-rsa " + BLOB,
        b"exposed 101 ssh-ed25519 AAAA",
        b"exposed 101 ssh-ed25519 A",
        b"exposed 101 ssh-ed25519-cert-v01@openssh.com " + BLOB,
        b"exposed 101 nothing-cert-v01@openssh.com " + BLOB,
    ],
)
def test_no_key_in_the_environment(line: bytes) -> None:
    """What is no key, or that of a process outside of the login, is no key of the login."""
    assert alice(line).key == ""


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen here")
@pytest.mark.parametrize("kind", [("ed25519",), ("rsa", "-b", "1024"), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "521")])
def test_keys_as_ssh_keygen_names_them(tmp_path: Path, kind: tuple[str, ...]) -> None:
    """Keys and certificates have the fingerprint that ssh-keygen and sshd give them."""
    key, authority = tmp_path / "key", tmp_path / "ca"
    make = ["ssh-keygen", "-q", "-N", "", "-f"]
    subprocess.run([*make, key, "-t", *kind], check=True)
    subprocess.run([*make, authority, "-t", "ed25519"], check=True)
    subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "alice@laptop", "-n", "alice", f"{key}.pub"], check=True)
    named = subprocess.run(["ssh-keygen", "-l", "-f", f"{key}.pub"], stdout=subprocess.PIPE, check=True).stdout.split()[
        1
    ]

    for path, identity in [(f"{key}.pub", ""), (f"{key}-cert.pub", "alice@laptop")]:
        session = alice(b"exposed 101 " + b" ".join(Path(path).read_bytes().split()[:2]))

        assert (session.key, session.certificate) == (named.decode(), identity)


def test_a_fingerprint() -> None:
    """A fingerprint is SHA-256 in base64, without padding."""
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


@pytest.mark.parametrize(("status", "noted"), [(0, False), (1, False), (127, False), (124, True)])
def test_a_journal_that_says_nothing(status: int, noted: bool) -> None:
    """A host without a journal has no keys, which is nothing to note; a journal that hangs is."""
    snapshot = parse(told(LEADER, sessions=[listed()], journal=status))

    assert only(snapshot).key == ""
    assert ("the journal did not answer in 5 s: keys of logins are not known" in snapshot.notes) is noted


@pytest.mark.parametrize(
    ("wrong", "right", "why"),
    [
        (b"total 2\n== addresses", b"total 1\n== addresses", "list of keys is not complete"),
        (b"", b"journal 0\n", "list of keys is not complete"),
        (b"Exposed 101", b"exposed 101", "section keys has an unknown line"),
        (b"exposed 101 ssh-ed25519 \x1b", b"exposed 101 ssh-ed25519 ", "section keys has an unknown line"),
    ],
)
def test_not_the_scripts_words(wrong: bytes, right: bytes, why: str) -> None:
    """A section that lost a line, or has one that the script doesn't write, makes the whole look incomplete."""
    whole = told(keys=[b"exposed 101 ssh-ed25519 " + b64encode(b"x")])
    assert right in whole

    with pytest.raises(IncompleteAnswer, match=why):
        parse(whole.replace(right, wrong, 1))
