"""From a template and values to a response: escaped, branded where it is known for whom, under the strict policy.

A page of nobody in particular stands on its own: at an unknown host, or while the database is gone, a style sheet or a
picture could not be fetched either.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Response, has_request_context
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.datastructures import Headers

from config.application import Answer, add_known, this_g, this_request
from identity.branding import brand_icon, brand_version, organisation_initials, person_initials
from identity.response_headers import policy_headers
from identity.static_files import static_text, static_url
from tenants.logo_marks import mark_of
from tenants.records import TenantView

PRODUCT = "Vestibule"
HTML = "text/html; charset=utf-8"
LONG_NAME = 48
"""Characters; longer names are set smaller."""


def source_of(text: str) -> str:
    """What a policy calls one inline script or style sheet. Source: CSP Level 3, 2.3.1, hash-source."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_sheet = static_text("pages.css")
_sheet_source = source_of(_sheet)
_environment = Environment(
    loader=PackageLoader("identity", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.globals.update(
    product=PRODUCT,
    sheet_url=static_url("pages.css"),
    script_url=static_url("passkeys.js"),
    sheet=Markup(_sheet),  # noqa: S704  a file of ours
    product_mark="data:image/svg+xml," + quote(static_text("mark.svg").strip()),
)
_environment.filters.update(initials=organisation_initials, person_initials=person_initials)


def render_page(
    template: str, tenant: TenantView | None, values: Mapping[str, Any], *, status: int = 200, **policy: Any
) -> Response:
    """A page as a response.

    Args:
        tenant: whose page it is; None for nobody's.
        policy: what `security_headers` may allow besides.
    """
    return page_of(html_of(template, tenant, values), tenant, status=status, **policy)


def html_of(template: str, tenant: TenantView | None, values: Mapping[str, Any], *, host: str | None = None) -> str:
    """A page's text; `host` stands for where the browser is, on a page that is kept for others."""
    brand = brand_of(tenant, host) if tenant else None
    return _environment.get_template(f"identity/{template}").render(brand=brand, **values)


def page_of(html: str, tenant: TenantView | None, *, status: int = 200, **policy: Any) -> Response:
    """A page's text as a response; arguments as for `render_page`."""
    return answer_of(html, page_headers(tenant, **policy), status)


def page_headers(tenant: TenantView | None, **policy: Any) -> tuple[tuple[str, str], ...]:
    """The headers of a page, all but its length; arguments as for `render_page`."""
    if tenant is None:
        return (("Content-Type", HTML), *policy_headers(style=_sheet_source, **policy))
    return (("Content-Type", HTML), *policy_headers(https=tenant.origin.startswith("https://"), **policy))


def answer_of(html: str, known: Iterable[tuple[str, str]], status: int = 200) -> Response:
    """A text with headers that this service made itself."""
    body, headers = html.encode(), Headers()
    add_known(headers, known)
    add_known(headers, (("Content-Length", str(len(body))),))
    return Answer([body], status, headers)


def host_of(tenant: TenantView) -> str:
    """The host that the browser is at: after a change of the MyDomain it is another one than identity providers know."""
    here: TenantView | None = getattr(this_g(), "tenant", None) if has_request_context() else None
    return this_request().host.lower() if here is not None and here.id == tenant.id else urlsplit(tenant.origin).netloc


def brand_of(tenant: TenantView, host: str | None = None) -> dict[str, Any]:
    """What a page in a tenant's own look is drawn with; `host` as for `html_of`."""
    return {
        "name": tenant.name,
        "host": host or host_of(tenant),
        "css": f"/brand.css?v={brand_version(tenant.brand_colour)}",
        "icon": brand_icon(tenant.name, tenant.brand_colour),
        "long": len(tenant.name) > LONG_NAME,
        "logo": mark_of(tenant.logo),
    }
