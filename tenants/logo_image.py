"""A logo is taken in: whatever was uploaded is decoded within bounds, made small, and written anew as a plain PNG (T4).

Decoding what strangers send is the risk here, so as little code as possible meets it: three formats and no others, by
content; a size that was bounded before; one picture at a time in a process. Nothing of the file itself is kept: no name,
no EXIF, no colour profile, no comment, no second frame, and nothing that was hidden between or behind the pixels.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from tenants.logo_marks import LogoMark
from tenants.management_errors import LogoFault, LogoInvalid
from tenants.picture_headers import PictureHeader, read_header

MAX_UPLOAD = 256 * 1024
"""Octets."""
MAX_SIZE = (512, 256)
"""Pixels of what is kept; four octets for each bound its PNG too."""
VISIBLE_CONTRAST = 1.7
"""Below it an eye no longer finds a shape on a page. Lower than WCAG's for text: a logo may be pale, but not gone."""
LOST_SHARE = 0.15
SHOWN_OPACITY = 64
_LIGHT_PAGE, _DARK_PAGE = 0.93, 0.005
"""Relative luminance of the pages' backgrounds."""
_SAMPLE = (256, 128)
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture of our own making, as it is stored and served."""

    png: bytes = field(repr=False)
    sha256: str
    mark: LogoMark


def read_logo(content: bytes) -> Logo:
    """Take an uploaded picture in; slow (up to 0.2 s), and before any transaction.

    Raises:
        LogoInvalid: with a sentence that says what is wrong with this file.
    """
    if not content:
        raise LogoInvalid(LogoFault.EMPTY, "no octets")
    if len(content) > MAX_UPLOAD:
        raise LogoInvalid(LogoFault.TOO_LARGE, f"more than {MAX_UPLOAD} octets")
    header = read_header(content)
    with _one_at_a_time:
        pixels = _decoded(content, header)
    opacity = pixels.getchannel("A").tobytes()
    if max(opacity) == 0:
        raise LogoInvalid(LogoFault.INVISIBLE, "every pixel is transparent")
    png = _plain_png(pixels if min(opacity) < 255 else pixels.convert("RGB"))
    sha256 = hashlib.sha256(png).hexdigest()
    return Logo(png, sha256, LogoMark(sha256[:16], *pixels.size, plate=_plate_of(pixels)))


def _decoded(content: bytes, header: PictureHeader) -> Image.Image:
    """The first frame, no larger than it is shown."""
    try:
        with Image.open(io.BytesIO(content), formats=(header.format,)) as picture:
            if picture.size != (header.width, header.height):
                raise LogoInvalid(LogoFault.DAMAGED, "two readings of its size")
            pixels = (picture.convert("L") if picture.mode.startswith("I") else picture).convert("RGBA")
            pixels.thumbnail(MAX_SIZE, Image.Resampling.LANCZOS, reducing_gap=3.0)
            return pixels
    except LogoInvalid:
        raise
    except Exception as error:  # Pillow's decoders fail in many ways (OSError, SyntaxError, ValueError, struct.error …)
        raise LogoInvalid(LogoFault.DAMAGED, type(error).__name__) from None


def _plain_png(pixels: Image.Image) -> bytes:
    """The pixels alone: a picture made of bytes has no metadata that could be written."""
    plain, buffer = Image.frombytes(pixels.mode, pixels.size, pixels.tobytes()), io.BytesIO()
    plain.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _plate_of(pixels: Image.Image) -> str:
    """Which plate a logo needs: a part of it would be lost on the page without one.

    Counted are columns and rows in which all that is there is lost, not pixels: the letters of a word mark are few.
    """
    sample = pixels.copy()
    sample.thumbnail(_SAMPLE)
    octets, width = sample.tobytes(), sample.width
    shown = {at // 4: _luminance(*octets[at : at + 3]) for at in range(0, len(octets), 4) if octets[at + 3] > SHOWN_OPACITY}
    if not shown or 4 * len(shown) == len(octets):
        return ""  # it brings its own background
    lost_on_dark, lost_on_light = (_lost(shown, width, page) for page in (_DARK_PAGE, _LIGHT_PAGE))
    if max(lost_on_dark, lost_on_light) < LOST_SHARE:
        return ""
    return "light" if lost_on_dark >= lost_on_light else "dark"


def _lost(shown: Mapping[int, float], width: int, page: float) -> float:
    """The larger share of columns or rows in which nothing stands out from a page. `shown`: place -> luminance."""
    seen = {place for place, luminance in shown.items() if _contrast(luminance, page) >= VISIBLE_CONTRAST}
    columns, rows = {place % width for place in shown}, {place // width for place in shown}
    seen_columns, seen_rows = {place % width for place in seen}, {place // width for place in seen}
    return max(1 - len(seen_columns) / len(columns), 1 - len(seen_rows) / len(rows))


def _luminance(red: int, green: int, blue: int) -> float:
    return float(0.2126 * (red / 255) ** 2.2 + 0.7152 * (green / 255) ** 2.2 + 0.0722 * (blue / 255) ** 2.2)


def _contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)
