"""Colours: contrast as WCAG measures it, and a colour made lighter or darker without changing its hue (OKLab)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

_HEX = re.compile(r"#[0-9a-fA-F]{6}")
STEP = 0.01
"""Of OKLab lightness, 0 to 1: below what an eye can tell apart."""
GREY_CHROMA = 0.02


@dataclass(frozen=True, slots=True)
class Colour:
    """An sRGB colour, each part 0 to 255."""

    red: int
    green: int
    blue: int

    def __str__(self) -> str:
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"


WHITE, BLACK = Colour(255, 255, 255), Colour(0, 0, 0)


def read_colour(text: str) -> Colour | None:
    """The colour that `#rrggbb` means; None for everything else, so that no other text ever reaches a style sheet."""
    if _HEX.fullmatch(text) is None:
        return None
    return Colour(int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio, 1 to 21. Source: WCAG 2.2, definition of "contrast ratio"."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def shade_until(colour: Colour, holds: Callable[[Colour], bool], *, lighter: bool) -> Colour:
    """The nearest shade that satisfies `holds`, going one way; white or black where no other does."""
    lightness, a, b = _to_oklab(colour)
    shade = colour
    while not holds(shade):
        lightness += STEP if lighter else -STEP
        if not 0 < lightness < 1:
            return WHITE if lighter else BLACK
        shade = _from_oklab(lightness, a, b)
    return shade


def shifted(colour: Colour, by: float) -> Colour:
    """The colour with its lightness changed by so much, -1 to 1."""
    lightness, a, b = _to_oklab(colour)
    return _from_oklab(min(max(lightness + by, 0.0), 1.0), a, b)


def is_grey(colour: Colour) -> bool:
    """Whether it has next to no hue."""
    _, a, b = _to_oklab(colour)
    return math.hypot(a, b) < GREY_CHROMA


def inverted(colour: Colour) -> Colour:
    """Dark for light and light for dark, of the same hue."""
    lightness, a, b = _to_oklab(colour)
    return _from_oklab(1 - lightness, a, b)


def _luminance(colour: Colour) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(colour: Colour) -> tuple[float, float, float]:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.red / 255, colour.green / 255, colour.blue / 255)
    )
    return red, green, blue


def _to_oklab(colour: Colour) -> tuple[float, float, float]:
    """Source: Björn Ottosson, "A perceptual color space for image processing" (2020)."""
    red, green, blue = _linear(colour)
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def _from_oklab(lightness: float, a: float, b: float) -> Colour:
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return Colour(
        _encoded(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _encoded(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _encoded(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _encoded(linear: float) -> int:
    part = min(max(linear, 0.0), 1.0)
    return round(255 * (12.92 * part if part <= 0.0031308 else 1.055 * part ** (1 / 2.4) - 0.055))
