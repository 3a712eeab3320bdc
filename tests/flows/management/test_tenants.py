"""Tenants by the API: made, changed, suspended, deleted."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.database import db
from config.isolation import every_tenant
from tenants.models import EmailDomain
from tests.support.world import World

KEYS = {"slug", "name", "state", "email_domains", "sp"}


def _create(world: World, slug: str = "initech", **fields: object) -> TestResponse:
    return world.api("POST", "/tenants", json={"slug": slug, "name": "Initech", "email_domains": ["initech.test"]} | fields)


def _token(world: World, role: str, slug: str | None = None) -> str:
    options = ["--tenant", slug] if slug else []
    made = world.app.test_cli_runner().invoke(args=["token", "create", "--role", role, *options])
    assert made.exit_code == 0, made.output
    return made.output.strip()


def _proof(world: World, domain: str) -> str | None:
    with world.app.app_context():
        return db.session.execute(sa.select(EmailDomain.proof).where(EmailDomain.domain == domain)).scalar_one()


def _on_host(world: World, slug: str, path: str = "/") -> int:
    return world.app.test_client().get(path, base_url=f"http://{slug}.localhost:8000").status_code


def test_a_new_tenant_shows_what_its_identity_provider_has_to_know(world: World) -> None:
    """The answer has the addresses under its canonical origin, and the tenant waits for an identity provider."""
    made = _create(world)
    assert made.status_code == 201
    document = made.get_json()
    assert document.keys() >= KEYS
    assert document["state"] == "onboarding"
    assert document["sp"] == {
        "entity_id": "http://initech.localhost:8000/saml/metadata",
        "metadata_url": "http://initech.localhost:8000/saml/metadata",
        "acs_url": "http://initech.localhost:8000/saml/acs",
        "slo_url": "http://initech.localhost:8000/saml/slo",
    }
    assert _on_host(world, "initech", "/saml/metadata") == 200
    refused = world.app.test_client().get(
        "/saml/login", base_url="http://initech.localhost:8000", headers={"Accept": "application/problem+json"}
    )
    assert refused.get_json()["code"] == "identity_provider_missing"


def test_both_own_keys_are_sealed_to_their_rows(world: World) -> None:
    """Signing and encryption have a key pair each, and neither private half is readable in the database."""
    _create(world)
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT k.use, k.sealed_private_key FROM service_provider_key k "
                "JOIN tenant t ON t.id = k.tenant_id WHERE t.slug = 'initech' ORDER BY k.use"
            )
        ).all()
    assert [row.use for row in rows] == ["encryption", "signing"]
    assert all(row.sealed_private_key.startswith("v1.test.") for row in rows)


@pytest.mark.parametrize("slug", ["ab", "-initech", "initech-", "in_itech", "xn--80ak6aa92e", "initech.evil", "ｉnitech"])
def test_a_label_that_cannot_be_one_is_422(world: World, slug: str) -> None:
    """Whatever is wrong with it, nothing is made."""
    refused = _create(world, slug)
    assert refused.status_code == 422
    assert refused.get_json()["code"] in {"slug_invalid", "validation_failed"}


@pytest.mark.parametrize("slug", ["www", "admin", "API", "acme", "ACME"])
def test_a_taken_and_a_reserved_label_are_the_same_409(world: World, slug: str) -> None:
    """Upper case is the same label."""
    refused = _create(world, slug)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "slug_taken")


def test_a_domain_belongs_to_one_tenant_and_whose_is_not_said(world: World) -> None:
    """The second claim is refused whole: no tenant is left behind."""
    refused = _create(world, email_domains=["initech.test", "ACME.test"])
    assert (refused.status_code, refused.get_json()["code"]) == (409, "domain_taken")
    assert '"acme"' not in refused.get_data(as_text=True).lower()
    assert world.api("GET", "/tenants/initech").status_code == 404
    assert _create(world).status_code == 201


@pytest.mark.parametrize(
    "domain", ["localhost", "10.0.0.1", "a..b", "initech.test.", "-a.test", "exa mple.test", "\u3002.test"]
)
def test_a_domain_that_nobody_has_mail_at_is_422(world: World, domain: str) -> None:
    """The field is named, with the position in the list."""
    refused = _create(world, email_domains=["initech.test", domain])
    assert (refused.status_code, refused.get_json()["code"]) == (422, "domain_invalid")
    assert list(refused.get_json()["errors"]["email_domains"]) == ["1"]


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "a\nb", "a\u202eb"])
def test_a_name_is_printable_and_short(world: World, name: str) -> None:
    """Control characters and text directions would forge what people read."""
    refused = _create(world, name=name)
    assert (refused.status_code, refused.get_json()["code"]) == (422, "validation_failed")
    assert "name" in refused.get_json()["errors"]


def test_staff_attest_domains_and_a_tenants_admin_does_not(world: World) -> None:
    """What an admin adds waits for its proof; staff listing it again attest it."""
    admin = _token(world, "admin", "acme")
    domains = ["acme.test", "acme.example.test"]
    added = world.api("PATCH", "/tenants/acme", admin, json={"email_domains": domains})
    assert added.status_code == 200
    assert added.get_json()["unproven_email_domains"] == ["acme.example.test"]
    assert (_proof(world, "acme.test"), _proof(world, "acme.example.test")) == ("attested", None)
    world.api("PATCH", "/tenants/acme", json={"email_domains": domains, "reason": "They sent a letter"})
    assert _proof(world, "acme.example.test") == "attested"


def test_a_claim_without_proof_keeps_nobody_out(world: World) -> None:
    """Who names another organisation's domain first has nothing: staff attest it for its owner, and both sides read so."""
    admin = _token(world, "admin", "acme")
    claimed = world.api("PATCH", "/tenants/acme", admin, json={"email_domains": ["acme.test", "initech.test"]})
    assert claimed.get_json()["unproven_email_domains"] == ["initech.test"]
    assert _create(world, slug="initech", email_domains=["initech.test"]).status_code == 201
    assert world.api("GET", "/tenants/acme").get_json()["unproven_email_domains"] == []
    assert world.api("GET", "/tenants/acme/events").get_json()["items"][0]["detail"]["removed"] == ["initech.test"]
    proven = world.api("PATCH", "/tenants/globex", json={"email_domains": ["globex.test", "initech.test"]})
    assert (proven.status_code, proven.get_json()["code"]) == (409, "domain_taken")


