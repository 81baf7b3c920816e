"""What can go wrong, each told to two people: `for_user()` says what to do next, `str()` is for the log."""

from bot.durations import spell


class KickbotError(Exception):
    """The base of every error that Kickbot raises on purpose."""

    def for_user(self) -> str:
        """What the person who is waiting for an answer should read."""
        return str(self)


class SettingsError(KickbotError):
    """kickbot.toml or the environment can't be used: the start stops with this one line."""


class SlackLost(KickbotError):  # noqa: N818 - says what happened
    """Slack is there, and this process can't get through to it any more: a new one may. silence: seconds."""

    def __init__(self, silence: float) -> None:
        super().__init__(
            f"Slack gives out addresses for Socket Mode, but nothing came through from there for {silence:.0f} s:"
            " stopped, so that a new process can try. If that fails too, does the network let WebSockets through?"
        )


class CommandError(KickbotError):
    """What was typed isn't a command. The message shows the right usage."""


class Refused(KickbotError):  # noqa: N818 - it is an answer, not a fault
    """The policy said no, or what it needs to know could not be looked up."""


class WrongCode(Refused):
    """A code that isn't that person's: recorded already, as what it was."""


class SecretsUnusable(Refused):
    """The file with the second factors can't be used, and then nobody has one. It never tells what is in it."""

    def for_user(self) -> str:
        return (
            "Kickbot can't use its file of second factors at the moment, so no code counts. Whoever runs it finds the"
            " reason in its log."
        )


class TooLate(KickbotError):  # noqa: N818 - says what happened
    """It arrived longer after it was sent than a rule allows. Nothing was recorded. seconds: how old it may be."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it may be {spell(seconds)} old; if it is not, is this machine's clock right?")
        self.seconds = seconds

    def for_user(self) -> str:
        return (
            f"You may have sent this {spell(self.seconds)} ago: it arrived only now, so nothing was asked."
            " Send it again if it still holds."
        )


class ActingFrozen(Refused):
    """Someone pulled the emergency brake: nothing is begun until two people release it."""


class LookupFailed(KickbotError):  # noqa: N818 - says what happened
    """Slack did not say who a person is or who is in a group. It always means no."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why

    def for_user(self) -> str:
        return (
            f"Slack could not say who {self.what} is, so the answer is no. Try again in a minute;"
            " if it stays so, whoever runs Kickbot finds the reason in its log."
        )


class TrailError(KickbotError):
    """The audit trail could not be written or read. No record, no act."""

    def for_user(self) -> str:
        return (
            "The audit trail can't be used at the moment, so nothing was done. Try again in a minute; if it stays so,"
            " whoever runs Kickbot finds the reason in its log."
        )


class NoTrail(TrailError):  # noqa: N818 - says what happened
    """There is none yet: a bot that starts makes it."""


class Conflict(TrailError):  # noqa: N818 - says what happened
    """Someone else recorded something first: read again and decide again."""


class AlreadyRecorded(TrailError):  # noqa: N818 - says what happened
    """This very message from Slack was recorded before, as the start of `request`."""

    def __init__(self, request: int) -> None:
        super().__init__(f"already recorded as request {request}")
        self.request = request

    def for_user(self) -> str:
        return f"This is request {self.request} already."


class LeaseLost(TrailError):  # noqa: N818 - says what happened
    """Another process drives this request, or holds this trail."""


class HeldElsewhere(LeaseLost):
    """Another process drives this request at the moment, which is as good."""


class NotNow(KickbotError):  # noqa: N818 - says what happened
    """A request is due, and nothing can be done about it yet. pause: seconds after which it is tried again."""

    def __init__(self, why: str, pause: float) -> None:
        super().__init__(why)
        self.pause = pause


class BrokenTrail(TrailError):  # noqa: N818 - says what happened
    """The trail does not verify: `sequence` is the first bad event. kind: what was done to it, in a few words."""

    def __init__(self, sequence: int, why: str, kind: str = "changed") -> None:
        super().__init__(f"event {sequence}: {why}")
        self.sequence = sequence
        self.why = why
        self.kind = kind


class IncompleteAnswer(KickbotError):  # noqa: N818 - says what happened
    """A host's answer was cut, too long, or not in the script's words: nothing in it is believed."""


class Declined(IncompleteAnswer):
    """The kit on a host did nothing of what it was asked; the text says why."""
