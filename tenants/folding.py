"""Texts as they are searched and sorted by: the same on either database."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """A text without case, accents and doubled blanks, so that "Müller" is found by "muller" on either database."""
    if text.isascii():
        return " ".join(text.lower().split())
    bare = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(unicodedata.normalize("NFKD", bare.casefold()).split())
