"""Attacks on set-up links: guessed, stolen, forwarded, forged, taken for more than they are, and poisoned with names."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from admin_ui.setup import connecting
from admin_ui.setup.visit import SETUP_COOKIE
from config.database import transaction
from config.log_values import MASK
from identity.onboarding import activate, take_attributes, take_metadata, take_product
from tenants.metadata_intake import MetadataSource, SourceKind
from tenants.onboarding.errors import OnboardingFinished
from tenants.rates import Rate
from tenants.tenant_records import find_managed_tenant
from tests.flows.management.support import events_of
from tests.support.browser import Browser, code_of
from tests.support.setup_link import ITPerson, answer_of, initech_idp, new_customer
from tests.support.world import World, utc_now

STEPS = ("", "product", "connect", "domains", "test", "attributes", "second-test", "activate")
POSTS: dict[str, dict[str, str]] = {
    "product": {"product": "okta"},
    "connect": {"metadata_xml": "<x/>"},
    "domains": {"domain": "evil.test"},
    "domains/verify": {"domain": "initech.test"},
    "domains/remove": {"domain": "initech.test"},
    "test": {},
    "attributes": {"attribute": "mail", "field": "email"},
    "second-test": {},
    "second-test/skip": {"reason": "x"},
    "activate": {},
}
XSS = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture
def link(world: World) -> str:
    """A genuine link's path."""
    return new_customer(world)


def secret_of(person: ITPerson) -> str:
    """What the set-up cookie holds."""
    value = person.cookie(SETUP_COOKIE)
    assert value is not None
    return value


def test_every_post_is_in_the_list(world: World) -> None:
    """A new form of the set-up cannot be forgotten here."""
    rules = {rule.rule.removeprefix("/setup/") for rule in world.app.url_map.iter_rules() if rule.rule.startswith("/setup/")}
    posts = {
        rule.rule.removeprefix("/setup/")
        for rule in world.app.url_map.iter_rules()
        if rule.rule.startswith("/setup/") and "POST" in (rule.methods or set())
    }
    assert posts == POSTS.keys() | {"<token>"}
    assert rules == POSTS.keys() | {"<token>", ""}


@pytest.mark.parametrize("token", ["x" * 43, "a", "x" * 10_000, "%00", "product%00", "é", "x" * 42 + "%0A"])
def test_a_guess_gets_one_uniform_answer(world: World, link: str, token: str) -> None:
    """Whatever it looks like; it changes nothing, by GET and by POST."""
    before = world.rows()
    for method in ("GET", "POST"):
        answer = ITPerson(world.app).open(method, f"/setup/{token}")
        assert (answer.status_code, code_of(answer)) in {(404, "setup_link_invalid"), (400, "csrf_failed")}
    assert world.rows() == before


def test_a_token_of_another_tenant_is_a_guess(world: World, link: str) -> None:
    """At acme's host initech's link is unknown; on the app host there are no such pages."""
    assert code_of(ITPerson(world.app, "acme").get(link)) == "setup_link_invalid"
    assert Browser(world.app, None).get(link).status_code == 404
    assert Browser(world.app, None).get("/setup/").status_code == 404


def test_a_forwarded_link_opens_nothing(world: World, link: str) -> None:
    """The second browser reads for whom it is, masked, and who can mend it; a release lets it start, and ends the first."""
    first, second = ITPerson(world.app), ITPerson(world.app)
    first.start_link(link)
    refused = second.get(link)
    page = refused.get_data(as_text=True)
    assert (refused.status_code, code_of(refused)) == (403, "setup_link_claimed")
    assert "g…@customer.example" in page
    assert "grace@" not in page
    assert "release" in page
    assert code_of(second.send(link)) in ("csrf_failed", "setup_link_claimed")
    assert second.cookie(SETUP_COOKIE) is None
    (item,) = world.api("GET", "/tenants/initech/setup-links").get_json()["items"]
    world.api("POST", f"/tenants/initech/setup-links/{item['id']}/release")
    assert second.start_link(link).status_code == 303
    assert code_of(first.get("/setup/product")) == "setup_not_started"


