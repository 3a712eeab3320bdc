"""Set-up links by API and command: issued, shown once, claimed by one browser, released, revoked, done (O1, O2)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from config.database import transaction
from tenants.errors import RateLimited
from tenants.models import ACTIVE, ONBOARDING
from tenants.onboarding import links
from tenants.onboarding.errors import (
    SetupLinkClaimed,
    SetupLinkDone,
    SetupLinkExpired,
    SetupLinkInvalid,
    SetupLinkRevoked,
    SetupNotStarted,
)
from tenants.onboarding.link_records import change_link, claim_row
from tenants.tenant_records import find_managed_tenant
from tests.flows.management.support import code_in, events_of, token_for
from tests.support.world import World, utc_now

NEW = {
    "slug": "initech",
    "name": "Initech",
    "email_domains": ["initech.example"],
    "setup_email": "Grace@Customer.example",
}
LINKS = "/tenants/initech/setup-links"


@pytest.fixture
def link(world: World) -> dict[str, Any]:
    """A new customer's set-up link, as the answer has it."""
    answer = world.api("POST", "/onboardings", json=NEW)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()["setup_link"]
    return document


def token_of(link: dict[str, Any]) -> str:
    """The secret in the address."""
    found = re.fullmatch(r"http://initech\.localhost:8000/setup/([A-Za-z0-9_-]{43})", link["url"])
    assert found
    return found[1]


def tenant_id(world: World, slug: str = "initech") -> int:
    """The row of a tenant."""
    tenant = find_managed_tenant(slug)
    assert tenant
    return tenant.id


def test_one_call_makes_a_customer(world: World, link: dict[str, Any]) -> None:
    """Tenant, our side, domains that wait for DNS, and the link for one person for two weeks."""
    tenant = world.api("GET", "/tenants/initech").get_json()
    assert (tenant["state"], tenant["unproven_email_domains"]) == ("onboarding", ["initech.example"])
    assert link["email"] == "grace@customer.example"
    lifetime = dt.datetime.fromisoformat(link["expires_at"]) - dt.datetime.fromisoformat(link["created_at"])
    assert lifetime == dt.timedelta(days=14)
    assert token_of(link)
    progress = world.api("GET", "/tenants/initech/onboarding").get_json()
    assert (progress["next"], [step["name"] for step in progress["steps"] if step["enough"]]) == ("product", ["refusal_test"])


def test_domains_may_be_attested_at_once(world: World) -> None:
    """With a reason, which is kept."""
    answer = world.api("POST", "/onboardings", json={**NEW, "attest_reason": "Contract of 3 March"})
    assert answer.get_json()["tenant"]["unproven_email_domains"] == []
    item = world.api("GET", "/tenants/initech/email-domains").get_json()["items"][0]
    assert (item["proof"], item["reason"]) == ("attested", "Contract of 3 March")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"setup_email": "nobody"}, 422, "validation_failed"),
        ({"setup_email": "a@b.example\u202e"}, 422, "validation_failed"),
        ({"slug": "acme"}, 409, "slug_taken"),
        ({"email_domains": ["acme.test"]}, 409, "domain_taken"),
        ({"email_domains": ["localhost"]}, 422, "domain_invalid"),
        ({"name": "x" * 10_000}, 422, "validation_failed"),
        ({"expires_in_days": 0}, 422, "validation_failed"),
        ({"expires_in_days": True}, 422, "validation_failed"),
    ],
)
def test_what_is_wrong_leaves_nothing(world: World, change: dict[str, Any], status: int, code: str) -> None:
    """No tenant, no link, no claim."""
    before = world.rows()
    assert code_in(world.api("POST", "/onboardings", json=NEW | change)) == (status, code)
    assert world.rows() == before


@pytest.mark.usefixtures("link")
def test_only_staff_begin_and_only_those_who_configure_issue(world: World) -> None:
    """Roles of A1."""
    for role, slug in (("admin", "initech"), ("support", None), ("viewer", "initech")):
        token = token_for(world, role, slug)
        assert code_in(world.api("POST", "/onboardings", token, json=NEW)) == (403, "forbidden")
        issued = world.api("POST", LINKS, token, json={"email": "a@b.example"})
        assert issued.status_code == (201 if role == "admin" else 403)
        assert world.api("GET", LINKS, token).status_code == 200
    assert code_in(world.api("GET", LINKS, token_for(world, "admin", "acme"))) == (404, "not_found")


