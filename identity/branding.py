"""An organisation's brand: its colour, made readable in both themes, and its initials as a mark (T4).

The colour reaches the browser as a style sheet of its own, since the content security policy allows no inline style.
"""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape

from identity.colours import WHITE, Colour, contrast, inverted, is_grey, read_colour, shade_until, shifted

TEXT_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3 (AA), text of any size."""
GRAPHIC_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11 (AA), edges and focus rings."""
NEUTRAL = Colour(0x4F, 0x46, 0xE5)
"""The product's own colour: for pages of nobody in particular, and where a tenant's colour cannot be read."""
INK = Colour(0x12, 0x16, 0x1D)
HOVER_SHIFT = 0.05
MAX_CACHED_SHEETS = 1024


@dataclass(frozen=True, slots=True)
class Theme:
    """What colours lie on; the same values stand in static/pages.css, and a test compares them."""

    surface: Colour
    background: Colour
    dark: bool

    def least_contrast(self, colour: Colour) -> float:
        """With the card or with the page, whichever is worse."""
        return min(contrast(colour, self.surface), contrast(colour, self.background))


LIGHT = Theme(surface=WHITE, background=Colour(0xF6, 0xF7, 0xF9), dark=False)
DARK = Theme(surface=Colour(0x14, 0x19, 0x20), background=Colour(0x0C, 0x0F, 0x14), dark=True)


@dataclass(frozen=True, slots=True)
class Accent:
    """A brand colour in one theme."""

    fill: Colour
    """Of the main button and the mark."""
    on_fill: Colour
    """Text on it."""
    hover: Colour
    edge: Colour
    """Around the fill, so that a pale brand is still seen to be a button."""
    line: Colour
    """Focus ring and ornaments."""
    ink: Colour
    """Text and links on the card and on the page."""


def accent_of(brand: Colour, theme: Theme) -> Accent:
    """The shades of a brand colour that can be read in this theme; the brand's own wherever it can.

    Black, which has no shade to keep, turns white on dark surfaces.
    """
    if theme.dark and is_grey(brand) and theme.least_contrast(brand) < GRAPHIC_CONTRAST:
        brand = inverted(brand)
    line = shade_until(brand, lambda shade: theme.least_contrast(shade) >= GRAPHIC_CONTRAST, lighter=theme.dark)
    fill, on_fill = _fill_of(line if theme.dark else brand)
    return Accent(
        fill=fill,
        on_fill=on_fill,
        hover=_hover_of(fill, on_fill),
        edge=fill if theme.least_contrast(fill) >= GRAPHIC_CONTRAST else line,
        line=line,
        ink=shade_until(brand, lambda shade: theme.least_contrast(shade) >= TEXT_CONTRAST, lighter=theme.dark),
    )


def _fill_of(colour: Colour) -> tuple[Colour, Colour]:
    """White text where the colour, or a slightly darker one, bears it; dark text on bright colours."""
    if contrast(colour, WHITE) >= GRAPHIC_CONTRAST:
        return shade_until(colour, lambda shade: contrast(shade, WHITE) >= TEXT_CONTRAST, lighter=False), WHITE
    return colour, INK


def _hover_of(fill: Colour, on_fill: Colour) -> Colour:
    """A little darker where the text can still be read, else a little lighter."""
    darker = shifted(fill, -HOVER_SHIFT)
    if darker != fill and contrast(darker, on_fill) >= TEXT_CONTRAST:
        return darker
    lighter = shifted(fill, HOVER_SHIFT)
    return lighter if contrast(lighter, on_fill) >= TEXT_CONTRAST else fill


@functools.lru_cache(maxsize=MAX_CACHED_SHEETS)
def brand_css(colour: str) -> str:
    """The style sheet of one brand colour, `#rrggbb`; the product's own where that cannot be read."""
    brand = read_colour(colour) or NEUTRAL
    light, dark = accent_rules(accent_of(brand, LIGHT)), accent_rules(accent_of(brand, DARK))
    return f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"


@functools.lru_cache(maxsize=MAX_CACHED_SHEETS)
def brand_version(colour: str) -> str:
    """Names the content of a brand's style sheet, so that browsers may keep it for ever."""
    return hashlib.sha256(brand_css(colour).encode()).hexdigest()[:16]


def accent_rules(accent: Accent) -> str:
    """The declarations that give a page's style sheet these shades."""
    return (
        f"--accent: {accent.fill}; --on-accent: {accent.on_fill}; --accent-hover: {accent.hover}; "
        f"--accent-edge: {accent.edge}; --accent-line: {accent.line}; --accent-ink: {accent.ink};"
    )


def organisation_initials(name: str) -> str:
    """The first two letters of an organisation's name, as the console shows it: "AC" for Acme AG."""
    return "".join(_letters(name)[:2]).upper() or "?"


def person_initials(name: str) -> str:
    """The first letters of the first and the last word of a person's name: "JD" for Jo van Doe."""
    words = [letters for letters in map(_letters, name.split()) if letters]
    chosen = words[:1] + words[1:][-1:]
    return "".join(letters[0] for letters in chosen).upper() or "?"


def _letters(text: str) -> list[str]:
    """Letters and digits, each with the marks that belong to it (é in two code points, Devanagari vowels)."""
    letters: list[str] = []
    for character in text:
        if character.isalnum():
            letters.append(character)
        elif letters and unicodedata.category(character) in ("Mn", "Mc"):
            letters[-1] += character
        elif letters:
            break
    return letters


@functools.lru_cache(maxsize=MAX_CACHED_SHEETS)
def brand_icon(name: str, colour: str) -> str:
    """The mark as a picture for the browser's tab: a `data:` URL of an SVG."""
    accent = accent_of(read_colour(colour) or NEUTRAL, LIGHT)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="8" fill="{accent.fill}"/>'
        f'<text x="16" y="21.5" text-anchor="middle" font-family="system-ui,sans-serif" font-size="15" font-weight="700" '
        f'fill="{accent.on_fill}">{escape(organisation_initials(name))}</text></svg>'
    )
    return "data:image/svg+xml," + quote(svg)
