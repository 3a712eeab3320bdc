"""Who did something, in words: audit keeps `user:<id>`, `staff:<id>`, `token:<id>` and `cli:<name>`; people read names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from admin_ui.asked import Asked
from admin_ui.staff_records import find_staff
from identity.people_records import find_managed_person
from tenants.paging import is_row_id

STAFF = "staff of the service"


def actor_words(asked: Asked, actors: Iterable[str | None]) -> Mapping[str | None, str]:
    """Each actor in words. A tenant's own people read of staff that it was staff, and not who."""
    return {actor: _words(asked, actor or "") for actor in set(actors)}


def _words(asked: Asked, actor: str) -> str:
    kind, _, rest = actor.partition(":")
    if kind == "user" and is_row_id(rest):
        person = find_managed_person(asked.tenant.id, rest)
        return person.email if person else "a person who is gone"
    if kind == "staff" and is_row_id(rest):
        account = find_staff(rest) if asked.of_staff else None
        return account.name if account else STAFF
    if kind == "token":
        return f"API token {rest}"
    if kind == "cli":
        return f"command line, {rest}" if asked.of_staff else STAFF
    return actor
