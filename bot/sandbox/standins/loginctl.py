"""loginctl as of systemd 257, for the sessions of one sandbox host. Never reaches the machine's own logind."""

import os
import signal
import sys
import time
from collections.abc import Iterable

from bot.sandbox.standins.scene import ROOT, Scene, Session

IGNORED = frozenset({"--no-legend", "--no-pager", "--full", "-l", "--kill-whom=all"})


class Complaint(Exception):  # noqa: N818 - what loginctl says before it exits with 1
    pass


def main(words: list[str]) -> int:
    """Run one loginctl command; the exit status, as the real one's."""
    scene = Scene.here()
    verb, names, number = understand(words)
    try:
        match verb:
            case "list-sessions":
                sys.stdout.write("".join(map(row, scene.sessions())))
            case "show-session":
                show(properties(one) for one in chosen(scene, names))
            case "list-users":
                list_users(scene)
            case "show-user":
                show(user(scene, name) for name in names)
            case "terminate-session" | "kill-session":
                end(scene, verb, names, number)
            case "terminate-user":
                end(scene, "terminate-session", sessions_of(scene, names), number)
            case _:
                sys.stderr.write(f"Unknown command verb '{verb}'.\n")
                return 1
    except Complaint as complaint:
        sys.stdout.flush()
        sys.stderr.write(f"{complaint}\n")
        return 1
    return 0


def understand(words: list[str]) -> tuple[str, list[str], int]:
    """The verb, the names after it, and the signal's number."""
    number = int(signal.SIGTERM)
    plain: list[str] = []
    for word in words:
        if word.startswith("--signal="):
            number = signal_number(word.partition("=")[2])
        elif not word.startswith("-"):
            plain.append(word)
        elif word not in IGNORED:
            sys.stderr.write(f"loginctl: unrecognized option '{word}'\n")
            sys.exit(1)
    return (plain[0] if plain else "list-sessions"), plain[1:], number


def signal_number(name: str) -> int:
    try:
        return int(name) if name.isdigit() else int(signal.Signals["SIG" + name.removeprefix("SIG")])
    except KeyError:
        sys.stderr.write(f"Failed to parse signal string {name}.\n")
        sys.exit(1)


def chosen(scene: Scene, names: list[str]) -> Iterable[Session]:
    """Each session that was named. Raises Complaint at the first that isn't there."""
    known = {one.id: one for one in scene.sessions()}
    for name in names:
        if name not in known:
            raise Complaint(f"Failed to get path for session '{name}': No session '{name}' known")
        yield known[name]


def end(scene: Scene, verb: str, names: list[str], number: int) -> None:
    """terminate-session does nothing, and says so to nobody, for a session that is closing already: as real ones do."""
    for session in chosen(scene, names):
        if os.environ.get(ROOT) != "1":
            raise Complaint(f"Could not {verb.partition('-')[0]} session: Access denied")
        if verb == "kill-session":
            scene.signal(session, number)
        elif not session.closing:
            scene.mark_closing(session)
            scene.signal(session, signal.SIGTERM, signal.SIGCONT, signal.SIGHUP)


def sessions_of(scene: Scene, users: list[str]) -> list[str]:
    """The ids of the sessions of those users, by number or name."""
    for name in users:
        user(scene, name)
    return [one.id for one in scene.sessions() if {one.account.name, str(one.account.uid)} & set(users)]


def row(one: Session) -> str:
    return f"{one.id} {one.account.uid} {one.account.name} - {one.leader} user - no -\n"


def list_users(scene: Scene) -> None:
    sessions = scene.sessions()
    for uid, name in sorted({(one.account.uid, one.account.name) for one in sessions}):
        sys.stdout.write(f"{uid} {name} no {state([one for one in sessions if one.account.uid == uid])}\n")


def state(own: list[Session]) -> str:
    """The state of an account with these sessions."""
    return "closing" if all(one.closing for one in own) else "active"


def show(blocks: Iterable[dict[str, object]]) -> None:
    for count, block in enumerate(blocks):
        sys.stdout.write("\n" if count else "")
        sys.stdout.write("".join(f"{name}={value}\n" for name, value in block.items()))


def moment(microseconds: int) -> str:
    return time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(microseconds // 1_000_000))


IDLE = {"IdleHint": "no", "IdleSinceHint": 0, "IdleSinceHintMonotonic": 0}


def properties(one: Session) -> dict[str, object]:
    """All the properties that systemd 257 prints, in its order."""
    return {
        "Id": one.id,
        "User": one.account.uid,
        "Name": one.account.name,
        "Timestamp": moment(one.realtime),
        "TimestampMonotonic": one.monotonic,
        "VTNr": 0,
        "Remote": "yes",
        "RemoteHost": one.remote,
        "Service": "sshd",
        "Scope": f"session-{one.id}.scope",
        "Leader": one.leader,
        "Audit": 4294967295,
        "Type": "tty",
        "Class": "user",
        "Active": "yes",
        "State": "closing" if one.closing else "active",
        **IDLE,
        "CanIdle": "yes",
        "CanLock": "yes",
        "LockedHint": "no",
    }


def user(scene: Scene, name: str) -> dict[str, object]:
    """A logged-in account, named by its number or its name. Raises Complaint if it isn't logged in."""
    own = [one for one in scene.sessions() if name in {one.account.name, str(one.account.uid)}]
    if not own:
        raise Complaint(f"Failed to get path for user '{name}': User ID {name} is not logged in or lingering")
    first, account = own[0], own[0].account
    return {
        "UID": account.uid,
        "GID": account.uid,
        "Name": account.name,
        "Timestamp": moment(first.realtime),
        "TimestampMonotonic": first.monotonic,
        "RuntimePath": f"/run/user/{account.uid}",
        "Service": f"user@{account.uid}.service",
        "Slice": f"user-{account.uid}.slice",
        "Display": first.id,
        "State": state(own),
        "Sessions": " ".join(one.id for one in reversed(own)),
        **IDLE,
        "Linger": "no",
    }
