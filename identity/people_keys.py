"""The folded forms that people are searched and sorted by. Every place that writes a person's names goes through here."""

from __future__ import annotations

from collections.abc import Mapping

from tenants.folding import folded

KEY_CHARACTERS = 60
"""Of one name in a key: an index of PostgreSQL holds 2,704 octets of a row in all, and nobody tells people apart by more."""
NAMED = frozenset({"username", "email", "first_name", "last_name"})
"""The fields that the keys are made of."""


def keys_of(person: Mapping[str, str | None]) -> dict[str, str]:
    """The key columns of a person's row.

    Args:
        person: its username, email, first_name and last_name.
    """
    first, last, username = (
        folded(person.get(name) or "")[:KEY_CHARACTERS].strip() for name in ("first_name", "last_name", "username")
    )
    return {
        # Who has no name stands where the address would.
        "name_key": f"{last} {first}".strip() or (person.get("email") or "")[:KEY_CHARACTERS],
        "username_key": username,
        # "Ada Lovelace" and "Lovelace Ada" are both a part of it.
        "search_key": f"{first} {last} {first}\n{username}",
    }
