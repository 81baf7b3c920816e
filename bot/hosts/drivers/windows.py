"""The driver for Windows: what to run, and what the answer means. Pure; how the host is asked is in windows_*.cs.

One round trip is one PowerShell. The command line is short, the same for every question, and in letters that neither
cmd nor PowerShell reads as anything else: cmd takes 8,191 characters, some OpenSSH for Windows fewer. It reads the
script from standard input as base64, so that no code page changes it, up to a line with a dot: cut short, it does
nothing.

The identity of a session is its id and the time of its logon, that of an SSH login its first process and its start,
both in 100 ns since 1601. The boot is known by the start of the kernel's own process.
"""

from base64 import b64encode
from collections.abc import Sequence
from importlib.resources import files
from textwrap import wrap

from bot.hosts.drivers import windows_acts, windows_answer, windows_holds
from bot.hosts.drivers.interface import Call
from bot.hosts.drivers.windows_look import Look
from bot.models import Answer, Hold, Host, HostLimits, HostUptime, Release, ShowHold, Snapshot, Step

LINE = 1_000
SOURCES = (
    *("windows_native.cs", "windows_account.cs", "windows_look.cs", "windows_act.cs"),
    *("windows_give_back.cs", "windows_hold.cs"),
)
NO_LIMITS = "time limits of Remote Desktop (Group Policy) are not read yet"
READ_AND_RUN = """\
if ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') { 'kickbot windows trouble constrained'; exit 3 }
$all = ''
while (($line = [Console]::In.ReadLine()) -ne '.') {
if ($null -eq $line) { 'kickbot windows trouble cut'; exit 3 }
$all += $line
}
$kickbot = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($all))
& ([ScriptBlock]::Create($kickbot))
"""


def _read(name: str) -> str:
    return files("bot.hosts.drivers").joinpath(name).read_text(encoding="utf-8")


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


SCRIPT = _read("windows.ps1").replace("'SOURCE'", f"'{_encoded(chr(10).join(map(_read, SOURCES)))}'")
COMMAND = (
    *("powershell", "-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand"),
    b64encode(READ_AND_RUN.encode("utf-16-le")).decode(),
)


class WindowsDriver:
    """Windows 10, Server 2016 and newer, with OpenSSH for Windows; Kickbot's login is an administrator."""

    def look(self, host: Host, *, nonce: str, groups: Sequence[str] = (), account: str = "") -> Call:  # noqa: ARG002
        return _call("look", nonce, account, *groups)

    def limits(self, host: Host, *, nonce: str) -> Call:  # noqa: ARG002
        return _call("limits", nonce)

    def command(self, step: Step, *, host: Host, not_after: HostUptime, nonce: str) -> Call:  # noqa: ARG002
        if isinstance(step, Hold | Release | ShowHold):
            return _call(step.kind, nonce, *windows_holds.arguments(step, not_after))
        return _call(windows_acts.verb(step), nonce, *windows_acts.arguments(step, not_after))

    def parse_look(self, answer: bytes, *, host: str, host_key: str, nonce: str) -> Snapshot:
        """A Snapshot of everything that the host showed; see bot.models. Raises IncompleteAnswer."""
        return Look(windows_answer.facts(answer, nonce=nonce)).snapshot(host, host_key)

    def parse_limits(self, answer: bytes, *, host: str, host_key: str, nonce: str) -> HostLimits:
        """Only that it answers. Raises IncompleteAnswer."""
        windows_answer.body(answer, verb="limits", nonce=nonce)
        return HostLimits(host=host, host_key=host_key, notes=(NO_LIMITS,))

    def parse_answer(self, answer: bytes, *, step: Step, nonce: str) -> Answer:
        """What the host did of a step, as windows_acts and windows_holds have it. Raises IncompleteAnswer."""
        if isinstance(step, Hold | Release | ShowHold):
            return windows_holds.answered(step, windows_answer.body(answer, verb=step.kind, nonce=nonce))
        return windows_acts.answered(step, windows_answer.body(answer, verb=windows_acts.verb(step), nonce=nonce))


def script(words: Sequence[str]) -> str:
    """The whole PowerShell for these words."""
    return SCRIPT.replace("'WORDS'", f"'{_encoded(chr(0).join(words))}'")


def _call(verb: str, nonce: str, *arguments: str) -> Call:
    stdin = "\n".join((*wrap(_encoded(script((verb, nonce, *arguments))), LINE), ".", ""))
    return Call(argv=COMMAND, stdin=stdin.encode(), nonce=nonce)
