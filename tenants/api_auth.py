"""Who may ask what: the edge that judges every call of the management API before anything is looked at or validated.

The order is fixed: 404 on a host that is not the app host, 401 without a valid token, 403 for a role that never may,
404 for a tenant that is foreign or unknown. Only then the body is read. An operation that does not say who may use it
cannot be registered, and cookies are never looked at.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import current_app, g, request

from tenants import web
from tenants.errors import Forbidden, NotFound, Unauthenticated
from tenants.json_body import MAX_BODY, read_json_body
from tenants.roles import Permission, Role
from tenants.tenant_records import ManagedTenant, find_managed_tenant
from tenants.tokens import MAX_TOKEN_LENGTH, Caller, find_caller

View = TypeVar("View", bound=Callable[..., Any])

_SLUG = re.compile(r"[a-z0-9-]{1,63}")
_BEARER = re.compile(r"(?i:bearer) +([\x21-\x7e]+)")


def allow(permission: Permission) -> Callable[[View], View]:
    """Say who may use an operation; the outermost decorator below the route."""

    def decorator(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]  # an attribute of the function, read by judge_request
        return view

    return decorator


def permission_of(view: Callable[..., Any]) -> Permission:
    """Who may use an operation. Raises TypeError where nobody said so: that is a mistake, and never a pass."""
    permission = getattr(view, "permission", None)
    if not isinstance(permission, Permission):
        raise TypeError(f"{view.__name__} does not say who may use it")
    return permission


def judge_request() -> None:
    """Decide whether this call may be made at all; to be put before every request of an API blueprint.

    In place of the path's slug the view gets the tenant: it never sees one that its caller may not.

    Raises:
        NotFound, Unauthenticated, Forbidden.
    """
    web.require_app_host()
    request.max_content_length = MAX_BODY
    g.now = dt.datetime.now(dt.UTC)
    permission = permission_of(current_app.view_functions[request.endpoint or ""])
    if permission.roles is None:
        return
    g.caller = _authenticate(g.now)
    if g.caller.role not in permission.roles:
        raise Forbidden(f"{g.caller.role} at {request.endpoint}")
    arguments = request.view_args or {}
    if "slug" in arguments:
        arguments["tenant"] = _tenant_for(g.caller, arguments.pop("slug"))


def keep_for_staff(fields: frozenset[str]) -> Callable[[View], View]:
    """Refuse a body that names one of these fields to everybody but staff, before its values are looked at."""

    def decorator(view: View) -> View:
        @functools.wraps(view)
        def judged(*args: Any, **kwargs: Any) -> Any:
            if caller().role is not Role.STAFF:
                body = read_json_body(request)
                if isinstance(body, dict) and fields & body.keys():
                    raise Forbidden("a field for staff alone")
            return view(*args, **kwargs)

        return cast(View, judged) if fields else view

    return decorator


def require_first(exists: Callable[..., object] | None) -> Callable[[View], View]:
    """Look for what the path names below the tenant before the body is looked at: 404 comes before 422."""

    def decorator(view: View) -> View:
        @functools.wraps(view)
        def judged(*args: Any, **arguments: Any) -> Any:
            if exists is not None:
                exists(**arguments)
            return view(*args, **arguments)

        return cast(View, judged) if exists else view

    return decorator


def caller() -> Caller:
    """Whose call this is."""
    value: Caller = g.caller
    return value


def now() -> dt.datetime:
    """When this call came."""
    value: dt.datetime = g.now
    return value


def _authenticate(now: dt.datetime) -> Caller:
    header = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    if header is None or len(header[1]) > MAX_TOKEN_LENGTH:
        raise Unauthenticated("no bearer token")
    found = find_caller(header[1], now)
    if found is None:
        raise Unauthenticated("unknown, expired or revoked")
    return found


def _tenant_for(asking: Caller, slug: str) -> ManagedTenant:
    """A foreign tenant and an unknown one are the same, in the answer and in the work."""
    found = find_managed_tenant(slug if _SLUG.fullmatch(slug) else "")
    if found is None or asking.tenant_id not in (None, found.id):
        raise NotFound("unknown or foreign tenant")
    return found
