"""`/sessions` and `/limits`: what people look at on hosts, and what they may not. Recorded; it changes nothing."""

from collections.abc import Sequence

from pydantic import Field

from bot import events, idleness
from bot.borders import Origin
from bot.ledger import Ledger
from bot.looking import Looking, Onlooker, attached
from bot.models import Limits, LimitsLooks, Listing, Looks, Snapshot, Value
from bot.rights import Rights


class Seen(Value):
    """The answer to a listing. refused: a sentence for each host that this person may not look at.

    owners: whose the accounts are that are logged in there, as far as the configuration says: login name -> names.
    busy: host -> the identity of each session that isn't idle for as long as was asked, and why.
    awaited: the hosts that haven't answered yet, while the look goes on.
    """

    listing: Listing
    looks: Looks
    awaited: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    owners: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    busy: dict[str, dict[str, str]] = Field(default_factory=dict)

    @property
    def shown(self) -> Looks:
        """The looks without the sessions that aren't idle."""
        return tuple(self._narrowed(look) if isinstance(look, Snapshot) else look for look in self.looks)

    def _narrowed(self, look: Snapshot) -> Snapshot:
        busy = self.busy.get(look.host)
        if not busy:
            return look
        return look.model_copy(update={"sessions": tuple(s for s in look.sessions if s.identity not in busy)})


class SeenLimits(Value):
    """The answer to `/limits`, as Seen."""

    looks: LimitsLooks
    refused: tuple[str, ...] = ()


class Listings:
    """Each answer is recorded before it is given; what is shown of a look that still goes on, once that has ended."""

    def __init__(self, ledger: Ledger, looking: Looking, rights: Rights) -> None:
        self._ledger = ledger
        self._looking = looking
        self._rights = rights

    async def sessions(self, origin: Origin, listing: Listing, onlooker: Onlooker | None = None) -> Seen:
        """`/sessions`: the hosts that this person may look at, and a refusal for each other one.

        onlooker: sees meanwhile what has come, and may end the look before its time.
        """
        allowed, refused = await self._may_look(origin.who, listing.hosts)
        compared = listing.only.idle > 0
        looks = await self._looking.at(allowed, compared=compared, onlooker=onlooker) if allowed else ()
        looked = events.Looked(
            who=origin.who,
            key=origin.key,
            channel=origin.channel.id,
            hosts=listing.hosts,
            user=listing.user,
            looks=attached(looks),
        )
        await self._ledger.begin(looked)
        busy = self._busy(looks, listing)
        return Seen(listing=listing, looks=looks, refused=refused, owners=await self._owners(looks), busy=busy)

    def so_far(self, listing: Listing, onlooker: Onlooker) -> Seen:
        """What has come by now, in the order of the hosts, and who is still waited for."""
        looks = tuple(onlooker.looks[host] for host in onlooker.hosts if host in onlooker.looks)
        awaited = tuple(host for host in onlooker.hosts if host not in onlooker.looks)
        return Seen(listing=listing, looks=looks, awaited=awaited, busy=self._busy(looks, listing))

    async def limits(self, origin: Origin, wanted: Limits) -> SeenLimits:
        """`/limits`: the same for what the hosts do by themselves about idle people."""
        allowed, refused = await self._may_look(origin.who, wanted.hosts)
        looks = await self._looking.limits(allowed) if allowed else ()
        looked = events.Looked(
            who=origin.who,
            key=origin.key,
            channel=origin.channel.id,
            hosts=wanted.hosts,
            what="limits",
            looks=attached(looks),
        )
        await self._ledger.begin(looked)
        return SeenLimits(looks=looks, refused=refused)

    async def _may_look(self, who: str, hosts: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
        """The hosts at which this person may look, and why not at the others."""
        verdicts = await self._rights.to_look(who, hosts)
        refused = dict.fromkeys(verdict.reason for verdict in verdicts.values() if not verdict)
        return [host for host, verdict in verdicts.items() if verdict], tuple(refused)

    def _busy(self, looks: Looks, listing: Listing) -> dict[str, dict[str, str]]:
        """See Seen."""
        return {look.host: self._used(look, listing.only.idle) for look in looks if isinstance(look, Snapshot)}

    def _used(self, look: Snapshot, seconds: int) -> dict[str, str]:
        """The sessions that aren't idle for so long, and why."""
        sense = self._rights.policy.sense_to_look(look.host)
        why = {s.identity: idleness.why_busy(look, s, seconds, sense) for s in look.sessions if seconds}
        return {identity: used for identity, used in why.items() if used}

    async def logged_in(self, who: str, hosts: Sequence[str]) -> tuple[str, ...]:
        """The accounts that were there when a host was last looked at; only on hosts that this person may look at."""
        verdicts = await self._rights.to_look(who, hosts)
        return tuple(sorted({user for host in hosts if verdicts[host] for user in self._looking.last_seen(host)}))

    async def _owners(self, looks: Looks) -> dict[str, tuple[str, ...]]:
        """By name and not as mentions: a listing must not call the people that it lists."""
        known = self._rights.policy.owners
        accounts = {s.account.name for look in looks if isinstance(look, Snapshot) for s in look.sessions}
        return {
            account: tuple([await self._rights.name(who) or who for who in sorted(known[account])])
            for account in sorted(accounts & known.keys())
        }
