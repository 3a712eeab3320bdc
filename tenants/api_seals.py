"""Edges of the management API for seals of audit events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import request

from tenants.api_auth import now
from tenants.api_blueprint import ManagementBlueprint
from tenants.api_events import EVENTS
from tenants.paging import cursor_scope, key_of, page_of
from tenants.roles import ASSIST, READ
from tenants.schemas import PageQuery
from tenants.seal_schemas import SealPage, VerifyBody, VerifyResult
from tenants.sealing.chains import chain_state, report_document, verify_part
from tenants.sealing.ledgers import tenant_ledger
from tenants.sealing.records import page_of_seals
from tenants.tenant_records import ManagedTenant
from tenants.wiring import seal_keys, settings

NUMBER = re.compile(r"[1-9][0-9]{0,8}")

seals_api = ManagementBlueprint("api_seals", __name__, description="Audit events, sealed into a chain")


@seals_api.operation("GET", f"{EVENTS}/seals", READ, query=PageQuery, answers={200: SealPage})
def get_seals(query: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's seals, newest first. Keep an anchor outside, and nobody can cut the chain off or make it anew unseen."""
    scope, limit = cursor_scope("seals", tenant.id), query["limit"]
    below = key_of(query["cursor"], scope, NUMBER)
    found = page_of_seals(tenant_ledger(tenant.id), int(below) if below else None, limit + 1)
    items, following = page_of(found, limit, key=lambda seal: str(seal.number), scope=scope, path=request.path, query={})
    waiting = chain_state(tenant.id, now()).waiting
    return {"items": [seal.document() for seal in items], "next": following, "waiting": waiting}


@seals_api.operation("POST", f"{EVENTS}/verify", ASSIST, body=VerifyBody, answers={200: VerifyResult}, refuses=(429,))
def post_verify(body: Mapping[str, Any], tenant: ManagedTenant) -> dict[str, Any]:
    """Verify a part of the chain, 20,000 events at most; `next` goes into `since` until it is null."""
    report = verify_part(tenant.id, seal_keys(), body["since"], now(), limited=settings().rate_limits)
    return report_document(report)
