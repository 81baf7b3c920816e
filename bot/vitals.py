"""Feels the pulse of the running bot, and shows it on the port of [health]. It decides nothing, and mends nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Protocol

from bot import health
from bot.borders import HostsState, Store
from bot.errors import TrailError
from bot.health import Facts, Phase
from bot.models import RequestId
from bot.web_server import page, serving

log = logging.getLogger(__name__)

BEAT = 1.0
READ_EVERY = 5.0
FIRST = RequestId(1)
TEXT, JSON = "text/plain", "application/json"


class Way(Protocol):
    """How Slack reaches the bot. silence: seconds since it last answered. reconnects: since the start.

    lost: set when only a new process may reach it again.
    """

    lost: asyncio.Event
    reconnects: int

    def silence(self) -> float: ...


class Vitals:
    """Of one bot. way: how Slack reaches it."""

    def __init__(
        self, way: Way, store: Store, hosts: Callable[[], HostsState], *, read_every: float = READ_EVERY
    ) -> None:
        self.way = way
        self._phase: Phase = "starting"
        self._store = store
        self._hosts = hosts
        self._read_every = read_every
        self._read_at = self._answered_at = monotonic()
        self._trouble = ""  # as the log has it; it may name files, hosts and users
        self._open_requests = 0
        self._lag = 0.0

    def facts(self) -> Facts:
        return Facts(
            phase=self._phase,
            slack_silence=self.way.silence(),
            reconnects=self.way.reconnects,
            trail_silence=monotonic() - self._read_at,
            trail_fails=bool(self._trouble),
            store=self._store.state(),
            hosts=self._hosts(),
            open_requests=self._open_requests,
            loop_lag=self._lag,
        )

    def healthy(self) -> bool:
        """True if the bot can do its job at this moment."""
        return not health.reasons(self.facts())

    def alive(self) -> bool:
        """True unless a restart may help: the trail hangs. A database that says no, or Slack, is not cured by one."""
        return monotonic() - self._answered_at <= health.TRAIL_PATIENCE

    def in_short(self) -> str:
        return health.in_short(self.facts())

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The bot is ready while the block runs, and stops after it."""
        self._phase = "ready"
        try:
            yield
        finally:
            self._phase = "stopping"

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feel_the_loop())
            tasks.create_task(self._read_the_trail())

    @asynccontextmanager
    async def shown(self, host: str, port: int) -> AsyncIterator[int]:
        """/healthz and /metrics there; gives the port (0: any free one). Raises SettingsError if it can't listen."""
        pages = [page("/healthz", self._healthz, JSON), page("/metrics", self._metrics, TEXT)]
        async with serving(pages, host, port, key="health.listen") as opened:
            yield opened

    # ------------------------------------------------------------------------------------------ in the background

    async def _feel_the_loop(self) -> None:
        """A late beat fades, so that it can be seen by who looks every minute."""
        while True:
            due = monotonic() + BEAT
            await asyncio.sleep(BEAT)
            self._lag = max(monotonic() - due, self._lag * 0.98)

    async def _read_the_trail(self) -> None:
        """A trail that hangs shows as silence."""
        while True:
            try:
                self._open_requests = len(await self._store.open_requests())
                await self._store.read(FIRST)  # what is open may be remembered; this is not
                self._read_at, self._trouble = monotonic(), ""
            except Exception as error:  # to feel the pulse must not stop the heart
                if str(error) != self._trouble:
                    fault = not isinstance(error, TrailError)
                    log.warning("the audit trail can't be read: %s", error, exc_info=fault)
                self._trouble = str(error) or type(error).__name__
            self._answered_at = monotonic()
            await asyncio.sleep(self._read_every)

    # ------------------------------------------------------------------------------------------ pages

    def _healthz(self) -> tuple[int, str]:
        facts = self.facts()
        return 503 if health.reasons(facts) else 200, health.as_json(facts)

    def _metrics(self) -> tuple[int, str]:
        return 200, health.as_metrics(self.facts())
