"""What the tests of notices share: time that is an argument, the service with a mail server and webhooks, what ends when."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from config.database import Base, db, read, transaction
from config.isolation import every_tenant
from config.settings import Settings
from identity.admin_addresses import admin_addresses
from tenants.notices.ending import warn_of_endings
from tenants.notices.sending import run_due_deliveries
from tests.support.keys import certificate_of
from tests.support.world import Organisation, World

NOW = dt.datetime(2026, 12, 1, 12, 0, tzinfo=dt.UTC)
DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
ACME = 1


def settle(world: World, **changes: Any) -> Settings:
    """Give the service other settings."""
    settings: Settings = world.app.extensions["vestibule_settings"]
    changed = replace(settings, webhook_allowed_networks=LOOPBACK, mail_from="Vestibule <no-reply@vestibule.test>", **changes)
    world.app.extensions["vestibule_settings"] = changed
    return changed


def connect(
    world: World, *ends: dt.datetime, valid_until: dt.datetime | None = None, organisation: Organisation | None = None
) -> None:
    """Save the identity provider's metadata anew, with a certificate for each of these ends."""
    organisation = organisation or world.acme
    certificates = [certificate_of(organisation.idp.key, not_after=end) for end in ends]
    xml = organisation.idp.metadata_xml(certificates=certificates or None, valid_until=valid_until)
    path = f"/tenants/{organisation.slug}/identity-providers/main"
    answer = world.api("PUT", path, json={"display_name": "Company login", "metadata_xml": xml})
    assert answer.status_code in (200, 201), answer.get_data(as_text=True)


def warn(world: World, now: dt.datetime) -> int:
    """One run of the job that warns."""
    extensions = world.app.extensions
    with world.app.app_context():
        return warn_of_endings(extensions["vestibule_settings"], extensions["vestibule_keys"], now, admin_addresses)


def deliver(world: World, now: dt.datetime) -> int:
    """One run of the job that sends."""
    with world.app.app_context():
        return run_due_deliveries(world.app.extensions["vestibule_settings"], world.app.extensions["vestibule_keys"], now)


def rows(world: World, table: str, *columns: str) -> list[Any]:
    """All rows of a table, in the order of their ids."""
    found = Base.metadata.tables[table]
    with world.app.app_context(), every_tenant():
        return list(read(sa.select(*(found.c[name] for name in columns)).order_by(found.c.id)).all())


def notices(world: World) -> list[tuple[str, int, bool]]:
    """(subject, days, lasts on) of every warning that was given."""
    return [tuple(row) for row in rows(world, "notice", "subject", "days", "lasts_on")]


def run_sql(world: World, statement: Any) -> None:
    """Change rows as nobody else would."""
    with world.app.app_context(), every_tenant(), transaction() as connection:
        connection.execute(statement)


def text_of_database(world: World, tables: Sequence[str]) -> str:
    """Everything that stands in these tables, as text."""
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return repr([connection.execute(sa.select(Base.metadata.tables[name])).all() for name in tables])
