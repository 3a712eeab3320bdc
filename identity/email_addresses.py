"""Records: whose an e-mail address is, in the whole service (P3). Who owns one otherwise is never said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from config.database import RowId, read, write
from config.statements import Prepared
from identity.models import EmailAddress, User
from tenants.audit import EventType, record
from tenants.console_role_records import grants_of, move_grant

ADDRESS_IN_USE = (
    "one in use; if it is the same person's, take their local account away or link the account anew;"
    " if they come under another NameID each time, choose a stable attribute as the subject"
)
"""The same for every owner: a receipt does not tell one tenant about the people of another."""


@dataclass(frozen=True, slots=True)
class Readdressed:
    """Somebody who has got another address."""

    user_id: str
    before: str
    after: str


_FREE = Prepared(
    sa.delete(EmailAddress).where(
        EmailAddress.tenant_id == sa.bindparam("of_tenant"), EmailAddress.user_id == sa.bindparam("of_user")
    )
)
_ACCOUNTS = sa.table("local_account", sa.column("tenant_id"), sa.column("user_id", RowId))
_LINKS = sa.table("local_link", sa.column("tenant_id"), sa.column("user_id", RowId))
"""Of local accounts, which know of people, and not the other way round."""
_CLAIM = Prepared(
    {
        "postgresql": postgresql.insert(EmailAddress.__table__).on_conflict_do_nothing(index_elements=["email"]),
        "sqlite": sqlite.insert(EmailAddress.__table__).on_conflict_do_nothing(index_elements=["email"]),
    }
)


def claim_email(tenant_id: int, user_id: str, email: str) -> bool:
    """Take an address for a person who has none; False where somebody else has it."""
    return _CLAIM.write({"email": email, "tenant_id": tenant_id, "user_id": user_id}) == 1


def who_gets_links(tenant_id: int, user_ids: Iterable[str]) -> frozenset[str]:
    """Which of these people have a local account, so that links that set a password go to their address."""
    theirs = (_ACCOUNTS.c.tenant_id == tenant_id, _ACCOUNTS.c.user_id.in_(list(user_ids)))
    return frozenset(read(sa.select(_ACCOUNTS.c.user_id).where(*theirs)).scalars())


def drop_mailed_links(tenant_id: int, user_ids: Sequence[str]) -> None:
    """Remove links that set a password: they went to addresses that these people have no more, and others may read there."""
    write(sa.delete(_LINKS).where(_LINKS.c.tenant_id == tenant_id, _LINKS.c.user_id.in_(user_ids)))


def free_email(tenant_id: int, user_id: str) -> None:
    """Let go of a person's address, to claim another one in the same transaction; links that were mailed there end with it."""
    _FREE.write({"of_tenant": tenant_id, "of_user": user_id})
    drop_mailed_links(tenant_id, [user_id])


def let_roles_follow(tenant_id: int, moved: Sequence[Readdressed], *, actor: str, now: dt.datetime) -> None:
    """Roles that were named for somebody's address stay with them when they get another one, inside that transaction.

    Whoever has the address later is somebody else: what was said of the first one is not said of them. A role stays at an
    address that nobody has signed in with; it was not yet anybody's.
    """
    if not moved:
        return
    by_address = {one.before: one for one in moved}
    grants = [grant for grant in grants_of(tenant_id) if grant.email in by_address]
    ids = [by_address[grant.email].user_id for grant in grants]
    came = sa.select(User.id).where(User.tenant_id == tenant_id, User.id.in_(ids), User.last_login_at.is_not(None))
    held = set(read(came).scalars()) if ids else set()
    for grant in grants:
        person = by_address[grant.email]
        if person.user_id not in held:
            continue
        detail = {"user": person.user_id, "former_email": grant.email, "email": person.after}
        role = move_grant(tenant_id, grant, person.after)
        record(tenant_id, EventType.CONSOLE_ROLE_FOLLOWED, at=now, actor=actor, role=role, **detail)


def own_owner_of(tenant_id: int, email: str) -> str | None:
    """The person of this tenant who has an address; None where nobody has it, or somebody elsewhere."""
    whose = sa.select(EmailAddress.user_id).where(EmailAddress.tenant_id == tenant_id, EmailAddress.email == email)
    found: str | None = read(whose).scalar_one_or_none()
    return found
