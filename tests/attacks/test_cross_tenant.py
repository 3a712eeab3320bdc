"""Across tenants, in every permutation: what one has opens nothing at another; the Host says whose page it is, and no more."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, TestResponse, run_wsgi_app

from config.database import db
from identity.browsers import LOGIN_COOKIE, SESSION_COOKIE
from tests.attacks.answering import accept, accept_message, refuse_each
from tests.attacks.support import Pending, assert_refused, on_sqlite, pending
from tests.support.browser import Browser, code_of
from tests.support.idp import ForgingIdP, encoded
from tests.support.world import Organisation, World
from wsgi import create_app

SHARED = ForgingIdP("https://idp.everybody.test/metadata")
MISMATCHES = frozenset(
    {"issuer_mismatch", "destination_mismatch", "recipient_mismatch", "audience_mismatch", "in_response_to_mismatch"}
)


def subsets(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Every choice of names, the empty one first."""
    names = list(names)
    return [chosen for size in range(len(names) + 1) for chosen in itertools.combinations(names, size)]


def identifiers(victim: Pending) -> dict[str, Any]:
    """What a message says about whose it is."""
    organisation = victim.organisation
    return {
        "issuer": organisation.idp.entity_id,
        "audiences": [[organisation.entity_id]],
        "destination": organisation.acs_url,
        "recipient": organisation.acs_url,
        "in_response_to": victim.request_id,
    }


def pending_at_shared(world: World, organisation: Organisation) -> Pending:
    """A sign-in that left for the identity provider that both tenants have."""
    browser = world.browser(organisation)
    return Pending(world, dataclasses.replace(organisation, idp=SHARED), browser, browser.start(idp="shared"))


@pytest.fixture
def on_one_idp(world: World) -> World:
    """Both tenants trust the same identity provider: the same entity ID, the same key."""
    for organisation in (world.acme, world.globex):
        answer = world.api(
            "PUT",
            f"/tenants/{organisation.slug}/identity-providers/shared",
            json={"display_name": "Everybody's", "metadata_xml": SHARED.metadata_xml()},
        )
        assert answer.status_code == 201, answer.get_data(as_text=True)
    return world


@on_sqlite
@pytest.mark.parametrize("sign", ["assertion", "both"])
def test_globexs_key_signs_nobody_in_at_acme(world: World, sign: str) -> None:
    """Its message with every choice of acme's identifiers put in: thirty-two permutations, and the key is still not acme's."""
    victim, other = pending(world), pending(world, world.globex)
    ours, theirs = identifiers(victim), identifiers(other)
    messages = {
        " ".join(swapped) or "none": victim.response(
            **(theirs | {name: ours[name] for name in swapped}), signing_key=world.globex.idp.key, sign=sign
        )
        for swapped in subsets(ours)
    }
    refuse_each(victim, messages, MISMATCHES | {"signature_invalid"})
    other.finish()


@on_sqlite
@pytest.mark.parametrize("sign", ["assertion", "both"])
def test_no_identifier_of_globex_passes_under_acmes_key(world: World, sign: str) -> None:
    """Every choice of globex's identifiers in a message that acme's own identity provider has signed."""
    victim, other = pending(world), pending(world, world.globex)
    ours, theirs = identifiers(victim), identifiers(other)
    messages = {
        " ".join(swapped): victim.response(**(ours | {name: theirs[name] for name in swapped}), sign=sign)
        for swapped in subsets(ours)[1:]
    }
    refuse_each(victim, messages, MISMATCHES)


def test_on_one_identity_provider_an_assertion_is_for_one_tenant(on_one_idp: World) -> None:
    """Same issuer, same key: audience, recipient, destination and request each keep the tenants apart by themselves."""
    world = on_one_idp
    victim, other = pending_at_shared(world, world.acme), pending_at_shared(world, world.globex)
    ours, theirs = identifiers(victim), identifiers(other)
    del ours["issuer"], theirs["issuer"]
    messages = {
        " ".join(swapped): victim.response(**(ours | {name: theirs[name] for name in swapped})) for swapped in subsets(ours)[1:]
    }
    refuse_each(victim, messages, MISMATCHES)
    assert accept(other)["tenant"] == "globex"


def test_on_one_identity_provider_unasked_responses_are_for_one_tenant(on_one_idp: World) -> None:
    """An assertion for globex that was stolen on its way is worth nothing at acme, even where no request is needed."""
    world = on_one_idp
    for slug in ("acme", "globex"):
        path = f"/tenants/{slug}/identity-providers/shared/saml-settings"
        assert world.api("PATCH", path, json={"allow_idp_initiated": True}).status_code == 200
    stolen = world.response(None, dataclasses.replace(world.globex, idp=SHARED))
    before = world.rows()
    answer = world.browser().post_response(stolen)
    assert_refused(world, answer, {"destination_mismatch"}, before)
    assert world.browser(world.globex).post_response(stolen).status_code == 303