def test_a_list_of_domains_replaces_the_one_before(world: World) -> None:
    """What is left out is free for others."""
    world.api("PATCH", "/tenants/acme", json={"email_domains": ["new.acme.test"]})
    assert world.api("GET", "/tenants/acme").get_json()["email_domains"] == ["new.acme.test"]
    assert _create(world, email_domains=["acme.test"]).status_code == 201


def test_suspending_ends_every_session_at_once_and_activating_does_not_bring_them_back(world: World) -> None:
    """The other tenant goes on."""
    ada, grace = world.browser(), world.browser(world.globex)
    world.sign_in(ada)
    world.sign_in(grace, world.globex)
    suspended = world.api("PATCH", "/tenants/acme", json={"state": "suspended"})
    assert suspended.get_json()["state"] == "suspended"
    assert ada.get("/session").status_code == 403
    world.api("PATCH", "/tenants/acme", json={"state": "active"})
    assert ada.get("/session").status_code == 401
    assert grace.get("/session").status_code == 200
    types = [event["type"] for event in world.api("GET", "/tenants/acme/events").get_json()["items"]]
    assert types[:2] == ["tenant.activated", "tenant.suspended"]


def test_a_new_mydomain_leaves_the_former_one_and_the_trust_as_they_are(world: World) -> None:
    """Entity ID and ACS URL stay; the former label stays this tenant's, and leads there (T1)."""
    before = world.api("GET", "/tenants/acme").get_json()["sp"]
    renamed = world.api("PATCH", "/tenants/acme", json={"slug": "acme-corp"})
    assert (renamed.status_code, renamed.get_json()["slug"], renamed.get_json()["sp"]) == (200, "acme-corp", before)
    assert world.api("GET", "/tenants/acme").status_code == 404
    assert _on_host(world, "acme-corp", "/saml/metadata") == 200
    assert _on_host(world, "acme", "/saml/metadata") == 200
    shown = world.app.test_client().get("/", base_url="http://acme-corp.localhost:8000").get_data(as_text=True)
    assert 'You are at <b dir="ltr">acme-corp.localhost:8000</b>' in shown, "the address that the browser is at"
    _require_led_on_as_it_came(world)
    assert _create(world, "acme").get_json()["code"] == "slug_taken"
    assert world.api("PATCH", "/tenants/globex", json={"slug": "acme"}).get_json()["code"] == "slug_taken"
    assert world.api("PATCH", "/tenants/acme-corp", json={"slug": "acme"}).get_json()["slug"] == "acme"