def test_the_link_is_shown_once(world: World, link: dict[str, Any]) -> None:
    """Not in the list, the events, or any row of the database."""
    token = token_of(link)
    assert token not in world.api("GET", LINKS).get_data(as_text=True)
    assert token not in str(events_of(world, "initech"))
    assert token not in str(world.rows())
    issued = next(event for event in events_of(world, "initech") if event["type"] == "setup_link.issued")
    assert issued["detail"]["email"] == "grace@customer.example"


def test_opening_changes_nothing_and_starting_binds_it_to_one_browser(world: World, link: dict[str, Any]) -> None:
    """Whoever starts second is refused with a masked address; the secret is known by its hash only."""
    with world.app.app_context():
        tenant, now, token = tenant_id(world), utc_now(), token_of(link)
        before = world.rows()
        opened = links.open_link(tenant, ONBOARDING, token, now)
        assert world.rows() == before
        with transaction():
            secret = links.claim_link(opened, now)
        with pytest.raises(SetupLinkClaimed) as refused, transaction():
            links.claim_link(opened, now)
        assert refused.value.detail["email"] == "g…@customer.example"
        assert links.require_setup(tenant, ONBOARDING, secret, now).id == opened.id
        assert secret not in str(world.rows())
        for wrong in (None, "", token, "x" * 43, "\x00" * 43, secret + "A"):
            with pytest.raises(SetupNotStarted):
                links.require_setup(tenant, ONBOARDING, wrong, now)
    claimed = events_of(world, "initech")[0]
    assert (claimed["type"], claimed["actor"]) == ("setup_link.claimed", "setup:grace@customer.example")


def test_a_link_that_ends_between_a_look_and_the_button_is_nobody_s(world: World, link: dict[str, Any]) -> None:
    """Revoked, done or expired since somebody opened it: the claim itself asks."""
    with world.app.app_context():
        tenant, now = tenant_id(world), utc_now()
        opened = links.open_link(tenant, ONBOARDING, token_of(link), now)
        for column in ("revoked_at", "completed_at"):
            with transaction():
                change_link(tenant, opened.id, {column: now})
                assert not claim_row(opened, "secret", now)
                change_link(tenant, opened.id, {column: None})
        with transaction():
            assert not claim_row(opened, "secret", opened.expires_at)
            assert claim_row(opened, "secret", opened.expires_at - dt.timedelta(seconds=1))


def test_two_browsers_at_once_get_one(world: World, link: dict[str, Any]) -> None:
    """Both opened it before either started."""
    with world.app.app_context():
        tenant, now = tenant_id(world), utc_now()
        both = [links.open_link(tenant, ONBOARDING, token_of(link), now) for _ in range(2)]
        with transaction():
            links.claim_link(both[0], now)
        with pytest.raises(SetupLinkClaimed), transaction():
            links.claim_link(both[1], now)


def test_a_released_link_starts_anew_and_the_former_browser_is_out(world: World, link: dict[str, Any]) -> None:
    """Staff and the tenant's admins may release."""
    with world.app.app_context():
        tenant, now, token = tenant_id(world), utc_now(), token_of(link)
        with transaction():
            former = links.claim_link(links.open_link(tenant, ONBOARDING, token, now), now)
    released = world.api("POST", f"{LINKS}/{link['id']}/release", token_for(world, "admin", "initech"))
    assert (released.status_code, released.get_json()["state"]) == (200, "open")
    with world.app.app_context():
        with pytest.raises(SetupNotStarted):
            links.require_setup(tenant, ONBOARDING, former, now)
        with transaction():
            links.claim_link(links.open_link(tenant, ONBOARDING, token, now), now)


