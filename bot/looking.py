"""Looking at hosts: each in its place, with what a question needs besides. It changes nothing, and decides nothing."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from bot import planning
from bot.borders import Hosts, Sleep
from bot.events import Attachment
from bot.ledger import Ledger
from bot.models import HostLimits, LimitsLooks, Looks, Snapshot, Unreachable, by_host
from bot.request import Request, command_of

POLL = (0.05, 0.1, 0.2, 0.4, 1, 2, 5)
NOT_WAITED_FOR = "was not waited for"


class Onlooker:
    """Someone who waits while hosts are looked at: sees what has come so far, and may say that it is enough.

    began: set once it is known which hosts are looked at. looks: what has come, by host.
    """

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.hosts: tuple[str, ...] = ()
        self.looks: dict[str, Snapshot | Unreachable] = {}
        self._enough = asyncio.Event()

    def enough(self) -> None:
        """What has come by now stands, and the rest is not waited for."""
        self._enough.set()

    @property
    def had_enough(self) -> bool:
        return self._enough.is_set()

    async def watch(self, hosts: tuple[str, ...], work: Coroutine[Any, Any, None]) -> None:
        """Looking's own: until the work is done, or it is enough; then what is under way is let go."""
        self.hosts = hosts
        self.began.set()
        working, enough = asyncio.create_task(work), asyncio.create_task(self._enough.wait())
        try:
            await asyncio.wait({working, enough}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            enough.cancel()
            await asyncio.gather(working, enough, return_exceptions=True)


class Looking:
    """poll: the pauses between looks, in seconds; the last one repeats."""

    def __init__(
        self, ledger: Ledger, hosts: Hosts, *, poll: tuple[float, ...] = POLL, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._ledger = ledger
        self._hosts = hosts
        self._poll = poll
        self._sleep = sleep
        self._last_seen: dict[str, frozenset[str]] = {}

    async def at(
        self,
        hosts: Sequence[str],
        *,
        compared: bool = False,
        groups: Sequence[str] = (),
        account: str = "",
        onlooker: Onlooker | None = None,
    ) -> Looks:
        """One look for each host, in the order of the hosts.

        compared: with how far its clock is from the trail's. groups: with who is in these Unix groups. account: with
        whose that login name is. onlooker: sees each as it arrives, and may end it before its time.
        """
        names = tuple(dict.fromkeys(hosts))
        seen = onlooker.looks if onlooker else {}
        looks = self._each(seen, self._hosts.look(names, groups=groups, account=account), compared=compared)
        await (onlooker.watch(names, looks) if onlooker else looks)
        for look in seen.values():
            if isinstance(look, Snapshot):
                self._last_seen[look.host] = frozenset(s.account.name for s in look.sessions if not s.own)
        return tuple(seen.get(host) or Unreachable(host=host, reason=NOT_WAITED_FOR) for host in names)

    async def _each(
        self, seen: dict[str, Snapshot | Unreachable], looks: AsyncIterator[Snapshot | Unreachable], *, compared: bool
    ) -> None:
        """Into `seen`, as they arrive."""
        async for look in looks:
            seen[look.host] = await self._compared(look) if compared else look

    async def limits(self, hosts: Sequence[str]) -> LimitsLooks:
        """What each host does by itself about idle people."""
        seen = {look.host: look async for look in self._hosts.limits(tuple(dict.fromkeys(hosts)))}
        return tuple(seen[host] for host in dict.fromkeys(hosts))

    async def _compared(self, look: Snapshot | Unreachable) -> Snapshot | Unreachable:
        if isinstance(look, Unreachable):
            return look
        return look.model_copy(update={"ahead": round((look.time - await self._ledger.now()).total_seconds())})

    async def watch(self, request: Request, hosts: Sequence[str], seconds: float) -> Looks:
        """Look again, quickly first, until no target is left there or the time is up: the last looks.

        A host is looked at again only while something is left there. seconds: at least so long; some tries take longer
        to show.
        """
        usual = await self._ledger.now() + timedelta(seconds=seconds)
        until, polls = max(usual, planning.watch_until(request, hosts) or usual), iter(self._poll)
        pause = next(polls)
        seen, waiting = dict[str, Snapshot | Unreachable](), tuple(hosts)
        while True:
            seen |= by_host(await self.at(waiting, compared=command_of(request).only.idle > 0))
            looks = tuple(seen[host] for host in dict.fromkeys(hosts))
            waiting = tuple(dict.fromkeys(target.host for target in planning.awaited(request, looks)))
            if await self._ledger.now() >= until or not waiting:
                return looks
            await self._sleep(pause)
            pause = next(polls, pause)

    def last_seen(self, host: str) -> frozenset[str]:
        """The accounts that were there when it was last looked at."""
        return self._last_seen.get(host, frozenset())


def attached(looks: Sequence[Snapshot | HostLimits | Unreachable]) -> tuple[Attachment, ...]:
    """As an event refers to them."""
    return tuple(Attachment.of(look) for look in looks)
