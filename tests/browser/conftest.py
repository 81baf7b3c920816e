"""The sandbox's page in a real Chromium, for every test of this tier."""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, async_playwright, expect
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import SandboxSlack
from tests.tiers import BROWSERS


@pytest.fixture
async def page(slack: SandboxSlack) -> AsyncIterator[Page]:
    """The page, as Alice; an error in its script fails the test."""
    chromium = next(path for path in map(shutil.which, BROWSERS) if path)
    errors: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shown = await browser.new_page()
        shown.on("pageerror", lambda error: errors.append(str(error)))
        await shown.goto(slack.page_url)
        await expect(shown.get_by_role("heading", name="inc-4711")).to_be_visible()
        yield shown
        await browser.close()
    assert errors == []


@pytest.fixture
async def app(slack: SandboxSlack, client: AsyncWebClient) -> AsyncIterator[AsyncApp]:
    """An app that is connected, and does what a test adds to it."""
    bolt = AsyncApp(client=client)
    connection = AsyncSocketModeHandler(bolt, slack.app_token)
    await connection.connect_async()
    yield bolt
    await connection.close_async()
