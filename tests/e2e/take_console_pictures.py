"""Pictures of every page of the console for a designer's eye: `python -m tests.e2e.take_console_pictures FOLDER`."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.e2e.browser_arguments import ARGUMENTS, CHROMIUM
from tests.e2e.console_crawl import crawl
from tests.e2e.console_site import running_console

WINDOWS = ((360, 740), (1280, 800), (3840, 2160))


def main(folder: str, *widths: str) -> None:
    """Take them all, light and dark, narrow and wide."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, running_console(Path(temporary)) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for role, organisation in (("staff", None), ("admin", site.world.acme)):
            for scheme in ("light", "dark"):
                for width, height in WINDOWS:
                    if widths and str(width) not in widths:
                        continue
                    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})  # type: ignore[arg-type]
                    site.enter(context, role, organisation)
                    page = context.new_page()
                    for number, address in enumerate(crawl(site, page, organisation)):
                        words = re.sub(r"[^a-z]+", "-", urlsplit(address).path.removeprefix("/admin/"))[:60].strip("-")
                        picture = f"{role}_{number:02}_{words}_{width}_{scheme}.png"
                        page.screenshot(path=target / picture, full_page=width < 2000)
                    context.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
