"""Who has a role in a tenant's console: named people and rules, by API, command and sign-in (A1)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from admin_ui.principal import Principal
from admin_ui.principals import tenant_principal
from config.database import transaction
from tenants.console_role_records import grants_of
from tenants.console_roles import change_grant, grant_role, make_rule
from tenants.management_errors import FieldsInvalid
from tenants.organisations.records import organisations_of
from tenants.records import find_tenant
from tenants.roles import Role
from tenants.tenant_records import find_managed_tenant
from tests.flows.management.support import code_in, token_for
from tests.support.browser import Browser
from tests.support.world import Organisation, World, utc_now

GRANTS, RULES = "/tenants/acme/console-grants", "/tenants/acme/role-rules"
GROUP = {"idp": "main", "attribute": "groups", "value": "SSO admins", "role": "admin"}


def principal(world: World, browser: Browser, organisation: Organisation | None = None) -> Principal | None:
    """Who this browser is in the console."""
    with world.app.app_context():
        tenant = find_tenant((organisation or world.acme).slug)
        assert tenant is not None
        return tenant_principal(tenant, organisations_of(tenant.id), browser.session_token or "", utc_now())


def signed_in(world: World, organisation: Organisation | None = None, **attributes: list[str]) -> Browser:
    """A person whose identity provider says this of them."""
    organisation = organisation or world.acme
    browser = world.browser(organisation)
    told = {"mail": [f"ada@{organisation.domain}"], **attributes}
    assert world.sign_in(browser, organisation, attributes=told).status_code == 303
    return browser


def test_a_person_is_named_changed_and_withdrawn(world: World) -> None:
    """Each step holds with the next request of a session that is open."""
    browser = signed_in(world)
    assert principal(world, browser) is None
    made = world.api("POST", GRANTS, json={"email": " ADA@acme.test ", "role": "viewer"})
    assert (made.status_code, made.get_json()["email"]) == (201, "ada@acme.test")
    held = principal(world, browser)
    assert held is not None
    assert held.role is Role.VIEWER
    one = f"{GRANTS}/{made.get_json()['id']}"
    assert world.api("PATCH", one, json={"role": "admin"}).get_json()["role"] == "admin"
    held = principal(world, browser)
    assert held is not None
    assert held.role is Role.ADMIN
    assert world.api("DELETE", one).status_code == 204
    assert principal(world, browser) is None
    assert code_in(world.api("DELETE", one)) == (404, "not_found")
    types = [event["type"] for event in world.api("GET", "/tenants/acme/events").get_json()["items"]]
    assert types[:3] == ["console_role.withdrawn", "console_role.granted", "console_role.granted"]


def test_a_rule_gives_a_role_at_sign_in(world: World) -> None:
    """From the next sign-in on; removing it takes the role away at once."""
    before = signed_in(world, groups=["SSO admins"])
    made = world.api("POST", RULES, json=GROUP)
    assert made.status_code == 201, made.get_data(as_text=True)
    assert principal(world, before) is None, "judged at sign-in, not afterwards"
    browser = signed_in(world, groups=["people", "SSO admins"])
    held = principal(world, browser)
    assert held is not None
    assert held.role is Role.ADMIN
    assert world.api("DELETE", f"{RULES}/{made.get_json()['id']}").status_code == 204
    assert principal(world, browser) is None


@pytest.mark.parametrize("groups", [[], ["sso admins"], ["SSO admins,people"], ["SSO"]])
def test_rules_compare_exactly(world: World, groups: list[str]) -> None:
    """Another case, a part or a list in one value is another value; blanks around it never count."""
    assert world.api("POST", RULES, json=GROUP).status_code == 201
    assert principal(world, signed_in(world, groups=groups)) is None


def test_the_stronger_role_counts(world: World) -> None:
    """Of two rules that are met, and of a rule and a name."""
    assert world.api("POST", RULES, json=GROUP | {"value": "people", "role": "viewer"}).status_code == 201
    assert world.api("POST", RULES, json=GROUP).status_code == 201
    assert world.api("POST", GRANTS, json={"email": "ada@acme.test", "role": "viewer"}).status_code == 201
    held = principal(world, signed_in(world, groups=["people", "SSO admins"]))
    assert held is not None
    assert held.role is Role.ADMIN


def test_rules_of_another_tenant_count_for_nothing(world: World) -> None:
    """The same attribute at globex."""
    assert world.api("POST", RULES, json=GROUP).status_code == 201
    assert principal(world, signed_in(world, world.globex, groups=["SSO admins"]), world.globex) is None


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (GRANTS, {"email": "ada@elsewhere.test", "role": "admin"}, "email"),
        (GRANTS, {"email": "ada", "role": "admin"}, "email"),
        (GRANTS, {"email": "ada@acme.test", "role": "staff"}, "role"),
        (GRANTS, {"email": "ada@acme.test", "role": "support"}, "role"),
        (GRANTS, {"email": "a" * 10_000 + "@acme.test", "role": "admin"}, "email"),
        (RULES, GROUP | {"idp": "nobody"}, "idp"),
        (RULES, GROUP | {"role": "staff"}, "role"),
        (RULES, GROUP | {"value": ""}, "value"),
        (RULES, GROUP | {"value": "  "}, "value"),
        (RULES, GROUP | {"value": "x" * 300}, "value"),
        (RULES, GROUP | {"attribute": "a\u0000b"}, "attribute"),
    ],
)
def test_bad_input_is_named(world: World, path: str, body: dict[str, Any], field: str) -> None:
    """422 with the field, and nothing kept."""
    before = world.rows()
    answer = world.api("POST", path, json=body)
    assert answer.status_code == 422, answer.get_data(as_text=True)
    assert field in json.dumps(answer.get_json())
    assert world.rows() == before


def test_twice_is_a_conflict(world: World) -> None:
    """The same address, the same attribute and value."""
    for path, body, code in (
        (GRANTS, {"email": "ada@acme.test", "role": "admin"}, "grant_exists"),
        (RULES, GROUP, "rule_exists"),
    ):
        assert world.api("POST", path, json=body).status_code == 201
        assert code_in(world.api("POST", path, json=body | {"role": "viewer"})) == (409, code)


def test_admins_look_after_their_own_tenant_alone(world: World) -> None:
    """A tenant's admin names people; support and viewers read; another tenant's ids are not there."""
    admin, viewer = token_for(world, "admin", "acme"), token_for(world, "viewer", "acme")
    support, foreign = token_for(world, "support"), token_for(world, "admin", "globex")
    made = world.api("POST", GRANTS, admin, json={"email": "ada@acme.test", "role": "admin"})
    assert made.status_code == 201
    one = f"{GRANTS}/{made.get_json()['id']}"
    for token in (viewer, support):
        assert world.api("GET", GRANTS, token).status_code == 200
        assert code_in(world.api("POST", GRANTS, token, json={"email": "b@acme.test", "role": "admin"})) == (403, "forbidden")
        assert code_in(world.api("DELETE", one, token)) == (403, "forbidden")
    assert code_in(world.api("GET", GRANTS, foreign)) == (404, "not_found")
    theirs = one.replace("acme", "globex")
    for method, body in (("PATCH", {"json": {"role": "viewer"}}), ("DELETE", {})):
        assert code_in(world.api(method, theirs, foreign, **body)) == (404, "not_found")
    assert len(world.api("GET", GRANTS).get_json()["items"]) == 1


def test_commands_do_the_same(world: World) -> None:
    """By the functions of the API."""
    run = world.app.test_cli_runner().invoke
    for role in ("viewer", "admin"):
        given = run(args=["grant", role, "ada@acme.test", "--tenant", "acme"])
        assert given.exit_code == 0, given.output
        assert json.loads(given.output)["role"] == role
    assert len(json.loads(run(args=["grant", "list", "--tenant", "acme"]).output)) == 1
    assert run(args=["grant", "remove", "ada@acme.test", "--tenant", "acme"]).exit_code == 0
    assert run(args=["grant", "remove", "ada@acme.test", "--tenant", "acme"]).exit_code == 2
    options = ["--tenant", "acme", "--idp", "main", "--attribute", "groups", "--value", "x", "--role", "viewer"]
    rule = json.loads(run(args=["role-rule", "add", *options]).output)
    assert json.loads(run(args=["role-rule", "list", "--tenant", "acme"]).output) == [rule]
    assert run(args=["role-rule", "remove", rule["id"], "--tenant", "acme"]).exit_code == 0


def test_rules_go_with_their_identity_provider(world: World) -> None:
    """Connected again, it does not bring a forgotten rule back."""
    metadata = world.acme.idp.metadata_xml()
    assert world.api("POST", RULES, json=GROUP).status_code == 201
    one = "/tenants/acme/identity-providers/main"
    assert world.api("DELETE", one).status_code == 204
    again = world.api("PUT", one, json={"display_name": "Company login", "metadata_xml": metadata})
    assert again.status_code == 201, again.get_data(as_text=True)
    assert world.api("GET", RULES).get_json()["items"] == []
    assert world.count("role_rule") == 0
    assert principal(world, signed_in(world, groups=["SSO admins"])) is None


def test_nobody_is_named_for_a_role_of_staff(world: World) -> None:
    """Whichever edge asks: the flow itself knows the roles that a tenant has."""
    with world.app.app_context():
        tenant = find_managed_tenant("acme")
        assert tenant is not None
        with transaction():
            held = grant_role(tenant, "ada@acme.test", Role.VIEWER, actor="test", now=utc_now())
        for role in (Role.STAFF, Role.SUPPORT):
            for give in (
                lambda role=role: grant_role(tenant, "bob@acme.test", role, actor="test", now=utc_now()),
                lambda role=role: change_grant(tenant, held.id, role, actor="test", now=utc_now()),
                lambda role=role: make_rule(tenant, "main", "groups", "x", role, actor="test", now=utc_now()),
            ):
                with pytest.raises(FieldsInvalid), transaction():
                    give()
        assert [(given.email, given.role) for given in grants_of(tenant.id)] == [("ada@acme.test", "viewer")]
