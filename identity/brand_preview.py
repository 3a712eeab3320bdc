"""A brand colour before it is saved: what becomes of it on light and dark pages, and why it is changed where it is."""

from __future__ import annotations

from dataclasses import dataclass

from identity.branding import DARK, LIGHT, NEUTRAL, TEXT_CONTRAST, Accent, Theme, accent_of, accent_rules
from identity.colours import WHITE, Colour, contrast, read_colour


@dataclass(frozen=True, slots=True)
class ThemePreview:
    """One theme: the button's colour, the contrast of the text on it, and in words what was done to the brand's colour."""

    fill: Colour
    text_contrast: float
    adjusted: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class BrandPreview:
    """A colour in both themes. `readable` False: it was no colour, and the product's own is shown."""

    colour: str
    readable: bool
    light: ThemePreview
    dark: ThemePreview


def preview_of(text: str) -> BrandPreview:
    """What pages would look like with this colour, `#rrggbb`."""
    brand = read_colour(text.strip())
    colour = brand or NEUTRAL
    return BrandPreview(str(colour), brand is not None, _theme(colour, LIGHT, "light"), _theme(colour, DARK, "dark"))


def preview_css(text: str) -> str:
    """The shades of a colour for the two halves of a preview, whatever theme the page around it has."""
    colour = read_colour(text.strip()) or NEUTRAL
    halves = ((".preview.light", LIGHT), (".preview.dark", DARK))
    return "".join(f"{selector} {{ {accent_rules(accent_of(colour, theme))} }}\n" for selector, theme in halves)


def _theme(colour: Colour, theme: Theme, words: str) -> ThemePreview:
    accent = accent_of(colour, theme)
    reached = contrast(accent.fill, accent.on_fill)
    return ThemePreview(accent.fill, reached, accent.fill != colour, _sentence(colour, accent, reached, words))


def _sentence(colour: Colour, accent: Accent, reached: float, words: str) -> str:
    text = "white" if accent.on_fill == WHITE else "dark"
    if accent.fill == colour:
        return f"On {words} pages the button has your colour, with {text} text: a contrast of {reached:.1f}."
    before = contrast(colour, accent.on_fill)
    if before < TEXT_CONTRAST:
        why = f"{text} text on {colour} has a contrast of {before:.1f}, and {TEXT_CONTRAST} is the least that is easy to read"
    else:
        why = f"{colour} would hardly be seen there"
    return f"On {words} pages the button is {accent.fill}, since {why}. It now has {reached:.1f}."
