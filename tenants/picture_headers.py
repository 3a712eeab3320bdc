"""What a picture says of itself, read before any decoder sees it: its format, its size in pixels, and where it ends.

A decoder reserves memory for the size that a file claims, and spends time on each pass that it asks for. So both are
looked at here, in code that reserves nothing: a file of 256 KiB can claim 268 million pixels.

Sources: PNG (W3C, third edition) 5.3, 11.2.1; JPEG (ITU-T T.81) B.1, B.2; WebP (RFC 9649) 2.3 to 2.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tenants.management_errors import LogoFault, LogoInvalid

Format = Literal["PNG", "JPEG", "WEBP"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE = b"\xff\xd8\xff"
MAX_PIXELS = 2048 * 2048
MAX_SCANS = 32
"""Of a progressive JPEG: each goes over all pixels anew, and takes ten octets. Encoders make about ten of them."""
PADDING = b"\x00\r\n "
"""What may stand behind a picture's end: nobody reads anything into it."""
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_END, _JPEG_SCAN = 0xD9, 0xDA
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""Within a scan 0xFF is followed by zero, by a restart marker, or by more of itself."""
_DRAWING = re.compile(rb"<(?:\?xml|!doctype\s+svg|svg)\b|<!ENTITY", re.IGNORECASE)
_LOOKED_AT = 1024


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """A picture's own word on itself. `end` counts octets."""

    format: Format
    width: int
    height: int
    end: int


def read_header(content: bytes) -> PictureHeader:
    """The header of a PNG, JPEG or WebP picture, told by its content and never by a name or a declared type.

    Raises:
        LogoInvalid: it is none of the three, has more pixels or passes than we decode, is cut off, or has something
            behind it that another program would read as something else.
    """
    header = _read(content)
    if header.width < 1 or header.height < 1:
        raise LogoInvalid(LogoFault.DAMAGED, f"{header.width} x {header.height} pixels")
    if header.width * header.height > MAX_PIXELS:
        raise LogoInvalid(LogoFault.TOO_MANY_PIXELS, f"{header.width} x {header.height} pixels")
    if header.end > len(content):
        raise LogoInvalid(LogoFault.DAMAGED, "it is cut off")
    if content[header.end :].strip(PADDING):
        raise LogoInvalid(LogoFault.MORE_BEHIND, f"{len(content) - header.end} octets behind the picture")
    return header


def _read(content: bytes) -> PictureHeader:
    try:
        if content.startswith(PNG_SIGNATURE):
            return _png(content)
        if content.startswith(JPEG_SIGNATURE):
            return _jpeg(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _webp(content)
    except IndexError:
        raise LogoInvalid(LogoFault.DAMAGED, "it is cut off") from None
    if _DRAWING.search(content[:_LOOKED_AT]):
        raise LogoInvalid(LogoFault.DRAWING, "markup")
    raise LogoInvalid(LogoFault.OTHER_FORMAT, f"begins with {content[:4].hex()}")


def _png(content: bytes) -> PictureHeader:
    if content[12:16] != b"IHDR" or _number(content, 8, 4) != 13:
        raise LogoInvalid(LogoFault.DAMAGED, "no IHDR at its beginning")
    width, height = _number(content, 16, 4), _number(content, 20, 4)
    at = len(PNG_SIGNATURE)
    while True:
        kind, after = content[at + 4 : at + 8], at + 12 + _number(content, at, 4)
        if kind == b"IEND":
            return PictureHeader("PNG", width, height, after)
        at = after


def _jpeg(content: bytes) -> PictureHeader:
    at, scans, size = 2, 0, (0, 0)
    while True:
        if content[at] != 0xFF:
            raise LogoInvalid(LogoFault.DAMAGED, "no marker where one has to be")
        while content[at] == 0xFF:  # fill octets (B.1.1.2)
            at += 1
        marker, at = content[at], at + 1
        if marker == _JPEG_END:
            return PictureHeader("JPEG", *size, end=at)
        if marker in _JPEG_ALONE:
            continue
        if marker in _JPEG_FRAMES:
            if size != (0, 0):
                raise LogoInvalid(LogoFault.DAMAGED, "two frames")
            size = _number(content, at + 5, 2), _number(content, at + 3, 2)
        at += max(_number(content, at, 2), 2)
        if marker == _JPEG_SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise LogoInvalid(LogoFault.TOO_MANY_SCANS, f"more than {MAX_SCANS} scans")
            found = _NEXT_MARKER.search(content, at)
            if found is None:
                raise LogoInvalid(LogoFault.DAMAGED, "a scan without an end")
            at = found.start()


def _webp(content: bytes) -> PictureHeader:
    end, kind, at = 8 + _number(content, 4, 4, little=True), content[12:16], 20
    if kind == b"VP8X":
        width, height = (1 + _number(content, at + offset, 3, little=True) for offset in (4, 7))
    elif kind == b"VP8L" and content[at] == 0x2F:
        bits = _number(content, at + 1, 4, little=True)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and content[at + 3 : at + 6] == b"\x9d\x01\x2a":
        width, height = (_number(content, at + offset, 2, little=True) & 0x3FFF for offset in (6, 8))
    else:
        raise LogoInvalid(LogoFault.DAMAGED, "a WebP of no known kind")
    return PictureHeader("WEBP", width, height, end + end % 2 if end < len(content) else end)


def _number(content: bytes, at: int, octets: int, *, little: bool = False) -> int:
    """An unsigned number. Raises IndexError where the file ends before it: a slice would just be shorter."""
    if at + octets > len(content):
        raise IndexError(at)
    return int.from_bytes(content[at : at + octets], "little" if little else "big")
