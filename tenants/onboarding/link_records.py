"""Records of set-up links. A link is found by the hash of a random secret: how long that takes tells nothing of others."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, write
from tenants.setup_models import SetupLink


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A set-up link, without its secrets."""

    tenant_id: int
    id: str
    email: str
    created_by: str
    created_at: dt.datetime
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    claimed_at: dt.datetime | None
    completed_at: dt.datetime | None
    names_admin: bool

    def state_at(self, now: dt.datetime, *, onboarding: bool) -> str:
        """One word: completed, revoked, expired, claimed or open; in that order, where several are true.

        Args:
            onboarding: whether the tenant is; a link has done its work as soon as it is not, whoever activated it.
        """
        if self.revoked_at is not None:
            return "revoked"
        if self.completed_at is not None:
            return "completed"
        if self.expires_at <= now:
            return "expired"
        if not onboarding:
            return "completed"
        return "claimed" if self.claimed_at is not None else "open"


_COLUMNS = tuple(getattr(SetupLink, name).label(name) for name in LinkRow.__dataclass_fields__)
_OF_TENANT = SetupLink.tenant_id == sa.bindparam("of_tenant")
_BY_TOKEN = sa.select(*_COLUMNS).where(_OF_TENANT, SetupLink.token_hash == sa.bindparam("of_hash"))
_BY_CLAIM = sa.select(*_COLUMNS).where(_OF_TENANT, SetupLink.claim_hash == sa.bindparam("of_hash"))
_BY_ID = sa.select(*_COLUMNS).where(_OF_TENANT, SetupLink.id == sa.bindparam("of_id"))
_LIST = sa.select(*_COLUMNS).where(_OF_TENANT).order_by(SetupLink.id.desc())
_CLAIM = (
    sa.update(SetupLink)
    .where(
        _OF_TENANT,
        SetupLink.id == sa.bindparam("of_id"),
        SetupLink.claimed_at.is_(None),
        SetupLink.revoked_at.is_(None),
        SetupLink.completed_at.is_(None),
        SetupLink.expires_at > sa.bindparam("now"),
    )
    .values(claimed_at=sa.bindparam("now"), claim_hash=sa.bindparam("claim"))
)


def hash_of_secret(secret: str) -> str:
    """SHA-256 in hex; a secret of 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def add_link(tenant_id: int, token: str, values: Mapping[str, Any]) -> str:
    """Add a link and give its id."""
    link_id = new_id()
    row = {"tenant_id": tenant_id, "id": link_id, "token_hash": hash_of_secret(token), **values}
    write(sa.insert(SetupLink.__table__).values(**row))
    return link_id


def find_by_token(tenant_id: int, token: str) -> LinkRow | None:
    """The tenant's link with this token, in whatever state."""
    return _one(_BY_TOKEN, tenant_id, of_hash=hash_of_secret(token))


def find_by_claim(tenant_id: int, secret: str) -> LinkRow | None:
    """The tenant's link that the browser with this secret has claimed, in whatever state."""
    return _one(_BY_CLAIM, tenant_id, of_hash=hash_of_secret(secret))


def find_link(tenant_id: int, link_id: str) -> LinkRow | None:
    """The tenant's link of this id."""
    return _one(_BY_ID, tenant_id, of_id=link_id)


def links_of(tenant_id: int) -> list[LinkRow]:
    """A tenant's links, the newest first."""
    return [LinkRow(**row._mapping) for row in read(_LIST, {"of_tenant": tenant_id})]


def claim_row(link: LinkRow, secret: str, now: dt.datetime) -> bool:
    """Bind a link to one browser; False where another one was faster, or the link is over (two at once get one)."""
    parameters = {"of_tenant": link.tenant_id, "of_id": link.id, "claim": hash_of_secret(secret), "now": now}
    return write(_CLAIM, parameters).rowcount == 1


def change_link(tenant_id: int, link_id: str, values: Mapping[str, Any]) -> None:
    """Set columns of a link."""
    write(sa.update(SetupLink).where(SetupLink.tenant_id == tenant_id, SetupLink.id == link_id).values(**values))


def complete_links(tenant_id: int, now: dt.datetime) -> None:
    """Onboarding is over: every link of the tenant that is not over yet has done its work."""
    still_good = (SetupLink.tenant_id == tenant_id, SetupLink.completed_at.is_(None), SetupLink.revoked_at.is_(None))
    write(sa.update(SetupLink).where(*still_good).values(completed_at=now))


def _one(statement: sa.Select[Any], tenant_id: int, **parameters: str) -> LinkRow | None:
    row = read(statement, {"of_tenant": tenant_id, **parameters}).one_or_none()
    return LinkRow(**row._mapping) if row else None
