"""Every page in a real browser: seen, read, walked through by keyboard, and held to its policy."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.e2e.pages_site import REFERENCE, REFUSALS, TENANTS, running_site

PAGES = (
    "sign-in",
    "sign-in-many",
    "sign-in-none",
    "signed-out",
    "signed-out-partly",
    "landing",
    "account",
    "native",
    "app-host",
    "app-host-nothing",
    "unknown",
    *REFUSALS,
)
PATIENCE_SECONDS = 30
SCHEMES = ("light", "dark")
WIDTHS = (320, 360, 1280, 3840)
REFUSED_STATUS = re.compile(r"Failed to load resource: the server responded with a status of [45]\d\d")
"""Chromium notes the status of an error page itself in its console."""

TEXTS = """() => {
  const channels = value => { const c = document.createElement('canvas').getContext('2d'); c.fillStyle = value;
    c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data] };
  const behind = element => { for (let e = element; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (channels(c)[3] === 255) return channels(c) } return [255, 255, 255, 255] };
  return [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() &&
    [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(e =>
    [e.tagName + ' ' + e.textContent.trim().slice(0, 30), channels(getComputedStyle(e).color), behind(e)]) }"""
OVERFLOW = """() => [...document.querySelectorAll('body *')].filter(e => {
  const box = e.getBoundingClientRect(); return box.width && (box.right > innerWidth + 1 || box.left < -1) })
  .map(e => e.tagName + '.' + e.className)"""


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    """The site's port."""
    with running_site() as port:
        yield port


class Watched:
    """A page whose console, requests and errors are noted."""

    def __init__(self, context: BrowserContext, port: int) -> None:
        self.page: Page = context.new_page()
        self.port = port
        self.complaints: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._on_request)

    def go(self, path: str) -> Page:
        """Open a path at acme's host."""
        self.page.goto(f"http://acme.localhost:{self.port}{path}")
        return self.page

    def complained(self, of: str, times: int = 1) -> None:
        """Come back when so many complaints name this: the console tells of them when it comes to it."""
        limit = time.monotonic() + PATIENCE_SECONDS
        while sum(of in text for text in self.complaints) < times:
            assert time.monotonic() < limit, self.complaints
            self.page.wait_for_timeout(20)

    def _on_console(self, message: ConsoleMessage) -> None:
        if not REFUSED_STATUS.match(message.text):
            self.complaints.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"http://acme.localhost:{self.port}/", "data:")):
            self.elsewhere.append(request.url)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of a new person."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext, site: int) -> Watched:
    """A watched page of the site."""
    return Watched(context, site)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_whole_and_quiet(watched: Watched, name: str) -> None:
    """One h1, one main, styles applied, no complaint in the console, nothing asked of anybody else."""
    page = watched.go(f"/acme/{name}")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(page.get_by_role("main")).to_have_count(1)
    expect(page.get_by_role("banner")).to_have_count(1)
    expect(page.get_by_role("contentinfo")).to_have_count(1)
    assert page.evaluate("getComputedStyle(document.querySelector('main')).display") == "grid"
    assert watched.complaints == []
    assert watched.elsewhere == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("slug", sorted(TENANTS))
def test_every_text_can_be_read(watched: Watched, slug: str, scheme: str) -> None:
    """Computed contrast of every text with what lies behind it: WCAG AA in both themes, for every brand."""
    watched.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for name in ("sign-in", "sign-in-many", "landing", "lost", "unknown"):
        for text, colour, ground in watched.go(f"/{slug}/{name}").evaluate(TEXTS):
            assert ratio(colour, ground) >= 4.5, (name, text, colour, ground)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_leaves_the_window(watched: Watched, width: int) -> None:
    """From 320 px to 4K, with names of 200 letters, in two directions, or in pictures."""
    watched.page.set_viewport_size({"width": width, "height": 800})
    for slug in ("acme", "long", "rtl", "emoji"):
        for name in ("sign-in", "sign-in-many", "landing", "status", "lost"):
            assert watched.go(f"/{slug}/{name}").evaluate(OVERFLOW) == [], (slug, name)


def test_the_keyboard_walks_in_reading_order(watched: Watched) -> None:
    """Tab reaches every way to sign in, in order and with a ring to see; Enter goes there."""
    page = watched.go("/acme/sign-in-many")
    seen = []
    for _ in range(3):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.textContent.replace(/\\s+/g, ' ').trim()"))
        assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    assert [text.partition("Sign in with ")[2] for text in seen] == [
        "Company login",
        "Microsoft Entra ID",
        "Okta for partners and suppliers of the whole group",
    ]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/saml/login?next=%2F&idp=entra")


