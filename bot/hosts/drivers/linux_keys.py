"""Which SSH key a login on a Linux host came with, as far as the host tells.

Pure; it never trusts what an account could have written without saying so. sshd's own record in the journal counts
first: journald itself vouches for the pid and the uid, so nobody can write it for sshd (`logger -t sshd` has others).
Then the file of `ExposeAuthInfo yes`, which the account can change.
"""

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from bot.cleaning import clean, shorten
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.linux_answer import excerpt

TIMED_OUT = 124  # timeout(1)
CERTIFICATE_LENGTH = 200

# Seconds by which sshd's record may lie before and after the begin of the login. logind begins a session right after
# it; a process of sshd begins with the connection, and people take time to unlock their keys.
BY_LOGIND = (60, 60)
BY_PROCESS = (5, 600)

_STATUS = re.compile(rb"journal (\d{1,3})")
_EXPOSED = re.compile(rb"exposed (\d{1,10}) ([a-z0-9@.-]+) ([A-Za-z0-9+/]+=*)")  # as much as the script lets through
_TOTAL = re.compile(rb"total (\d{1,10})")
_FINGERPRINT = r"SHA256:[A-Za-z0-9+/]{43}"
_ACCEPTED = re.compile(
    rf"Accepted publickey for (?P<user>.+?) from \S+ port \d+ ssh2: \S+ (?P<key>{_FINGERPRINT})"
    rf"(?: ID (?P<certificate>.*) \(serial \d+\) CA \S+ {_FINGERPRINT})?(?:, .*)?"
)

# How many strings a key is made of, by its type, in OpenSSH's PROTOCOL.certkeys and PROTOCOL.u2f
_CERTIFICATE = re.compile(r"([a-z0-9-]+)-cert-v01@openssh\.com")
_FIELDS = {"ssh-ed25519": 1, "ssh-rsa": 2, "ssh-dss": 4, "sk-ssh-ed25519": 2, "sk-ecdsa-sha2-nistp256": 3}
_FIELDS |= {f"ecdsa-sha2-nistp{bits}": 2 for bits in (256, 384, 521)}


class Key(NamedTuple):
    """fingerprint: `SHA256:…`. certificate: its key id, "" for a plain key. source: who told."""

    fingerprint: str = ""
    certificate: str = ""
    source: Literal["", "journal", "environment"] = ""


class Accepted(NamedTuple):
    """One record of sshd. moment: seconds since the boot."""

    pid: int
    moment: float
    user: str
    key: Key


class Keys(NamedTuple):
    """accepted: sshd's records, the newest first. exposed: keys by the pid of the process that was shown them."""

    accepted: tuple[Accepted, ...]
    exposed: Mapping[int, Key]
    timed_out: bool

    def recorded(self, pid: int, user: str, began: float, slack: tuple[int, int]) -> Key:
        """What sshd recorded with that pid for that user, around that time: pids come again. Empty if it did not."""
        earliest, latest = began - slack[0], began + slack[1]
        fitting = (each for each in self.accepted if (each.pid, each.user) == (pid, user))
        return next((each.key for each in fitting if earliest <= each.moment <= latest), Key())

    def shown(self, pids: Iterable[int]) -> Key:
        """What the first of these processes was shown. Empty if none was."""
        return next((self.exposed[pid] for pid in pids if pid in self.exposed), Key())


def keys(lines: Iterable[bytes]) -> Keys:
    """`| JSON` and `journal STATUS` of journalctl, `exposed PID TYPE BASE64`, and `total N` of them."""
    accepted: list[Accepted] = []
    exposed: dict[int, Key] = {}
    numbers: dict[str, int] = {}
    count = 0
    for line in lines:
        if line.startswith(b"| "):
            count += 1
            accepted += _accepted(line[2:])
        elif found := _EXPOSED.fullmatch(line):
            count += 1
            if key := _exposed(clean(found[2]), found[3]):
                exposed.setdefault(int(found[1]), key)
        elif found := _STATUS.fullmatch(line):
            numbers["journal"] = int(found[1])
        elif found := _TOTAL.fullmatch(line):
            numbers["total"] = int(found[1])
        else:
            raise IncompleteAnswer(f"the section keys has an unknown line: {excerpt(line)}")
    if numbers.get("total") != count or "journal" not in numbers:
        raise IncompleteAnswer("the list of keys is not complete")
    return Keys(tuple(accepted), exposed, numbers["journal"] == TIMED_OUT)


def fingerprint(blob: bytes) -> str:
    """As ssh-keygen(1) has it: `SHA256:` and base64 without its padding."""
    return "SHA256:" + b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _accepted(line: bytes) -> Iterator[Accepted]:
    """One line of journalctl's JSON. One that was cut, or whose message isn't UTF-8, tells nothing."""
    try:
        fields: dict[str, Any] = json.loads(line)
        pid, moment = int(fields["_PID"]), int(fields["__MONOTONIC_TIMESTAMP"]) / 1_000_000
        found = _ACCEPTED.fullmatch(fields["MESSAGE"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return
    if found:
        certificate = shorten(clean(found["certificate"] or ""), CERTIFICATE_LENGTH)
        yield Accepted(pid, moment, clean(found["user"]), Key(found["key"], certificate, "journal"))


def _exposed(kind: str, text: bytes) -> Key | None:
    """What a certificate says, or else the key itself. None for what is neither."""
    try:
        blob = b64decode(text, validate=True)
        certified = _CERTIFICATE.fullmatch(kind)
        if certified:
            return _certificate(certified[1], blob)
        (named,) = _strings(blob, 1)
    except (ValueError, KeyError):
        return None
    return Key(fingerprint(blob), "", "environment") if named == kind.encode() else None


def _certificate(kind: str, blob: bytes) -> Key:
    """The key inside of a certificate, as sshd's record names it too: type, nonce, the key, serial, kind, key id."""
    fields = list(_strings(blob, 2 + _FIELDS[kind]))
    length = sum(len(field) + 4 for field in fields)
    (identity,) = _strings(blob[length + 8 + 4 :], 1)
    plain = kind + "@openssh.com" * kind.startswith("sk-")
    key = b"".join(len(field).to_bytes(4, "big") + field for field in (plain.encode(), *fields[2:]))
    return Key(fingerprint(key), shorten(clean(identity), CERTIFICATE_LENGTH), "environment")


def _strings(blob: bytes, number: int) -> Iterator[bytes]:
    """The first strings of SSH's binary packing: four bytes of length, then the text. Raises ValueError."""
    for _ in range(number):
        length = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + length:
            raise ValueError("the key is cut")
        yield blob[4 : 4 + length]
        blob = blob[4 + length :]
