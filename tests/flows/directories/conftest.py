"""A tenant whose people sign in by a directory."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import new_id, transaction, write
from config.isolation import every_tenant
from identity.admin_addresses import admin_addresses
from identity.checks import Receipt
from identity.directories.signing_in import EnteredByDirectory, Visit, record_directory_refusal, sign_in_by_directory
from identity.directories.syncing import run_due_directory_syncs
from identity.sessions import BrowserFacts
from tenants.directories.models import Directory
from tenants.directories.records import find_directory
from tenants.errors import Refusal
from tenants.models import Tenant
from tenants.notices.telling import NoticeMeans
from tenants.organisations.models import Organisation as OrganisationRow
from tenants.organisations.records import organisations_of
from tenants.records import find_tenant
from tenants.tenant_records import bump_version
from tests.support.slapd import SERVICE_PASSWORD, Slapd
from tests.support.world import Organisation, World, utc_now

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass
class DirectoryWorld:
    """The service with a directory in it. `receipt` is that of the last sign-in."""

    world: World
    slapd: Slapd
    receipt: Receipt = field(default_factory=Receipt)

    @property
    def settings(self) -> Any:
        """What the deployment decided."""
        return self.world.app.extensions["vestibule_settings"]

    def put(self, organisation: Organisation | None = None, name: str = "main", **changes: Any) -> Any:
        """Save a directory through the API, this slapd unless `changes` say otherwise."""
        slug = (organisation or self.world.acme).slug
        good = {**self.slapd.settings(), "display_name": "Company directory", "password": SERVICE_PASSWORD}
        return self.world.api("PUT", f"/tenants/{slug}/directories/{name}", json=good | changes)

    def connect(self, organisation: Organisation | None = None, name: str = "main", **changes: Any) -> None:
        """Save a directory and have all the tenant's people sign in by it."""
        answer = self.put(organisation, name, **changes)
        assert answer.status_code in (200, 201), answer.get_data(as_text=True)
        self.set_access({"way": "ldap"}, organisation)

    def set_access(self, access: dict[str, str | None], organisation: Organisation | None = None) -> None:
        """Say for a tenant as a whole how its people sign in."""
        with self.world.app.app_context():
            tenant = find_tenant((organisation or self.world.acme).slug)
            assert tenant is not None
            with transaction():
                bump_version(tenant.id)
                write(sa.update(Tenant).where(Tenant.id == tenant.id).values(access=access))

    def add_organisation(self, name: str, settings: dict[str, Any]) -> str:
        """Add one of acme's, directly under it; gives its id."""
        with self.world.app.app_context():
            tenant = find_tenant(self.world.acme.slug)
            assert tenant is not None
            row = {"tenant_id": tenant.id, "id": new_id(), "name": name, "name_key": name.lower(), "depth": 1}
            with transaction():
                bump_version(tenant.id)
                write(sa.insert(OrganisationRow.__table__).values(**row, settings=settings, created_at=utc_now()))
            return str(row["id"])

    def id_of(self, name: str) -> str:
        """The row of one of acme's directories."""
        with self.world.app.app_context():
            tenant = find_tenant(self.world.acme.slug)
            found = find_directory(tenant.id, name) if tenant else None
            assert found is not None
            return found.id

    def sign_in(
        self, username: str, password: str | None = None, organisation: Organisation | None = None
    ) -> EnteredByDirectory | str:
        """Sign somebody in: what they get, or the code of the refusal, which is recorded."""
        self.receipt = Receipt()
        with self.world.app.app_context():
            tenant = find_tenant((organisation or self.world.acme).slug)
            assert tenant is not None
            tree = organisations_of(tenant.id)
            visit = Visit(tenant, tree, BrowserFacts("Mozilla/5.0", "192.0.2.1"), utc_now(), "reference-1")
            keys = self.world.app.extensions["vestibule_keys"]
            typed = f"{username}-password" if password is None else password
            try:
                return sign_in_by_directory(username, typed, visit, self.settings, keys, self.receipt)
            except Refusal as refusal:
                record_directory_refusal(refusal, visit, self.receipt)
                return refusal.code

    def sync(self, name: str = "main") -> dict[str, Any]:
        """Ask for a sync, have it done, and tell how it went."""
        path = f"/tenants/{self.world.acme.slug}/directories/{name}"
        self.set(sync_asked_at=None)
        queued = self.world.api("POST", f"{path}/sync")
        assert queued.status_code == 202, queued.get_data(as_text=True)
        self.run()
        found: dict[str, Any] = self.world.api("GET", path).get_json()["last_sync"]
        return found

    def set(self, **values: Any) -> None:
        """Set columns of every directory's row, as time would."""
        with self.world.app.app_context(), every_tenant(), transaction():
            write(sa.update(Directory).values(**values))

    @property
    def means(self) -> NoticeMeans:
        """What jobs are given."""
        return NoticeMeans(self.settings, self.world.app.extensions["vestibule_keys"], admin_addresses)

    def run(self) -> int:
        """What a process with a clock does."""
        with self.world.app.app_context():
            return run_due_directory_syncs(self.means, utc_now, ended=lambda: False)

    def people(self) -> dict[str, dict[str, Any]]:
        """People of acme by username."""
        items = self.world.api("GET", f"/tenants/{self.world.acme.slug}/users").get_json()["items"]
        return {item["username"]: item for item in items}

    def events(self, event_type: str) -> list[dict[str, Any]]:
        """Acme's audit events of a type, newest first."""
        items = self.world.api("GET", f"/tenants/{self.world.acme.slug}/events").get_json()["items"]
        return [item for item in items if item["type"] == event_type]


@pytest.fixture
def directories(world: World, slapd: Slapd) -> DirectoryWorld:
    """A service that may ask directories on the loopback."""
    extensions = world.app.extensions
    extensions["vestibule_settings"] = replace(extensions["vestibule_settings"], directory_allowed_networks=LOOPBACK)
    return DirectoryWorld(world, slapd)
