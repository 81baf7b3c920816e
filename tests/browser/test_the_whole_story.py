"""What people do with Kickbot, in a real Chromium on the demo's hosts; each walk also makes pictures for the README.

`make pictures` keeps them: they show what these tests saw.
"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from bot import app, credentials, settings
from bot.demo import configuration
from bot.execution import Timing
from bot.sandbox.cast import demo_workspace
from bot.sandbox.hosts import SandboxHosts, demo_fleet, demo_hosts
from bot.sandbox.server import SandboxSlack

PICTURES = Path(__file__).parent / "pictures"
BRISK = Timing(rung=1, watch=3)
"""So that nobody in front of the page waits longer than they have to."""
PATIENT = 20_000
"""Milliseconds for what takes a look at a host."""


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[SandboxSlack]:
    """The demo, with everything in it at work."""
    async with (
        SandboxHosts.start(demo_hosts(), demo_fleet()) as hosts,
        SandboxSlack.start(demo_workspace(), hosts=hosts) as running,
        _bot(running, hosts, tmp_path),
    ):
        yield running


@asynccontextmanager
async def _bot(slack: SandboxSlack, hosts: SandboxHosts, folder: Path) -> AsyncIterator[None]:
    config = folder / "kickbot.toml"
    config.write_text(configuration(hosts), encoding="utf-8")
    secrets = credentials.Secrets(
        slack_bot_token=slack.bot_token, slack_app_token=slack.app_token, slack_api_url=slack.api_url
    )
    async with app.serving(settings.load(config), secrets, BRISK):
        yield


async def test_list_and_kick_by_menu_and_form(page: Page) -> None:
    """Alice lists, chooses from the menu, sees in the form what ends and who could approve, and sends it."""
    await page.set_viewport_size({"width": 1120, "height": 800})
    await _type(page, "/sessions host1")
    await expect(page.get_by_text("host1: 3 sessions of 2 people")).to_be_visible(timeout=PATIENT)
    await _choose(page, page.get_by_role("combobox", name="Kick…"), "audituser, 2 sessions")
    form = page.get_by_role("dialog")
    await expect(form.get_by_role("checkbox", name="session 3")).to_be_checked(timeout=PATIENT)
    await expect(form.get_by_text("may approve")).to_be_visible(timeout=PATIENT)
    await form.get_by_label("Because").fill("INC-42 laptop stolen")
    await _picture(page, "form")
    await form.get_by_role("button", name="Ask").click()
    await expect(page.get_by_text("Kick audituser off host1?")).to_be_visible(timeout=PATIENT)
    await expect(form).to_have_count(0)
    await _picture(page, "channel")


async def test_the_own_approval_is_refused_and_another_person_approves_on_home(page: Page) -> None:
    """Alice may not, Carol finds it on her Home tab and approves there; the thread shows what was before and after."""
    await page.set_viewport_size({"width": 1120, "height": 800})
    await _type(page, "/kick audituser host1 because INC-42 laptop stolen")
    await page.get_by_role("button", name="Approve").click(timeout=PATIENT)
    await expect(page.get_by_text("You asked for this one, so you can't approve it.")).to_be_visible()
    await _be(page, "Carol Okafor")
    await page.get_by_role("button", name="kickbot Home").click()
    await expect(page.get_by_text("Waiting for you (1)")).to_be_visible(timeout=PATIENT)
    await _picture(page, "home")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("You approved request")).to_be_visible(timeout=PATIENT)
    await page.get_by_role("button", name="inc-4711").click()
    await expect(page.get_by_text("audituser is off host1").first).to_be_visible(timeout=PATIENT)
    await page.get_by_role("button", name="replies").click()
    thread = page.get_by_role("log", name="Thread messages")
    for words in ("Before", "approved the plan", "What was run", "Nothing of audituser is left on host1."):
        await expect(thread.get_by_text(words).first).to_be_visible(timeout=PATIENT)
    await _picture(page, "thread")


async def test_progress_shows_while_a_stubborn_session_is_ended(page: Page) -> None:
    """Bob's session ignores the polite signals: the request says what it is doing, and offers the next level."""
    await _type(page, "/kick bob host2 because train is stuck")
    await _be(page, "Carol Okafor")
    await page.get_by_role("button", name="Approve").click(timeout=PATIENT)
    await expect(page.get_by_text("Kicking bob off host2")).to_be_visible(timeout=PATIENT)
    await expect(page.get_by_text("0 of 1 session ended")).to_be_visible(timeout=PATIENT)
    await _be(page, "Alice Ansah")
    await page.get_by_role("button", name="Ask to force it…").click(timeout=60_000)
    await expect(page.get_by_text("Force bob off host2?")).to_be_visible(timeout=PATIENT)


async def test_a_warning_arrives_on_the_terminal_and_is_stopped(page: Page) -> None:
    """The user reads who ends the session and when; Alice stops it, and the session lives on."""
    await page.set_viewport_size({"width": 1120, "height": 800})
    await page.get_by_role("button", name="Terminal: audituser on host2").click()
    terminal = page.get_by_role("log", name="Output on host2")
    await expect(terminal).to_contain_text("audituser@host2")
    await _type(page, "/kick audituser host2 warn 10m because maintenance")
    await _be(page, "Carol Okafor")
    await page.get_by_role("button", name="Approve").click(timeout=PATIENT)
    await page.get_by_role("button", name="Terminal: audituser on host2").click()
    await expect(terminal).to_contain_text("Save your work now.", timeout=PATIENT)
    await _picture(page, "terminal")
    await page.get_by_role("button", name="Stop").click(timeout=PATIENT)
    await expect(page.get_by_text("Stopped by")).to_be_visible(timeout=PATIENT)
    await expect(terminal).not_to_contain_text("closed.")


