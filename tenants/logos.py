"""Flows of a tenant's logo (T4). What is slow, decoding, comes before: `tenants.logo_image.read_logo`."""

from __future__ import annotations

import datetime as dt

from tenants.audit import EventType, record
from tenants.errors import NotFound
from tenants.logo_image import Logo
from tenants.logo_records import drop_logo, find_logo, keep_logo
from tenants.tenant_records import ManagedTenant, bump_version


def set_logo(tenant: ManagedTenant, logo: Logo, *, actor: str, now: dt.datetime) -> None:
    """Make a picture the tenant's logo; it is shown from the next page on.

    Raises:
        NotFound: the tenant was deleted meanwhile.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    present = find_logo(tenant.id)
    if present is not None and present.sha256 == logo.sha256:
        return
    keep_logo(tenant.id, logo, actor, now)
    size = f"{logo.mark.width} x {logo.mark.height}"
    record(tenant.id, EventType.LOGO_CHANGED, at=now, actor=actor, sha256=logo.sha256, size=size)


def remove_logo(tenant: ManagedTenant, *, actor: str, now: dt.datetime) -> None:
    """Take the logo away; pages show the initials again.

    Raises:
        NotFound: the tenant was deleted meanwhile, or has no logo.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    if not drop_logo(tenant.id):
        raise NotFound("no logo")
    record(tenant.id, EventType.LOGO_REMOVED, at=now, actor=actor)
