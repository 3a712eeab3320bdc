"""Edges of the management API for a tenant's logo: the body is the picture itself."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.errors import NotFound
from tenants.logo_image import MAX_UPLOAD, read_logo
from tenants.logo_records import find_logo
from tenants.logos import remove_logo, set_logo
from tenants.roles import CONFIGURE, READ
from tenants.schemas import LogoView
from tenants.tenant_records import ManagedTenant

LOGO = "/tenants/<slug>/logo"
PNG = "image/png"
PICTURE: dict[str, Any] = {"type": "string", "format": "binary"}
"""How OpenAPI 3.0 and 3.1 tools alike know octets."""

logo_api = ManagementBlueprint("api_logo", __name__, description="A tenant's logo")


@logo_api.operation("GET", LOGO, READ, answers={200: PICTURE}, media_type=PNG)
def get_logo(tenant: ManagedTenant) -> Response:
    """Show the logo, as it is served to people."""
    logo = find_logo(tenant.id)
    if logo is None:
        raise NotFound("no logo")
    return Response(logo.png, content_type=PNG)


@logo_api.operation(
    "PUT",
    LOGO,
    CONFIGURE,
    answers={200: LogoView},
    refuses=(422,),
    octets=("application/octet-stream", PNG, "image/jpeg", "image/webp"),
)
def put_logo(tenant: ManagedTenant) -> dict[str, Any]:
    """Set the logo: a PNG, JPEG or WebP picture of 256 KiB at most, told by its content. It is made small and written anew."""
    logo = read_logo(_octets())
    with transaction():
        set_logo(tenant, logo, actor=caller().actor, now=now())
    return {"sha256": logo.sha256, "width": logo.mark.width, "height": logo.mark.height, "path": logo.mark.path}


@logo_api.operation("DELETE", LOGO, CONFIGURE, answers={204: None})
def delete_logo(tenant: ManagedTenant) -> None:
    """Take the logo away; pages show the initials again."""
    with transaction():
        remove_logo(tenant, actor=caller().actor, now=now())


def _octets() -> bytes:
    """The body, one octet beyond the bound at most; `read_logo` says what is wrong with a longer one."""
    request.max_content_length = MAX_UPLOAD + 1
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        return bytes(MAX_UPLOAD + 1)
