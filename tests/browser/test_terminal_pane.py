"""What a user who is logged in on a host sees, on the sandbox's page."""

import json
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, Route, expect

from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack


@pytest.fixture
async def hosts() -> AsyncIterator[SandboxHosts]:
    async with SandboxHosts.start([HostSpec("host1", (Login("audituser", command="tail -f app.log"),))]) as running:
        yield running


@pytest.fixture
async def slack(hosts: SandboxHosts) -> AsyncIterator[SandboxSlack]:
    """With a host whose terminals are shown."""
    async with SandboxSlack.start(demo_workspace(), hosts=hosts) as running:
        yield running


async def test_a_terminal_is_followed_to_its_end(hosts: SandboxHosts, page: Page) -> None:
    """It is opened from the sidebar, shows what is printed, and can still be read when the connection was closed."""
    await page.get_by_role("button", name="Terminal: audituser on host1").click()
    pane = page.get_by_role("region", name="Terminal", exact=True)
    await expect(pane.get_by_role("log")).to_contain_text("audituser@host1:~$ tail -f app.log")

    await hosts.hosts["host1"].end("3")

    await expect(pane).to_contain_text("Connection to host1 closed.")
    await pane.get_by_role("button", name="Close the terminal").click()
    await expect(pane).to_have_count(0)
    await page.get_by_role("button", name="Terminal: audituser on host1 closed").click()
    await expect(pane.get_by_role("log")).to_contain_text("audituser@host1:~$ tail -f app.log")


async def test_escape_sequences_are_not_shown(page: Page) -> None:
    """Colours and titles are dropped; backspaces, returns and erased ends of lines do what a terminal does."""
    text = "\x1b]0;title\x07\x1b[1;31mred\x1b[0m\r\nabX\bc\r\n10%\r20%\r\nlong line\r\x1b[Kshort\r\n<b>\x07 \x1b(Bend"

    async def sent(route: Route) -> None:
        output = f"event: output\ndata: {json.dumps({'text': text})}\n\nevent: closed\ndata: {{}}\n\n"
        await route.fulfill(content_type="text/event-stream", body=output)

    await page.route("**/sandbox/terminals/**", sent)
    await page.get_by_role("button", name="Terminal: audituser on host1").click()

    shown = page.get_by_role("region", name="Terminal", exact=True).get_by_role("log")
    await expect(shown).to_contain_text("closed")
    assert await shown.inner_text() == "red\nabc\n20%\nshort\n<b> end\nConnection to host1 closed."