def test_the_same_person_at_two_tenants_is_two_people(on_one_idp: World) -> None:
    """One identity provider, one NameID; each tenant has a row of its own, and an e-mail address belongs to one of them."""
    world = on_one_idp
    ours, theirs = pending_at_shared(world, world.acme), pending_at_shared(world, world.globex)
    first = accept(ours, name_id="ada", attributes={"mail": ["ada@acme.test"]})
    second = accept(theirs, name_id="ada", attributes={"mail": ["ada@globex.test"]})
    assert first["user"]["id"] != second["user"]["id"]
    assert world.count("users") == 2


def test_a_session_of_acme_is_nothing_at_globex(world: World) -> None:
    """Its token opens no page there, ends no session there, and signing out there does not touch it."""
    mine, theirs = world.browser(), world.browser(world.globex)
    world.sign_in(mine)
    stolen = {"Cookie": f"{SESSION_COOKIE}={mine.session_token}"}
    assert mine.get("/session", headers=stolen).status_code == 200, "a cookie that is good proves that the test can fail"
    before = world.rows()
    assert theirs.get("/session", headers=stolen).status_code == 401
    assert "ada@acme.test" not in theirs.get("/", headers=stolen).get_data(as_text=True)
    assert theirs.post("/logout", headers=stolen).status_code == 303
    assert world.rows() == before
    assert mine.get("/session").status_code == 200


def test_a_session_of_acme_that_comes_along_to_globexs_acs_is_left_alone(world: World) -> None:
    """Signing in ends the browser's session before; not one of another tenant."""
    mine = world.browser()
    world.sign_in(mine)
    victim = pending(world, world.globex)
    cookies = f"{SESSION_COOKIE}={mine.session_token}; {LOGIN_COOKIE}={victim.browser.login_secret}"
    answer = victim.browser.post_response(victim.response(), victim.started.relay_state, headers={"Cookie": cookies})
    assert answer.status_code == 303
    assert mine.get("/session").status_code == 200


def test_a_login_cookie_of_acme_does_not_finish_a_sign_in_at_globex(world: World) -> None:
    """Neither by itself nor with the RelayState that belongs to it."""
    victim, thief = pending(world, world.globex), pending(world)
    headers = {"Cookie": f"{LOGIN_COOKIE}={thief.browser.login_secret}"}
    message, before = victim.response(), world.rows()
    answer = victim.browser.post_response(message, victim.started.relay_state, headers=headers)
    assert_refused(world, answer, "login_state_lost", before)
    answer = victim.browser.post_response(message, thief.started.relay_state, headers=headers)
    assert_refused(world, answer, "relay_state_invalid", before)
    accept_message(victim, message)


@pytest.mark.parametrize("state", ["suspended", "deleted"])
def test_what_was_under_way_ends_nowhere_when_a_tenant_goes(world: World, state: str) -> None:
    """A pending sign-in is not finished at a suspended tenant, nor at one that was deleted; the other goes on."""
    victim, other = pending(world), pending(world, world.globex)
    world.sign_in(signed_in := world.browser())
    if state == "deleted":
        assert world.api("DELETE", "/tenants/acme").status_code == 204
    else:
        assert world.api("PATCH", "/tenants/acme", json={"state": "suspended"}).status_code == 200
    before = world.rows()
    code = {"suspended": "tenant_suspended", "deleted": "tenant_unknown"}[state]
    assert code_of(victim.send(victim.response())) == code
    for path in ("/", "/session", "/saml/login", "/saml/metadata", "/client-config.json"):
        answer = signed_in.get(path, headers={"Cookie": f"{SESSION_COOKIE}={signed_in.session_token}"})
        assert code_of(answer) == code, path
    assert world.rows() == before
    other.finish()


def test_a_deleted_tenant_looks_as_if_it_had_never_been(world: World) -> None:
    """The same page to the letter, but for the reference, as a host that nobody ever had."""
    assert world.api("DELETE", "/tenants/acme").status_code == 204
    pages = []
    for slug in ("acme", "initech"):
        answer = Browser(world.app, slug).get("/", headers={"Accept": "application/json"})
        document = answer.get_json()
        assert document.pop("reference")
        pages.append((answer.status_code, document, dict(answer.headers, **{"Content-Length": ""})))
    assert pages[0] == pages[1]
    taken = world.api("POST", "/tenants", json={"slug": "acme", "name": "Mallory", "email_domains": ["mallory.test"]})
    assert code_of(taken) == "slug_taken", "a MyDomain that people know must not lead to somebody else"


