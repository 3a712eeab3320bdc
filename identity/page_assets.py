"""What pages need beside themselves: the tenant's colour and logo, static files, and security headers on every answer."""

from __future__ import annotations

from flask import Flask, Response, g, request

from config.application import this_request
from identity.branding import brand_css, brand_version
from identity.response_headers import HSTS, POLICY, security_headers
from identity.static_files import CHECK_AGAIN, FOR_EVER, static_response
from tenants.errors import NotFound
from tenants.logo_marks import LOGO_PATH, mark_of
from tenants.logo_records import find_logo
from tenants.records import TenantView


def install_pages(app: Flask) -> None:
    """Serve what the pages need, and give every answer of the service its security headers."""
    app.add_url_rule("/static/<version>/<name>", "static", static_response)
    app.add_url_rule("/brand.css", "brand", _brand_sheet)
    app.add_url_rule(LOGO_PATH.format(version="<version>"), "logo", _logo)
    app.after_request(_with_security_headers)


def _with_security_headers(response: Response) -> Response:
    """What has a policy has the other headers too; HTTPS may be known of the request alone."""
    is_secure = this_request().is_secure
    for name, _ in response.headers:
        if name == POLICY:
            break
    else:
        return security_headers(response, https=is_secure)
    if is_secure:
        response.headers.setdefault("Strict-Transport-Security", HSTS)
    return response


def _brand_sheet() -> Response:
    tenant: TenantView | None = g.get("tenant")
    if tenant is None:
        raise NotFound("a brand on the app host")
    response = Response(brand_css(tenant.brand_colour), content_type="text/css; charset=utf-8")
    known = request.args.get("v") == brand_version(tenant.brand_colour)
    response.headers["Cache-Control"] = FOR_EVER if known else CHECK_AGAIN
    return response


def _logo(version: str) -> Response:
    """The tenant's own logo, and no other's: the address names its content, but the host says whose it is."""
    tenant: TenantView | None = g.get("tenant")
    mark = mark_of(tenant.logo) if tenant is not None else None
    logo = find_logo(tenant.id) if tenant is not None and mark is not None and mark.version == version else None
    if logo is None or not logo.sha256.startswith(version):
        raise NotFound("no such logo")
    response = Response(logo.png, content_type="image/png")
    response.headers["Cache-Control"] = FOR_EVER
    return response
