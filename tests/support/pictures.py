"""Pictures made in code: honest ones, and one for each way that a picture can be an attack."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image, PngImagePlugin

SECRET = b"<script>alert('hidden in a picture')</script>"
"""What must never be found in what is served."""
BRAND = (0x20, 0x60, 0xD0)


def picture(form: str = "PNG", size: tuple[int, int] = (300, 120), mode: str = "RGB", **options: Any) -> bytes:
    """An honest picture in the brand's colour, with a white half so that it has something to show."""
    image = Image.new("RGBA", size, (*BRAND, 255))
    image.paste((255, 255, 255, 255), (size[0] // 2, 0, size[0], size[1]))
    return saved(image.convert(mode), form, **options)


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """An image as a file."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def glyph(colour: tuple[int, int, int]) -> bytes:
    """A mark of one colour on nothing: seen on one kind of page only."""
    image = Image.new("RGBA", (200, 80), (0, 0, 0, 0))
    image.paste((*colour, 255), (40, 20, 160, 60))
    return saved(image)


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG, its checksum right."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, pixels: bytes, *, extra: bytes = b"") -> bytes:
    """A PNG that claims a size, with whatever pixel data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(pixels, 9)) + chunk(b"IEND", b"")
    )


def webp_claiming(width: int, height: int) -> bytes:
    """A WebP whose canvas claims a size: libwebp would reserve it when the file is opened."""
    whole = picture("WEBP", mode="RGBA", lossless=True, exif=b"Exif\x00\x00" + b"\x00" * 8)
    assert whole[12:16] == b"VP8X"
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return whole[:24] + size + whole[30:]


def many_scans(count: int) -> bytes:
    """A progressive JPEG that goes over its pixels again and again."""
    whole = picture("JPEG", progressive=True)
    first = whole.rindex(b"\xff\xda")  # its last scan, whole
    return whole[:-2] + whole[first:-2] * count + whole[-2:]


def animated(form: str) -> bytes:
    """Two frames: the brand's colour first, then red."""
    first, second = Image.new("RGB", (120, 60), BRAND), Image.new("RGB", (120, 60), (255, 0, 0))
    return saved(first, form, save_all=True, append_images=[second], duration=100, loop=0)


def with_metadata(form: str) -> bytes:
    """A picture that carries words, a place, a colour profile and a comment."""
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    options: dict[str, Any] = {"exif": exif.tobytes(), "icc_profile": b"profile of somebody " + SECRET}
    if form == "PNG":
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", SECRET.decode())
        notes.add_text("Packed", SECRET.decode() * 10, zip=True)
        options["pnginfo"] = notes
    if form == "JPEG":
        options["comment"] = SECRET
    return picture(form, **options)


def archive() -> bytes:
    """A ZIP, which is read from its end."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        packed.writestr("index.html", SECRET)
    return buffer.getvalue()


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BILLION_LAUGHS = b'<!DOCTYPE svg [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>'


def _attacks() -> dict[str, tuple[bytes, str]]:
    """name -> (file, the fault that it has to be refused with)."""
    png, jpeg, webp = picture("PNG"), picture("JPEG"), picture("WEBP", lossless=True)
    return {
        "nothing": (b"", "EMPTY"),
        "too_large": (png + bytes(256 * 1024), "TOO_LARGE"),
        "svg": (SVG, "DRAWING"),
        "svg_behind_a_comment": (b"<!-- a logo -->\n<svg onload='alert(1)'/>", "DRAWING"),
        "svg_of_entities": (BILLION_LAUGHS, "DRAWING"),
        "html": (b"<!doctype html><body>" + SECRET, "OTHER_FORMAT"),
        "script": (b"GIF89a/*" + b"*/=1;alert(1)//", "OTHER_FORMAT"),
        "shell_script": (b"#!/bin/sh\nid\n", "OTHER_FORMAT"),
        "gif_called_png": (picture("GIF"), "OTHER_FORMAT"),
        "bmp_called_png": (picture("BMP"), "OTHER_FORMAT"),
        "tiff_called_jpeg": (picture("TIFF"), "OTHER_FORMAT"),
        "icon_called_png": (picture("ICO", size=(32, 32)), "OTHER_FORMAT"),
        "postscript_called_png": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n", "OTHER_FORMAT"),
        "pdf_called_webp": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "OTHER_FORMAT"),
        "riff_that_is_sound": (b"RIFF\x24\x00\x00\x00WAVEfmt ", "OTHER_FORMAT"),
        "png_bomb": (png_of(60_000, 60_000, bytes(1000)), "TOO_MANY_PIXELS"),
        "png_bomb_full": (png_of(16_000, 16_000, bytes(16_000 * 4000)), "TOO_MANY_PIXELS"),
        "png_of_the_largest_numbers": (png_of(2**31 - 1, 2**31 - 1, b""), "TOO_MANY_PIXELS"),
        "png_of_no_size": (png_of(0, 100, b""), "DAMAGED"),
        "png_text_bomb": (
            png_of(9, 9, bytes(90), extra=chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(90_000_000), 9))),
            "DAMAGED",
        ),
        "jpeg_bomb": (_jpeg_claiming(jpeg, 65_000, 65_000), "TOO_MANY_PIXELS"),
        "jpeg_of_no_size": (_jpeg_claiming(jpeg, 0, 0), "DAMAGED"),
        "jpeg_of_many_scans": (many_scans(200), "TOO_MANY_SCANS"),
        "webp_bomb": (webp_claiming(16_383, 16_383), "TOO_MANY_PIXELS"),
        "webp_of_two_sizes": (webp_claiming(2000, 2000), "DAMAGED"),
        "png_cut_off": (png[: len(png) // 2], "DAMAGED"),
        "png_without_end": (png[:-12], "DAMAGED"),
        "png_signature_alone": (png[:8], "DAMAGED"),
        "png_with_a_wrong_checksum": (png[:-6] + b"\x00" * 6, "DAMAGED"),
        "png_of_noise": (png_of(100, 100, b"\xff" * 40), "DAMAGED"),
        "jpeg_cut_off": (jpeg[: len(jpeg) * 2 // 3], "DAMAGED"),
        "jpeg_beginning_alone": (jpeg[:4], "DAMAGED"),
        "webp_cut_off": (webp[: len(webp) - 10], "DAMAGED"),
        "webp_beginning_alone": (webp[:16], "DAMAGED"),
        "png_and_script": (png + SECRET, "MORE_BEHIND"),
        "png_and_archive": (png + archive(), "MORE_BEHIND"),
        "jpeg_and_archive": (jpeg + archive(), "MORE_BEHIND"),
        "jpeg_and_php": (jpeg + b"<?php system($_GET['c']); ?>", "MORE_BEHIND"),
        "webp_and_html": (webp + b"<html>" + SECRET, "MORE_BEHIND"),
        "nothing_to_see": (saved(Image.new("RGBA", (50, 50), (9, 9, 9, 0))), "INVISIBLE"),
    }


def _jpeg_claiming(jpeg: bytes, width: int, height: int) -> bytes:
    frame = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:frame] + struct.pack(">HH", height, width) + jpeg[frame + 4 :]


ATTACKS = _attacks()