def moved(world: World, slug: str) -> None:
    """Give acme another MyDomain."""
    current = world.api("GET", "/tenants").get_json()["items"]
    (present,) = [item["slug"] for item in current if item["name"] == "Acme"]
    answer = world.api("PATCH", f"/tenants/{present}", json={"slug": slug})
    assert answer.status_code == 200, answer.get_data(as_text=True)


def follow(browser: Browser, answer: TestResponse, **form: str) -> TestResponse:
    """Repeat the POST where a 307 of the service says."""
    assert answer.status_code == 307
    origin, slash, path = answer.location.partition("/saml/")
    assert origin == f"http://{browser.host}"
    return browser.post(slash + path, data=form)


def test_a_former_mydomain_leads_to_the_present_one(world: World) -> None:
    """Pages redirect with their query; who has links keeps arriving."""
    moved(world, "acme-corp")
    old = Browser(world.app, "acme")
    for path in ("/", "/?x=1&y=%2F%2Fevil.test", "/saml/login?next=/reports%3Fa%3Db", "/session", "/client-config.json"):
        answer = old.get(path)
        assert (answer.status_code, answer.location) == (302, "http://acme-corp.localhost:8000" + path)


def test_entity_id_and_acs_stay_what_the_identity_provider_knows(world: World) -> None:
    """After a move: the same metadata at both hosts, the same addresses in requests."""
    before = world.browser().get("/saml/metadata").data
    moved(world, "acme-corp")
    browser = Browser(world.app, "acme-corp")
    assert browser.get("/saml/metadata").data == before
    assert Browser(world.app, "acme").get("/saml/metadata").data == before
    request = browser.start().saml_request.decode()
    assert world.acme.acs_url in request
    assert world.acme.entity_id in request
    assert "acme-corp" not in request


def test_a_sign_in_that_comes_back_by_the_former_acs_ends_at_the_present_host(world: World) -> None:
    """307 has the browser repeat its POST where its login cookie is; nothing is accepted at the former host itself."""
    moved(world, "acme-corp")
    browser, old = Browser(world.app, "acme-corp"), Browser(world.app, "acme")
    started = browser.start("/reports")
    message = world.response(started)
    before = world.rows()
    redirected = old.post_response(message, started.relay_state)
    assert SESSION_COOKIE not in str(redirected.headers)
    assert world.rows() == before
    form = {"SAMLResponse": encoded(message), "RelayState": started.relay_state}
    answer = follow(browser, redirected, **form)
    assert (answer.status_code, answer.location) == (303, "/reports")
    assert browser.get("/session").get_json()["tenant"] == "acme-corp"
    assert old.get("/session", headers={"Cookie": f"{SESSION_COOKIE}={browser.session_token}"}).status_code == 302


def test_a_sign_in_that_was_under_way_while_the_tenant_moved(world: World) -> None:
    """Its login cookie is on the former host: it is asked kindly to start again, and nothing is burnt."""
    victim = pending(world)
    moved(world, "acme-corp")
    redirected = victim.send(victim.response())
    before = world.rows()
    form = {"SAMLResponse": encoded(victim.response()), "RelayState": victim.started.relay_state}
    answer = follow(Browser(world.app, "acme-corp"), redirected, **form)
    assert_refused(world, answer, "login_state_lost", before)


def test_moves_can_be_many_and_a_former_mydomain_is_never_somebody_elses(world: World) -> None:
    """The oldest leads to the newest in one step; nobody can take any of them; moving back is possible."""
    for slug in ("acme-two", "acme-three"):
        moved(world, slug)
    for slug in ("acme", "acme-two"):
        assert Browser(world.app, slug).get("/").location == "http://acme-three.localhost:8000/"
        made = world.api("POST", "/tenants", json={"slug": slug, "name": "Mallory", "email_domains": ["mallory.test"]})
        assert code_of(made) == "slug_taken"
        assert code_of(world.api("PATCH", "/tenants/globex", json={"slug": slug})) == "slug_taken"
    moved(world, "acme")
    assert Browser(world.app, "acme-three").get("/").location == "http://acme.localhost:8000/"
    pending(world).finish()


