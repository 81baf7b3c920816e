"""Command text: whatever is typed is refused in words, or means configured hosts and nothing but words for a driver."""

import shlex
from collections.abc import Iterator

from bot import commands
from bot.cleaning import has_invisible
from bot.errors import CommandError
from bot.hosts.drivers.linux import LinuxDriver
from bot.models import Host, Kick
from tests import make
from tests.fuzz.tape import Tape

INVENTORY = make.inventory("host1", "host2", "web01", "web02", "db-1.example.com")
HOST = Host(name="host1", address="host1.example.com", user="kickbot")
DRIVER = LinuxDriver()
NONCE = "0123456789abcdef"

SAID = (
    *("sessions", "kick", "unhold", "holds", "sweeps", "limits", "audit", "freeze", "unfreeze", "help", "because"),
    *(
        "session",
        "idle",
        "from",
        "key",
        "processes",
        "force",
        "warn",
        "hold",
        "me",
        "emergency",
        "since",
        "set",
        "off",
        "everyone",
    ),
    *(
        "unresponsive",
        "audituser",
        "root",
        "alice",
        "host1",
        "host2",
        "host[1-2]",
        "web[01-02]",
        "@prod",
        "*",
        "host1,",
    ),
    *(
        "7",
        "c1",
        "7,9",
        "host1:7",
        "30m",
        "2h",
        "1d",
        "0",
        "999999999999d",
        "10.0.0.0/8",
        "::/0",
        "@prod&host1",
        "!host1",
    ),
    *(
        "SHA256:" + "A" * 43,
        "<@U0BOB>",
        "<!channel>",
        "<!subteam^S0SRE>",
        "`",
        "*_~",
        "--force",
        "—because",
        "-rf",
        "../..",
    ),
    *(
        "; reboot",
        "$(id)",
        "`id`",
        "| sh",
        "&& x",
        "> /etc/passwd",
        "${IFS}",
        "\\",
        "'",
        '"',
        "\n",
        "\t",
        "\0",
        "\x1b[2J",
    ),
    *(
        "\u202e",
        "\ufeff",
        "\u00a0",
        "\ud800",
        "\uff48ost1",
        "web[1-999999999]",
        "web[01-",
        "@@",
        "x" * 600,
        "host1 " * 90,
    ),
)


def command_text(content: bytes) -> None:
    """One command, as typed."""
    tape = Tape(content)
    command = tape.one(sorted(commands.USAGE))
    text = "".join(_said(tape))
    try:
        understood = commands.parse(command, text, INVENTORY)
    except CommandError as refused:
        _demand_plain(refused.for_user())
        return
    assert set(getattr(understood, "hosts", ())) <= INVENTORY.hosts.keys(), understood
    for said in (getattr(understood, "user", None) or "", getattr(understood, "reason", "")):
        assert has_invisible(said) is None, understood
    if isinstance(understood, Kick):
        _demand_the_same_again(understood)
        _demand_words(understood)


def _said(tape: Tape) -> Iterator[str]:
    for _ in range(tape.below(12)):
        yield tape.text() if tape.yes(6) else tape.one(SAID)
        yield "" if tape.yes(8) else " "


def _demand_plain(told: str) -> None:
    """What is told may not ping anybody."""
    assert "<!" not in told, told
    assert "<@" not in told, told


def _demand_the_same_again(kick: Kick) -> None:
    """A button carries a command as words, and a click brings back the same."""
    again = commands.parse("kickbot", commands.words(kick).removeprefix("/"), INVENTORY)
    assert isinstance(again, Kick)
    assert set(again.hosts) == set(kick.hosts)
    assert again.model_copy(update={"hosts": kick.hosts}) == kick, (kick, again)


def _demand_words(kick: Kick) -> None:
    """For a host it is a few printable words, and what was typed is one of them at most."""
    call = DRIVER.look(HOST, nonce=NONCE, account=kick.user)
    assert call.argv[:-1] == DRIVER.look(HOST, nonce=NONCE).argv
    assert call.argv[-1] == f":{kick.user}"
    assert not any(map(has_invisible, call.argv)), call.argv
    assert tuple(shlex.split(shlex.join(call.argv))) == call.argv
