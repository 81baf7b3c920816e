"""The main job in a real Chromium: the whole bot on a sandbox host, and people who only type and press."""

from pathlib import Path

from playwright.async_api import Page, expect

from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack
from tests.whole import QUICK, bot_at_work, configure


async def test_list_kick_refusal_of_the_own_approval_and_a_second_person(
    tmp_path: Path, slack: SandboxSlack, page: Page
) -> None:
    """Alice lists and asks, may not approve her own request, Carol does, and the thread has the evidence."""
    spec = HostSpec("host1", (Login("audituser"), Login("alice")))
    async with SandboxHosts.start([spec]) as hosts:
        host = hosts.hosts["host1"]
        config = configure(
            tmp_path, [("host1", host.address, host.port)], key=hosts.client_key, known_hosts=hosts.known_hosts
        )
        async with bot_at_work(slack, config, QUICK):
            await _type(page, "/sessions host1")
            await expect(page.get_by_text("host1: 2 sessions of 2 people")).to_be_visible(timeout=15_000)
            await _type(page, "/kick audituser host1 because INC-42")
            await page.get_by_role("button", name="Approve").click(timeout=15_000)
            await expect(page.get_by_text("You asked for this one, so you can't approve it.")).to_be_visible()
            await page.get_by_label("You are:").select_option(label="Carol Okafor")
            await page.get_by_role("button", name="Approve").click()
            await expect(page.get_by_text("audituser is off host1")).to_be_visible(timeout=20_000)
            await expect(page.get_by_role("button", name="Approve")).to_have_count(0)
            await page.get_by_role("button", name="replies").click()
            thread = page.get_by_role("log", name="Thread messages")
            await expect(thread.get_by_text("What was run")).to_be_visible()
            await expect(thread.get_by_text("Nothing of audituser is left on host1.")).to_be_visible(timeout=15_000)


async def _type(page: Page, words: str) -> None:
    line = page.get_by_label("Message or command")
    await line.fill(words)
    await line.press("Enter")
