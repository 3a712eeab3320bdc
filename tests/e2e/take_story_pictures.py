"""The guide's pictures of what comes about step by step: `python -m tests.e2e.take_story_pictures docs/images`.

An attempt and a pasted response, three pages of a set-up link, and the first picture of all, which has two of these in it; what
stands still is in `take_console_pictures`.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.browser_arguments import ARGUMENTS, CHROMIUM
from tests.e2e.console_site import running_console
from tests.e2e.pages_site import running_site
from tests.e2e.setup_site import Hand, running_setup
from tests.e2e.take_console_pictures import COLOURS, small
from tests.support.world import utc_now

WINDOW = {"width": 1280, "height": 800}
TELEPHONE = {"width": 360, "height": 450}
BEHIND, CORNER = (30, 27, 75), 18
AHEAD, LATE = dt.timedelta(seconds=183), dt.timedelta(minutes=10)


def main(folder: str) -> None:
    """Take them all."""
    target = Path(folder) / "console"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for story in (_diagnosis, _setup):
            place = Path(temporary) / story.__name__
            place.mkdir()
            story(browser, place, target)
        _first(browser, target / "attempt.png", Path(folder) / "first.png")
        browser.close()


def _diagnosis(browser: Browser, place: Path, target: Path) -> None:
    """A clock that is ahead, as an attempt; a message that is late and meant for another service, pasted."""
    with running_console(place) as site:
        world = site.world
        context = browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]  # as it takes
        site.enter(context, "admin", world.acme)
        assert world.sign_in(world.browser(), now=utc_now() + AHEAD).status_code >= 400
        late = world.response(world.browser().start(), now=utc_now() - LATE, sp_entity_id="https://x.example")
        page = context.new_page()
        page.goto(site.address("/admin/attempts/", world.acme))
        page.locator("tbody a").first.click()
        _take(page, target / "attempt.png")
        page.goto(site.address("/admin/paste/", world.acme))
        page.get_by_label("Response").fill(base64.b64encode(late).decode())
        page.get_by_role("button", name="Check it").click()
        _take(page, target / "paste.png")
        context.close()


def _setup(browser: Browser, place: Path, target: Path) -> None:
    """The products, what to enter at one of them, and a test that works."""
    with running_setup(place) as site:
        site.idp.add_person("grace", "grace@initech.example", givenName="Grace", sn="Hopper", telephoneNumber="+1 555 0100")
        link = site.new_customer("initech", "initech.example", attest_reason="Contract of 3 March")
        context = browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(link)
        page.get_by_role("button", name="Start").click()
        _take(page, target / "setup_product.png")
        page.get_by_role("button", name="Microsoft Entra ID").click()
        _take(page, target / "setup_connect.png")
        page.get_by_role("link", name="Choose another product").click()
        page.get_by_role("button", name="SimpleSAMLphp").click()
        site.register("initech")
        page.get_by_label("Address of the metadata").fill(site.idp.entity_id)
        page.get_by_role("button", name="Check and connect").click()
        page.get_by_role("button", name="Test sign-in").first.click()
        Hand(page, site.service.origin("initech")).sign_in_there("grace")
        page.wait_for_url("**/setup/test")
        _take(page, target / "setup_test.png")
        context.close()


def _first(browser: Browser, attempt: Path, path: Path) -> None:
    """What people meet, before what their administrator sees when it fails."""
    with running_site() as port:
        context = browser.new_context(viewport=TELEPHONE, color_scheme="dark", device_scale_factor=2)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"http://acme.localhost:{port}/acme/sign-in")
        telephone = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        context.close()
    canvas = Image.new("RGB", (1600, 880), BEHIND)
    console = Image.open(attempt).convert("RGB").crop((0, 0, WINDOW["width"], WINDOW["height"]))
    _lay(canvas, console.resize((1216, 760)), (324, 60))
    _lay(canvas, telephone.resize((TELEPHONE["width"], TELEPHONE["height"])), (60, 330))
    canvas.quantize(COLOURS).save(path, optimize=True)


def _lay(canvas: Image.Image, picture: Image.Image, at: tuple[int, int]) -> None:
    """Round its corners, and let it throw a shadow."""
    form = Image.new("L", picture.size, 0)
    ImageDraw.Draw(form).rounded_rectangle((0, 0, picture.width - 1, picture.height - 1), CORNER, fill=255)
    shadow = Image.new("L", canvas.size, 0)
    shadow.paste(form.point(lambda value: value * 3 // 5), (at[0], at[1] + CORNER))
    canvas.paste((0, 0, 0), (0, 0), shadow.filter(ImageFilter.GaussianBlur(CORNER)))
    canvas.paste(picture, at, form)


def _take(page: Page, path: Path) -> None:
    """The whole page, from its top: what stays in sight would otherwise stand in its middle."""
    page.evaluate("scrollTo(0, 0)")
    small(page.screenshot(full_page=True)).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
