"""A MyDomain's link goes straight on where there is nothing to choose; an address decides where there is (H2, Q7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import sqlalchemy as sa

from config.database import db
from config.isolation import every_tenant
from identity.login_hints import seal_hint
from tenants.models import Tenant
from tenants.onboarding.products import PRODUCTS
from tests.support.browser import code_of
from tests.support.world import World, utc_now


def say(world: World, **access: Any) -> None:
    """What acme as a whole says about signing in."""
    with world.app.app_context(), every_tenant(), db.engine.begin() as connection:
        values = {"access": access, "version": Tenant.version + 1}
        connection.execute(sa.update(Tenant).where(Tenant.slug == "acme").values(**values))


def second_provider(world: World, *domains: str) -> str:
    """Connect another one; its id. `domains` are what it speaks for."""
    metadata = world.globex.idp.metadata_xml().replace("https://idp.acme.test/sso", "https://second.test/sso")
    body = {"display_name": "Second", "metadata_xml": metadata}
    assert world.api("PUT", "/tenants/acme/identity-providers/second", json=body).status_code == 201
    path = "/tenants/acme/identity-providers/second/placement-rules"
    assert world.api("PUT", path, json={"email_domains": list(domains)}).status_code == 200
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        text = sa.text("SELECT id FROM identity_provider WHERE name = 'second'")
        return str(connection.execute(text.columns(id=sa.Uuid(as_uuid=False))).scalar_one())


def test_one_required_provider_is_gone_to_straight(world: World) -> None:
    """Only where the tenant says that it is required; never straight after a sign-out or a refusal, and no round is run."""
    browser = world.browser()
    assert browser.get("/").status_code == 200
    say(world, sso_required=True)
    away = browser.get("/")
    assert (away.status_code, away.location) == (303, "/saml/login?next=%2F&idp=main")
    started = browser.leave_by(browser.get(away.location))
    assert browser.post_response(world.response(started), started.relay_state).location == "/"
    assert browser.get("/").status_code == 200
    assert browser.post("/logout").status_code == 303
    for path in ("/?signed_out=1", "/", "/?signed_out=x"):
        assert browser.get(path).status_code == 200, path
    other = world.browser()
    refused = world.sign_in(other, attributes={"mail": ["ada@elsewhere.test"]})
    assert code_of(refused) == "email_domain_not_allowed"
    assert other.get("/").status_code == 200
    say(world, sso_required=False)
    assert world.browser().get("/").status_code == 200


def test_of_several_the_required_one(world: World) -> None:
    """The one that the tenant names; where it names none of them, people choose."""
    second = second_provider(world)
    say(world, sso_required=True)
    assert world.browser().get("/").status_code == 200
    say(world, sso_required=True, idp_id=second)
    assert world.browser().get("/").location == "/saml/login?next=%2F&idp=second"
    assert world.browser().start("/deep").action.startswith("https://second.test/")
    body = {"display_name": "Second", "metadata_xml": world.globex.idp.metadata_xml(), "enabled": False}
    assert world.api("PUT", "/tenants/acme/identity-providers/second", json=body).status_code == 200
    assert world.browser().get("/").status_code == 200


def test_an_address_decides_between_several(world: World) -> None:
    """By its domain alone; what decides nothing shows the same choice for everybody, and the target comes along."""
    world.api("PATCH", "/tenants/acme", json={"email_domains": ["acme.test", "beta.test"]})
    second_provider(world, "beta.test")
    browser = world.browser()
    assert 'action="/sign-in/address"' in browser.get("/").get_data(as_text=True)

    def led(email: str, **options: Any) -> Any:
        return browser.post("/sign-in/address", data={"email": email, "next": "/deep?x=1"}, **options)

    pages = [led(email) for email in ("ada@acme.test", "nobody@acme.test", "eve@nowhere.test", "x", "")]
    assert {page.get_data() for page in pages} == {pages[0].get_data()}
    assert "next=%2Fdeep%3Fx%3D1&amp;idp=second" in pages[0].get_data(as_text=True)
    started = browser.leave_by(led("Who@BETA.test"))
    assert started.action.startswith("https://second.test/")
    assert parse_qs(urlsplit(started.action).query)["login_hint"] == ["who@beta.test"]
    assert led("who@beta.test", headers={"Sec-Fetch-Site": "same-site"}).status_code == 400
    assert browser.post("/sign-in/address", data={"email": "a@beta.test", "next": "//evil.test"}).status_code == 400
    assert led("a" * 9000).status_code == 413
    with world.app.app_context():
        keys = world.app.extensions["vestibule_keys"]
        tenant_id = 1
        sealed = seal_hint(keys, tenant_id, "who@beta.test", utc_now())
    assert browser.get("/", query_string={"hint": sealed}).location.startswith("/saml/login?next=%2F&idp=second&hint=")


def test_a_demand_stays_where_an_address_leads_nowhere(world: World) -> None:
    """A mistyped address is no way around a new sign-in: whichever way is chosen then demands it still."""
    world.api("PATCH", "/tenants/acme", json={"email_domains": ["acme.test", "beta.test"]})
    second_provider(world, "beta.test")
    browser = world.browser()
    chosen = browser.get("/saml/login?force=1&next=/deep").get_data(as_text=True)
    assert "idp=second&amp;force=1" in chosen
    sent = {"email": "who@nowhere.test", "next": "/deep", "force": "1"}
    again = browser.post("/sign-in/address", data=sent).get_data(as_text=True)
    assert "idp=second&amp;force=1" in again
    assert '<input type="hidden" name="force" value="1">' in again
    started = browser.leave_by(browser.post("/sign-in/address", data=sent | {"email": "who@beta.test"}))
    assert b' ForceAuthn="true"' in started.saml_request


def test_by_redirect_a_form_is_answered_with_a_page(world: World) -> None:
    """Chromium would stop a redirect there: the page goes on by itself, or by its link."""
    second_provider(world, "acme.test")
    path = "/tenants/acme/identity-providers/second/saml-settings"
    assert world.api("PATCH", path, json={"request_binding": "redirect"}).status_code == 200
    page = world.browser().post("/sign-in/address", data={"email": "ada@acme.test", "next": "/"})
    assert page.status_code == 200
    assert 'http-equiv="refresh"' in page.get_data(as_text=True)


def test_a_hint_is_as_long_as_an_address(world: World) -> None:
    """A longer one is none: it would be a way to send anything to an identity provider."""
    browser = world.browser()
    assert "login_hint=" in browser.start(login_hint="a" * 254).action
    assert "login_hint=" not in browser.start(login_hint="a" * 255).action


def test_a_hint_goes_by_the_name_of_the_settings(world: World) -> None:
    """By either binding, in the address that the browser goes to; none where the identity provider takes none."""
    for binding in ("post", "redirect"):
        for name in ("username", "LoginHint", ""):
            world.change_settings(request_binding=binding, login_hint_parameter=name)
            query = parse_qs(urlsplit(world.browser().start(login_hint="ada@acme.test").action).query)
            assert query.keys() - {"SAMLRequest", "RelayState", "SigAlg", "Signature"} == ({name} if name else set())
            assert not name or query[name] == ["ada@acme.test"]


def test_a_product_takes_the_hint_by_its_own_name(world: World) -> None:
    """Whoever sets a customer up for AD FS has `username` without having asked for it; for Google nothing is sent."""
    for product, name in (("ad-fs", "username"), ("entra-id", "login_hint"), ("google-workspace", "")):
        world.change_settings(**PRODUCTS[product].patch())
        shown = world.api("GET", "/tenants/acme/identity-providers/main/saml-settings").get_json()
        assert shown["login_hint_parameter"] == name


def test_a_deep_link_comes_back_to_itself(world: World) -> None:
    """A page of the console, also where the identity provider starts by itself (Q7)."""
    deep = "/admin/people/?search=a&sort=name"
    world.change_settings(allow_idp_initiated=True, idp_login_url="https://idp.acme.test/start?app=7")
    browser = world.browser()
    way = browser.get(deep)
    assert way.status_code == 302
    away = browser.get(way.location)
    location, _, relay_state = away.location.partition("&RelayState=")
    assert (away.status_code, location) == (302, "https://idp.acme.test/start?app=7")
    assert browser.post_response(world.response(None), relay_state).location == deep


def test_an_address_that_was_typed_a_moment_ago_stands_in_the_form_for_a_password(world: World) -> None:
    """Whoever came by the app host types it once; yes and no are words of the command as well."""
    command = ["organisation", "set", "/", "way=local", "require_second_factor=yes", "--tenant", "acme"]
    done = world.app.test_cli_runner().invoke(args=command)
    assert done.exit_code == 0, done.output
    with world.app.app_context():
        sealed = seal_hint(world.app.extensions["vestibule_keys"], 1, "lin@acme.test", utc_now())
    assert 'value="lin@acme.test"' in world.browser().get("/", query_string={"hint": sealed}).get_data(as_text=True)
    assert "lin@acme.test" not in world.browser().get("/").get_data(as_text=True)