def test_both_press_start_at_once(world: World, link: str) -> None:
    """The form of the second was open before the first was sent."""
    first, second = ITPerson(world.app), ITPerson(world.app)
    found = re.search(r'name="csrf_token" value="([^"]+)"', second.get(link).get_data(as_text=True))
    assert found
    first.start_link(link)
    late = second.post(link, data={"csrf_token": found[1]})
    assert (late.status_code, code_of(late)) == (403, "setup_link_claimed")
    assert second.cookie(SETUP_COOKIE) is None


def test_a_revoked_link_ends_in_the_middle(world: World, link: str) -> None:
    """Every page and every form, from one moment to the next, with kind words for who has it."""
    person = ITPerson(world.app)
    person.start_link(link)
    token = form_token(person)
    (item,) = world.api("GET", "/tenants/initech/setup-links").get_json()["items"]
    world.api("DELETE", f"/tenants/initech/setup-links/{item['id']}")
    before = world.rows()
    for step in STEPS:
        answer = person.get(f"/setup/{step}")
        assert (answer.status_code, code_of(answer)) == (410, "setup_link_invalid")
    for path, fields in POSTS.items():
        answer = person.post(f"/setup/{path}", data={"csrf_token": token, **fields})
        assert (answer.status_code, code_of(answer)) == (410, "setup_link_invalid"), path
    assert "withdrawn" in person.get(link).get_data(as_text=True)
    assert world.rows() == before


def test_a_finished_set_up_takes_no_more(world: World, link: str) -> None:
    """However the tenant became active, the link is done: even where staff connected an identity provider by API."""
    person = ITPerson(world.app)
    person.start_link(link)
    token = form_token(person)
    body = {"display_name": "By staff", "metadata_xml": initech_idp().metadata_xml()}
    assert world.api("PUT", "/tenants/initech/identity-providers/main", json=body).status_code == 201
    before = world.rows()
    for path, fields in POSTS.items():
        answer = person.post(f"/setup/{path}", data={"csrf_token": token, **fields})
        assert (answer.status_code, code_of(answer)) == (410, "setup_link_invalid"), path
    assert world.rows() == before
    assert "done its work" in ITPerson(world.app).get(link).get_data(as_text=True)
    assert world.api("GET", "/tenants/initech/setup-links").get_json()["items"][0]["state"] == "completed"


@pytest.mark.parametrize("state", ["suspended", "deleted"])
def test_a_tenant_that_is_suspended_or_deleted(world: World, link: str, state: str) -> None:
    """Its link opens nothing, and says nothing about who exists where it is deleted."""
    person = ITPerson(world.app)
    person.start_link(link)
    if state == "deleted":
        world.api("DELETE", "/tenants/initech")
    else:
        world.api("PATCH", "/tenants/initech", json={"state": "suspended"})
    for path in (link, "/setup/", "/setup/product"):
        answer = person.get(path)
        expected = {"deleted": (404, "tenant_unknown"), "suspended": (403, "tenant_suspended")}[state]
        assert (answer.status_code, code_of(answer)) == expected


def test_without_the_cookie_there_is_nothing(world: World, link: str) -> None:
    """Every page and form, with no cookie, with the link's token, with another's secret, with nonsense."""
    grace, other = ITPerson(world.app), ITPerson(world.app)
    grace.start_link(link)
    for value in (None, link.rpartition("/")[2], secret_of(grace)[:-1], secret_of(grace).swapcase(), "\u00e9", "x" * 5_000):
        stranger = ITPerson(world.app)
        token = form_token(stranger, at=link)
        headers = {} if value is None else {"Cookie": f"{SETUP_COOKIE}={value}"}
        for step in STEPS:
            assert code_of(stranger.get(f"/setup/{step}", headers=headers)) == "setup_not_started", step
        for path, fields in POSTS.items():
            answer = stranger.post(f"/setup/{path}", data={"csrf_token": token, **fields}, headers=headers)
            assert code_of(answer) in ("setup_not_started", "csrf_failed"), path
    assert code_of(ITPerson(world.app, "acme").get("/setup/", headers=cookie_header(grace))) == "setup_not_started"
    assert other.cookie(SETUP_COOKIE) is None


