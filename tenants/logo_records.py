"""Records of logos. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from config.database import read, write
from tenants.logo_models import TenantLogo
from tenants.models import Tenant

if TYPE_CHECKING:
    from tenants.logo_image import Logo


@dataclass(frozen=True, slots=True)
class StoredLogo:
    """A logo as it is served."""

    sha256: str
    png: bytes
    width: int
    height: int
    uploaded_at: dt.datetime
    uploaded_by: str


_FIND = sa.select(*(getattr(TenantLogo, name) for name in StoredLogo.__dataclass_fields__)).where(
    TenantLogo.tenant_id == sa.bindparam("of_tenant")
)


def find_logo(tenant_id: int) -> StoredLogo | None:
    """A tenant's logo."""
    row = read(_FIND, {"of_tenant": tenant_id}).one_or_none()
    return StoredLogo(**row._mapping) if row else None


def keep_logo(tenant_id: int, logo: Logo, actor: str, now: dt.datetime) -> None:
    """Make a picture the tenant's logo in place of the one before; the tenant's row is held by who calls."""
    write(sa.delete(TenantLogo).where(TenantLogo.tenant_id == tenant_id))
    write(
        sa.insert(TenantLogo.__table__).values(
            tenant_id=tenant_id,
            sha256=logo.sha256,
            png=logo.png,
            width=logo.mark.width,
            height=logo.mark.height,
            uploaded_at=now,
            uploaded_by=actor,
        )
    )
    write(sa.update(Tenant).where(Tenant.id == tenant_id).values(logo=str(logo.mark)))


def drop_logo(tenant_id: int) -> bool:
    """Take the logo away; False where there was none."""
    write(sa.update(Tenant).where(Tenant.id == tenant_id).values(logo=None))
    return write(sa.delete(TenantLogo).where(TenantLogo.tenant_id == tenant_id)).rowcount == 1
