"""Edges of the management API for a tenant's own keys (K1, K2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.errors import NotFound
from tenants.key_schemas import (
    KeyCreate,
    KeyImport,
    KeyPage,
    KeyPromote,
    KeyRetire,
    KeyRollBack,
    KeyView,
    ReaderPage,
)
from tenants.key_views import key_document, reader_document, rollover_document
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, READ
from tenants.rollover.making import draft_key, require_turn
from tenants.rollover.pem import read_key_pair
from tenants.rollover.reader_records import readers_of
from tenants.rollover.records import OwnKey
from tenants.rollover.stages import add_next_key, promote, require_key, retire, roll_back
from tenants.rollover.timeline import rollovers_of, standing_of
from tenants.tenant_records import ManagedTenant
from tenants.wiring import keys

LIST = "/tenants/<slug>/keys"
ONE = f"{LIST}/<key_id>"
BROUGHT = "/tenants/<slug>/imported-keys"

keys_api = ManagementBlueprint("api_keys", __name__, description="A tenant's own keys, and who has fetched its metadata")


@keys_api.operation("GET", LIST, READ, answers={200: KeyPage})
def get_keys(tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's own keys, and what to do next."""
    rollovers = rollovers_of(tenant.id, now())
    return {
        "items": [key_document(standing) for rollover in rollovers for standing in rollover.standings],
        "next": None,
        "rollovers": [rollover_document(rollover) for rollover in rollovers],
    }


@keys_api.operation("POST", LIST, CONFIGURE, body=KeyCreate, answers={201: KeyView}, refuses=(409, 429))
def post_key(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Make the next key. It is published at once, and changes nothing else."""
    pair = draft_key(tenant, body["use"], now(), lifetime_days=body["lifetime_days"], bits=body["bits"])
    with transaction():
        made = add_next_key(tenant, body["use"], pair, keys(), actor=caller().actor, now=now())
    return _shown(tenant, made)


@keys_api.operation("POST", BROUGHT, CONFIGURE, body=KeyImport, answers={201: KeyView}, refuses=(409, 429))
def post_imported_key(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Bring the next key along, with its certificate."""
    require_turn(tenant.id, body["use"], now())
    pair = read_key_pair(body["use"], body["private_key"], body["certificate"], body["passphrase"], now())
    with transaction():
        made = add_next_key(tenant, body["use"], pair, keys(), actor=caller().actor, now=now())
    return _shown(tenant, made)


@keys_api.operation("GET", f"{LIST}/readers", READ, answers={200: ReaderPage})
def get_readers(tenant: ManagedTenant) -> dict[str, Any]:
    """List who has fetched the tenant's metadata, and which keys they saw."""
    return {"items": [reader_document(reader) for reader in readers_of(tenant.id)], "next": None}


def _require_key(tenant: ManagedTenant, key_id: str) -> None:
    require_key(tenant.id, _row_id(key_id))


@keys_api.operation("GET", ONE, READ, answers={200: KeyView})
def get_key(tenant: ManagedTenant, key_id: str) -> dict[str, Any]:
    """Show one key."""
    return _shown(tenant, require_key(tenant.id, _row_id(key_id)))


@keys_api.operation(
    "POST", f"{ONE}/promote", CONFIGURE, body=KeyPromote, answers={200: KeyView}, refuses=(409,), exists=_require_key
)
def post_promotion(body: Mapping[str, Any], tenant: ManagedTenant, key_id: str) -> dict[str, Any]:
    """Let the next key take the active one's place; it holds with the next request on every worker."""
    with transaction():
        changed = promote(tenant, key_id, **body, actor=caller().actor, now=now())
    return _shown(tenant, changed)


@keys_api.operation(
    "POST", f"{ONE}/retire", CONFIGURE, body=KeyRetire, answers={200: KeyView}, refuses=(409,), exists=_require_key
)
def post_retirement(body: Mapping[str, Any], tenant: ManagedTenant, key_id: str) -> dict[str, Any]:
    """End a retiring key, or discard the next one."""
    with transaction():
        changed = retire(tenant, key_id, **body, actor=caller().actor, now=now())
    return _shown(tenant, changed)


@keys_api.operation(
    "POST", f"{ONE}/roll-back", CONFIGURE, body=KeyRollBack, answers={200: KeyView}, refuses=(409,), exists=_require_key
)
def post_roll_back(body: Mapping[str, Any], tenant: ManagedTenant, key_id: str) -> dict[str, Any]:  # noqa: ARG001
    """Go back to this key, which was active before."""
    with transaction():
        changed = roll_back(tenant, key_id, actor=caller().actor, now=now())
    return _shown(tenant, changed)


def _shown(tenant: ManagedTenant, key: OwnKey) -> dict[str, Any]:
    return key_document(standing_of(tenant.id, key, now()))


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
