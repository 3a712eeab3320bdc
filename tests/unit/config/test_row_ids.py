"""Row ids: they sort as they were made, and are UUIDs of version 7."""

from __future__ import annotations

import uuid

from config.database import new_id

MANY = 20_000


def test_ids_sort_in_the_order_of_making() -> None:
    """Events of one transaction are listed in the order of their recording, however little time lies between them."""
    ids = [new_id() for _ in range(MANY)]
    assert ids == sorted(ids)
    assert len(set(ids)) == MANY


def test_ids_are_of_version_7() -> None:
    """Other programs read the time in them."""
    for value in (uuid.UUID(new_id()) for _ in range(100)):
        assert (value.version, value.variant) == (7, uuid.RFC_4122)
