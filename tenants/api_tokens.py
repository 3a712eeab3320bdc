"""Edges of the management API for a tenant's own tokens."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import request

from config.database import transaction
from tenants.access_tokens import make_tenant_token, require_tenant_token, revoke_tenant_token
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.errors import NotFound
from tenants.paging import cursor_scope, key_of, page_of
from tenants.roles import CONFIGURE, READ, Role
from tenants.schemas import PageQuery
from tenants.tenant_records import ManagedTenant
from tenants.token_schemas import TokenCreate, TokenInfo, TokenMade, TokenPage
from tenants.tokens import PUBLIC_ID, TokenView, page_of_tokens, place_of, read_duration

TOKENS = "/tenants/<slug>/tokens"
PLACE = re.compile(rf"[0-9T:.+-]{{19,40}} {PUBLIC_ID.pattern}")

tokens_api = ManagementBlueprint("api_tokens", __name__, description="A tenant's tokens of this API")


def require_token(tenant: ManagedTenant, token_id: str) -> TokenView:
    """Refuse an id that is none of this tenant's tokens."""
    if not PUBLIC_ID.fullmatch(token_id):
        raise NotFound("no such id")
    return require_tenant_token(tenant.id, token_id)


@tokens_api.operation("GET", TOKENS, READ, query=PageQuery, answers={200: TokenPage})
def get_tokens(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's tokens, newest first; never their secrets."""
    scope, limit = cursor_scope("tokens", tenant.id), query["limit"]
    found = page_of_tokens(tenant.id, key_of(query["cursor"], scope, PLACE), limit + 1)
    items, following = page_of(found, limit, key=place_of, scope=scope, path=request.path, query={})
    return {"items": [_document(item) for item in items], "next": following}


@tokens_api.operation("POST", TOKENS, CONFIGURE, body=TokenCreate, answers={201: TokenMade}, refuses=(409,))
def post_token(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Make a token of the tenant. Its secret is in this answer and nowhere else."""
    with transaction():
        made = make_tenant_token(
            tenant,
            Role(body["role"]),
            label=body["label"],
            lifetime=read_duration(body["expires_in"]),
            actor=caller().actor,
            now=now(),
            not_after=caller().expires_at,
        )
    return {**_document(made.token), "token": made.secret}


@tokens_api.operation("DELETE", f"{TOKENS}/<token_id>", CONFIGURE, answers={200: TokenInfo}, exists=require_token)
def delete_token(tenant: ManagedTenant, token_id: str) -> dict[str, Any]:
    """End a token at once; one that has ended stays so."""
    with transaction():
        return _document(revoke_tenant_token(tenant.id, token_id, actor=caller().actor, now=now()))


def _document(token: TokenView) -> dict[str, Any]:
    return {
        "id": token.public_id,
        "role": token.role,
        "label": token.label,
        "state": token.state(now()),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }
