"""Which host is this: the edge that finds the tenant from the Host header, once, before anything else (T2).

The Host selects the tenant and nothing else: no entity ID, ACS URL, metadata or redirect is ever built from it.
"""

from __future__ import annotations

import secrets
import time

from flask import Flask, Request, Response, current_app, g
from flask.typing import ResponseReturnValue

from config import logs
from config.application import this_app, this_g, this_request
from config.database import DATABASE_ERRORS
from config.log_values import MASK
from config.metrics import request_seconds
from config.settings import Settings
from tenants.errors import AddressInvalid, HostInvalid, NotFound, ServiceUnavailable, TenantSuspended, TenantUnknown
from tenants.hosts import HostKind, read_host
from tenants.records import TenantView, find_tenant
from tenants.trusts import TenantTrust, TrustCache

REFERENCE_BYTES = 6
SETUP_PREFIX, LONGEST_STEP = "/setup/", 24
"""A set-up link's token stands below, and the log must not hold it. Names of steps are shorter."""
SECRET_PREFIXES = ("/admin/invitation/", "/sign-in/link/")
"""So does the token of an invitation of staff, and that of a link that sets a password."""
API_PREFIX = "/api/"
"""On a tenant's host nothing below it is there by any method; routing would tell that another method would do."""


def install_hosts(app: Flask) -> None:
    """Resolve the host of every request, give it a reference that support can look up, and note how it ended."""
    app.before_request(_begin_request)
    app.after_request(_end_request)
    for error in DATABASE_ERRORS:
        app.register_error_handler(error, _on_database_error)


def _begin_request() -> None:
    here, request = this_g(), this_request()
    reference = secrets.token_hex(REFERENCE_BYTES)
    # At once: each name that is set alone is a call of Flask's.
    vars(here).update(began=time.perf_counter(), reference=reference, tenant=None, host_kind=None)
    logs.bind_request(reference)
    _require_readable_query(request.query_string)
    kind, slug = read_host(_host_header(request), settings())
    here.host_kind = kind
    if kind is HostKind.TENANT and request.path.startswith(API_PREFIX):
        raise NotFound("the management API on a tenant host")
    if slug is not None:
        here.tenant = found = find_tenant(slug)
        if found is None:
            raise TenantUnknown(slug)


def _host_header(request: Request) -> str:
    """The Host. A request line that names another (RFC 9112 3.2.2) could be one tenant's to a proxy and another's to us."""
    environ = request.environ
    host: str = environ.get("HTTP_HOST", "")
    target: str = environ.get("RAW_URI", "/")
    if not target.startswith(("/", f"http://{host}/", f"https://{host}/")):
        raise HostInvalid(f"the request line says {target[:80]!r}, Host {host[:80]!r}")
    return host


def _require_readable_query(query: bytes) -> None:
    """Refuse octets that are no UTF-8: werkzeug would stumble over them wherever the query is looked at first."""
    try:
        query.decode()
    except UnicodeDecodeError:
        raise AddressInvalid("a query that is not UTF-8") from None


def _end_request(response: Response) -> Response:
    here, request = this_g(), this_request()
    ended = time.perf_counter()
    seconds = ended - getattr(here, "began", ended)
    kind: HostKind | None = getattr(here, "host_kind", None)
    host = "none" if kind is None else kind.value
    request_seconds(host, f"{response.status_code // 100}xx").observe(seconds)
    logs.log_request(
        method=request.method,
        host_kind=host,
        path=_shown_path(request.path),
        status=response.status_code,
        milliseconds=seconds * 1000,
    )
    return response


def _shown_path(path: str) -> str:
    """The path as the log may have it."""
    for prefix in SECRET_PREFIXES:
        if path.startswith(prefix):
            return prefix + MASK
    is_secret = path.startswith(SETUP_PREFIX) and len(path) > len(SETUP_PREFIX) + LONGEST_STEP
    return SETUP_PREFIX + MASK if is_secret else path


def _on_database_error(error: Exception) -> ResponseReturnValue:
    """Locked, full or gone: nothing half done, and worth another try. Whoever answers refusals answers this one."""
    logs.access_log.error("database_unavailable", error=type(error).__name__, cause=str(getattr(error, "orig", ""))[:200])
    return current_app.handle_user_exception(ServiceUnavailable(type(error).__name__))


def settings() -> Settings:
    """What this deployment decided."""
    value: Settings = this_app().extensions["vestibule_settings"]
    return value


def tenant() -> TenantView:
    """The tenant of this host, which may sign people in; refuses elsewhere, and while it is suspended."""
    view: TenantView | None = getattr(this_g(), "tenant", None)
    if view is None:
        raise NotFound("a tenant's page on the app host")
    if view.suspended:
        raise TenantSuspended(view.slug)
    return view


def trust() -> TenantTrust:
    """What this host's tenant and its identity providers agreed."""
    return trusts().trust_of(tenant())


def present_trust() -> TenantTrust:
    """The same as it is by now, for a request that has changed it or waited; refuses where nobody may sign in any more."""
    g.tenant = find_tenant(tenant().slug)
    if g.tenant is None:
        raise TenantUnknown("gone since the request came")
    return trust()


def trusts() -> TrustCache:
    """The trusts that this process keeps, and those of test sign-ins that it makes."""
    cache: TrustCache = this_app().extensions["vestibule_trusts"]
    return cache


def require_app_host() -> None:
    """Refuse everything that belongs to the app host alone; to be put before a blueprint's requests."""
    if g.host_kind is not HostKind.APP:
        raise NotFound("the app host's page on a tenant host")