async def test_the_brake_stops_everything_until_two_people_release_it(page: Page) -> None:
    """Carol freezes: the waiting request says so, and its Approve does nothing; with Bob's word it goes on."""
    await page.set_viewport_size({"width": 1120, "height": 800})
    await _type(page, "/kick audituser host1 because INC-42 laptop stolen")
    await expect(page.get_by_text("Kick audituser off host1?")).to_be_visible(timeout=PATIENT)
    await _be(page, "Carol Okafor")
    await _type(page, "/kickbot freeze because wrong rule deployed")
    await expect(page.get_by_text("This goes on when two people unfreeze.").first).to_be_visible(timeout=PATIENT)
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("has frozen all acting since").nth(1)).to_be_visible(timeout=PATIENT)
    await _picture(page, "freeze")
    await _type(page, "/kickbot unfreeze")
    await expect(page.get_by_text("One more person has to")).to_be_visible(timeout=PATIENT)
    await _be(page, "Bob Smith")
    await _type(page, "/kickbot unfreeze")
    await expect(page.get_by_text("This goes on when two people unfreeze.")).to_have_count(0, timeout=PATIENT)
    await _be(page, "Carol Okafor")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("audituser is off host1").first).to_be_visible(timeout=PATIENT)


async def test_the_connection_of_the_terminal_closes_when_it_is_kicked(page: Page) -> None:
    """The user sees it too."""
    await page.get_by_role("button", name="Terminal: alice on host1").click()
    await _type(page, "/kick alice host1 because INC-43")
    await _be(page, "Carol Okafor")
    await page.get_by_role("button", name="Terminal: alice on host1").click()
    await page.get_by_role("button", name="Approve").click(timeout=PATIENT)
    terminal = page.get_by_role("log", name="Output on host1")
    await expect(terminal).to_contain_text("Connection to host1 closed.", timeout=PATIENT)


async def test_a_look_at_a_fleet_fills_up(page: Page) -> None:
    """Two hundred hosts are counted as they answer, the slow ones named; in the end stands who is where, and a file."""
    await page.set_viewport_size({"width": 1120, "height": 800})
    await _type(page, "/sessions @fleet")
    await expect(page.get_by_text(re.compile(r"[1-9]\d* of 200 hosts so far"))).to_be_visible(timeout=PATIENT)
    await _picture(page, "fleet-early")
    await expect(page.get_by_text(re.compile(r"[1-9]\d\d of 200 hosts so far"))).to_be_visible(timeout=PATIENT)
    await _picture(page, "fleet-middle")
    await expect(page.get_by_text("200 hosts so far")).to_have_count(0, timeout=60_000)
    await expect(page.get_by_text("38 sessions of 3 people on 34 of 200 hosts")).to_be_visible()
    await expect(page.get_by_text("3 of 200 hosts gave no answer.")).to_be_visible()
    await expect(page.get_by_role("button", name="1 reply")).to_be_visible(timeout=PATIENT)
    await _picture(page, "fleet-end")
    await page.get_by_role("button", name="1 reply").click()
    await expect(page.get_by_role("log", name="Thread messages").get_by_text("Sessions on")).to_be_visible()


async def test_a_look_at_a_fleet_is_stopped(page: Page) -> None:
    """What came until then stands, and the rest is named."""
    await _type(page, "/sessions @fleet audituser")
    await page.get_by_role("button", name="Stop").click(timeout=PATIENT)
    await expect(page.get_by_text("stopped before every host had answered.")).to_be_visible(timeout=PATIENT)
    await expect(page.get_by_text("was not waited for")).to_be_visible()
    await expect(page.get_by_role("button", name="Stop")).to_have_count(0)


async def test_a_phone_shows_the_request_and_its_buttons(page: Page) -> None:
    """Nothing is wider than the screen, and the decision is within reach."""
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.reload()
    await _open_on_phone(page, "inc-4711")
    await _type(page, "/kick audituser host1 because INC-42 laptop stolen")
    await expect(page.get_by_role("button", name="Approve")).to_be_visible(timeout=PATIENT)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await _picture(page, "phone")


# -- what hands do -------------------------------------------------------------------------------------


async def _type(page: Page, words: str) -> None:
    line = page.get_by_label("Message or command")
    await line.fill(words)
    await line.press("Enter")


async def _be(page: Page, name: str) -> None:
    await page.get_by_label("You are:").select_option(label=name)


async def _choose(page: Page, menu: Locator, option: str) -> None:
    await menu.click()
    await page.get_by_role("option", name=option, exact=True).click()


async def _open_on_phone(page: Page, channel: str) -> None:
    """On a small screen one pane is there at a time."""
    there, way = page.get_by_label("Message or command"), page.get_by_role("button", name=channel)
    await expect(there.or_(way).first).to_be_visible(timeout=PATIENT)
    if await there.count() == 0:
        await way.click()


async def _picture(page: Page, name: str) -> None:
    """A picture for the README, if they are to be made."""
    if os.environ.get("KICKBOT_PICTURES"):
        await page.wait_for_timeout(500)  # until what moves has come to rest
        await page.screenshot(path=PICTURES / f"{name}.png")
