"""Edges of the management API for placement, by an identity provider and by a directory alike (P6)."""

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
from tenants.directories.managing import require_directory
from tenants.organisations.records import organisations_of
from tenants.placement.changing import change_placement, placement_of
from tenants.placement_rules import DIRECTORY, IDENTITY_PROVIDER, Whose
from tenants.providers import require_provider
from tenants.roles import CONFIGURE, READ
from tenants.tenant_records import ManagedTenant

RULES = "/tenants/<slug>/identity-providers/<name>/placement-rules"
DIRECTORY_RULES = "/tenants/<slug>/directories/<directory>/placement-rules"

placement_api = ManagementBlueprint("api_placement", __name__, description="Where people belong, and by which rules")


def install_placement_api(app: Flask) -> None:
    """Put these operations into the application."""
    api_of(app).register_blueprint(placement_api)


def _require_provider(tenant: ManagedTenant, name: str) -> None:
    require_provider(tenant.id, name)


def _require_directory(tenant: ManagedTenant, directory: str) -> None:
    require_directory(tenant.id, directory)


@placement_api.operation("GET", RULES, READ, answers={200: PlacementView})
def get_placement(tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Show where an identity provider's people belong, and the rules in their order."""
    return placement_document(placement_of(tenant.id, Whose(IDENTITY_PROVIDER, name))[1])


@placement_api.operation(
    "PUT", RULES, CONFIGURE, body=PlacementBody, answers={200: PlacementView}, exists=_require_provider, refuses=(409,)
)
def put_placement(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Change where they belong; rules are replaced as a whole, in the order in which they are named."""
    return _put(tenant, Whose(IDENTITY_PROVIDER, name), body)


@placement_api.operation(
    "POST", f"{RULES}/preview", CONFIGURE, body=PlacementBody, answers={200: ForesightView}, exists=_require_provider
)
def post_preview(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Foresee what a change would do, on the latest sign-in of everybody who came of late. Changes nothing."""
    return _foreseen(tenant, Whose(IDENTITY_PROVIDER, name), body)


@placement_api.operation("GET", DIRECTORY_RULES, READ, answers={200: PlacementView})
def get_directory_placement(tenant: ManagedTenant, directory: str) -> dict[str, Any]:
    """Show where a directory's people belong, and the rules in their order."""
    return placement_document(placement_of(tenant.id, Whose(DIRECTORY, directory))[1])


@placement_api.operation(
    "PUT",
    DIRECTORY_RULES,
    CONFIGURE,
    body=PlacementBody,
    answers={200: PlacementView},
    exists=_require_directory,
    refuses=(409,),
)
def put_directory_placement(body: Mapping[str, Any], tenant: ManagedTenant, directory: str) -> dict[str, Any]:
    """Change where they belong; rules are replaced as a whole, in the order in which they are named."""
    return _put(tenant, Whose(DIRECTORY, directory), body)


@placement_api.operation(
    "POST",
    f"{DIRECTORY_RULES}/preview",
    CONFIGURE,
    body=PlacementBody,
    answers={200: ForesightView},
    exists=_require_directory,
)
def post_directory_preview(body: Mapping[str, Any], tenant: ManagedTenant, directory: str) -> dict[str, Any]:
    """Foresee what a change would do, on what the directory's last sync has read. Changes nothing."""
    return _foreseen(tenant, Whose(DIRECTORY, directory), body)


def _put(tenant: ManagedTenant, whose: Whose, body: Mapping[str, Any]) -> dict[str, Any]:
    with transaction():
        return placement_document(change_placement(tenant, whose, body, actor=caller().actor, now=now()))


def _foreseen(tenant: ManagedTenant, whose: Whose, body: Mapping[str, Any]) -> dict[str, Any]:
    foresight = foresee(tenant.id, whose, body, wiring.keys())[1]
    return foresight_document(foresight, organisations_of(tenant.id), tenant.name)
