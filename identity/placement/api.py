"""Edges of the management API for placement (P6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from config.database import transaction
from identity.placement.foreseeing import foresee
from identity.placement.schemas import ForesightView, PlacementBody, PlacementView, foresight_document, placement_document
from tenants import wiring
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint, api_of
from tenants.organisations.records import organisations_of
from tenants.placement.changing import change_placement, placement_of
from tenants.providers import require_provider
from tenants.roles import CONFIGURE, READ
from tenants.tenant_records import ManagedTenant

RULES = "/tenants/<slug>/identity-providers/<name>/placement-rules"

placement_api = ManagementBlueprint("api_placement", __name__, description="Where an identity provider's people belong")


def install_placement_api(app: Flask) -> None:
    """Put these operations into the application."""
    api_of(app).register_blueprint(placement_api)


def _require_provider(tenant: ManagedTenant, name: str) -> None:
    require_provider(tenant.id, name)


@placement_api.operation("GET", RULES, READ, answers={200: PlacementView})
def get_placement(tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Show where an identity provider's people belong, and the rules in their order."""
    require_provider(tenant.id, name)
    return placement_document(placement_of(tenant.id, name)[1])


@placement_api.operation(
    "PUT", RULES, CONFIGURE, body=PlacementBody, answers={200: PlacementView}, exists=_require_provider, refuses=(409,)
)
def put_placement(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Change where they belong; rules are replaced as a whole, in the order in which they are named."""
    with transaction():
        return placement_document(change_placement(tenant, name, body, actor=caller().actor, now=now()))


@placement_api.operation(
    "POST", f"{RULES}/preview", CONFIGURE, body=PlacementBody, answers={200: ForesightView}, exists=_require_provider
)
def post_preview(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Foresee what a change would do, on the latest sign-in of everybody who came of late. Changes nothing."""
    foresight = foresee(tenant.id, name, body, wiring.keys())[1]
    return foresight_document(foresight, organisations_of(tenant.id), tenant.name)
