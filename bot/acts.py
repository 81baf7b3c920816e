"""How a host is acted on, the only way: the intent is recorded, the brake is asked once more, the host does it, and its
answer is recorded. A stop lets what is begun come to its end.
"""

import logging

from bot import events
from bot.borders import Hosts, Lease
from bot.brake import Brake
from bot.ledger import Ledger
from bot.models import Answer, HostUptime
from bot.request import Attempt, Request
from bot.stopping import to_its_end

NOT_RUN = Answer(status="refused", refusal="frozen")
NO_ANSWER = Answer(status="unknown", output="No answer came.")

log = logging.getLogger(__name__)


class Acts:
    """No record, no act."""

    def __init__(self, ledger: Ledger, hosts: Hosts, brake: Brake) -> None:
        self._ledger = ledger
        self._hosts = hosts
        self._brake = brake

    async def carry_out(self, request: Request, ending: events.Ending, lease: Lease) -> Answer:
        """The host's answer. An unknown one is not recorded: the intent stays without it, as after a crash."""
        return await to_its_end(self._carry_out(request, ending, lease))

    async def settle(self, request: Request, attempt: Attempt, lease: Lease) -> Request:
        """Its deadline on the host is over: from here on it counts as a try of which nobody knows."""
        return await self._ledger.record(request, events.Signalled(step=attempt.step, answer=NO_ANSWER), lease)

    async def _carry_out(self, request: Request, ending: events.Ending, lease: Lease) -> Answer:
        await self._ledger.record(request, ending, lease)
        # Whoever froze before this intent was recorded is heard here, on whichever replica it was.
        frozen = await self._brake.is_on()
        step, not_after = ending.step, HostUptime(ending.not_after)
        answer = NOT_RUN if frozen else await self._hosts.act(step, not_after=not_after)
        if answer.status == "unknown":
            log.warning("request %s, %s: %s", request.id, step.host, answer.output)
        else:
            await self._ledger.record(request, events.Signalled(step=step, answer=answer), lease)
        return answer
