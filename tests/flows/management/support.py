"""What tests of management share."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

from werkzeug.test import TestResponse

from tests.support.authority import loopback_authority
from tests.support.world import World

MAIN = "/tenants/acme/identity-providers/main"
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def token_for(world: World, role: str, slug: str | None = None, expires_in: str = "1h") -> str:
    """A token as the command makes it."""
    options = ["--tenant", slug] if slug else []
    made = world.app.test_cli_runner().invoke(args=["token", "create", "--role", role, "--expires-in", expires_in, *options])
    assert made.exit_code == 0, made.output
    return made.output.strip()


def allow_loopback(world: World, **changes: Any) -> None:
    """Let metadata be fetched from the test's own server."""
    settings = world.app.extensions["vestibule_settings"]
    trusted = {"metadata_allowed_networks": LOOPBACK, "metadata_ca_bundle": loopback_authority()[0]}
    changed = dataclasses.replace(settings, **(trusted | changes))
    world.app.extensions["vestibule_settings"] = changed


def put(world: World, path: str = MAIN, token: str | None = None, **fields: Any) -> TestResponse:
    """Save an identity provider."""
    return world.api("PUT", path, token, json={"display_name": "Company login"} | fields)


def events_of(world: World, slug: str = "acme") -> list[dict[str, Any]]:
    """A tenant's events, newest first."""
    items: list[dict[str, Any]] = world.api("GET", f"/tenants/{slug}/events?limit=200").get_json()["items"]
    return items


def code_in(answer: TestResponse) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)
    document = answer.get_json()
    assert document["status"] == answer.status_code
    return answer.status_code, document["code"]
