"""Which host is this: the edge that finds the tenant from the Host header, once, before anything else (T2).

The Host selects the tenant and nothing else: no entity ID, ACS URL, metadata or redirect is ever built from it.
"""

from __future__ import annotations

import secrets

from flask import Flask, current_app, g, request

from config import logs
from config.settings import Settings
from tenants.errors import NotFound, TenantSuspended, TenantUnknown
from tenants.hosts import HostKind, read_host
from tenants.records import TenantView, find_tenant
from tenants.trusts import TenantTrust, TrustCache

REFERENCE_BYTES = 6


def install_hosts(app: Flask) -> None:
    """Resolve the host of every request, and give the request a reference that support can look up."""
    app.before_request(_begin_request)


def _begin_request() -> None:
    g.reference = secrets.token_hex(REFERENCE_BYTES)
    g.tenant = None
    g.host_kind = None
    logs.bind_request(g.reference)
    kind, slug = read_host(request.headers.get("Host", ""), settings())
    g.host_kind = kind
    if kind is HostKind.TENANT and slug is not None and request.endpoint not in PROBES:
        g.tenant = find_tenant(slug)
        if g.tenant is None:
            raise TenantUnknown(slug)


PROBES = frozenset({"static"})


def settings() -> Settings:
    """What this deployment decided."""
    value: Settings = current_app.extensions["vestibule_settings"]
    return value


def tenant() -> TenantView:
    """The tenant of this host, which may sign people in; refuses elsewhere, and while it is suspended."""
    view: TenantView | None = g.get("tenant")
    if view is None:
        raise NotFound("a tenant's page on the app host")
    if view.suspended:
        raise TenantSuspended(view.slug)
    return view


def trust() -> TenantTrust:
    """What this host's tenant and its identity providers agreed."""
    cache: TrustCache = current_app.extensions["vestibule_trusts"]
    return cache.trust_of(tenant())


def require_app_host() -> None:
    """Refuse everything that belongs to the app host alone; to be put before a blueprint's requests."""
    if g.host_kind is not HostKind.APP:
        raise NotFound("the app host's page on a tenant host")
