"""Takes page.jpg for the README: the page in Chromium, with a sample dropped on it.

    python docs/page.py

To be taken again when the page changes.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.command import SAMPLES  # noqa: E402 - found by the path set above
from tests.support.server import serving  # noqa: E402 - found by the path set above


def main() -> None:
    """Take it."""
    with serving() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 760})
        page.goto(server.root + "#pictures")
        page.set_input_files("#files", SAMPLES / "columns.jpg")
        page.locator(".number button").nth(2).click()
        expect(page.locator(".picture .card")).to_be_visible()
        page.mouse.move(0, 0)
        page.screenshot(path=ROOT / "docs" / "page.jpg", quality=85)
        browser.close()


if __name__ == "__main__":
    main()
