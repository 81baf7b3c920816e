"""The JSON of `ansible-inventory --list`, from a file or from a command that prints it.

No shell is started, and the command gets none of the bot's secrets.
"""

import asyncio
import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.cleaning import clean, mask, quoted, shorten
from bot.hosts.sources.trouble import MAX_BYTES, MAX_HOSTS, SourceTrouble
from bot.merging import Entry, Found, found

SECONDS = 60.0
GRACE = 1.0
"""Seconds in which what is left of a killed command is read."""
SECRETS = ("SLACK_", "PG", "AWS_", "AUDIT_PUSH_")
SSH = {"ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh"}
WINDOWS_SHELLS = ("powershell", "cmd")
EVERYONE = {"all", "ungrouped"}

Json = Mapping[str, Any]


def parse(content: bytes, source: str, *, trusted: bool = False) -> Found:
    """Raises SourceTrouble for what is no inventory, and for one without hosts."""
    try:
        listed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceTrouble("is not JSON") from error
    if not isinstance(listed, dict):
        raise SourceTrouble("is not an inventory")
    groups = {name: group for name, group in listed.items() if name != "_meta"}
    hosts = _variables(listed)
    members = {name: _members(name, groups) for name in groups}
    names = list(dict.fromkeys([*hosts, *(host for each in members.values() for host in each)]))
    if not names:
        raise SourceTrouble("names no host")
    if len(names) > MAX_HOSTS:
        raise SourceTrouble(f"names {len(names)} hosts, more than {MAX_HOSTS}")
    of: dict[str, set[str]] = {name: set() for name in names}
    for group, inside in members.items():
        for name in inside:
            of[name] |= {group} - EVERYONE
    notes: list[str] = []
    return found(source, _entries(of, hosts, notes), notes, trusted=trusted)


async def run(argv: Sequence[str], folder: Path, *, seconds: float = SECONDS) -> bytes:
    """What the command prints. Raises SourceTrouble if it fails, hangs, or prints too much."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SECRETS)}
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise SourceTrouble(f"can't be started ({error})") from error
    readers = [asyncio.create_task(_bounded(stream)) for stream in (process.stdout, process.stderr)]
    try:
        async with asyncio.timeout(seconds):
            output, errors = await asyncio.gather(*readers)
            status = await process.wait()
    except BaseException as error:
        await _end(process, readers)
        if isinstance(error, TimeoutError):
            raise SourceTrouble(f"did not end within {seconds:g} s") from error
        raise
    if status:
        said = shorten(mask(clean(errors.strip())), 200)
        raise SourceTrouble(f"ended with status {status}" + (f" ({said})" if said else ""))
    return output


async def _end(process: asyncio.subprocess.Process, readers: Sequence[asyncio.Task[bytes]]) -> None:
    """Kill it. asyncio tells of its end only when both pipes have ended, and a full one ends only if it is read."""
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):  # what left its session may hold a pipe open
        async with asyncio.timeout(GRACE):
            await asyncio.gather(_emptied(process.stdout), _emptied(process.stderr))
            await process.wait()


async def _emptied(stream: asyncio.StreamReader | None) -> None:
    while stream and await stream.read(65536):
        pass


async def _bounded(stream: asyncio.StreamReader | None) -> bytes:
    assert stream  # noqa: S101 - both are pipes
    output = bytearray()
    while part := await stream.read(65536):
        output += part
        if len(output) > MAX_BYTES:
            raise SourceTrouble(f"prints more than {MAX_BYTES} bytes")
    return bytes(output)


def _variables(listed: Json) -> dict[str, Json]:
    meta = listed.get("_meta")
    hosts = meta.get("hostvars") if isinstance(meta, dict) else None
    return {name: each if isinstance(each, dict) else {} for name, each in hosts.items()} if hosts else {}


def _members(name: str, groups: Json) -> set[str]:
    """The hosts of a group and of the groups in it, each group looked into once."""
    hosts: set[str] = set()
    waiting, seen = [name], set[str]()
    while waiting:
        if (now := waiting.pop()) in seen:
            continue
        seen.add(now)
        group = groups.get(now)
        hosts.update(_strings(group) if isinstance(group, list) else _strings(group, "hosts"))
        waiting.extend(_strings(group, "children"))
    return hosts


def _strings(value: object, key: str | None = None) -> list[str]:
    listed = value if key is None else value.get(key) if isinstance(value, dict) else None
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def _entries(of: Mapping[str, set[str]], hosts: Mapping[str, Json], notes: list[str]) -> Iterator[Entry]:
    for name, groups in of.items():
        said = hosts.get(name, {})
        way = said.get("ansible_connection", "ssh")
        if way not in SSH:
            notes.append(f"{quoted(name)} is left out: it is reached by {quoted(str(way))}, not by SSH")
            continue
        port = _port(_first(said, "ansible_port", "ansible_ssh_port"))
        if port is None:
            notes.append(f"{quoted(name)} is left out: its port is no number")
            continue
        yield Entry(
            name=name,
            address=str(_first(said, "ansible_host", "ansible_ssh_host") or name),
            port=port or None,
            user=str(_first(said, "ansible_user", "ansible_ssh_user") or ""),
            platform="windows" if said.get("ansible_shell_type") in WINDOWS_SHELLS else "linux",
            groups=frozenset(groups),
        )


def _first(said: Json, *names: str) -> object:
    return next((said[name] for name in names if said.get(name) is not None), None)


def _port(value: object) -> int | None:
    """0: not said. None: no number."""
    if value is None:
        return 0
    text = str(value)
    return int(text) or -1 if text.isascii() and text.isdigit() and len(text) <= 5 else None  # noqa: PLR2004 - 65535
