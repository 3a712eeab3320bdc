"""Passwords that have leaked: a list on this machine, looked up without reading it and without asking anybody.

The list is what "Have I Been Pwned" has for download, one upper-case SHA-1 and a count in a line (`HASH:count`), sorted; or the
hashes alone, or their beginnings of eight digits and more. A look-up reads about forty pieces of a file of thirty gigabytes.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import BinaryIO

MAX_LINE = 128
"""Octets; a longer line is no line of such a list."""
MIN_DIGITS = 8
"""A shorter beginning would be that of a great many passwords that never leaked."""


class ListBroken(Exception):
    """The list cannot be read, or is not one; the text is for the operator."""


def is_breached(password: str, path: Path) -> bool:
    """Whether a password is on the list.

    Raises:
        ListBroken
    """
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    try:
        with path.open("rb") as listed:
            return _holds(listed, wanted)
    except OSError as error:
        raise ListBroken(f"{path.name}: {error.strerror}") from None


def _holds(listed: BinaryIO, wanted: bytes) -> bool:
    """Find the first line that is not before the hash: the file between `low` and `high` may hold it."""
    low, high = 0, listed.seek(0, 2)
    while low < high:
        middle = (low + high) // 2
        start, line = _line_at(listed, middle, low)
        digits = _digits_of(line)
        if digits == wanted[: len(digits)]:
            return True
        if digits < wanted:
            low = start + len(line)
        else:
            high = start
    return False


def _line_at(listed: BinaryIO, place: int, lowest: int) -> tuple[int, bytes]:
    """The line that holds the octet at `place`, and where it begins; `lowest` is the beginning of a line."""
    back = max(lowest, place - MAX_LINE)
    listed.seek(back)
    before = listed.read(place - back)
    newline = before.rfind(b"\n")
    if newline < 0 and back != lowest:
        raise ListBroken("a line without an end")
    start = back + newline + 1
    listed.seek(start)
    line = listed.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise ListBroken("a line that is too long")
    return start, line


def _digits_of(line: bytes) -> bytes:
    digits = line.split(b":", 1)[0].strip().upper()
    if len(digits) < MIN_DIGITS:
        raise ListBroken("a line without a hash")
    return digits
