"""The driver for Linux: what to run, and what the answer means. Pure; how the host is asked is in linux.sh.

A session's identity is logind's id, its leader's pid and its TimestampMonotonic in microseconds: never twice in a boot.
The start of the leader is not in it: a leader often ends before the rest of its session, as after a polite end, and
what lives on must not look like another session, or like none.
"""

import re
from importlib.resources import files

from bot.cleaning import clean, mask
from bot.errors import IncompleteAnswer
from bot.hosts.drivers import linux_answer
from bot.hosts.drivers.interface import Call, NotForThisDriver
from bot.hosts.drivers.linux_look import LADDER, Look
from bot.models import Answer, Host, HostUptime, Snapshot, Step

PARTS = ("linux_look.sh", "linux_act.sh", "linux.sh")
SCRIPT = b"".join(files("bot.hosts.drivers").joinpath(part).read_bytes() for part in PARTS)

_IDENTITY = re.compile(r"(?!self:|auto:)([0-9A-Za-z]{1,32}):(\d{1,10}):(\d{1,20})", re.ASCII)
_BOOT = re.compile(r"[0-9a-f-]{36}", re.ASCII)


class LinuxDriver:
    """Any Linux with a POSIX shell, awk and /proc; logind where there is one."""

    def look(self, host: Host, *, nonce: str) -> Call:
        return _call(host, "look", nonce)

    def command(self, step: Step, *, host: Host, not_after: HostUptime, nonce: str) -> Call:
        target = step.target
        found = _IDENTITY.fullmatch(target.identity)
        if not found or found[1] != target.session or not _BOOT.fullmatch(target.boot) or step.rung not in _RUNGS:
            raise NotForThisDriver(f"{step.rung} is not for session {target.session} of {target.host}")
        session, leader, since = found.groups()
        uid = str(target.account.uid)
        return _call(host, "end", nonce, str(not_after), target.boot, session, leader, since, uid, step.rung)

    def parse_look(self, answer: bytes, *, host: str, host_key: str, nonce: str) -> Snapshot:
        """A Snapshot of everything that the host showed; see bot.models. Raises IncompleteAnswer."""
        lines = linux_answer.body(answer, verb="look", nonce=nonce)
        return Look(linux_answer.sections(lines)).snapshot(host, host_key)

    def parse_answer(self, answer: bytes, *, nonce: str) -> Answer:
        """`refused WORD`, or `ran COMMAND`, `status N` and `| OUTPUT` lines. Raises IncompleteAnswer."""
        lines = linux_answer.body(answer, verb="end", nonce=nonce)
        words = [clean(line).partition(" ") for line in lines]
        match words:
            case [("refused", _, "late" | "rebooted" | "gone" | "changed" | "forbidden" as refusal)]:
                return Answer(status="refused", refusal=refusal)
            case [("ran", _, command), ("status", _, status), *output] if re.fullmatch(r"\d{1,3}", status, re.ASCII):
                text = "\n".join(rest for word, _, rest in output if word == "|")
                return Answer(status="done", command=command, exit_status=int(status), output=mask(text).strip())
        raise IncompleteAnswer("the host's answer to the step can't be read")


_RUNGS = frozenset(rung.name for rung in LADDER)


def _call(host: Host, verb: str, nonce: str, *arguments: str) -> Call:
    become_root = () if host.user == "root" else ("sudo", "-n", "--")
    return Call(argv=(*become_root, "sh", "-s", "--", verb, nonce, *arguments), stdin=SCRIPT, nonce=nonce)
