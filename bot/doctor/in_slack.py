"""What Slack says of the installation: the tokens, the channels, who is who, and what time it is. It posts nothing."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from bot.credentials import Secrets, demand_second, reading_secrets
from bot.doctor.clocks import OURS, of_clock
from bot.errors import LookupFailed, SettingsError
from bot.findings import Finding, Level, finding_in
from bot.policy import Policy, places
from bot.rollcall import apart
from bot.rules.lookups import roster_of
from bot.rules.roster import Roster
from bot.settings import SlackSection
from bot.slack import tokens
from bot.slack.connect import reading_client
from bot.slack.people import SlackPeople
from bot.slack.tokens import BotToken

PATIENCE = 60.0
"""Seconds for one look-up: nobody waits in Slack."""

FROM_THE_ENVIRONMENT = "Is it in this environment as in that of `kickbot run`? Slack shows it on the pages of its app."
AS_IN_THE_MANIFEST = "Add them to the Slack app as in app_manifest.yml, and reinstall it."
SPARE = "Take them out of the Slack app: whoever has the token has them too."
INVITE = "Invite it: /invite @kickbot. Is the id right, and the channel not archived?"
SHARED = "is shared with another company, so no evidence is ever shown there"
OTHER_CHANNEL = "Name one that is not."
FORM_ALONE = "has the form of a signing secret; whether it is the right one shows when Slack calls"

token = finding_in("tokens")
channel = finding_in("channels")


class InSlack:
    """people: None as long as no token is known that can be used. time: what Slack's clock showed."""

    def __init__(self, slack: SlackSection) -> None:
        self._slack = slack
        self.people: SlackPeople | None = None
        self.time: list[Finding] = []

    async def tokens(self) -> AsyncIterator[Finding]:
        """The bot's, and the one with which Slack reaches the bot."""
        for findings in (self._bot_token(), self._second()):
            try:
                async for found in findings:
                    yield found
            except SettingsError as error:
                about, _, said = str(error).partition(" ")
                yield token("wrong", about.rstrip(":"), said, FROM_THE_ENVIRONMENT)

    async def _bot_token(self) -> AsyncIterator[Finding]:
        secrets = reading_secrets()
        client = reading_client(secrets.slack_bot_token.get_secret_value(), secrets.slack_api_url)
        began = datetime.now(UTC)
        bot = await tokens.bot(client)
        self.time = [*_off(bot, began, datetime.now(UTC))]
        self.people = SlackPeople(client, bot.team_id, patience=PATIENCE)
        for found in _judged(bot):
            yield found

    async def _second(self) -> AsyncIterator[Finding]:
        secrets = Secrets()
        demand_second(secrets, self._slack.mode)
        if self._slack.mode == "http":
            yield token("note", "SLACK_SIGNING_SECRET", FORM_ALONE)
            return
        client = reading_client("", secrets.slack_api_url)
        await tokens.open_connection(client, secrets.slack_app_token.get_secret_value())
        yield token("ok", "SLACK_APP_TOKEN", "Slack gives out an address for Socket Mode, which was left unused")

    async def channels(self, policy: Policy) -> AsyncIterator[Finding]:
        """Where requests live has to be open to Kickbot; where evidence may stand besides is worth knowing."""
        homes = {policy.incident_channel, *(rule.channel for rule in policy.rules if rule.channel)}
        for where in (place for place in places(policy) if not place.startswith("#")):
            if self.people is None:
                yield channel("unknown", where, "could not be looked at without a bot token")
            else:
                yield await _channel(self.people, where, "wrong" if where in homes else "note")

    async def roster(self, policy: Policy) -> Roster:
        return Roster() if self.people is None else await roster_of(policy, self.people)


def _judged(bot: BotToken) -> Iterator[Finding]:
    name = "SLACK_BOT_TOKEN"
    if not bot.bot_id:
        yield token("wrong", name, "is not a bot's token", "Take the bot user token (xoxb-…).")
    if bot.missing:
        yield token("wrong", name, f"lacks the scopes {', '.join(bot.missing)}", AS_IN_THE_MANIFEST)
    if bot.bot_id and not bot.missing:
        yield token("ok", name, f"is that of @{bot.user} in {bot.team}, with every scope that is needed")
    if bot.spare:
        yield token("note", name, f"has scopes that nothing uses: {', '.join(bot.spare)}", SPARE)


def _off(bot: BotToken, began: datetime, ended: datetime) -> Iterator[Finding]:
    """To the second, as Slack's answers are dated."""
    if bot.date is not None:
        yield of_clock("Slack", apart(bot.date, began.replace(microsecond=0), ended), OURS)


async def _channel(people: SlackPeople, where: str, level: Level) -> Finding:
    try:
        found = await people.known_channel(where)
    except LookupFailed as error:
        return channel(level, where, f"there is none, or none that Kickbot may see ({error.why})", INVITE)
    if found.shared:
        return channel(level, where, f"#{found.name} {SHARED}", OTHER_CHANNEL)
    if not found.member:
        return channel(level, where, f"Kickbot is not in #{found.name}", INVITE)
    return channel("ok", where, f"#{found.name}, and Kickbot is in it")
