"""START HERE 1: settings -> open the edges -> run until told to stop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import partial
from time import monotonic

from bot import authenticators, stopping, survey
from bot.access import access_of
from bot.audit.notary import Notary
from bot.audit.places import opening
from bot.audit.report.at_the_end import TrailReports
from bot.audit.signing import Signer
from bot.audit.stored import open_trail
from bot.audit.streaming import Stream
from bot.borders import Authenticators, Hosts, People, Reports, Store, Told
from bot.credentials import Secrets
from bot.errors import LookupFailed, SlackLost, TrailError
from bot.estate import Estate
from bot.execution import Timing
from bot.hosts.connections import SshHosts
from bot.policy import Policy
from bot.questions import Questions
from bot.rights import Rights
from bot.settings import Settings
from bot.slack.connect import Slack, connect, connect_reading
from bot.slack.http_mode import HttpMode
from bot.slack.incoming.arrivals import Pulse
from bot.slack.incoming.histories import Histories
from bot.slack.incoming.home_tab import HomeTab
from bot.slack.incoming.listeners import register
from bot.slack.outgoing.delivery import CHANGES
from bot.slack.outgoing.heads import everywhere, told
from bot.slack.outgoing.links import Links
from bot.slack.outgoing.publisher import Publisher
from bot.slack.outgoing.tempo import Tempo
from bot.slack.people import SlackPeople
from bot.slack.socket_mode import Heartbeat
from bot.supervisor import Supervisor
from bot.vitals import Vitals
from bot.workflow import Workflow

TRAIL_PAUSE = 5.0
PATIENCE = 120.0
"""Seconds for one look-up where nobody waits in Slack: some twenty groups can be read a minute."""

log = logging.getLogger(__name__)


async def run(settings: Settings, secrets: Secrets, heartbeat: Heartbeat = Heartbeat()) -> None:  # noqa: B008 - frozen
    """Until SIGTERM or SIGINT. Raises SettingsError if it can't start, and what stopped it if it broke.

    Raises SlackLost, after a stop like any other, if only a new process may reach Slack again.
    """
    stopped = stopping.on_signals()
    supervisor = Supervisor()
    async with (
        serving(settings, secrets, heartbeat=heartbeat) as vitals,
        _beside(supervisor.watch(vitals.alive, vitals.in_short)),
    ):
        supervisor.ready()
        log.info("ready")
        await _first(stopped, vitals.way.lost)
        log.info("stopping")
        supervisor.stopping()
    if not stopped.is_set():
        raise SlackLost(vitals.way.silence())


async def _first(*events: asyncio.Event) -> None:
    """Return when one of them is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


