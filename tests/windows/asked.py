"""A host that is asked through the driver: the words that a call sends, and what its answer is read as."""

import re
from base64 import b64decode
from collections.abc import Callable, Sequence

from bot.hosts.drivers.interface import Call
from bot.hosts.drivers.windows import WindowsDriver
from bot.models import Answer, Host, HostUptime, Session, Snapshot, Step, Target
from tests.windows.scenes import Win
from tests.windows.standin import Program, Scene

DECODED = re.compile(r"Decode '([A-Za-z0-9+/=]*)'")
NONCE = "00ff" * 8
HOST = Host(name="win1", address="win1.example.com", user="kickbot", platform="windows")
DRIVER = WindowsDriver()
LATER = 10**9


def sent(call: Call) -> list[str]:
    """The words that the script gets."""
    lines = call.stdin.decode("ascii").split("\n")
    return words_of(b64decode("".join(lines[: lines.index(".")]), validate=True).decode())


def words_of(script: str) -> list[str]:
    return b64decode(DECODED.findall(script)[1], validate=True).decode().split("\0")


class Asked:
    """One host, asked through the driver."""

    def __init__(self, program: Program, scene: Scene) -> None:
        self.program, self.scene = program, scene

    def look(self, account: str = "", groups: Sequence[str] = ()) -> Snapshot:
        answer = self.program.answer(self.scene.path, ["look", NONCE, account, *groups])
        return DRIVER.parse_look(answer, host="win1", host_key="SHA256:win1", nonce=NONCE)

    def act(self, step: Step, *, not_after: int = LATER) -> Answer:
        return self.read(step, self.ask(step, not_after=not_after))

    def ask(self, step: Step, *, not_after: int = LATER, die_at: int = 0) -> bytes:
        """What the script printed; nothing where it was killed."""
        words = sent(DRIVER.command(step, host=HOST, not_after=HostUptime(not_after), nonce=NONCE))
        return self.program.answer(self.scene.path, words, die_at=die_at)

    def read(self, step: Step, answer: bytes) -> Answer:
        return DRIVER.parse_answer(answer, step=step, nonce=NONCE)


Ask = Callable[[Win], Asked]


def target(look: Snapshot, session: str, **changes: object) -> Target:
    found = one(look, session)
    values = {
        "host": "win1",
        "host_key": look.host_key,
        "boot": look.boot,
        "session": found.id,
        "identity": found.identity,
        "account": found.account,
        "summary": "",
        "rungs": tuple(rung.name for rung in found.ladder),
    }
    return Target.model_validate({**values, **changes})


def one(look: Snapshot, session: str) -> Session:
    return next(s for s in look.sessions if s.id == session)


def refused(why: str) -> Answer:
    return Answer.model_validate({"status": "refused", "refusal": why})
