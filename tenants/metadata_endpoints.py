"""The addresses of an identity provider that a browser is sent to: only plain http and https URLs, each said as it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from tenants.metadata_errors import EndpointInvalid, EndpointMissing
from tenants.trust import BINDING_POST, BINDING_REDIRECT, Endpoint

USABLE_BINDINGS = (BINDING_POST, BINDING_REDIRECT)
MAX_ENDPOINTS = 10
"""For each service; those after the tenth are left out. Real ones have one for each binding."""
MAX_LOCATION_CHARACTERS = 2048

Warnings = list[dict[str, str]]

_URI_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
"""RFC 3986 without `#`. What is missing here (quotes, angle brackets, backslashes, blanks) browsers repair, each its way."""
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?")
"""Nothing that means more in a Content-Security-Policy, where the host of an endpoint is named: no `*`, `;` or `,`."""
_BRACKETED = re.compile(r"\[[0-9a-fA-F:.]+\](?::[0-9]+)?")


def read_endpoints(element: str, services: Iterable[tuple[str, str, str | None]], warnings: Warnings) -> tuple[Endpoint, ...]:
    """The endpoints with a binding that a browser can carry, in the order of the document, each once.

    Args:
        element: name of the service's element, for the refusal.
        services: (Binding, Location, ResponseLocation) of each.
        warnings: what is wrong and yet can be lived with is added here: no location at all, http instead of https.

    Raises:
        EndpointInvalid: one of them has a location that a browser must not be sent to, such as `javascript:`.
    """
    endpoints: list[Endpoint] = []
    for binding, location, response_location in services:
        if binding not in USABLE_BINDINGS:
            continue
        if not location.strip():
            warnings.append({"code": "endpoint_left_out", "detail": f"{element} by {binding} says no location."})
            continue
        for url in filter(None, (location, response_location)):
            _require_location(element, binding, url)
        endpoint = Endpoint(binding, location, response_location or None)
        if endpoint not in endpoints and len(endpoints) < MAX_ENDPOINTS:
            endpoints.append(endpoint)
            warnings += [warning for warning in _insecure(element, endpoint) if warning not in warnings]
    return tuple(endpoints)


def require_sign_in_endpoint(endpoints: tuple[Endpoint, ...], bindings: Iterable[str]) -> None:
    """An identity provider that nobody can be sent to is of no use (requirement Q1)."""
    if not endpoints:
        found = sorted({binding[:200] for binding in bindings})[:MAX_ENDPOINTS]
        raise EndpointMissing(f"bindings of SingleSignOnService: {', '.join(found) or 'none'}", bindings=found)


def _insecure(element: str, endpoint: Endpoint) -> Warnings:
    return [
        {
            "code": "endpoint_insecure",
            "detail": f"{element} {url} is not encrypted (http). Anyone on the way can read and change it.",
        }
        for url in (endpoint.location, endpoint.response_location)
        if url and url.lower().startswith("http:")
    ]


def _require_location(element: str, binding: str, location: str) -> None:
    fault = _fault_of(location)
    if fault:
        shown = location[:200]
        raise EndpointInvalid(f"{element} {shown!r} {fault}", element=element, binding=binding, location=shown)


def _fault_of(location: str) -> str | None:
    if len(location) > MAX_LOCATION_CHARACTERS:
        return "has more than 2048 characters"
    if "#" in location:
        return "has a fragment"
    if not _URI_CHARACTERS.fullmatch(location):
        return "has a character that no URL has"
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https"):
        return "is not an absolute http or https URL"
    if "@" in parts.netloc:
        return "has a user name or password"
    if not host or port == 0 or not (_HOST.fullmatch(host) or _BRACKETED.fullmatch(parts.netloc)):
        return "has no proper host"
    return None
