"""The incident report in a real Chromium: it is shown whole, runs nothing, asks nobody, and prints."""

import asyncio
import os
import shutil
from pathlib import Path

from playwright.async_api import Page, async_playwright, expect

from tests import reports
from tests.test_audit_commands import configured
from tests.tiers import BROWSERS

PICTURE = Path(__file__).parent / "pictures" / "report.png"


async def _made(folder: Path, hostile: str) -> Path:
    folder.mkdir()  # noqa: ASYNC240 - of a test
    left = configured(folder, [("host1", "127.0.0.1", 22)], key=folder, known_hosts=folder)
    await reports.record(left.database, folder / "checkpoints", hostile)
    done = await asyncio.to_thread(left.audit, "report", "1", "11", "--out", str(folder / "report.html"))
    assert done.exit_code == 0, done.stderr
    return folder / "report.html"


async def test_a_report_is_shown_and_printed_and_runs_nothing(tmp_path: Path) -> None:
    """As a file, with scripts allowed: nothing of what people and hosts wrote runs, and nothing is fetched."""
    hostile, usual = await _made(tmp_path / "hostile", reports.HOSTILE), await _made(tmp_path / "usual", "")
    chromium = next(path for path in map(shutil.which, BROWSERS) if path)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1000, "height": 1300})
        asked, said = list[str](), list[str]()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        for report in (hostile, usual):
            await page.goto(report.as_uri())
            await _shown(page)
            printed = await page.pdf(format="A4")
            assert printed.count(b"/Type /Page\n") in range(3, 15)
        if os.environ.get("KICKBOT_PICTURES"):
            await page.screenshot(path=PICTURE)
        await browser.close()
    assert asked == [hostile.as_uri(), usual.as_uri()]
    assert said == []


async def _shown(page: Page) -> None:
    await expect(page).to_have_title("Kickbot: report of 2 requests")
    await expect(page.get_by_role("img")).to_have_count(2)
    await expect(page.locator("svg circle")).to_have_count(20)
    await expect(page.get_by_role("heading", name="Sessions before: host1").first).to_be_visible()
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 1000