@asynccontextmanager
async def _beside(*work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Goes on while the block runs. If it fails, so does the block."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(each) for each in work]
        yield
        for task in running:
            task.cancel()


@asynccontextmanager
async def serving(
    settings: Settings,
    secrets: Secrets,
    timing: Timing = Timing(),  # noqa: B008 - frozen
    heartbeat: Heartbeat = Heartbeat(),  # noqa: B008 - frozen
) -> AsyncIterator[Vitals]:
    """Opens the edges that the settings name, and the bot is at work on them while the block runs."""
    settings.check_files()
    second_factors = authenticators.opened(settings.second_factors)
    surveyed = await survey.survey(settings)
    survey.tell(surveyed.notes)
    estate = Estate(surveyed.inventory, surveyed.policy)
    names = settings.slack.commands.model_dump()
    known_hosts = settings.path(settings.ssh.known_hosts)
    hosts = SshHosts(estate.inventory.hosts, settings.ssh_keys, known_hosts, agent=settings.agent)
    estate.follow(lambda changed: hosts.serve(changed.inventory.hosts))
    async with _http_mode(settings, secrets) as http:
        slack = await connect(
            bot_token=secrets.slack_bot_token.get_secret_value(),
            app_token=secrets.slack_app_token.get_secret_value(),
            api_url=secrets.slack_api_url,
            http=http,
            heartbeat=heartbeat,
        )
        async with open_trail(settings.database) as trail:
            vitals = Vitals(slack.way, trail, hosts.state)
            reports = TrailReports(trail) if settings.audit.report else None
            if http:
                http.healthy = vitals.healthy
            try:
                async with (
                    _shown(vitals, settings),
                    _beside(vitals.run(), *_telling_elsewhere(trail, settings, secrets)),
                    at_work(
                        slack,
                        trail,
                        hosts,
                        estate=estate,
                        names=names,
                        timing=timing,
                        reports=reports,
                        second_factors=second_factors,
                    ),
                    _beside(survey.again(settings, estate, surveyed.notes)),
                    vitals.at_work(),
                ):
                    yield vitals
            finally:
                await hosts.close()


async def told_in_slack(
    settings: Settings, secrets: Secrets, channels: Iterable[str]
) -> tuple[tuple[Told, ...], tuple[str, ...]]:
    """What the messages in the incident channel and in those say of the trail, and what could not be read.

    Raises SettingsError for a token that can't be used.
    """
    client, who = await connect_reading(secrets.slack_bot_token.get_secret_value(), secrets.slack_api_url)
    return await everywhere(client, sorted({settings.slack.incident_channel, *channels}), who.user_id)


async def people_in_slack(secrets: Secrets) -> People:
    """Who is who there, for someone who has time. Raises SettingsError for a token that can't be used."""
    client, who = await connect_reading(secrets.slack_bot_token.get_secret_value(), secrets.slack_api_url)
    return SlackPeople(client, who.team_id, patience=PATIENCE)


def _http_mode(settings: Settings, secrets: Secrets) -> AbstractAsyncContextManager[HttpMode | None]:
    """The open port if Slack is to call it, else nothing. It is open until the last answer was given."""
    if settings.slack.mode == "socket":
        return nullcontext()
    host, port = settings.slack.listens_on
    return HttpMode.open(secrets.slack_signing_secret.get_secret_value(), host, port)


def _telling_elsewhere(trail: Store, settings: Settings, secrets: Secrets) -> Iterator[Coroutine[None, None, None]]:
    """Checkpoints are made and told, if the settings name a key; every event, if they name a collector."""
    audit, access = settings.audit, access_of(settings, secrets)
    if settings.signing_key:
        places = [opening.place(name, access) for name in audit.push]
        yield Notary(trail, Signer(settings.signing_key), audit.every, places).run()
    for name in audit.stream:
        collector = opening.collector(name, access)
        yield Stream(trail, name, collector, beginning=audit.stream_from == "beginning").run()


def _shown(vitals: Vitals, settings: Settings) -> AbstractAsyncContextManager[int | None]:
    """The port of [health], if the settings name one."""
    return vitals.shown(*settings.health.listens_on) if settings.health else nullcontext()


@asynccontextmanager
async def at_work(
    slack: Slack,
    trail: Store,
    hosts: Hosts,
    *,
    estate: Estate,
    names: Mapping[str, str],
    timing: Timing,
    reports: Reports | None = None,
    second_factors: Authenticators | None = None,
) -> AsyncIterator[Workflow]:
    """Joins the parts on edges that are open. A task of the bot that fails ends the block with its error."""
    people = SlackPeople(slack.reads, slack.team)
    incident_channel = estate.policy.incident_channel
    rights = Rights(estate.policy, people, authenticators=second_factors)
    estate.follow(rights.judge_by)
    workflow = Workflow(trail=trail, hosts=hosts, rights=rights, timing=timing)
    questions, links = Questions(trail, rights), Links(slack.posts, trail.postings())
    home = HomeTab(questions, links, slack.posts, estate)
    changes = Tempo(*CHANGES, monotonic)
    publisher = Publisher(
        client=slack.posts,
        trail=trail,
        postings=trail.postings(),
        incident_channel=incident_channel,
        bot_user=slack.user,
        changes=changes,
        reports=reports,
    )
    pulse = Pulse()
    listeners = register(
        slack.app,
        workflow=workflow,
        people=people,
        estate=estate,
        names=names,
        posts=slack.posts,
        home=home,
        histories=Histories(questions, links, estate),
        pulse=pulse,
        changes=changes,
    )
    async with asyncio.TaskGroup() as tasks:
        head = partial(told, slack.posts, incident_channel, slack.user)
        carrying_on = _carry_on(workflow, publisher, head)
        work = (carrying_on, home.run(), pulse.run(), _look_round(people, estate.policy))
        running = [tasks.create_task(each) for each in work]
        async with slack.listening():
            yield workflow
        for task in running:
            task.cancel()  # nothing new is begun; what is in the middle goes on to its end beside the last answers
        await listeners.finish()


async def _carry_on(workflow: Workflow, publisher: Publisher, head: Callable[[], Awaitable[Sequence[Told]]]) -> None:
    """Nothing is done and nothing is posted before the trail was compared with what people were told last."""
    newest = await head()
    while True:
        try:
            await workflow.compare(newest)
            break
        except TrailError as error:
            log.warning("the trail can't be compared with what was told in Slack, so nothing is done: %s", error)
            await asyncio.sleep(TRAIL_PAUSE)
    await stopping.together(workflow.run(), publisher.run())


async def _look_round(people: SlackPeople, policy: Policy) -> None:
    """Warn of channels and groups in the configuration that Slack doesn't show: it may be a slip, or come later."""
    for channel in sorted({policy.incident_channel, *(r.channel for r in policy.rules if r.channel)}):
        if not (await people.channel(channel)).member:
            log.warning("kickbot.toml: Kickbot is not in the channel %s, or there is none: invite it", channel)
    for group in sorted(policy.every_group):
        try:
            await people.members(group)
        except LookupFailed as error:
            log.warning("kickbot.toml: the group %s can't be read, so nobody is in it (%s)", group, error)
