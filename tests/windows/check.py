# ruff: noqa: T201 - it speaks to a person
"""Asks a real Windows host everything that changes nothing, as the bot would: python -m tests.windows.check TOML HOST.

Every act is asked for too, with a boot that is not the host's, and once too late: it has to refuse each.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bot import settings
from bot.hosts.connections import SshHosts
from bot.models import Answer, EndSession, HostUptime, Session, Snapshot, Step, Target, Unreachable, Warn

TEXT = "Kickbot's own check. You should never see this."


async def check(hosts: SshHosts, name: str) -> bool:
    """Prints what it saw; False if anything was not as it has to be."""
    began = time.monotonic()
    (look,) = [each async for each in hosts.look([name])]
    if isinstance(look, Unreachable):
        print(f"FAILED  {name} {look.reason}")
        return False
    print(
        f"look    {time.monotonic() - began:.1f} s, {look.system}, {look.time:%Y-%m-%d %H:%M:%S} UTC, boot {look.boot}"
    )
    for session in look.sessions:
        print(f"        {_told(session)}")
    for note in look.notes:
        print(f"note    {note}")
    good = any(session.own for session in look.sessions)
    print(f"{'ok    ' if good else 'FAILED'}  Kickbot's own SSH login is known as its own")
    for step, not_after, refusal in _refused(look):
        answer = await hosts.act(step, not_after=not_after)
        fits = answer == Answer.model_validate({"status": "refused", "refusal": refusal})
        good = good and fits
        said = f"{step.what} of {step.target.session} is refused as {refusal}"
        print(f"ok      {said}" if fits else f"FAILED  {said}: {answer}")
    return good


def _told(session: Session) -> str:
    where = ", ".join(terminal.name for terminal in session.terminals) or "-"
    own = ", Kickbot's own" if session.own else ""
    return (
        f"{session.id} {session.account.name} ({session.account.sid}), {session.state}, {session.service}, {where},"
        f" from {session.remote or '-'} {session.client or '-'}, since {session.since:%Y-%m-%d %H:%M:%S},"
        f" {len(session.processes)} processes{own}"
    )


def _refused(look: Snapshot) -> Iterator[tuple[Step, HostUptime, str]]:
    """Acts that no host may do."""
    for session in look.sessions:
        for rung in session.ladder:
            target = Target(
                host=look.host,
                host_key=look.host_key,
                boot=look.boot,
                session=session.id,
                identity=session.identity,
                account=session.account,
                summary="",
                rungs=(rung.name,),
            )
            other = target.model_copy(update={"boot": str(int(look.boot) + 1)})
            yield EndSession(target=other, rung=rung.name), HostUptime(10**9), "rebooted"
            yield EndSession(target=target, rung=rung.name), HostUptime(0), "late"
            yield Warn(target=target, text=TEXT, act_at=look.time), HostUptime(0), "late"


async def main(config: str, name: str) -> int:
    found = settings.load(Path(config))
    keys = [found.path(key) for key in found.ssh.keys]
    hosts = SshHosts(found.inventory().hosts, keys, found.path(found.ssh.known_hosts))
    try:
        return 0 if await check(hosts, name) else 1
    finally:
        await hosts.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
