"""`kickbot audit …` as an auditor types it. Attacks first."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.audit import checkpoints, signing
from bot.audit.notary import Notary
from bot.audit.signing import Signer
from bot.audit.sqlite import SqliteTrail
from bot.cli.main import main
from bot.events import Closed
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.nouns import Message, Version
from bot.sandbox.server import SandboxSlack
from tests import make
from tests.test_reading import edit
from tests.whole import APPROVE, CHANNEL, QUICK, bot_at_work, configure, parent_with_buttons, thread

PATIENCE = 120
SPEC = HostSpec("host1", (Login("audituser"), Login("audituser", terminal=False), Login("alice")))


class Left:
    """What is left when a bot has done its work: its folder."""

    def __init__(self, config: Path) -> None:
        self.config = config
        self.folder, self.database = config.parent, config.parent / "kickbot.db"

    def audit(self, *words: str, **environment: str) -> Result:
        """`kickbot audit …`."""
        return CliRunner().invoke(main, ["audit", *words, "--config", str(self.config)], env=environment)

    def broken(self, *words: str, **environment: str) -> str:
        """What `verify` says of a trail that doesn't fit."""
        done = self.audit("verify", *words, **environment)
        assert (done.exit_code, done.stdout) == (1, "")
        return done.stderr


def configured(folder: Path, hosts: Sequence[tuple[str, str, int]], *, key: Path, known_hosts: Path) -> Left:
    """A bot with a key for its checkpoints, which it tells to a file."""
    config = configure(folder, hosts, key=key, known_hosts=known_hosts)
    signing.make(folder / "checkpoints")
    audit = f'\n[audit]\nkey = "checkpoints"\npush = "file:{folder}/elsewhere"\n'
    config.write_text(config.read_text() + audit)
    return Left(config)


async def recorded(left: Left) -> None:
    """Two requests, six events, a checkpoint of each request's end."""
    async with SqliteTrail.open(left.database) as trail:
        notary = Notary(trail, Signer(left.folder / "checkpoints"), 3600)
        for number in "12":
            first = await trail.append(None, make.asked(key=number, words="audituser host1 because INC-42"))
            await trail.append(first.request, make.observed("before", make.snapshot(raw="who")))
            await trail.append(first.request, Closed(outcomes=()))
            await notary.make()
        sealed = await trail.checkpoints().after(0)
    (left.folder / "elsewhere").write_bytes(b"".join(map(checkpoints.line, sealed)))


@pytest.fixture
def left(tmp_path: Path) -> Left:
    left = configured(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path, known_hosts=tmp_path)
    asyncio.run(recorded(left))
    return left


# ------------------------------------------------------------------------------------------ verify


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE events SET bytes = replace(bytes, 'INC-42', 'INC-43') WHERE seq = 1", "event 1: .*\\[changed]"),
        ("DELETE FROM events WHERE seq = 3", "event 3: .*\\[removed]"),
        ("DELETE FROM events WHERE seq = 1", "event 1: .*\\[cut off at the beginning]"),
        ("DELETE FROM events WHERE seq > 4", "event 5: .*\\[cut off at the end]"),
        ("UPDATE checkpoints SET signature = ''", "\\[checkpoint changed]"),
    ],
)
def test_what_was_done_to_the_file_is_named(left: Left, statement: str, said: str) -> None:
    """In one line, with the event and what was done."""
    edit(left.database, statement)

    line = left.broken()

    assert line.startswith("BROKEN at event ")
    assert len(line.splitlines()) == 1
    assert re.search(said, line)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--expect-head", "hello"], "--expect-head: 'hello' is not SEQ:HASH"),
        (["--from-file", "nowhere"], "nowhere can't be read"),
        (["--checkpoints", "nowhere"], "nowhere can't be read"),
        (["--allowed-signers", "nowhere"], "nowhere can't be read"),
    ],
)
def test_what_can_not_be_checked_is_no_success(left: Left, words: list[str], said: str) -> None:
    """Exit status 2, and one line."""
    done = left.audit("verify", *words)

    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_trail_that_nobody_touched_fits_with_everything(left: Left) -> None:
    """Chain, attachments, checkpoints, what was pushed, what was noted, and what stands in Slack."""
    checkpoint = left.audit("checkpoint", "--save", str(left.folder / "kept"))
    said = dict(line.split(" ", 1) for line in checkpoint.stdout.splitlines()[:6])
    allowed = left.audit("key")
    (left.folder / "allowed").write_text(allowed.stdout)

    words = ["--expect-head", f"{said['event']}:{said['hash']}", "--allowed-signers"]
    done = left.audit("verify", *words, str(left.folder / "allowed"))

    assert done.exit_code == 0, done.stderr
    assert "attachments fit together" in done.stdout
    assert f"signed by a key that counts fit, up to event {said['event']}." in done.stdout
    assert "3 heads from elsewhere fit." in done.stdout
    assert (left.folder / "kept.sig").read_text().startswith("-----BEGIN SSH SIGNATURE-----")


