"""The driver for Linux: what to run, and what the answer means. Pure; how the host is asked is in linux.sh.

The identity of logind's session is its id, its leader's pid and its TimestampMonotonic in microseconds: never twice in
a boot. The start of the leader is not in it: a leader often ends before the rest of its session, as after a polite end,
and what lives on must not look like another session, or like none. For logins that logind doesn't know see linux_acts.
"""

from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files

from bot.hosts.drivers import linux_acts, linux_answer, linux_holds, linux_limits, linux_set_limits
from bot.hosts.drivers.interface import Call
from bot.hosts.drivers.linux_look import Look
from bot.models import (
    Answer,
    Hold,
    Host,
    HostLimits,
    HostUptime,
    KeepLimits,
    Release,
    SetLimits,
    ShowHold,
    Snapshot,
    Step,
)


def _text(*parts: str) -> bytes:
    return b"".join(files("bot.hosts.drivers").joinpath(part).read_bytes() for part in parts)


def _script(*parts: str) -> bytes:
    """These parts and the one with `main`; the last line calls it."""
    return _text(*parts, "linux.sh") + b'\n{ main "$@" </dev/null; }\n'


LOOK_PARTS = ("linux_look.sh", "linux_traces.sh")
ACT_PARTS = ("linux_act.sh", "linux_members.sh", "linux_signals.sh", "linux_warn.sh")
LOOK_SCRIPT = _script(*LOOK_PARTS)
LIMITS_SCRIPT = _script("linux_limits.sh")
ACT_SCRIPT = _script(*ACT_PARTS)


def _as_program(name: str, call: str, *parts: str) -> bytes:
    """A function of the shell that prints these parts as what the host's own timer runs. call: what that calls."""
    text = _text(*parts)
    run = f'TRY_AGAIN=75\nmain() {{ {call} "${{0%/*}}"; }}\nmain\n'.encode()
    return f"{name}() {{\ncat <<'THE_PROGRAM'\n#!/bin/sh\n".encode() + text + run + b"THE_PROGRAM\n}\n"


HOLD_PARTS = ("linux_act.sh", "linux_hold.sh", "linux_give_back.sh")
SET_LIMITS_PARTS = ("linux_take_back.sh", "linux_set_limits.sh")
GIVE_BACK = _as_program("give_back_program", "by_timer", "linux_give_back.sh")
TAKE_BACK = _as_program("take_back_program", "take_back_by_timer", "linux_give_back.sh", "linux_take_back.sh")
HOLD_SCRIPT = GIVE_BACK + _script(*HOLD_PARTS)
SET_LIMITS_SCRIPT = TAKE_BACK + _script(*HOLD_PARTS, *SET_LIMITS_PARTS)


def _kit() -> tuple[str, bytes]:
    """Its version, and the program: all parts, each once, as they would be sent."""
    parts = dict.fromkeys((*LOOK_PARTS, "linux_limits.sh", *ACT_PARTS, *HOLD_PARTS, *SET_LIMITS_PARTS))
    text = GIVE_BACK + TAKE_BACK + _text(*parts, "linux.sh", "linux_kit.sh")
    version = sha256(text).hexdigest()
    return version, b"#!/bin/sh\nKIT=" + version.encode() + b"\n" + text + b"\n{ kit; }\n"


KIT, KIT_PROGRAM = _kit()
"""What `kickbot hosts kit` installs. Its version is the digest of all its parts."""
KIT_COMMAND = "kickbot-host"
"""What a host with the kit is asked for; there the key's own command runs instead. Elsewhere it is not found."""
NO_TICKET = "-"


class LinuxDriver:
    """Any Linux with a POSIX shell, awk and /proc; logind where there is one."""

    def look(self, host: Host, *, nonce: str, groups: Sequence[str] = (), account: str = "") -> Call:
        return _call(host, LOOK_SCRIPT, "look", nonce, *([f":{account}"] if account else []), *groups)

    def limits(self, host: Host, *, nonce: str) -> Call:
        return _call(host, LIMITS_SCRIPT, "limits", nonce)

    def command(self, step: Step, *, host: Host, not_after: HostUptime, nonce: str) -> Call:
        if isinstance(step, Hold | Release | ShowHold):
            verb, arguments = linux_holds.verb(step), linux_holds.arguments(step, not_after, bot=host.user)
            return _call(host, HOLD_SCRIPT, verb, nonce, *arguments)
        if isinstance(step, SetLimits | KeepLimits):
            arguments = linux_set_limits.arguments(step, not_after, bot=host.user)
            return _call(host, SET_LIMITS_SCRIPT, step.kind, nonce, *arguments)
        return _call(host, ACT_SCRIPT, linux_acts.verb(step), nonce, *linux_acts.arguments(step, not_after))

    def parse_look(self, answer: bytes, *, host: str, host_key: str, nonce: str) -> Snapshot:
        """A Snapshot of everything that the host showed; see bot.models. Raises IncompleteAnswer."""
        lines = linux_answer.body(answer, verb="look", nonce=nonce)
        return Look(linux_answer.sections(lines)).snapshot(host, host_key)

    def parse_limits(self, answer: bytes, *, host: str, host_key: str, nonce: str) -> HostLimits:
        """What linux_limits reads. Raises IncompleteAnswer."""
        lines = linux_answer.body(answer, verb="limits", nonce=nonce)
        return linux_limits.limits(lines, host=host, host_key=host_key)

    def parse_answer(self, answer: bytes, *, step: Step, nonce: str) -> Answer:
        """What the host did of a step, as linux_acts and linux_holds have it. Raises IncompleteAnswer."""
        if isinstance(step, Hold | Release | ShowHold):
            return linux_holds.answered(step, linux_answer.body(answer, verb=linux_holds.verb(step), nonce=nonce))
        if isinstance(step, SetLimits | KeepLimits):
            return linux_holds.answered(step, linux_answer.body(answer, verb=step.kind, nonce=nonce))
        return linux_acts.answered(step, linux_answer.body(answer, verb=linux_acts.verb(step), nonce=nonce))


def _call(host: Host, script: bytes, verb: str, nonce: str, *arguments: str) -> Call:
    if host.kit:
        return Call(argv=(KIT_COMMAND,), stdin=kit_request(verb, nonce, *arguments), nonce=nonce)
    become_root = () if host.user == "root" else ("sudo", "-n", "--")
    return Call(argv=(*become_root, "sh", "-s", "--", verb, nonce, *arguments), stdin=script, nonce=nonce)


def kit_request(verb: str, nonce: str, *arguments: str) -> bytes:
    """A request as linux_kit.sh has it. No argument has a line break: each was checked by whoever made it."""
    lines = (f"kickbot 1 {KIT} {nonce}", f"ticket {NO_TICKET}", f"={verb}", *(f"={each}" for each in arguments), ".")
    return "".join(f"{line}\n" for line in lines).encode()
