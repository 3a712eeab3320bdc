"""Pictures of every page of the console: `python -m tests.e2e.take_console_pictures FOLDER [WIDTH …]`.

With docs/images/console as the folder they are the pictures of the guide; with another one, and every width, a designer's.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from admin_ui.rendering import SCREENS
from admin_ui.screen import TenantScreen
from tests.e2e.browser_arguments import ARGUMENTS, CHROMIUM
from tests.e2e.console_crawl import crawl, kind_of
from tests.e2e.console_site import ConsoleSite, running_console
from tests.support.world import Organisation

WINDOWS = {360: 740, 1280: 800, 3840: 2160}
OF_THE_GUIDE = ("360", "1280")
LONGEST = 2
"""Of a long page that much is shown, in heights for one width."""
COLOURS = 128
"""Enough for flat pages, and a third of the size."""


def main(folder: str, *widths: str) -> None:
    """Take them, light and dark, narrow and wide: staff's own screens as staff see them, a tenant's as its admins do."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, running_console(Path(temporary)) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for role, organisation in (("staff", None), ("admin", site.world.acme)):
            for scheme in ("light", "dark"):
                for width in map(int, widths or OF_THE_GUIDE):
                    window = {"width": width, "height": WINDOWS[width]}
                    context = browser.new_context(color_scheme=scheme, viewport=window)  # type: ignore[arg-type]  # as it takes
                    site.enter(context, role, organisation)
                    _take(site, context.new_page(), organisation, target, f"{width}-{scheme}")
                    context.close()
        browser.close()


def _take(site: ConsoleSite, page: Page, organisation: Organisation | None, target: Path, ending: str) -> None:
    """One picture of each kind of page, by the name of its kind."""
    screens = site.world.app.extensions[SCREENS]
    taken = set()
    for address in crawl(site, page, organisation):
        kind = kind_of(site, address) or ""
        screen = screens.get(kind.partition(".")[0])
        if kind in taken or screen is None or isinstance(screen, TenantScreen) != (organisation is not None):
            continue
        taken.add(kind)
        image = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        shown = image.crop((0, 0, image.width, min(image.height, max(page.viewport_size["height"], image.width * LONGEST))))  # type: ignore[index]
        small = shown.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(target / f"{kind.replace('.', '-').replace('_', '-')}-{ending}.png", optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
