"""Debian bases: one small root file system for each suite, made by debootstrap, which the test hosts share unchanged.

A base is never used half-made: it appears under its final name by one rename, and that name has a hash of its recipe.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, get_args

Suite = Literal["bookworm", "trixie"]
SUITES: tuple[Suite, ...] = get_args(Suite)

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "openssh-client", "sudo"),
    *("procps", "psmisc", "util-linux", "bsdutils", "bsdextrautils", "iproute2", "tmux", "login"),
    *(
        "dbus-user-session",
        "cron",
        "at",
        "libnss-extrausers",
    ),  # with a bus of its own, tmux puts what runs in it under user@.service
)
PACKAGES_OF: dict[Suite, tuple[str, ...]] = {"bookworm": (), "trixie": ("wtmpdb", "libpam-wtmpdb")}

ACCOUNTS = ("audituser", "alice", "bob", "opsuser", "kickbot")
SUDOERS = ("opsuser", "kickbot")

UNUSED_UNITS = (
    *("systemd-networkd.service", "systemd-networkd.socket", "systemd-resolved.service", "systemd-timesyncd.service"),
    *("systemd-udevd.service", "systemd-udev-trigger.service", "systemd-firstboot.service", "getty.target"),
    *("console-getty.service", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
    *("e2scrub_all.timer", "e2scrub_reap.service", "systemd-tmpfiles-clean.timer"),
)

# On a tmpfs, since dpkg syncs every file; in a mount namespace, so that nothing stays mounted whatever ends it.
BUILD = r"""
umask 022
mount -t tmpfs -o size=1500m,mode=755 tmpfs "$work"
cd "$work"
debootstrap --variant=minbase --include="$packages" "$suite" "$work" $mirror

rm -f etc/ssh/ssh_host_*                                # each host gets a key of its own
cat >etc/ssh/sshd_config.d/10-test.conf <<END
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin prohibit-password
UseDNS no
MaxStartups 200
END
# OpenSSH 9.8 and later shut out an address that failed a few times: all tests come from one address
case $suite in bookworm) ;; *) echo 'PerSourcePenalties no' >>etc/ssh/sshd_config.d/10-test.conf ;; esac

for account in $accounts; do chroot . useradd --create-home --shell /bin/bash "$account"; done
for account in $accounts root; do
    home=.$(chroot . getent passwd "$account" | cut -d: -f6)
    mkdir -p -m 700 "$home/.ssh"
    echo "$public_key" >"$home/.ssh/authorized_keys"
    chroot . chown -R "$account:" "${home#.}/.ssh"
done
for account in $sudoers; do echo "$account ALL=(ALL) NOPASSWD: ALL"; done >etc/sudoers.d/10-test
chmod 440 etc/sudoers.d/10-test

for unit in $unused_units; do ln -sf /dev/null "etc/systemd/system/$unit"; done
ln -sf /lib/systemd/system/multi-user.target etc/systemd/system/default.target
mkdir -p etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nAudit=no\n' >etc/systemd/journald.conf.d/10-test.conf
: >etc/machine-id
: >etc/default/locale
rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/*

rm -rf "$base.part"
cp -a --one-file-system "$work" "$base.part"
mv --no-target-directory "$base.part" "$base"
"""


class BaseError(Exception):
    """A base could not be built. Has the suite, and the end of debootstrap's log."""

    def __init__(self, suite: Suite, log: Path) -> None:
        self.suite = suite
        self.log_tail = log.read_text(errors="replace")[-2000:]
        super().__init__(f"building the base {suite} failed; the end of {log}:\n{self.log_tail}")


def cache() -> Path:
    """The folder of the bases and of the client's key, made if it is missing."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    folder = Path(os.environ.get("KICKBOT_HOSTS_DIR") or Path(caches, "kickbot-hosts")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def client_key() -> Path:
    """The private key that every account of every host accepts; the public one is beside it, with .pub."""
    key = cache() / "id_ed25519"
    with _only_one("id_ed25519"):
        if not key.with_suffix(".pub").exists():
            key.unlink(missing_ok=True)
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "kickbot tests", "-f", key], check=True
            )
    return key


def base(suite: Suite) -> Path:
    """Where the suite's base is, or will be: the name changes with anything that its content depends on."""
    recipe = json.dumps(_recipe(suite), sort_keys=True) + BUILD
    return cache() / f"{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def missing() -> tuple[Suite, ...]:
    return tuple(suite for suite in SUITES if not base(suite).exists())


def build_missing() -> None:
    """Build, side by side, what is missing. A minute or so; raises BaseError."""
    client_key()
    with ThreadPoolExecutor() as pool:
        list(pool.map(_build, missing()))


def _recipe(suite: Suite) -> dict[str, str]:
    """What BUILD gets as its environment, apart from where."""
    return {
        "suite": suite,
        "packages": ",".join(PACKAGES + PACKAGES_OF[suite]),
        "accounts": " ".join(ACCOUNTS),
        "sudoers": " ".join(SUDOERS),
        "unused_units": " ".join(UNUSED_UNITS),
        "public_key": client_key().with_suffix(".pub").read_text().strip(),
    }


def _build(suite: Suite) -> None:
    target = base(suite)
    log = cache() / f"{suite}.log"
    with _only_one(suite) as lock:
        if target.exists():
            return
        _forget_unused(suite)
        work = cache() / f"{suite}.work"
        work.mkdir(exist_ok=True)
        where = {"work": str(work), "base": str(target), "mirror": os.environ.get("KICKBOT_HOSTS_MIRROR", "")}
        with log.open("wb") as output:
            # the builder inherits the lock: if only this process is killed, the next one waits for the result
            done = subprocess.run(
                ["unshare", "--mount", "--propagation", "private", "sh", "-euc", BUILD],
                env={**os.environ, **_recipe(suite), **where},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[lock.fileno()],
                check=False,
            )
        work.rmdir()
        if done.returncode != 0:
            raise BaseError(suite, log)


def _forget_unused(suite: Suite, days: int = 7) -> None:
    """Remove half-made bases, and those that an older recipe made and nobody booted for a week."""
    for old in cache().glob(f"{suite}-*"):
        if old.suffix == ".part" or time.time() - old.stat().st_mtime > days * 86400:
            shutil.rmtree(old)


@contextmanager
def _only_one(what: str) -> Iterator[IO[bytes]]:
    """Held by one process and one thread at a time, and given back when its holder dies."""
    with (cache() / f"{what}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock
