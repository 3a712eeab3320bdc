"""The headers of a page: what it may load, where its forms may go, and who may keep or frame it.

Three things that browsers do decide more than they seem to (measured with Chromium 156; tests/e2e holds them):

- Chromium applies `form-action` to every redirect that follows a form's submission, and stops a page whose form was
  stopped without a word. An identity provider that hands people on (a broker, home realm discovery, a proxy) answers our
  POST with a redirect to a host that nobody can know beforehand. So the page that leaves for an HTTPS identity provider
  names its origin and `https:`; one on plain HTTP (development) is named alone. Every other way out of our pages that may
  end at an identity provider, such as the sign-in button, is a link and not a form: links are not subject to it.
- `Referrer-Policy: no-referrer` would make `Origin: null` of our own forms' POST, and of the POST to the identity
  provider, which some firewalls and frameworks refuse. Our pages say `same-origin`: nothing goes to others, and our
  sign-out can be told from a forged one. The page that leaves for the identity provider says `strict-origin`, which
  gives away only what the request says anyway: our own host, without the path.
- `Cross-Origin-Opener-Policy: same-origin` keeps a page that opened ours from reaching into it.
"""

from __future__ import annotations

import functools
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from flask import Response
from werkzeug.datastructures import Headers

from config.application import Answer, add_known

POLICY = "Content-Security-Policy"
SELF, NOBODY = "'self'", "'none'"
HSTS = "max-age=63072000"
"""Two years. Not for subdomains: what stands below this host is not ours to decide."""
PERMISSIONS = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")


def security_headers(response: Response, **policy: Any) -> Response:
    """Add the headers that every answer has, with arguments as for `policy_headers`; what the response says already stays."""
    present = {name.lower() for name, _ in response.headers}
    add_known(response.headers, [(name, value) for name, value in policy_headers(**policy) if name.lower() not in present])
    return response


@functools.lru_cache(maxsize=1024)
def policy_headers(
    *,
    form_action: str | None = None,
    script: str | None = None,
    style: str | None = None,
    connect: str | None = None,
    referrer: str = "same-origin",
    framed_by: str | None = None,
    https: bool = False,
) -> tuple[tuple[str, str], ...]:
    """The headers that every answer has.

    Args:
        form_action: where forms may go, as `form_action_for` gives it; to this host alone where it is not given.
        script: the one inline script that may run, as `sha256-…` or `nonce-…`, or `self` for files of this host; none where
            it is not given.
        style: the one inline style sheet that holds, as `sha256-…`; those of this host where it is not given.
        connect: `self` where scripts may ask this host; nobody where it is not given.
        referrer: what links and forms tell others about this page.
        framed_by: the one origin that may show this page in a frame; nobody where it is not given.
        https: whether the host is reached by HTTPS alone from now on.
    """
    policy = (
        "default-src 'none'",
        f"style-src '{style or 'self'}'",
        "img-src 'self' data:",
        f"script-src '{script or 'none'}'",
        f"form-action {form_action or SELF}",
        *((f"connect-src '{connect}'",) if connect else ()),
        "base-uri 'none'",
        f"frame-ancestors {framed_by or NOBODY}",
    )
    headers: tuple[tuple[str, str], ...] = (
        (POLICY, "; ".join(policy)),
        ("X-Content-Type-Options", "nosniff"),
        *((("X-Frame-Options", "DENY"),) if framed_by is None else ()),  # which has no way to name an origin
        ("Referrer-Policy", referrer),
        ("Permissions-Policy", PERMISSIONS),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    )
    headers += (("Strict-Transport-Security", HSTS),) if https else ()
    return tuple(Headers(headers))  # which refuses a line break in a value, once for all


def going_to(location: str, status: int) -> Response:
    """An answer without a page that sends a browser on, and that nobody may keep."""
    headers = Headers()
    add_known(headers, (("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")))
    headers.add("Location", location)
    return Answer(status=status, headers=headers)


def form_action_for(location: str) -> str:
    """The `form-action` sources of a form that is sent to this URL, and may be handed on from there.

    A host that the policy's grammar has no place for (an IPv6 literal) leaves the scheme alone.

    Raises:
        ValueError: not an absolute http or https URL.
    """
    parts = urlsplit(location)
    return _form_action(parts.scheme, parts.netloc)


@functools.lru_cache(maxsize=1024)
def _form_action(scheme: str, place: str) -> str:
    """Kept by scheme and place: what follows in the URL may say who is about to sign in."""
    parts = SplitResult(scheme, place, "", "", "")
    if scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a form goes to an absolute http or https URL")
    host, port = parts.hostname, f":{parts.port}" if parts.port is not None else ""
    if not _HOST.fullmatch(host):
        return f"{scheme}:"
    origin = f"{scheme}://{host}{port}"
    return f"{origin} https:" if scheme == "https" else origin