def test_without_a_key_verify_says_what_it_can_not_show(left: Left) -> None:
    """No checkpoints is no fault, and no proof."""
    left.config.write_text(left.config.read_text().partition("[audit]")[0])
    edit(left.database, "DELETE FROM checkpoints")
    (left.folder / "elsewhere").unlink()

    done = left.audit("verify")

    assert done.exit_code == 0
    assert "There are no checkpoints: events that were cut off at the end" in done.stdout
    assert "audit.key: write key = " in left.audit("key").stderr
    assert "there is no checkpoint yet" in left.audit("checkpoint").stderr


def test_a_database_that_was_put_back_is_found_by_what_was_pushed(left: Left) -> None:
    """Whole in itself, its checkpoints too."""
    edit(left.database, "DELETE FROM events WHERE seq > 3", "DELETE FROM checkpoints WHERE seq > 3")

    assert "[rolled back to an older copy]" in left.broken()
    assert "[rolled back to an older copy]" in left.broken("--checkpoints", str(left.folder / "elsewhere"))
    (left.folder / "elsewhere").unlink()
    assert left.audit("verify").exit_code == 0
    assert "[rolled back to an older copy]" in left.broken("--expect-head", "6:" + "0" * 64)


# ------------------------------------------------------------------------------------------ with Slack


async def test_what_stands_in_slack_is_compared_with_the_trail(tmp_path: Path) -> None:
    """It fits; a message that was edited is named, for programs and for the eye; an old copy of the file too."""
    async with SandboxHosts.start([SPEC]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
        host = hosts.hosts["host1"]
        lines = [(host.name, host.address, host.port)]
        left = configured(tmp_path, lines, key=hosts.client_key, known_hosts=hosts.known_hosts)
        alice, carol = slack.as_("alice"), slack.as_("carol")
        async with bot_at_work(slack, left.config, QUICK):
            await alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
            parent = await parent_with_buttons(alice, PATIENCE)
            await carol.click(parent, APPROVE)
            await alice.sees("*After*", CHANNEL, seconds=PATIENCE)
        environment = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_API_URL": slack.api_url}

        fits = await asyncio.to_thread(left.audit, "verify", "--slack", **environment)
        assert fits.exit_code == 0, fits.stderr
        assert "signed by a key that counts" in fits.stdout
        assert "can't be read" not in fits.stdout

        message = next(m for m in thread(alice, parent)[1:] if m.metadata and "trail" in str(m.blocks))
        for forged in (with_metadata(message), with_mark(message)):
            slack.workspace.edit(message, forged.model_copy(update={"at": slack.workspace.tick()}))
            said = await asyncio.to_thread(left.broken, "--slack", **environment)
            assert "[Slack message edited]" in said
            assert f"the message {message.ts} in {message.channel}" in said
        slack.workspace.edit(message, message.current.model_copy(update={"at": slack.workspace.tick()}))

        (tmp_path / "elsewhere").unlink()
        edit(left.database, "DELETE FROM events WHERE seq > 3", "DELETE FROM checkpoints WHERE seq > 3")
        said = await asyncio.to_thread(left.broken, "--slack", **environment)
        assert "[rolled back to an older copy]" in said


def with_metadata(message: Message) -> Version:
    """What it says for programs."""
    assert message.metadata
    payload = {**message.metadata["event_payload"], "trail": "0" * 64}
    return message.current.model_copy(update={"metadata": {**message.metadata, "event_payload": payload}})


def with_mark(message: Message) -> Version:
    """What it shows to people."""
    (mark,) = [b for b in message.blocks if b["type"] == "context" and ", trail " in str(b)]
    text = mark["elements"][0]["text"]
    forged = {**mark, "elements": [{**mark["elements"][0], "text": f"{text[:-6]}0000…_"}]}
    blocks = tuple(forged if b is mark else b for b in message.blocks)
    return message.current.model_copy(update={"blocks": blocks})
