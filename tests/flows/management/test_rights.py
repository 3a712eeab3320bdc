"""Who may ask what: 401, then 403, then 404, and only then a look at what was asked."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from tenants.api_auth import permission_of
from tenants.roles import ASSIST, CONFIGURE, LIST_TENANTS, ONBOARD, OPEN, READ
from tenants.tokens import find_caller
from tests.flows.management.support import MAIN, code_in, token_for
from tests.support.world import World, utc_now

OWNERS = {
    *("api_tenants.post_tenant", "api_tenants.remove_tenant", "api_domains.post_attest"),
    *("api_onboarding.post_onboarding", "api_onboarding.post_activate"),
    *("api_log_levels.get_log_levels", "api_log_levels.get_log_level", "api_log_levels.put_log_level"),
    *("api_log_levels.delete_log_level", "api_properties.get_properties", "api_properties.patch_properties"),
}
"""Operations that are staff owners' alone, besides what changes notices to staff."""
SUPPORT_TOO = {
    *("api_people.patch_user", "api_people.delete_user_sessions", "api_people.delete_user_session"),
    *("api_people.delete_sessions", "api_people.delete_session", "api_attempts.post_diagnose", "api_trials.post_test"),
    *("api_providers.post_sync", "api_directories.post_directory_sync", "api_seals.post_verify"),
}
"""What changes something and helps people, but nothing of whom a tenant trusts."""
BROKEN: dict[str, Any] = {"data": b"{", "content_type": "application/json"}


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic c3RhZmY6c3RhZmY=",
        "Bearer vst_" + "a" * 43,
        "Bearer " + "a" * 5000,
        "Bearer a b",
        "Bearer \u00e4",
    ],
)
def test_without_a_valid_token_it_is_401_whatever_was_asked(world: World, header: str | None) -> None:
    """For known and unknown tenants alike, before the body is looked at, with a challenge."""
    headers = {} if header is None else {"Authorization": header.encode("utf-8").decode("latin-1")}
    answers = [
        world.app.test_client().open(
            "/api/v1" + path, method=method, base_url="http://localhost:8000", headers=headers, **BROKEN
        )
        for method, path in (("POST", "/tenants"), ("GET", "/tenants/nobody"), ("PUT", MAIN), ("DELETE", "/tenants/acme"))
    ]
    assert {code_in(answer) for answer in answers} == {(401, "unauthenticated")}
    assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in answers)


def test_expired_revoked_and_unknown_tokens_are_the_same(world: World) -> None:
    """The answer tells nothing of why."""
    run = world.app.test_cli_runner().invoke
    expired = token_for(world, "staff", expires_in="-1s")
    revoked, by_id = token_for(world, "staff"), token_for(world, "support")
    assert world.api("GET", "/tenants", revoked).status_code == 200
    assert run(args=["token", "revoke", revoked]).exit_code == 0
    public_id = next(line.split("\t")[0] for line in run(args=["token", "list"]).output.splitlines() if "\tsupport\t" in line)
    assert run(args=["token", "revoke", public_id]).exit_code == 0
    bodies = []
    for token in (expired, revoked, by_id, "vst_" + "b" * 43):
        answer = world.api("GET", "/tenants", token)
        assert code_in(answer) == (401, "unauthenticated")
        bodies.append({**answer.get_json(), "reference": ""})
    assert all(body == bodies[0] for body in bodies)


def test_a_token_has_expired_at_the_moment_that_it_names(world: World) -> None:
    """Not a moment later: what it makes may live until then."""
    with world.app.app_context():
        token = token_for(world, "staff")
        made = find_caller(token, utc_now())
        assert made is not None
        assert find_caller(token, made.expires_at - dt.timedelta(milliseconds=1)) is not None
        assert find_caller(token, made.expires_at) is None


def test_a_cookie_never_authenticates(world: World) -> None:
    """A signed-in browser is nobody here, and a token in a cookie or in the query is none."""
    browser = world.browser()
    world.sign_in(browser)
    for options in (
        {"headers": {"Cookie": f"__Host-vestibule_session={browser.session_token}"}},
        {"headers": {"Cookie": f"Authorization=Bearer {world.staff_token}"}},
        {"query_string": {"access_token": world.staff_token}},
    ):
        answer = world.app.test_client().get("/api/v1/tenants", base_url="http://localhost:8000", **options)
        assert code_in(answer) == (401, "unauthenticated")


def test_a_role_that_never_may_is_403_whatever_the_tenant(world: World) -> None:
    """Own, foreign and unknown tenants, broken bodies and wrong media types alike."""
    viewer, admin, support = (
        token_for(world, "viewer", "acme"),
        token_for(world, "admin", "acme"),
        token_for(world, "support"),
    )
    for slug in ("acme", "globex", "nobody"):
        path = f"/tenants/{slug}/identity-providers/main"
        assert code_in(world.api("PUT", path, viewer, **BROKEN)) == (403, "forbidden")
        assert code_in(world.api("PUT", path, support, data="x", content_type="text/plain")) == (403, "forbidden")
        assert code_in(world.api("DELETE", f"/tenants/{slug}", admin)) == (403, "forbidden")
        assert code_in(world.api("DELETE", f"/tenants/{slug}", support)) == (403, "forbidden")
    for token in (viewer, admin, support):
        assert code_in(world.api("POST", "/tenants", token, **BROKEN)) == (403, "forbidden")
    assert code_in(world.api("GET", "/tenants", admin)) == code_in(world.api("GET", "/tenants", viewer)) == (403, "forbidden")
    assert world.api("GET", "/tenants", support).status_code == 200


