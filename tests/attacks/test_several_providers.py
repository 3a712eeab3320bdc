"""A tenant with several identity providers, one of them gone bad: what one began, is known by, or has said is not another's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.support import Pending
from tests.flows.management.support import code_in
from tests.support.browser import Browser, Started, code_of
from tests.support.idp import ForgingIdP
from tests.support.organisations import OTHER_IDP, accepted, connect_other, pass_test, sign_in_by, user_of
from tests.support.world import World, utc_now

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PROVIDERS = "/tenants/acme/identity-providers"
KEPT = ("users", "session", "email_address", "used_assertion")


def said(world: World, idp: ForgingIdP, started: Started | None, person: str = "ada", **parts: Any) -> bytes:
    """What an identity provider says of somebody, in answer to a request of whichever one."""
    good: dict[str, Any] = {
        "sp_entity_id": world.acme.entity_id,
        "acs_url": world.acme.acs_url,
        "in_response_to": started.request_id if started else None,
        "now": utc_now(),
        "name_id": f"{person}@acme.test",
        "attributes": {"mail": [f"{person}@acme.test"]},
    }
    return idp.response(**(good | parts))


@ON_SQLITE
@pytest.mark.parametrize("asked", ["main", "other"])
@pytest.mark.parametrize("encrypt", [None, "aes256-gcm"])
def test_a_request_is_answered_by_the_one_that_was_asked(world: World, asked: str, encrypt: str | None) -> None:
    """In its own name or the other's, inside a response of the other's, encrypted or not; the honest answer still counts."""
    other = connect_other(world)
    idps = {"main": world.acme.idp, "other": other}
    honest, rogue = idps.pop(asked), next(iter(idps.values()))
    browser = world.browser()
    started = browser.start("/", idp=asked)
    names = {"its own": rogue.entity_id, "the other's": honest.entity_id}
    before, ours = world.rows(), Pending(world, world.acme, browser, started).encryption_certificate
    for response_name in names.values():
        for assertion_name in names.values():
            for sign in ("assertion", "response", "both"):
                parts: dict[str, Any] = {"response_issuer": response_name, "assertion_issuer": assertion_name, "sign": sign}
                if encrypt:
                    parts |= {"encrypt": encrypt, "encryption_certificate": ours}
                answer = browser.post_response(said(world, rogue, started, **parts), started.relay_state)
                assert answer.status_code in (400, 403), (parts, code_of(answer))
    after = world.rows()
    for table in KEPT:
        assert after[table] == before[table], table
    assert browser.post_response(said(world, honest, started), started.relay_state).status_code == 303


@ON_SQLITE
def test_a_response_that_nobody_asked_for_is_of_whoever_it_names(world: World) -> None:
    """One identity provider may come unasked, the other may not: neither its leave nor a request's RelayState is borrowed."""
    other = connect_other(world)
    accepted(world.api("PATCH", f"{PROVIDERS}/main/saml-settings", json={"allow_idp_initiated": True}))
    browser = world.browser()
    started = browser.start("/", idp="main")
    before = world.rows()
    for relay_state in ("", started.relay_state):
        for parts in ({}, {"assertion_issuer": world.acme.idp.entity_id}, {"response_issuer": world.acme.idp.entity_id}):
            answer = browser.post_response(said(world, other, None, **parts), relay_state)
            assert answer.status_code in (400, 403), parts
    foreign = browser.start("/", idp="other")
    answer = browser.post_response(said(world, world.acme.idp, None), foreign.relay_state)
    assert answer.status_code in (400, 403), "main may come unasked, and not as the answer to what other was asked"
    after = world.rows()
    for table in KEPT:
        assert after[table] == before[table], table


def test_a_subject_is_one_identity_providers_own(world: World) -> None:
    """The same NameID at two of them is two people, and neither gets the other's address, at a sign-in or later."""
    other = connect_other(world)
    assert sign_in_by(world, world.acme.idp, "main", "ada").status_code == 303
    browser = world.browser()
    started = browser.start("/", idp="other")
    named = {"name_id": "ada@acme.test", "attributes": {"mail": ["eve@acme.test"]}}
    assert browser.post_response(said(world, other, started, **named), started.relay_state).status_code == 303
    ada, eve = user_of(world)["id"], user_of(world, "eve@acme.test")["id"]
    assert ada != eve
    started = browser.start("/", idp="other")
    taking = {"name_id": "ada@acme.test", "attributes": {"mail": ["ada@acme.test"]}}
    refused = browser.post_response(said(world, other, started, **taking), started.relay_state)
    assert (refused.status_code, code_of(refused)) == (403, "email_conflict")
    assert user_of(world, "eve@acme.test")["id"] == eve


@ON_SQLITE
def test_a_test_of_one_is_not_answered_by_another(world: World) -> None:
    """Nor does an answer of the other's to an ordinary request count as a test of either."""
    other = connect_other(world)
    tests = f"{PROVIDERS}/main/saml-settings/tests"
    prepared = accepted(world.api("POST", tests, json={"draft": False}))
    browser = Browser(world.app, "acme")
    started = browser.leave_by(browser.get(prepared["url"].removeprefix(world.acme.origin)))
    browser.post_response(said(world, other, started), started.relay_state)
    shown = accepted(world.api("GET", f"{tests}/{prepared['id']}"))
    assert not shown["passed"]
    assert world.count("users") == 0
    pass_test(world)
    assert code_in(world.api("PATCH", "/tenants/acme/access", json={"sso_required": True})) == (409, "sso_not_tested")


def test_documents_of_metadata_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often another one is written: the last ones stay, and what is in force and what waits."""
    monkeypatch.setattr("tenants.metadata_history.records.MAX_OCTETS_KEPT", 30_000)
    monkeypatch.setattr("tenants.metadata_history.records.KEPT_ANYWAY", 2)
    for number in range(8):
        padded = world.acme.idp.metadata_xml() + f"<!--{number}{'x' * 8_000}-->"
        body = {"display_name": "Main", "metadata_xml": padded}
        assert world.api("PUT", f"{PROVIDERS}/main", json=body).status_code == 200
    versions = accepted(world.api("GET", f"{PROVIDERS}/main/metadata-versions"))["items"]
    assert 2 <= len(versions) <= 3
    assert [item["number"] for item in versions] == sorted((item["number"] for item in versions), reverse=True)
    assert versions[0]["number"] == 9
    assert sign_in_by(world, world.acme.idp, "main", "ada").status_code == 303


@ON_SQLITE
def test_metadata_makes_no_identity_provider_another_one_of_the_tenants(world: World) -> None:
    """Neither saved over it, with its name chosen, nor approved after it came by a sync: two of one name there are not."""
    other = connect_other(world)
    body = {"display_name": "Main", "metadata_xml": other.metadata_xml()}
    before = world.rows()["identity_provider"]
    assert world.api("PUT", f"{PROVIDERS}/main", json=body).status_code == 422
    assert code_in(world.api("PUT", f"{PROVIDERS}/main", json=body | {"entity_id": OTHER_IDP})) == (422, "entity_id_duplicate")
    assert code_in(world.api("PUT", f"{PROVIDERS}/third", json=body)) == (422, "entity_id_duplicate")
    assert world.rows()["identity_provider"] == before
