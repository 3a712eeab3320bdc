"""Brands: whatever colour and name a tenant has, people can read the page."""

from __future__ import annotations

import itertools
import re

import pytest

from identity.branding import (
    DARK,
    GRAPHIC_CONTRAST,
    LIGHT,
    NEUTRAL,
    TEXT_CONTRAST,
    Theme,
    accent_of,
    brand_css,
    brand_icon,
    brand_version,
    organisation_initials,
    person_initials,
)
from identity.colours import BLACK, WHITE, Colour, contrast, read_colour
from identity.static_files import FOLDER

COLOURS = [Colour(*parts) for parts in itertools.product(range(0, 256, 51), repeat=3)]
DECLARATION = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_gives_readable_shades(theme: Theme) -> None:
    """Text on buttons, links, edges and rings keep WCAG AA for 216 colours from all over the cube."""
    for colour in COLOURS:
        accent = accent_of(colour, theme)
        assert contrast(accent.on_fill, accent.fill) >= TEXT_CONTRAST, colour
        assert contrast(accent.on_fill, accent.hover) >= TEXT_CONTRAST, colour
        assert theme.least_contrast(accent.ink) >= TEXT_CONTRAST, colour
        assert theme.least_contrast(accent.line) >= GRAPHIC_CONTRAST, colour
        assert theme.least_contrast(accent.edge) >= GRAPHIC_CONTRAST, colour


def test_a_colour_that_can_be_read_stays_the_brands_own() -> None:
    """A brand is not repainted without need."""
    for text in ("#2f5bea", "#0b2545", "#ffd500"):
        assert str(accent_of(read_colour(text) or NEUTRAL, LIGHT).fill) == text


def test_contrast_is_what_wcag_says() -> None:
    """Black on white is 21; #767676 is the palest grey that text on white may have."""
    assert contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast(Colour(0x76, 0x76, 0x76), WHITE) == pytest.approx(4.54, abs=0.01)
    assert contrast(Colour(0x77, 0x77, 0x77), WHITE) < TEXT_CONTRAST


@pytest.mark.parametrize(
    "text", ["", "red", "#fff", "#12345g", "#123456;}", "#2f5bea\n", "url(//evil.test)", "}body{display:none", "#１２３４５６"]
)
def test_nothing_but_a_colour_reaches_the_style_sheet(text: str) -> None:
    """What is no #rrggbb gives the product's own colour, letter for letter."""
    assert read_colour(text) is None
    assert brand_css(text) == brand_css(str(NEUTRAL))


def test_the_style_sheet_is_named_by_its_content() -> None:
    """Another colour is another URL; the same colour the same one."""
    assert brand_version("#2f5bea") == brand_version("#2F5BEA") != brand_version("#2f5beb")


def test_pages_css_and_branding_agree() -> None:
    """The colours that contrast is computed with are the ones on the page; without a brand it is the product's."""
    sheet = (FOLDER / "pages.css").read_text()
    light, dark = (dict(DECLARATION.findall(block)) for block in re.findall(r":root \{(.*?)\}", sheet, re.S)[:2])
    for theme, declared in ((LIGHT, light), (DARK, dark)):
        assert declared["background"] == str(theme.background)
        assert declared["surface"] == str(theme.surface)
        accent = accent_of(NEUTRAL, theme)
        assert declared["accent"] == str(accent.fill)
        assert declared["on-accent"] == str(accent.on_fill)
        assert declared["accent-hover"] == str(accent.hover)
        assert declared["accent-edge"] == str(accent.edge)
        assert declared["accent-line"] == str(accent.line)
        assert declared["accent-ink"] == str(accent.ink)
        for name, least in (("text", 7.0), ("quiet", TEXT_CONTRAST), ("edge", GRAPHIC_CONTRAST)):
            colour = read_colour(declared[name])
            assert colour is not None
            assert theme.least_contrast(colour) >= least, name


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Acme AG", "AC"),
        ("x", "X"),
        ("3M", "3M"),
        ("🦊 Fox", "FO"),
        ("<b>", "B"),
        ("شركة النور", "شر"),
        ("E\u0301cole", "E\u0301C"),
        ("", "?"),
        ("🦊", "?"),
    ],
)
def test_an_organisations_mark(name: str, initials: str) -> None:
    """Two letters, with their accents; a sign for names that have none."""
    assert organisation_initials(name) == initials


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Jo van Doe", "JD"), ("Cher", "C"), ("jo.doe@acme.test", "J"), ("李 小龙", "李小"), ("🦊 <script>", "S"), ("", "?")],
)
def test_a_persons_mark(name: str, initials: str) -> None:
    """First and last word."""
    assert person_initials(name) == initials


def test_the_icon_holds_no_markup_of_the_name() -> None:
    """The mark is a picture in a URL: a name cannot add to it."""
    icon = brand_icon('"><script>alert(1)</script>', "#2f5bea")
    assert icon.startswith("data:image/svg+xml,")
    assert "<" not in icon
    assert '"' not in icon
