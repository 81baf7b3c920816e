"""A Windows host as it is met: who is logged on, from where, and what runs. Rows as windows.c reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.hosts.drivers.windows_answer import START

ALICE, BOB, MAX, UMLAUT, OPS = (f"S-1-5-21-1004336348-1177238915-682003330-{n}" for n in (1104, 1105, 1106, 1107, 1003))
NETBIOS = "CORP"
NOW = datetime(2026, 11, 20, 13, 28, tzinfo=UTC)
NEVER = 2**32 - 1  # an account that never expires
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Rows = list[Sequence[object]]


def filetime(ago: float = 0) -> int:
    """100 ns since 1601, so many seconds before NOW."""
    return int(((NOW - START).total_seconds() - ago) * 10_000_000)


class Win:
    """One host, to be changed by a test before it is asked. uptime: seconds."""

    def __init__(self, uptime: int = 3 * DAY) -> None:
        self.boot = filetime(uptime)
        self.rows: Rows = [
            ("now", filetime()),
            ("machine", "WIN1"),
            ("uptime", uptime * 100),
            ("own", 9_100),
            ("process", 0, 0, 0, 0, "", "", ""),
            ("process", 4, 0, self.boot, 0, "S-1-5-18", "System", ""),
            ("process", 400, 4, self.boot + 9, 0, "S-1-5-18", "smss.exe", ""),
            ("process", 900, 700, self.boot + 900, 0, "S-1-5-18", "sshd.exe", ""),
            ("logon", 0, "WIN1$", NETBIOS, "S-1-5-18"),
            ("logon", 0, "", "", "denied"),
        ]
        self._ssh(9_000, OPS, "kickbot", ("powershell.exe", "powershell -NoLogo"))

    def session(
        self,
        number: int,
        user: str,
        sid: str,
        *,
        domain: str = NETBIOS,
        state: int = 0,
        station: str = "RDP-Tcp#3",
        client: str = "LAPTOP-7",
        family: int = 2,
        address: str = "cb00710a",
        ago: int = HOUR,
        disconnected: int = 0,
        typed: int = 12 * MINUTE,
        logon: bool = True,
    ) -> "Win":
        """Somebody logged on so many seconds ago; with explorer, and what Windows runs in each session."""
        self.account(user, sid, domain=domain)
        began = filetime(ago)
        gone = filetime(disconnected) if disconnected else 0
        self.rows.append(
            ("session", number, state, 2, user, domain, station, client, family, address, began, gone, filetime(typed))
        )
        if logon:
            self.rows += [("logon", number, user.upper(), domain, sid)] * 2  # elevated, and not
        first = number * 1_000
        self.rows += [
            ("process", first + 1, 400, began, number, "S-1-5-18", "csrss.exe", ""),
            ("process", first + 2, 400, began, number, "S-1-5-18", "winlogon.exe", "winlogon.exe"),
            ("process", first + 3, 777, began + 5, number, sid, "explorer.exe", r"C:\Windows\Explorer.EXE"),
            ("process", first + 4, first + 3, began + 9, number, sid, "notepad.exe", "notepad C:\\a.txt"),
        ]
        return self

    def account(
        self, name: str, sid: str, *, domain: str = "WIN1", expires: int = NEVER, disabled: bool = False
    ) -> "Win":
        """One that is known, logged in or not. expires: seconds since 1970."""
        if not any(row[0] == "account" and row[2] == sid for row in self.rows):
            self.rows.append(("account", name, sid, expires, 0x203 if disabled else 0x201, domain))
        return self

    def ssh(self, pid: int, sid: str, user: str, *, domain: str = NETBIOS, runs: str = "cmd.exe") -> "Win":
        """Somebody came by SSH: sshd as SYSTEM, below it sshd as that account, and what it runs."""
        self._ssh(pid, sid, user, (runs, runs), domain)
        return self

    def _ssh(self, pid: int, sid: str, user: str, runs: tuple[str, str], domain: str = NETBIOS) -> None:
        self.account(user, sid, domain=domain)
        began = filetime(5 * MINUTE)
        self.rows += [
            ("process", pid - 1, 900, began, 0, "S-1-5-18", "sshd.exe", ""),
            ("process", pid, pid - 1, began + 5, 0, sid, "sshd.exe", ""),
            ("process", pid + 100, pid, began + 9, 0, sid, *runs),
            ("logon", 0, user, domain, sid),
        ]


def listening(win: Win) -> Win:
    """What every host has besides people: services, listeners, and a console at which nobody is."""
    win.rows += [
        ("session", 0, 4, 0, "", "", "Services", "", 0, "", 0, 0, 0),
        ("session", 65536, 6, 2, "", "", "RDP-Tcp", "", 0, "", 0, 0, 0),
        ("session", 9, 1, 0, "", "", "Console", "", 0, "", 0, 0, 0),
        ("process", 9001000, 400, filetime(DAY), 9, "S-1-5-18", "LogonUI.exe", ""),
    ]
    return win
