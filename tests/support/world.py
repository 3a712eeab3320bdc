"""The world that flows and attacks happen in: two tenants, an identity provider each, made by the product's own flows."""

from __future__ import annotations

import datetime as dt
import functools
import os
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from config.database import Base, db
from config.isolation import every_tenant
from config.settings import Settings
from tests.support.browser import Browser, Started
from tests.support.idp import ForgingIdP

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
SECRET_KEYS = {"test": b"0123456789abcdef0123456789abcdef"}
RECORDED_ANYWAY = frozenset({"attempt", "audit_event", "unsealed_event", "tenant_rate"})
"""Tables that a refusal writes to on purpose: an event waits to be sealed, and what is bounded for all workers is counted."""


def utc_now() -> dt.datetime:
    """Now, aware."""
    return dt.datetime.now(dt.UTC)


def settings_for(database_url: str, **changes: Any) -> Settings:
    """Settings of a test run."""
    defaults: dict[str, Any] = {"secret_keys": SECRET_KEYS, "database_url": database_url, "rate_limits": False}
    return Settings(**(defaults | changes))


@dataclass(frozen=True)
class Organisation:
    """A tenant and the identity provider that it trusts."""

    slug: str
    domain: str
    idp: ForgingIdP

    @property
    def origin(self) -> str:
        """Where its people go."""
        return f"http://{self.slug}.localhost:8000"

    @property
    def entity_id(self) -> str:
        """Of the service provider."""
        return f"{self.origin}/saml/metadata"

    @property
    def acs_url(self) -> str:
        """Where its responses go."""
        return f"{self.origin}/saml/acs"


@dataclass(frozen=True)
class World:
    """The service with acme and globex in it."""

    app: Flask
    acme: Organisation
    globex: Organisation
    staff_token: str

    def browser(self, organisation: Organisation | None = None) -> Browser:
        """A new browser at an organisation's host."""
        return Browser(self.app, (organisation or self.acme).slug)

    def response(self, started: Started | None, organisation: Organisation | None = None, **parts: Any) -> bytes:
        """A response of the organisation's own identity provider, good unless `parts` make it otherwise."""
        organisation = organisation or self.acme
        good: dict[str, Any] = {
            "sp_entity_id": organisation.entity_id,
            "acs_url": organisation.acs_url,
            "in_response_to": started.request_id if started else None,
            "now": utc_now(),
            "name_id": f"ada@{organisation.domain}",
            "attributes": {"mail": [f"ada@{organisation.domain}"], "givenName": ["Ada"], "sn": ["Lovelace"]},
        }
        return organisation.idp.response(**(good | parts))

    def sign_in(
        self,
        browser: Browser,
        organisation: Organisation | None = None,
        target: str = "/",
        *,
        force: bool = False,
        **parts: Any,
    ) -> TestResponse:
        """A whole sign-in by a browser; with `force`, a new one is demanded of the identity provider (ForceAuthn)."""
        started = browser.start(target, **({"force": "1"} if force else {}))
        return browser.post_response(self.response(started, organisation, **parts), started.relay_state)

    def change_settings(self, organisation: Organisation | None = None, **changes: Any) -> None:
        """Change SAML settings as an administrator would."""
        organisation = organisation or self.acme
        answer = self.api("PATCH", f"/tenants/{organisation.slug}/identity-providers/main/saml-settings", json=changes)
        assert answer.status_code == 200, answer.get_data(as_text=True)

    def api(self, method: str, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """A call of the management API, with staff's token unless another is given."""
        headers = {"Authorization": f"Bearer {token or self.staff_token}"} | options.pop("headers", {})
        return self.app.test_client().open(
            "/api/v1" + path, method=method, base_url="http://localhost:8000", headers=headers, **options
        )

    def rows(self, without: frozenset[str] = RECORDED_ANYWAY) -> dict[str, set[tuple[Any, ...]]]:
        """Every row of every table that a refusal must leave as it was, or of all tables without others than those.

        Asked twice by most attacks: one statement tells which few of the tables hold anything, and only those are read.
        """
        tables, question = _tables_without(without)
        with self.app.app_context(), every_tenant(), db.engine.connect() as connection:
            holding = connection.execute(question).one()
            return {
                name: {tuple(map(str, row)) for row in connection.execute(rows)} if holds else set()
                for (name, rows), holds in zip(tables.items(), holding, strict=True)
            }

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return self.counts(table)[0]

    def counts(self, *tables: str) -> tuple[int, ...]:
        """How many rows each of some tables has, at one moment."""
        with self.app.app_context(), every_tenant(), db.engine.connect() as connection:
            return tuple(connection.execute(_how_many(*tables)).one())


@functools.cache
def _tables_without(names: frozenset[str]) -> tuple[dict[str, sa.Select[Any]], sa.Select[Any]]:
    """What reads each table but those, and the question which of the tables hold anything."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in names]
    holding: list[Any] = [sa.exists(sa.select(sa.literal(1)).select_from(table)).label(table.name) for table in tables]
    return {table.name: sa.select(table) for table in tables}, sa.select(*holding)


@functools.cache
def _how_many(*tables: str) -> sa.Select[Any]:
    counts = [sa.select(sa.func.count()).select_from(Base.metadata.tables[name]).scalar_subquery() for name in tables]
    return sa.select(*(count.label(name) for count, name in zip(counts, tables, strict=True)))
