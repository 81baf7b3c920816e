"""How each target ended."""

from enum import StrEnum
from typing import Literal

from bot.models.looks import Process
from bot.models.values import Value


class Result(StrEnum):
    """What became of one target. LEFT: it was left alone, as it was to be ended only while it was idle, or
    only after a warning.

    SET, BACK, UNSET: of a limit; it is in force, was taken back, or was never set.
    """

    ENDED = "ended"
    ALREADY_GONE = "already gone"
    GHOST = "ghost"
    SURVIVED = "survived"
    RETURNED = "returned"
    UNKNOWN = "unknown"
    LEFT = "left alone"
    SET = "set"
    BACK = "taken back"
    UNSET = "not set"


class Outcome(Value):
    """The judgement on one target. detail: one sentence for people. lives_on: what is left of it."""

    kind: Literal["session", "account", "limits"] = "session"
    host: str
    session: str
    identity: str
    result: Result
    detail: str = ""
    lives_on: tuple[Process, ...] = ()