@on_sqlite
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("acme.localhost:8000", 200),
        ("acme.localhost", 200),
        ("acme.localhost:1", 200),
        ("ACME.LocalHost:8000", 200),
        ("initech.localhost", 404),
        ("www.localhost", 404),
        ("xn--a.localhost", 404),
        ("acme.localhost.", 400),
        ("acme.localhost:", 400),
        ("acme.localhost:8000:80", 400),
        ("acme.localhost:123456", 400),
        ("acme.localhost:80a", 400),
        (" acme.localhost", 400),
        ("acme.localhost ", 400),
        ("acme.localhost,globex.localhost", 400),
        ("acme.localhost, globex.localhost", 400),
        ("acme.localhost/globex.localhost", 400),
        ("globex.localhost@acme.localhost", 400),
        ("acme.localhost#", 400),
        ("acme.localhost?", 400),
        ("acme.localhost\\", 400),
        ("acme.globex.localhost", 400),
        ("acme.localhost.evil.test", 400),
        ("evil.test", 400),
        ("acme%2elocalhost", 400),
        ("acme..localhost", 400),
        (".localhost", 400),
        ("acme_.localhost", 400),
        ("-acme.localhost", 400),
        ("a" * 64 + ".localhost", 400),
        ("a" * 5000, 400),
        ("127.0.0.1", 400),
        ("[::1]:8000", 400),
        ("", 400),
        ("\u212acme.localhost", 400),
        ("acme.localhost\x00", 400),
        ("acme.localhost\r\nX: y", 400),
    ],
    ids=range(37),
)
def test_a_host_is_one_tenants_or_nobodys(world: World, host: str, status: int) -> None:
    """Case and port aside it is the very name; everything else is refused and never guessed at."""
    environ = EnvironBuilder().get_environ() | {"HTTP_HOST": host}
    body, line, _ = run_wsgi_app(world.app, environ, buffered=True)  # the test client trips over some of these hosts itself
    assert line.startswith(f"{status} ")
    assert (b"Acme" in b"".join(body)) == (status == 200)


FORWARDED: Mapping[str, str] = {
    "X-Forwarded-Host": "globex.localhost",
    "X-Forwarded-Server": "globex.localhost",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/evil",
    "X-Host": "globex.localhost",
    "X-Original-Host": "globex.localhost",
    "X-HTTP-Host-Override": "globex.localhost",
    "X-Original-URL": "/saml/login",
    "X-Rewrite-URL": "/saml/login",
    "X-HTTP-Method-Override": "DELETE",
    "Forwarded": "host=globex.localhost;proto=https",
}


def test_forwarded_headers_say_nothing_without_a_trusted_proxy(world: World) -> None:
    """Anybody can send them: the tenant, the addresses and the redirects stay the Host's and the stored ones."""
    browser = world.browser()
    plain, forwarded = browser.get("/"), browser.get("/", headers=dict(FORWARDED))
    assert plain.get_data() == forwarded.get_data()
    assert browser.get("/saml/metadata", headers=dict(FORWARDED)).data == browser.get("/saml/metadata").data
    assert browser.get("/client-config.json", headers=dict(FORWARDED)).get_json()["login_url"].startswith(world.acme.origin)
    victim = pending(world)
    answer = victim.browser.post_response(victim.response(), victim.started.relay_state, headers=dict(FORWARDED))
    assert (answer.status_code, answer.location) == (303, "/")


def behind(world: World, hops: int) -> Flask:
    """The same service, told that so many proxies stand in front of it."""
    return create_app(dataclasses.replace(world.app.extensions["vestibule_settings"], trusted_proxies=hops))


@on_sqlite
def test_a_trusted_proxy_is_believed_and_nobody_behind_it(world: World) -> None:
    """With one hop the last value counts, which the proxy wrote; what a client put before it does not."""
    app = behind(world, 1)
    headers = {"X-Forwarded-Host": "globex.localhost, acme.localhost"}
    page = Browser(app, "globex").get("/client-config.json", headers=headers).get_json()
    assert page["login_url"].startswith(world.acme.origin)
    headers = {"X-Forwarded-Host": "evil.test"}
    assert Browser(app, "acme").get("/", headers=headers).status_code == 400
    with app.app_context():
        db.engine.dispose()


@on_sqlite
def test_nothing_is_built_from_the_host(world: World) -> None:
    """Another port and another case of the same host: metadata, requests and redirects do not notice.

    Only the foot of a page says where this browser is, so that people can compare it with their address bar.
    """
    odd = Browser(world.app, "acme", port=4711)
    odd.host = odd.host.replace("acme", "aCMe")
    assert odd.get("/saml/metadata").data == world.browser().get("/saml/metadata").data
    assert "4711" not in odd.get("/client-config.json").get_data(as_text=True)
    login = odd.get("/saml/login").get_data(as_text=True)
    before, said, after = login.partition(f'You are at <b dir="ltr">{odd.host.lower()}')
    assert said
    assert "4711" not in before + after
    assert "aCMe" not in login
