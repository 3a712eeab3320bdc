"""Every operation of the API, tried with another tenant's slugs, ids and tokens; the list comes from the URL map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.flows.management.support import token_for
from tests.support.world import World

BODIES: dict[str, dict[str, Any]] = {
    "api_tenants.post_tenant": {"slug": "initech", "name": "Initech", "email_domains": []},
    "api_tenants.patch_tenant": {"name": "Taken over", "email_domains": []},
    "api_providers.put_provider": {"display_name": "Taken over", "metadata_xml": ""},
    "api_providers.patch_settings": {"want_messages_signed": True},
    "api_people.patch_user": {"active": False},
}
BODY_METHODS = {"POST", "PUT", "PATCH"}
FAR = "globex"


def _operations(world: World) -> Iterator[tuple[str, str, str, set[str]]]:
    """(endpoint, method, rule, arguments) of everything below /api/ that takes a token."""
    for rule in world.app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1/") or rule.endpoint.startswith("api_document."):
            continue
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, rule.rule.removeprefix("/api/v1"), set(rule.arguments)


def _fill(rule: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        rule = rule.replace(f"<{name}>", value)
    assert "<" not in rule, rule
    return rule


def _call(world: World, endpoint: str, method: str, path: str, token: str) -> TestResponse:
    body = BODIES.get(endpoint) or {}
    if endpoint == "api_providers.put_provider":
        body = body | {"metadata_xml": world.globex.idp.metadata_xml()}
    return world.api(method, path, token, **({"json": body} if method in BODY_METHODS else {}))


@pytest.fixture
def ids(world: World) -> dict[str, dict[str, str]]:
    """Ids of a person and an attempt at either tenant."""
    world.sign_in(world.browser())
    world.sign_in(world.browser(world.globex), world.globex)
    return {
        slug: {
            "slug": slug,
            "name": "main",
            "user_id": world.api("GET", f"/tenants/{slug}/users").get_json()["items"][0]["id"],
            "attempt_id": world.api("GET", f"/tenants/{slug}/attempts").get_json()["items"][0]["id"],
        }
        for slug in ("acme", FAR)
    }


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_a_token_of_one_tenant_reaches_nothing_of_another(world: World, ids: dict[str, dict[str, str]], role: str) -> None:
    """403 or 404 for each operation, the same as for a tenant that does not exist, and no row has changed."""
    token = token_for(world, role, "acme")
    before, events = world.rows(), world.count("audit_event")
    tried = 0
    for endpoint, method, rule, arguments in _operations(world):
        foreign = _call(world, endpoint, method, _fill(rule, ids[FAR]), token)
        assert foreign.status_code in ({403, 404} if "slug" in arguments else {403}), (endpoint, foreign.status_code)
        unknown = _call(world, endpoint, method, _fill(rule, ids[FAR] | {"slug": "nobody"}), token)
        assert {**foreign.get_json(), "reference": ""} == {**unknown.get_json(), "reference": ""}, endpoint
        tried += 1
    assert tried >= 16
    assert world.rows() == before
    assert world.count("audit_event") == events


@pytest.mark.parametrize("role", ["admin", "staff"])
def test_another_tenants_ids_are_unknown_under_ones_own_slug(world: World, ids: dict[str, dict[str, str]], role: str) -> None:
    """A person or an attempt of globex is not found at acme, whoever asks, and no row has changed."""
    token = token_for(world, role, "acme" if role == "admin" else None)
    before = world.rows()
    tried = 0
    for endpoint, method, rule, arguments in _operations(world):
        if not arguments & {"user_id", "attempt_id"}:
            continue
        mixed = ids[FAR] | {"slug": "acme"}
        answer = _call(world, endpoint, method, _fill(rule, mixed), token)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found"), endpoint
        assert _call(world, endpoint, method, _fill(rule, ids["acme"]), token).status_code == 200, endpoint
        tried += 1
    assert tried >= 2
    changed = {name for name, rows in world.rows().items() if rows != before[name]}
    assert changed <= {"users", "session"}


def test_lists_show_ones_own_alone(world: World, ids: dict[str, dict[str, str]]) -> None:
    """Not one id, name or address of globex is in any answer to acme's admin."""
    token = token_for(world, "admin", "acme")
    foreign = {ids[FAR]["user_id"], ids[FAR]["attempt_id"], "globex"}
    for endpoint, method, rule, _arguments in _operations(world):
        if method == "GET" and endpoint != "api_tenants.get_tenants":
            answer = world.api(method, _fill(rule, ids["acme"]), token)
            assert answer.status_code == 200, endpoint
            assert not [word for word in foreign if word in answer.get_data(as_text=True)], endpoint


def test_every_operation_that_takes_a_body_is_tried_with_one(world: World) -> None:
    """A new operation cannot slip through this walk with an empty body."""
    with_body = {
        endpoint
        for endpoint, method, _rule, _arguments in _operations(world)
        if method in BODY_METHODS and endpoint != "api_providers.post_sync"
    }
    assert with_body == BODIES.keys()
