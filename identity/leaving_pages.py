"""Pages that leave for an identity provider: a form that sends itself, or a link."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response
from markupsafe import escape

from identity.page_rendering import answer_of, host_of, html_of, page_headers, render_page, source_of
from identity.response_headers import form_action_for
from tenants.records import TenantView

SUBMIT_SCRIPT = "document.forms[0].submit()"
"""Runs while the page loads, so browsers put no step into their history that going back would be caught in."""
SUBMIT_SCRIPT_SOURCE = source_of(SUBMIT_SCRIPT)
MAX_LEAVING_PAGES = 512
"""At 4 KiB each, 2 MiB in each worker; drawing one takes 0.1 ms."""
_CUT = secrets.token_hex(16)
"""Stands for where the form goes, each field's value, and where the browser is; nobody can have it in a name or an address."""


def post_form_page(tenant: TenantView, action: str, fields: Mapping[str, str]) -> Response:
    """A form that sends itself to an identity provider (SAML Bindings 3.5.4), or is sent by its button.

    Raises:
        ValueError: `action` is not an absolute http or https URL; metadata with another one is never accepted.
    """
    return _form_page(tenant, action, fields, "to sign in")


def logout_form_page(tenant: TenantView, action: str, fields: Mapping[str, str], *, framed_by: str | None) -> Response:
    """`post_form_page` for a logout message.

    Args:
        framed_by: the origin of an identity provider that has us answer inside a frame of its own page.
    """
    return _form_page(tenant, action, fields, "to sign out there too", framed_by=framed_by)


def logout_link_page(tenant: TenantView, location: str) -> Response:
    """A page that goes on to the identity provider by itself, or by its link.

    Not a redirect: it answers a form, and Chromium holds a form's redirects against the `form-action` of the page that it
    stood on, which cannot know where an identity provider sends people on to.
    """
    values = {"location": location, "host": urlsplit(location).hostname}
    return render_page("sign_out.html", tenant, values, referrer="strict-origin")


def login_link_page(tenant: TenantView, location: str) -> Response:
    """A page that goes on to the identity provider by itself, or by its link; where a form was answered, as above."""
    values = {"location": location, "host": urlsplit(location).hostname}
    return render_page("onward.html", tenant, values, referrer="strict-origin")


def _form_page(
    tenant: TenantView, action: str, fields: Mapping[str, str], purpose: str, *, framed_by: str | None = None
) -> Response:
    parts = urlsplit(action)
    page = _leaving_page(tenant, parts.scheme, parts.netloc, tuple(fields), purpose, framed_by)
    before, *after = page.pieces
    values = (action, *fields.values(), host_of(tenant))
    html = before + "".join([f"{escape(value)}{rest}" for value, rest in zip(values, after, strict=True)])
    return answer_of(html, page.headers)


@dataclass(frozen=True, slots=True)
class _LeavingPage:
    """What all pages of one tenant's version that lead to one place have in common.

    `pieces`: cut where the form's address, the values of its fields and the host that the browser is at go.
    """

    pieces: tuple[str, ...]
    headers: tuple[tuple[str, str], ...]


@functools.lru_cache(maxsize=MAX_LEAVING_PAGES)
def _leaving_page(
    tenant: TenantView, scheme: str, place: str, names: tuple[str, ...], purpose: str, framed_by: str | None
) -> _LeavingPage:
    """Kept by scheme and place of where the form goes, without the rest, which may say who is about to sign in.

    Here that would stay in memory, and strangers' made-up ones would take the place of all others. The Host has a port that
    whoever asks first may choose, and that all others would be told they are at.
    """
    origin = f"{scheme}://{place}"
    values = {
        "purpose": purpose,
        "action": _CUT,
        "fields": dict.fromkeys(names, _CUT),
        "host": urlsplit(origin).hostname,
        "script": SUBMIT_SCRIPT,
    }
    form_action = form_action_for(origin)
    pieces = tuple(html_of("post_form.html", tenant, values, host=_CUT).split(_CUT))
    headers = page_headers(
        tenant, form_action=form_action, script=SUBMIT_SCRIPT_SOURCE, referrer="strict-origin", framed_by=framed_by
    )
    return _LeavingPage(pieces, headers)
