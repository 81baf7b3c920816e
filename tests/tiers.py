"""Tiers of tests: those that need more than Python, what each needs, and what would bring it.

A tier is a pytest marker. It never vanishes unseen: what this machine cannot run is named at the end of the run.
"""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.rack import cgroup2

COMMANDS = ("debootstrap", "systemd-nspawn", "ip", "ssh", "ssh-keygen", "nsenter", "unshare")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
INSTALL = "`make test-deps` as root brings it"


@dataclass(frozen=True)
class Missing:
    """Why a tier cannot run here, and what a person can do about it."""

    reason: str
    remedy: str


def hosts() -> Missing | None:
    """The tier that boots Debian hosts."""
    if sys.platform != "linux":
        return Missing("this is not Linux", "run the tests on a Linux machine")
    if os.geteuid() != 0:
        return Missing("not root", "`sudo make test` runs it")
    if absent := [command for command in COMMANDS if not shutil.which(command)]:
        return Missing(f"{', '.join(absent)} not installed", INSTALL)
    if not _cgroups_can_be_made():
        return Missing(
            "no writable cgroup2 with cgroup.kill", "run the tests on Linux 5.14 or later, not in a container"
        )
    return None


def browser() -> Missing | None:
    """The tier that opens pages in Chromium."""
    if not any(map(shutil.which, BROWSERS)):
        return Missing("no Chromium installed", INSTALL)
    return None


TIERS: dict[str, Callable[[], Missing | None]] = {"hosts": hosts, "browser": browser}


def _cgroups_can_be_made() -> bool:
    root = cgroup2()
    if root is None:
        return False
    probe = Path(root, f"kickbot-probe-{os.getpid()}")
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return (probe / "cgroup.kill").exists()
    finally:
        probe.rmdir()