@pytest.mark.parametrize("path", list(POSTS))
def test_forms_of_others_do_nothing(world: World, link: str, path: str) -> None:
    """Without a token, with another browser's, with one from another site: nothing changes."""
    person, other = ITPerson(world.app), ITPerson(world.app)
    person.start_link(link)
    before = world.rows()
    for fields, headers in (
        ({}, {}),
        ({"csrf_token": "x"}, {}),
        ({"csrf_token": form_token(other, at="/setup/" + "x" * 43)}, {}),
        ({"csrf_token": form_token(person)}, {"Sec-Fetch-Site": "same-site"}),
        ({"csrf_token": form_token(person)}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = person.post(f"/setup/{path}", data={**POSTS[path], **fields}, headers=headers)
        assert (answer.status_code, code_of(answer)) == (400, "csrf_failed")
    assert world.rows() == before


def test_starting_a_link_by_a_form_of_another_site(world: World, link: str) -> None:
    """Somebody else's page cannot bind a link to its victim's browser."""
    victim = ITPerson(world.app)
    assert code_of(victim.post(link)) == "csrf_failed"
    assert victim.cookie(SETUP_COOKIE) is None
    (item,) = world.api("GET", "/tenants/initech/setup-links").get_json()["items"]
    assert item["state"] == "open"


def test_the_links_session_opens_no_other_door(world: World, link: str) -> None:
    """Each address of the console and of the API, by every method, with the set-up cookie and with its secret as a token."""
    person = ITPerson(world.app)
    person.start_link(link)
    secret, before, tried = secret_of(person), world.rows(), 0
    forms = {"csrf_token": form_token(person)}
    for rule in world.app.url_map.iter_rules():
        if not rule.rule.startswith(("/admin", "/api/v1/")) or rule.rule.startswith(WAYS_IN) or rule.rule.endswith(OPEN):
            continue
        path = re.sub(r"<[^>]+>", lambda found: "initech" if "slug" in found[0] else "main", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            for host in (person.host, "localhost:8000"):
                answer = world.app.test_client(use_cookies=False).open(
                    path,
                    method=method,
                    base_url=f"http://{host}",
                    headers={**cookie_header(person), "Authorization": f"Bearer {secret}"},
                    data=forms if method != "GET" else None,
                )
                to_sign_in = answer.location is not None and any(way in answer.location for way in ("sign-in", "/saml/login"))
                assert answer.status_code in (400, 401, 403, 404, 405) or to_sign_in, (method, path)
                tried += 1
    assert tried > 100
    assert person.get("/session").status_code == 401
    assert world.rows() == before


OPEN = ("/openapi.json", "/docs")
WAYS_IN = ("/admin/sign-in", "/admin/static")
"""Where anybody may come: to sign in, and for style sheets."""


def test_names_are_text_on_every_page(world: World) -> None:
    """Of the tenant, of what metadata holds, of attributes and values that came: nothing is markup, in any page."""
    person = ITPerson(world.app)
    person.start_link(new_customer(world, name=XSS))
    idp = initech_idp()
    evil = idp.metadata_xml(sso=[("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "https://idp.test/%3Cscript%3E?a='\"")])
    person.send("/setup/product", product="generic")
    for xml in (evil, idp.metadata_xml()):
        person.send("/setup/connect", metadata_xml=xml)
        pages = [person.get(f"/setup/{step}").get_data(as_text=True) for step in STEPS if step]
        assert all("<script>alert" not in page and "<img src=x" not in page for page in pages)
    started = person.begin_test()
    attributes = {"mail": ["ada@initech.test"], XSS: [XSS], "givenName": [XSS]}
    landed = person.post_response(answer_of(idp, started, attributes=attributes), started.relay_state)
    assert landed.location == "/setup/test"
    for step in STEPS[1:]:
        page = person.get(f"/setup/{step}").get_data(as_text=True)
        assert "<script>alert" not in page, step
        assert "<img src=x" not in page, step
    for fields in ({"reason": XSS}, {"reason": "\u202e"}, {"reason": "x" * 10_000}, {"reason": "\x00"}):
        person.send("/setup/second-test/skip", "/setup/second-test", **fields)
        assert "<script>alert" not in person.get("/setup/activate").get_data(as_text=True)


def test_the_log_does_not_hold_the_token(world: World, link: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The path of an opened link is masked; those of the steps are not."""
    person = ITPerson(world.app)
    person.start_link(link)
    person.get("/setup/product")
    written = capfd.readouterr().err
    assert link.rpartition("/")[2] not in written
    assert secret_of(person) not in written
    assert f'"path":"/setup/{MASK}"' in written
    assert '"path":"/setup/product"' in written
    assert link.rpartition("/")[2] not in str(events_of(world, "initech"))


def test_metadata_is_not_fetched_for_ever(world: World, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fetch may take ten seconds of a thread: so many a minute; then the form says to wait, with all that was typed."""
    settings = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, rate_limits=True)
    monkeypatch.setattr(connecting, "FETCHES", Rate("setup_fetch", per_minute=1, burst=2))
    person = ITPerson(world.app)
    person.start_link(link)
    answers = [person.send("/setup/connect", metadata_url="https://127.0.0.1/x") for _ in range(3)]
    assert [code_of(answer) for answer in answers] == ["address_not_allowed", "address_not_allowed", "rate_limited"]
    assert (answers[2].status_code, "https://127.0.0.1/x" in answers[2].get_data(as_text=True)) == (429, True)


def test_a_test_cannot_be_turned_into_a_session(world: World, link: str) -> None:
    """The answer to a test signs nobody in, also where it is posted again, or by another browser."""
    person, idp = ITPerson(world.app), initech_idp()
    person.start_link(link)
    person.send("/setup/product", product="generic")
    person.send("/setup/connect", metadata_xml=idp.metadata_xml())
    started = person.begin_test()
    answer = answer_of(idp, started)
    for browser in (person, person, ITPerson(world.app)):
        browser.post_response(answer, started.relay_state)
        assert browser.get("/session").status_code == 401
    assert world.count("users") == 0
    assert world.count("session") == 0


def cookie_header(person: ITPerson) -> dict[str, str]:
    """The set-up cookie and the one that forms need, by hand: for another host."""
    console = person.cookie("__Host-vestibule_console") or ""
    return {"Cookie": f"{SETUP_COOKIE}={secret_of(person)}; __Host-vestibule_console={console}"}


def form_token(person: ITPerson, at: str = "/setup/product") -> str:
    """A token of this browser's forms; "" where the page has none."""
    answer: Any = person.get(at)
    found = re.search(r'name="csrf_token" value="([^"]+)"', answer.get_data(as_text=True))
    return found[1] if found else ""


def test_what_is_under_way_when_staff_activate_changes_nothing_active(world: World, link: str) -> None:
    """A step that began before the end and saves after it: the live identity provider stays as it is."""
    person = ITPerson(world.app)
    person.start_link(link)
    with world.app.app_context():
        before = find_managed_tenant("initech")
        assert before is not None
    body = {"display_name": "By staff", "metadata_xml": initech_idp().metadata_xml()}
    assert world.api("PUT", "/tenants/initech/identity-providers/main", json=body).status_code == 201
    rows, now = world.rows(), utc_now()
    source = MetadataSource(SourceKind.XML, initech_idp().metadata_xml())
    settings = world.app.extensions["vestibule_settings"]
    with world.app.app_context():
        with pytest.raises(OnboardingFinished):
            take_metadata(before, source, settings, chosen_entity_id=None, actor="setup:x", now=now)
        for late in (
            lambda: take_product(before, "okta", actor="setup:x", now=now),
            lambda: take_attributes(before, {"name_id_source": "mail"}, actor="setup:x", now=now),
            lambda: activate(before, actor="setup:x", now=now),
        ):
            with pytest.raises(OnboardingFinished), transaction():
                late()
    assert world.rows() == rows
