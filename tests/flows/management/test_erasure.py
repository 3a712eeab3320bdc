"""What belonged to a deleted tenant is erased after a grace period, and nothing of anybody else's (T5)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import Base, db, transaction
from config.isolation import every_tenant
from tenants import erasure
from tenants.erasure import GRACE, erase_deleted
from tenants.erasure_records import KEPT, erase_rows, tables_to_erase
from tests.flows.management.support import code_in
from tests.support.at_once import at_once
from tests.support.furnishing import furnish
from tests.support.world import World, utc_now

MINUTE = dt.timedelta(minutes=1)


def rows_of(world: World, tenant_id: int, tables: Iterable[sa.Table] | None = None) -> dict[str, list[Any]]:
    """All rows of a tenant, by table."""
    chosen = tables or [table for table in Base.metadata.sorted_tables if "tenant_id" in table.c]
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        found = {
            table.name: [repr(tuple(row)) for row in connection.execute(sa.select(table).where(table.c.tenant_id == tenant_id))]
            for table in chosen
        }
    return {name: sorted(rows) for name, rows in found.items() if rows}


def erase(world: World, now: dt.datetime) -> int:
    """One run of the job."""
    with world.app.app_context():
        return erase_deleted(now)


def tenants(world: World) -> dict[str, int]:
    """Ids by MyDomain, deleted ones too."""
    table = Base.metadata.tables["tenant"]
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return {row.slug: row.id for row in connection.execute(sa.select(table.c.slug, table.c.id))}


def test_everything_but_audit_and_names_goes_after_the_grace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Private keys, people, their addresses, receipts: in small batches, whoever else works on it; the neighbour keeps all."""
    for organisation in (world.acme, world.globex):
        furnish(world, organisation)
    acme, globex = (tenants(world)[slug] for slug in ("acme", "globex"))
    full = rows_of(world, acme)
    assert {"service_provider_key", "users", "email_address", "attempt", "organisation", "delivery"} <= set(full)
    before = rows_of(world, globex)
    assert erase(world, utc_now() + 400 * GRACE) == 0  # nobody was deleted
    assert (rows_of(world, acme), rows_of(world, globex)) == (full, before)
    assert world.api("DELETE", "/tenants/acme").status_code == 204
    deleted_at = utc_now()
    kept = rows_of(world, acme)
    assert erase(world, deleted_at + GRACE - MINUTE) == 0
    assert rows_of(world, acme) == kept
    monkeypatch.setattr(erasure, "BATCH", 1)
    assert sum(at_once([lambda: erase(world, deleted_at + GRACE + MINUTE)] * 2)) <= 1
    erase(world, deleted_at + GRACE + MINUTE)  # what the two left to each other
    left = rows_of(world, acme)
    assert set(left) <= KEPT
    assert set(left["audit_event"]) > set(kept["audit_event"])
    assert sum("tenant.erased" in row for row in left["audit_event"]) == 1
    assert rows_of(world, globex) == before
    assert erase(world, deleted_at + 2 * GRACE) == 0
    assert left["unsealed_event"]  # its chain goes on


def test_addresses_are_free_again_and_the_name_is_not(world: World) -> None:
    """Somebody else may take the people in; nobody gets the deleted tenant's host."""
    assert world.sign_in(world.browser()).status_code == 303
    assert world.api("DELETE", "/tenants/acme").status_code == 204
    domains, person = "/tenants/globex/email-domains", {"email": "ada@acme.test", "username": "ada"}
    assert world.api("POST", domains, json={"domain": "acme.test"}).status_code == 201
    assert world.api("POST", f"{domains}/acme.test/attest", json={"reason": "Merger"}).status_code == 200
    assert code_in(world.api("POST", "/tenants/globex/users", json=person)) == (409, "email_conflict")
    assert erase(world, utc_now() + GRACE + MINUTE) == 1
    made = world.api("POST", "/tenants/globex/users", json=person)
    assert made.status_code == 201, made.get_data(as_text=True)
    again = world.api("POST", "/tenants", json={"slug": "acme", "name": "Other", "email_domains": []})
    assert again.status_code == 409


def test_no_statement_erases_what_was_not_deleted(world: World) -> None:
    """Each asks the tenant's row again: one that was restored meanwhile loses nothing more."""
    furnish(world, world.acme)
    acme = tenants(world)["acme"]
    before = rows_of(world, acme)
    with world.app.app_context():
        for table in tables_to_erase():
            with transaction():
                assert erase_rows(table, acme, utc_now() + GRACE, 500) == 0
    assert rows_of(world, acme) == before


def test_what_is_kept_is_named(world: World) -> None:
    """A new table of tenants is erased unless somebody has said that it outlives them."""
    every = {table.name for table in Base.metadata.sorted_tables if "tenant_id" in table.c}
    assert every >= KEPT
    assert {table.name for table in tables_to_erase()} == every - KEPT
