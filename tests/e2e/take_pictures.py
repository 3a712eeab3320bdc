"""Pictures of every page for a designer's eye: `python -m tests.e2e.take_pictures FOLDER [PART_OF_NAME]`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.browser_arguments import ARGUMENTS, CHROMIUM
from tests.e2e.pages_site import REFUSALS, running_site

PAGES = (
    "sign-in",
    "sign-in-many",
    "sign-in-none",
    "signed-out",
    "signed-out-partly",
    "landing",
    "account",
    "native",
    "leaving",
    "app-host",
    "app-host-nothing",
    "unknown",
    *REFUSALS,
)
ODD = ("sign-in", "sign-in-many", "landing", "account", "signature")
OTHERS = (
    *((slug, page) for slug in ("long", "rtl", "emoji") for page in ODD),
    *((slug, "sign-in") for slug in ("yellow", "white", "black", "navy", "orange", "grey")),
)
WIDTHS = ((320, 640), (360, 740), (1280, 800), (3840, 2160))


def main(folder: str, part: str = "") -> None:
    """Take them all."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with running_site() as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for scheme in ("light", "dark"):
            for width, height in WIDTHS:
                context = browser.new_context(
                    color_scheme=scheme,
                    viewport={"width": width, "height": height},
                    java_script_enabled=False,
                )
                page = context.new_page()
                for slug, name in (*(("acme", name) for name in PAGES), *OTHERS):
                    picture = f"{slug}_{name}_{width}_{scheme}.png"
                    if part in picture:
                        page.goto(f"http://acme.localhost:{port}/{slug}/{name}")
                        page.screenshot(path=target / picture, full_page=width < 1000)
                context.close()
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
