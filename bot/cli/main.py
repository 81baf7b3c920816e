"""START HERE: kickbot run | demo, and the way to the other commands."""

import asyncio
import gc
import logging
from contextlib import suppress
from importlib import import_module

import click

from bot import __version__, credentials, settings
from bot.cli.plainly import plainly, with_config

ELSEWHERE = ("audit", "check", "hosts", "policy", "second-factor")
"""Each stands in the file of its name, which is loaded only when it is asked for: `kickbot run` needs none of them."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        found: click.Command = getattr(import_module(f"bot.cli.{name}"), name)
        return found


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kickbot")
def main() -> None:
    """See who is logged in on a host, end exactly those sessions, and prove that they are gone."""


@main.command()
@with_config
def run(config: str | None) -> None:
    """Run the bot in the foreground, until SIGTERM.

    Secrets come from the environment: SLACK_BOT_TOKEN, with SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET
    (HTTP mode), and SLACK_API_URL for another Slack. SLACK_BOT_TOKEN_FILE and so on name files that hold them; among
    systemd's credentials they are called slack_bot_token and so on.
    """
    gc.disable()  # nothing that is imported is garbage, and it needn't be searched for any later either
    from bot import app  # noqa: PLC0415 - opens no library of Slack or SSH for the other commands

    gc.freeze()
    gc.enable()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("bot").setLevel(logging.INFO)
    with plainly():
        found = settings.load(settings.find(config))
        asyncio.run(app.run(found, credentials.secrets(found.slack.mode)))


@main.command()
@click.option("--play", is_flag=True, help="Play one story and print it, without a browser.")
@click.option("--port", default=0, help="The port of the page; a free one if not given.")
def demo(play: bool, port: int) -> None:
    """A Slack workspace, two hosts and the bot, all on this machine."""
    from bot import demo as show  # noqa: PLC0415 - the demo alone needs the sandbox

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with plainly(), suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
        asyncio.run(show.play() if play else show.open_page(port))