def test_a_screen_reader_hears_names_and_not_ornaments(watched: Watched) -> None:
    """Links and buttons are called by their words; initials and spinners are silent; facts are paired."""
    page = watched.go("/acme/sign-in-many")
    expect(page.get_by_role("link", name="Sign in with Microsoft Entra ID", exact=True)).to_be_visible()
    expect(page.get_by_role("list", name="Choose where you have your account.")).to_be_visible()
    page = watched.go("/acme/landing")
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()
    assert page.get_by_role("main").aria_snapshot().count("JD") == 0


def test_code_and_reference_are_taken_whole(watched: Watched) -> None:
    """One click selects what support asks for."""
    page = watched.go("/acme/signature")
    expect(page.get_by_role("main")).to_have_attribute("data-code", "signature_invalid")
    page.get_by_text(REFERENCE).click()
    assert page.evaluate("getSelection().toString()") == REFERENCE


def test_signing_out_shows_that_it_was_wished_here(watched: Watched) -> None:
    """Our own form comes with our own Origin, so that a forged one can be told from it."""
    page = watched.go("/acme/landing")
    page.get_by_role("button", name="Sign out").click()
    told = page.locator("#told").inner_text()
    assert f"'Origin': 'http://acme.localhost:{watched.port}'" in told
    assert "'csrf_token': 't0ken'" in told


def test_leaving_happens_by_itself_and_going_back_is_no_trap(watched: Watched) -> None:
    """The form is sent at once, with our host as its Origin and no path; back leads to where the person was."""
    page = watched.go("/acme/sign-in")
    start = page.url
    page.goto(f"http://acme.localhost:{watched.port}/acme/leaving", wait_until="commit")
    page.wait_for_url("http://idp.localhost:*/sso**")
    told = page.locator("#told").inner_text()
    assert "'SAMLRequest': 'PHNhbWw\"+/='" in told
    assert f"'Referer': 'http://acme.localhost:{watched.port}/'" in told
    page.go_back()
    page.wait_for_url(start)
    assert watched.complaints == []


def test_an_identity_provider_may_hand_a_person_on(browser: Browser) -> None:
    """A broker answers our POST with a redirect to a host that nobody knew beforehand: the policy lets it."""
    with running_site(tls=True) as port:
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"https://acme.localhost:{port}/acme/leaving?hand_on=1", wait_until="commit")
        page.wait_for_url("https://broker.localhost:*/sso**")
        context.close()


def test_leaving_works_without_javascript(browser: Browser, site: int) -> None:
    """The page says so and has a button."""
    context = browser.new_context(java_script_enabled=False)
    watched = Watched(context, site)
    page = watched.go("/acme/leaving")
    expect(page.locator("noscript p")).to_be_visible()
    expect(page.locator(".spinner")).to_be_hidden()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("http://idp.localhost:*/sso**")
    context.close()


def test_injected_script_style_and_form_do_nothing(watched: Watched) -> None:
    """Even if somebody found a way to add to a page: the policy lets nothing of it work."""
    page = watched.go("/acme/sign-in")
    page.evaluate(
        """() => { document.querySelector('main').insertAdjacentHTML('beforeend',
        '<img src=x onerror="window.taken = 1"><style>h1 { color: rgb(1, 2, 3) }</style>' +
        '<form id=f action="http://evil.localhost/" method=post></form>');
        document.forms.f.submit(); }"""
    )
    watched.complained("Content Security Policy", times=3)
    assert page.evaluate("window.taken") is None
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") != "rgb(1, 2, 3)"
    assert "/acme/sign-in" in page.url


def test_nobody_can_frame_a_page(watched: Watched) -> None:
    """A page of somebody else shows nothing of ours inside it."""
    page = watched.page
    page.goto(f"http://evil.localhost:{watched.port}/framing?of=http://acme.localhost:{watched.port}/acme/landing")
    watched.complained("frame-ancestors")
    assert not any(frame.get_by_role("heading").count() for frame in page.frames[1:])


def test_ornaments_rest_for_those_who_ask(watched: Watched) -> None:
    """No animation or transition under prefers-reduced-motion; edges of buttons remain under forced colours."""
    watched.page.emulate_media(reduced_motion="reduce", forced_colors="active")
    page = watched.go("/acme/sign-in")
    button = page.get_by_role("link", name="Sign in with Company login")
    assert button.evaluate("e => getComputedStyle(e).transitionDuration") == "0s"
    assert button.evaluate("e => parseFloat(getComputedStyle(e).borderTopWidth)") >= 1


def test_paper_keeps_what_matters(watched: Watched) -> None:
    """Print drops buttons and keeps sentence, code and reference."""
    page = watched.go("/acme/lost")
    page.emulate_media(media="print")
    expect(page.get_by_role("link", name="Start again")).to_be_hidden()
    expect(page.get_by_text(REFERENCE)).to_be_visible()


def ratio(one: list[int], other: list[int]) -> float:
    """Contrast by WCAG, computed here anew so that the product does not judge itself."""

    def luminance(colour: list[int]) -> float:
        linear = [(c / 255) / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