def test_a_foreign_tenant_and_an_unknown_one_are_the_same_404(world: World) -> None:
    """Before the body is validated; the answers differ in their reference alone."""
    admin = token_for(world, "admin", "acme")
    for method, rest in (
        ("GET", ""),
        ("PATCH", ""),
        ("GET", "/users"),
        ("PUT", "/identity-providers/main"),
        ("GET", "/events"),
    ):
        foreign, unknown = (
            world.api(method, f"/tenants/{slug}{rest}", admin, **({} if method == "GET" else BROKEN))
            for slug in ("globex", "nobody")
        )
        assert code_in(foreign) == (404, "not_found")
        assert {**foreign.get_json(), "reference": ""} == {**unknown.get_json(), "reference": ""}
        assert sorted(foreign.headers.keys()) == sorted(unknown.headers.keys())


def test_an_unknown_object_is_404_before_the_body_is_looked_at(world: World) -> None:
    """An identity provider and a person that are not there, or not here; broken bodies do not change that."""
    browser = world.browser(world.globex)
    assert world.sign_in(browser, world.globex).status_code == 303
    foreign = browser.get("/session").get_json()["user"]["id"]
    for path in (
        "/tenants/acme/identity-providers/nobody/saml-settings",
        f"/tenants/acme/users/{foreign}",
        "/tenants/acme/users/00000000-0000-7000-8000-000000000000",
        "/tenants/acme/users/nobody",
    ):
        for body in (BROKEN, {"json": {"nonsense": 1}}, {"data": "x", "content_type": "text/plain"}):
            assert code_in(world.api("PATCH", path, **body)) == (404, "not_found"), path
    assert browser.get("/session").status_code == 200


@pytest.mark.parametrize("slug", ["ACME", "Acme", "acme.", " acme", "acme%00", "acm%C3%A9", "*", "%25", "..", "1"])
def test_a_slug_matches_in_lower_case_exactly(world: World, slug: str) -> None:
    """Nothing is folded, trimmed or cut."""
    assert code_in(world.api("GET", f"/tenants/{slug}")) == (404, "not_found")


def test_state_and_mydomain_are_for_staff_alone(world: World) -> None:
    """A tenant's admin changes the rest of the tenant."""
    admin = token_for(world, "admin", "acme")
    for change in ({"state": "suspended"}, {"slug": "acme-two"}, {"state": 5, "slug": None}):
        assert code_in(world.api("PATCH", "/tenants/acme", admin, json=change)) == (403, "forbidden")
    assert world.api("PATCH", "/tenants/acme", admin, json={"brand_colour": "#112233"}).status_code == 200


def test_the_api_is_on_the_app_host_alone(world: World) -> None:
    """On a tenant's host nothing of it answers, whatever the token."""
    for path in ("/api/v1/tenants", "/api/v1/openapi.json", "/api/v1/docs"):
        answer = world.app.test_client().get(
            path, base_url="http://acme.localhost:8000", headers={"Authorization": f"Bearer {world.staff_token}"}
        )
        assert code_in(answer) == (404, "not_found")


def test_every_operation_says_who_may_use_it(world: World) -> None:
    """One that does not is a TypeError, not an open door."""
    views = {
        rule.endpoint: world.app.view_functions[rule.endpoint]
        for rule in world.app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
    }
    assert len(views) > 15
    opened = sorted(endpoint for endpoint, view in views.items() if permission_of(view).roles is None)
    assert opened == ["api_document.docs", "api_document.openapi"]
    with pytest.raises(TypeError, match="does not say who may use it"):
        permission_of(json.dumps)


def test_each_operation_asks_for_what_its_kind_takes(world: World) -> None:
    """Said a second time: the walks ask each operation by what it says of itself, so one that asks too little passes them."""
    known = set[str]()
    for rule in world.app.url_map.iter_rules():
        if not rule.rule.startswith("/api/v1/"):
            continue
        endpoint, reads = rule.endpoint, "GET" in (rule.methods or ())
        wanted = READ if reads else CONFIGURE
        if endpoint.startswith("api_document."):
            wanted = OPEN
        elif endpoint.startswith("api_service_notices."):
            wanted = LIST_TENANTS if reads else ONBOARD
        elif endpoint == "api_tenants.get_tenants":
            wanted = LIST_TENANTS
        elif endpoint in OWNERS | SUPPORT_TOO:
            wanted = ONBOARD if endpoint in OWNERS else ASSIST
        assert permission_of(world.app.view_functions[endpoint]) == wanted, endpoint
        known.add(endpoint)
    assert known >= OWNERS | SUPPORT_TOO
