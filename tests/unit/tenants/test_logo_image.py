"""Logos: what is taken in comes out as a small plain PNG, and what is no picture, or more than one, does not get in."""

from __future__ import annotations

import io
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tenants.logo_image import MAX_SIZE, read_logo
from tenants.logo_marks import LogoMark, mark_of
from tenants.management_errors import LogoFault, LogoInvalid
from tests.support.pictures import ATTACKS, BRAND, SECRET, animated, glyph, many_scans, picture, saved, with_metadata

MAX_PNG = MAX_SIZE[0] * MAX_SIZE[1] * 4 + 8 * 1024
CHUNKS_OF_PIXELS = {b"IHDR", b"IDAT", b"IEND"}


def _chunks(png: bytes) -> set[bytes]:
    found, at = set(), 8
    while at < len(png):
        found.add(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return found


@pytest.mark.parametrize("name", ATTACKS)
def test_each_attack_is_refused_for_what_it_is(name: str) -> None:
    """Every one has its own fault, quickly and without reserving what it claims to be."""
    content, fault = ATTACKS[name]
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(LogoInvalid) as refused:
        read_logo(content)
    spent, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.fault is LogoFault[fault]
    assert refused.value.detail["errors"] == {"logo": [LogoFault[fault].value]}
    assert spent < 2
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "CMYK"])
def test_every_honest_picture_becomes_a_plain_png(form: str, mode: str) -> None:
    """Whatever a picture is made of, what is kept has pixels and nothing else."""
    try:
        content = picture(form, mode="L" if mode == "I;16" else mode)
        if mode == "I;16":
            content = saved(Image.new("I;16", (60, 30), 40_000), form)
    except (OSError, ValueError, KeyError):
        return  # this format knows no such picture
    logo = read_logo(content)
    assert _chunks(logo.png) == CHUNKS_OF_PIXELS
    with Image.open(io.BytesIO(logo.png), formats=["PNG"]) as again:
        assert again.size == (logo.mark.width, logo.mark.height)
        assert again.mode in ("RGB", "RGBA")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_nothing_but_the_pixels_survives(form: str) -> None:
    """EXIF, colour profile, comments and packed text stay behind."""
    content = with_metadata(form)
    assert SECRET in content
    png = read_logo(content).png
    assert SECRET not in png
    assert b"Exif" not in png
    assert _chunks(png) == CHUNKS_OF_PIXELS


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_of_a_moving_picture_the_first_frame_is_taken(form: str) -> None:
    """It stands still, in the colour that it begins with."""
    with Image.open(io.BytesIO(read_logo(animated(form)).png), formats=["PNG"]) as still:
        assert getattr(still, "n_frames", 1) == 1
        colour = still.convert("RGB").getpixel((60, 30))
    assert isinstance(colour, tuple)
    assert max(abs(one - other) for one, other in zip(colour, BRAND, strict=True)) < 12


@pytest.mark.parametrize(
    ("size", "kept"), [((300, 120), (300, 120)), ((2048, 2048), (256, 256)), ((2000, 20), (512, 5)), ((1, 2000), (1, 256))]
)
def test_large_pictures_are_made_small_and_small_ones_stay(size: tuple[int, int], kept: tuple[int, int]) -> None:
    """A logo keeps its shape and never grows."""
    mark = read_logo(picture(size=size)).mark
    assert (mark.width, mark.height) == kept


def test_the_worst_that_can_be_kept_is_bounded() -> None:
    """Noise that no packing makes smaller stays within what the pixels are."""
    noise = Image.effect_noise((400, 220), 100)
    logo = read_logo(saved(Image.merge("RGB", [noise, noise.rotate(90, expand=False), noise.rotate(180)]), "WEBP", quality=60))
    assert len(logo.png) <= MAX_PNG


def test_a_usual_progressive_jpeg_is_taken() -> None:
    """The bound on passes is no bound on honest files."""
    assert read_logo(picture("JPEG", progressive=True)).mark.width == 300
    assert read_logo(many_scans(1)).mark.width == 300


def test_padding_behind_a_picture_is_none_of_our_business() -> None:
    """Some programs end a file with zeros or a line end."""
    assert read_logo(picture() + b"\x00" * 40 + b"\r\n").mark == read_logo(picture()).mark


@pytest.mark.parametrize(
    ("colour", "plate"), [((10, 10, 30), "light"), ((255, 255, 255), "dark"), ((200, 40, 60), ""), ((0, 130, 90), "")]
)
def test_a_mark_that_a_page_would_swallow_gets_a_plate(colour: tuple[int, int, int], plate: str) -> None:
    """Black on a dark page, white on a light one; colours that are seen on both need none."""
    assert read_logo(glyph(colour)).mark.plate == plate


@pytest.mark.parametrize("across", [True, False])
def test_a_thin_part_of_one_colour_is_not_lost_either(across: bool) -> None:
    """A coloured sign with dark letters beside it, or below: the letters are few pixels, and the name."""
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    image.paste((200, 40, 60, 255), (0, 0, 120, 120))
    for number in range(8):
        place = (150 + 18 * number, 40, 152 + 18 * number, 80) if across else (40, 150 + 18 * number, 80, 152 + 18 * number)
        image.paste((12, 14, 30, 255), place)
    assert read_logo(saved(image)).mark.plate == "light"


def test_a_dark_outline_needs_no_plate() -> None:
    """What stands out is enough to see the whole by."""
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    image.paste((10, 10, 20, 255), (10, 10, 90, 90))
    image.paste((220, 180, 40, 255), (13, 13, 87, 87))
    assert read_logo(saved(image)).mark.plate == ""


def test_a_picture_with_its_own_background_needs_no_plate() -> None:
    """Opaque ones are seen wherever they stand."""
    assert read_logo(saved(Image.new("RGB", (80, 40), (0, 0, 0)))).mark.plate == ""


def test_the_same_picture_gives_the_same_octets() -> None:
    """The address of a logo is its content: saving it again changes nothing."""
    assert read_logo(picture()).sha256 == read_logo(picture()).sha256


def test_a_mark_is_read_from_what_it_was_written_as() -> None:
    """And from nothing else that could stand in the column."""
    for mark in (LogoMark("0123456789abcdef", 512, 1, ""), LogoMark("f" * 16, 9, 256, "light")):
        assert mark_of(str(mark)) == mark
    for text in (None, "", "x", "0123456789abcdef-1x2\n", "0123456789ABCDEF-1x2", "0123456789abcdef-1x2-red", "../../x-1x2"):
        assert mark_of(text) is None


@settings(max_examples=150)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 2**32), st.binary(min_size=1, max_size=8), st.booleans())
def test_a_picture_with_changed_octets_is_a_picture_or_a_refusal(form: str, place: int, octets: bytes, cut: bool) -> None:
    """No damage makes anything but our own refusal of it, and what gets through is a plain PNG."""
    content = picture(form, size=(40, 20))
    at = place % len(content)
    damaged = content[:at] + octets + (b"" if cut else content[at + len(octets) :])
    try:
        logo = read_logo(damaged)
    except LogoInvalid:
        return
    assert _chunks(logo.png) == CHUNKS_OF_PIXELS