def _require_led_on_as_it_came(world: World) -> None:
    """A line break that a stranger put into the path is none in our header, nor is an escaped ? a query."""
    client, led = world.app.test_client(), "http://acme-corp.localhost:8000"
    escaped = "x%0D%0ASet-Cookie:a=b%3Fc%23d%25e%C3%BC"
    for before in ("/saml/test/", "/sign-in/link/", "/setup/", "/admin/people/"):
        answer = client.get(f"{before}{escaped}?q=%0D%0A&r=a+b", base_url="http://acme.localhost:8000")
        told = (answer.status_code, answer.headers["Location"], "Set-Cookie" in answer.headers)
        assert told == (302, f"{led}{before}{escaped}?q=%0D%0A&r=a+b", False)


def test_a_deleted_tenant_is_unknown_and_its_label_stays_reserved(world: World) -> None:
    """Its host, its API and its tokens are as those of a tenant that never was; its domains are free."""
    admin = _token(world, "admin", "acme")
    ada = world.browser()
    world.sign_in(ada)
    assert world.api("DELETE", "/tenants/acme").status_code == 204
    assert _on_host(world, "acme") == _on_host(world, "never-was") == 404
    assert world.api("GET", "/tenants/acme").status_code == world.api("DELETE", "/tenants/acme").status_code == 404
    assert world.api("GET", "/tenants/acme", admin).status_code == 401
    assert _create(world, "acme").get_json()["code"] == "slug_taken"
    assert _create(world, email_domains=["acme.test"]).status_code == 201
    assert [item["slug"] for item in world.api("GET", "/tenants").get_json()["items"]] == ["globex", "initech"]


def test_the_same_change_again_leaves_no_event(world: World) -> None:
    """PATCH is idempotent, down to the audit."""
    change = {"name": "Acme Corporation", "brand_colour": "#aa0000", "state": "active", "email_domains": ["acme.test"]}
    world.api("PATCH", "/tenants/acme", json=change)
    before = world.api("GET", "/tenants/acme/events").get_json()["items"]
    assert before[0]["detail"]["changes"]["name"] == {"from": "Acme", "to": "Acme Corporation"}
    assert world.api("PATCH", "/tenants/acme", json=change).status_code == 200
    assert world.api("GET", "/tenants/acme/events").get_json()["items"] == before


def test_a_session_cannot_be_idle_for_longer_than_it_lasts(world: World) -> None:
    """Both timeouts are judged together, with the one that stays."""
    refused = world.api("PATCH", "/tenants/acme", json={"session_absolute_seconds": 600})
    assert (refused.status_code, list(refused.get_json()["errors"])) == (422, ["session_idle_seconds"])
    changed = world.api("PATCH", "/tenants/acme", json={"session_absolute_seconds": 600, "session_idle_seconds": 300})
    assert changed.get_json()["session_idle_seconds"] == 300
