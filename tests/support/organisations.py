"""Organisations as tests make them, through the API: trees, settings, people in them, a second identity provider."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from config.database import new_id, transaction, write
from config.isolation import every_tenant
from tenants.models import Tenant
from tenants.organisations.models import MAX_DEPTH, Organisation
from tests.support.browser import Browser
from tests.support.idp import ForgingIdP
from tests.support.world import World, utc_now

OTHER_IDP = "https://idp.other.test/metadata"


def made(world: World, name: str, parent: str | None = None, slug: str = "acme") -> str:
    """A new organisation's id."""
    answer = world.api("POST", f"/tenants/{slug}/organisations", json={"name": name, "parent_id": parent})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    return str(answer.get_json()["id"])


def chain(world: World, *names: str) -> list[str]:
    """Organisations each below the one before."""
    ids: list[str] = []
    for name in names:
        ids.append(made(world, name, ids[-1] if ids else None))
    return ids


def patch(world: World, organisation: str, slug: str = "acme", **body: Any) -> TestResponse:
    """Rename or move."""
    return world.api("PATCH", f"/tenants/{slug}/organisations/{organisation}", json=body)


def access_path(organisation: str | None, slug: str = "acme") -> str:
    """Where an organisation's settings are; None: the tenant's."""
    return f"/tenants/{slug}/access" if organisation is None else f"/tenants/{slug}/organisations/{organisation}/access"


def connect_directory(world: World, name: str = "company", **settings: Any) -> None:
    """A directory of acme's that nobody is asked at."""
    body = {"display_name": "Company directory", "urls": ["ldaps://ldap.acme.test"], "base_dn": "dc=acme"}
    accepted(world.api("PUT", f"/tenants/acme/directories/{name}", json=body | settings))


def fill_organisations(app: Flask, tenant_id: int, chains: int) -> list[list[str]]:
    """So many chains of organisations, each MAX_DEPTH deep, past the flows; their ids from the top."""
    rows, ids = [], [[new_id() for _ in range(MAX_DEPTH)] for _ in range(chains)]
    for number, chain_ids in enumerate(ids):
        for level, organisation_id in enumerate(chain_ids):
            name = f"Works {number:03d}" if level == 0 else f"Level {level} of {number}"
            above = chain_ids[level - 1] if level else None
            row = {"tenant_id": tenant_id, "id": organisation_id, "parent_id": above, "depth": level + 1, "settings": {}}
            rows.append({**row, "name": name, "name_key": name.lower(), "created_at": utc_now()})
    with app.app_context(), every_tenant(), transaction():
        for level in range(1, MAX_DEPTH + 1):
            write(sa.insert(Organisation.__table__), [row for row in rows if row["depth"] == level])
        write(sa.update(Tenant).where(Tenant.id == tenant_id).values(version=Tenant.version + 1))
    return ids


def set_access(world: World, organisation: str | None, **settings: Any) -> TestResponse:
    """Override settings."""
    return world.api("PATCH", access_path(organisation), json=settings)


def accepted(answer: TestResponse) -> dict[str, Any]:
    """What a call that has to succeed says."""
    assert answer.status_code in (200, 201), answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def setting(world: World, organisation: str | None, name: str) -> dict[str, Any]:
    """One setting as it is shown."""
    found: dict[str, Any] = accepted(world.api("GET", access_path(organisation)))["settings"][name]
    return found


def put(world: World, organisation: str | None, *user_ids: str) -> int:
    """Have people belong somewhere; how many belonged elsewhere."""
    body = {"user_ids": list(user_ids), "organisation_id": organisation}
    return int(accepted(world.api("POST", "/tenants/acme/organisation-moves", json=body))["moved"])


def user_of(world: World, email: str = "ada@acme.test") -> dict[str, Any]:
    """A person's document."""
    items = accepted(world.api("GET", "/tenants/acme/users", query_string={"email": email}))["items"]
    first: dict[str, Any] = items[0]
    return first


def connect_other(world: World, name: str = "other") -> ForgingIdP:
    """A second identity provider of acme's."""
    other = ForgingIdP(entity_id=OTHER_IDP)
    body = {"display_name": "Other login", "metadata_xml": other.metadata_xml()}
    accepted(world.api("PUT", f"/tenants/acme/identity-providers/{name}", json=body))
    return other


def sign_in_by(world: World, idp: ForgingIdP, name: str, person: str = "ada", browser: Browser | None = None) -> TestResponse:
    """A whole sign-in by one of several identity providers."""
    browser = browser or world.browser()
    started = browser.start("/", idp=name)
    parts = {"name_id": f"{person}@acme.test", "attributes": {"mail": [f"{person}@acme.test"]}}
    return browser.post_response(_response(world, idp, started.request_id, **parts), started.relay_state)


def pass_test(world: World, idp: ForgingIdP | None = None, name: str = "main", person: str = "tess") -> None:
    """A test sign-in of the settings in force that passes."""
    idp = idp or world.acme.idp
    tests = f"/tenants/acme/identity-providers/{name}/saml-settings/tests"
    prepared = accepted(world.api("POST", tests, json={"draft": False}))
    browser = world.browser()
    started = browser.leave_by(browser.get(prepared["url"].removeprefix(world.acme.origin)))
    parts = {"name_id": f"{person}@acme.test", "attributes": {"mail": [f"{person}@acme.test"]}}
    answer = browser.post_response(_response(world, idp, started.request_id, **parts), started.relay_state)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    shown = accepted(world.api("GET", f"{tests}/{prepared['id']}"))
    assert shown["passed"], shown


def _response(world: World, idp: ForgingIdP, request_id: str, **parts: Any) -> bytes:
    good: dict[str, Any] = {
        "sp_entity_id": world.acme.entity_id,
        "acs_url": world.acme.acs_url,
        "in_response_to": request_id,
        "now": utc_now(),
    }
    return idp.response(**(good | parts))