def test_revoked_expired_and_done_links_are_told_apart_only_to_who_has_them(world: World, link: dict[str, Any]) -> None:
    """A genuine token gets kind words; anything else is unknown."""
    with world.app.app_context():
        tenant, now, token = tenant_id(world), utc_now(), token_of(link)
        with transaction():
            secret = links.claim_link(links.open_link(tenant, ONBOARDING, token, now), now)
        later = now + dt.timedelta(days=14, seconds=1)
        for state, at, refusal in (
            (ONBOARDING, later, SetupLinkExpired),
            (ACTIVE, now, SetupLinkDone),
        ):
            with pytest.raises(refusal):
                links.open_link(tenant, state, token, at)
            with pytest.raises(refusal):
                links.require_setup(tenant, state, secret, at)
        assert world.api("DELETE", f"{LINKS}/{link['id']}").status_code == 204
        assert world.api("DELETE", f"{LINKS}/{link['id']}").status_code == 204
        with pytest.raises(SetupLinkRevoked):
            links.open_link(tenant, ONBOARDING, token, now)
        with pytest.raises(SetupLinkRevoked):
            links.require_setup(tenant, ONBOARDING, secret, now)
        for wrong in ("", "x" * 43, token[:-1], token.swapcase(), "\x00" * 43, "é" * 43):
            with pytest.raises(SetupLinkInvalid) as refused:
                links.open_link(tenant, ONBOARDING, wrong, now)
            assert type(refused.value) is SetupLinkInvalid
    assert world.api("GET", LINKS).get_json()["items"][0]["state"] == "revoked"


def test_a_link_is_its_own_tenants(world: World, link: dict[str, Any]) -> None:
    """At another tenant's host it is unknown, and its id is not there either."""
    with world.app.app_context(), pytest.raises(SetupLinkInvalid):
        links.open_link(tenant_id(world, "acme"), ONBOARDING, token_of(link), utc_now())
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/release")):
        for link_id in (link["id"], "nothing", "%00"):
            assert code_in(world.api(method, f"/tenants/acme/setup-links/{link_id}{path}")) == (404, "not_found")


def test_guessing_is_slowed_down_and_locks_nobody_out(
    world: World, link: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown tokens count, genuine ones never do."""
    monkeypatch.setattr(links, "UNKNOWN_TOKENS", links.Rate("test", per_minute=1, burst=3))
    with world.app.app_context():
        tenant, now = tenant_id(world), utc_now()
        for _ in range(3):
            with pytest.raises(SetupLinkInvalid):
                links.open_link(tenant, ONBOARDING, "x" * 43, now)
        with pytest.raises(RateLimited):
            links.open_link(tenant, ONBOARDING, "x" * 43, now)
        assert links.open_link(tenant, ONBOARDING, token_of(link), now)


def test_an_active_tenant_gets_none(world: World) -> None:
    """Its admins have a console of their own."""
    answer = world.api("POST", "/tenants/acme/setup-links", json={"email": "a@b.example"})
    assert code_in(answer) == (409, "state_conflict")


def test_there_is_a_bound(world: World, link: dict[str, Any]) -> None:
    """Twenty good links; a revoked one makes room."""
    for n in range(19):
        assert world.api("POST", LINKS, json={"email": f"p{n}@b.example"}).status_code == 201
    assert code_in(world.api("POST", LINKS, json={"email": "late@b.example"})) == (422, "validation_failed")
    world.api("DELETE", f"{LINKS}/{link['id']}")
    assert world.api("POST", LINKS, json={"email": "late@b.example"}).status_code == 201


def test_the_commands_do_the_same(world: World) -> None:
    """start prints the link alone; issue, list, release, revoke, show."""

    def run(*args: str) -> tuple[int, str]:
        result = world.app.test_cli_runner().invoke(args=list(args))
        return result.exit_code, result.output.strip()

    code, url = run("onboarding", "start", "initech", "--name", "Initech", "--domain", "i.example", "--email", "g@c.example")
    assert (code, bool(re.fullmatch(r"http://initech\.localhost:8000/setup/[\w-]{43}", url))) == (0, True)
    assert run("setup-link", "issue", "initech", "--email", "h@c.example", "--expires-in-days", "2")[0] == 0
    code, output = run("setup-link", "list", "initech")
    assert [line.split("\t")[3] for line in output.splitlines()] == ["h@c.example", "g@c.example"]
    link_id = output.split("\t")[0]
    assert run("setup-link", "release", "initech", link_id)[0] == 0
    assert '"state": "revoked"' in run("setup-link", "revoke", "initech", link_id)[1]
    assert run("setup-link", "revoke", "initech", "nothing")[0] == 2
    assert '"next": "product"' in run("onboarding", "show", "initech")[1]
    code, output = run("onboarding", "activate", "initech", "--reason", "In a hurry")
    assert (code, "state_conflict" in output) == (2, True)
