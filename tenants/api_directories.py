"""Edges of the management API for directories (G2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.database import transaction
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint
from tenants.directories.managing import (
    queue_directory_sync,
    remove_directory,
    require_directory,
    save_directory,
    try_directory,
)
from tenants.directories.records import directories_of
from tenants.directory_schemas import (
    DirectoryPage,
    DirectoryPut,
    DirectorySyncQueued,
    DirectoryTest,
    DirectoryTestView,
    DirectoryView,
)
from tenants.directory_views import directory_document, directory_form, examination_document
from tenants.roles import ASSIST, CONFIGURE, READ
from tenants.tenant_records import ManagedTenant
from tenants.wiring import end_sessions, keys, settings

LIST = "/tenants/<slug>/directories"
ONE = f"{LIST}/<directory>"

directories_api = ManagementBlueprint("api_directories", __name__, description="Directories (LDAP) that people sign in by")


@directories_api.operation("GET", LIST, READ, answers={200: DirectoryPage})
def get_directories(tenant: ManagedTenant) -> dict[str, Any]:
    """List a tenant's directories; never their passwords."""
    return {"items": [directory_document(item) for item in directories_of(tenant.id)], "next": None}


@directories_api.operation("GET", ONE, READ, answers={200: DirectoryView})
def get_directory(tenant: ManagedTenant, directory: str) -> dict[str, Any]:
    """Show a directory, and how its last sync went."""
    return directory_document(require_directory(tenant.id, directory))


@directories_api.operation(
    "PUT", ONE, CONFIGURE, body=DirectoryPut, answers={200: DirectoryView, 201: DirectoryView}, refuses=(409,)
)
def put_directory(body: Mapping[str, Any], tenant: ManagedTenant, directory: str) -> tuple[dict[str, Any], int]:
    """Connect a directory, or change it. It is not asked: a test does that."""
    form = directory_form(body)
    with transaction():
        saved = save_directory(tenant, directory, form, keys(), actor=caller().actor, now=now())
    return directory_document(saved.directory), 201 if saved.created else 200


def _require(tenant: ManagedTenant, directory: str) -> None:
    require_directory(tenant.id, directory)


@directories_api.operation(
    "POST",
    f"{ONE}/test",
    CONFIGURE,
    body=DirectoryTest,
    answers={200: DirectoryTestView},
    refuses=(409, 429),
    exists=_require,
)
def post_directory_test(body: Mapping[str, Any], tenant: ManagedTenant, directory: str) -> dict[str, Any]:
    """Try the connection as it is saved: name, connection, TLS, bind, search, and a sample of what would be taken."""
    examination = try_directory(tenant, directory, settings(), keys(), username=body["username"])
    return examination_document(examination)


@directories_api.operation("POST", f"{ONE}/sync", ASSIST, answers={202: DirectorySyncQueued}, refuses=(409, 429))
def post_directory_sync(tenant: ManagedTenant, directory: str) -> dict[str, Any]:
    """Have a directory synchronised now; once a minute at most."""
    with transaction():
        queue_directory_sync(tenant, directory, actor=caller().actor, now=now())
    return {"status": "queued"}


@directories_api.operation("DELETE", ONE, CONFIGURE, answers={204: None}, refuses=(409,))
def delete_directory(tenant: ManagedTenant, directory: str) -> None:
    """Take a directory away: its people's sessions end and its password is erased; they stay."""
    with transaction():
        remove_directory(tenant, directory, actor=caller().actor, now=now(), end_sessions=end_sessions())
