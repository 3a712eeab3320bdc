"""The app host's front page, on both databases: it leads to organisations, and says nothing about who exists (H1)."""

from __future__ import annotations

import datetime as dt
import html
import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
import time_machine
from werkzeug.test import TestResponse

from config.database import db
from config.isolation import every_tenant
from identity.front_door.remembered import REMEMBERED_COOKIE
from identity.front_door.routes import ASKING, FOUND_COOKIE
from identity.login_hints import HINT_LIFETIME
from identity.purge import purge_expired
from tenants.models import EmailDomain, Tenant
from tests.support.at_once import another_worker
from tests.support.browser import Browser, code_of
from tests.support.world import World, utc_now

KNOWN, UNKNOWN = "ada@acme.test", "ada@nowhere.test"


def ask(browser: Browser, typed: str, **options: object) -> TestResponse:
    """What a person types into the form of the front page."""
    return browser.post("/", data={"organisation": typed}, **options)


def onward(browser: Browser, typed: str) -> str | None:
    """Where the page after the form goes on to."""
    assert ask(browser, typed).location == "/onward"
    page = browser.get("/onward").get_data(as_text=True)
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page)
    return html.unescape(found[1]) if found else None


def test_an_address_leads_to_its_organisation(world: World) -> None:
    """By exact proven domain, or by the MyDomain's name; what leads nowhere says what can be done. No case or blank matters."""
    browser = Browser(world.app, None)
    assert "Sign in to your organisation" in browser.get("/").get_data(as_text=True)
    unproven(world, "pending.test")
    for typed in (KNOWN, " Nobody.At-All@ACME.test\t"):
        location = urlsplit(onward(browser, typed) or "")
        assert (f"{location.scheme}://{location.netloc}", location.path) == (world.acme.origin, "/")
        assert typed.strip().lower() not in location.query.lower()
    for typed in ("acme", "ACME ", "acme.localhost:8000", "http://acme.localhost:8000/reports?x=1"):
        assert onward(browser, typed) == world.acme.origin + "/"
    nothing = (UNKNOWN, "ada@sub.acme.test", "ada@test", "ada@pending.test", "ada@", "@acme.test", "nobody", "", "a" * 3000)
    for typed in (*nothing, "localhost:8000", "acme.localhost.evil.test", "//evil.test/acme", "http://[x", "\x00", "admin"):
        assert onward(browser, typed) is None, typed
        page = browser.get("/onward")
        assert (page.status_code, "That leads to no sign-in page here." in page.get_data(as_text=True)) == (200, True)


def test_what_was_typed_is_forgotten_after_five_minutes(world: World) -> None:
    """Whoever comes to the browser, or finds the address in its history, learns no more whose it was."""
    browser = Browser(world.app, None)
    location = onward(browser, KNOWN) or ""
    hint = parse_qs(urlsplit(location).query)["hint"][0]
    sealed = browser.cookie(FOUND_COOKIE) or ""
    with time_machine.travel(utc_now() + HINT_LIFETIME - dt.timedelta(seconds=5), tick=False):
        assert "login_hint=" in world.browser().start(hint=hint).action
    late = Browser(world.app, None)
    late.client.set_cookie(FOUND_COOKIE, sealed, domain="localhost")
    assert late.get("/onward").status_code == 200
    with time_machine.travel(utc_now() + HINT_LIFETIME + dt.timedelta(seconds=5), tick=False):
        assert "login_hint=" not in world.browser().start(hint=hint).action
        assert late.get("/onward").location == "/"


def test_suspended_and_renamed_organisations(world: World) -> None:
    """A suspended one is as one that is not there; a former MyDomain leads to the present one."""
    browser = Browser(world.app, None)
    assert world.api("PATCH", "/tenants/globex", json={"slug": "initech"}).status_code == 200
    for typed in ("globex", "initech", "x@globex.test"):
        assert (onward(browser, typed) or "").startswith("http://initech.localhost:8000/")
    assert world.api("PATCH", "/tenants/initech", json={"state": "suspended"}).status_code == 200
    for typed in ("globex", "initech", "x@globex.test"):
        assert onward(browser, typed) is None


def test_the_answer_is_the_same_in_the_same_time(world: World) -> None:
    """For a domain that leads on and one that does not: status, headers, body and length alike; medians within a tenth."""
    shapes = []
    for typed in (KNOWN, UNKNOWN):
        answer = ask(Browser(world.app, None), typed)
        cookie = answer.headers["Set-Cookie"]
        timeless = re.sub(r"Expires=[^;]+; ", "", cookie)
        answer.headers["Set-Cookie"] = re.sub(r"=v1\.[^;]+", "=sealed", timeless, count=1)
        shapes.append((answer.status_code, len(cookie), sorted(answer.headers), answer.get_data()))
    assert shapes[0] == shapes[1]
    # A busy machine may part the two for a while; a difference of ours would part them however long one looks.
    assert any(abs(known - unknown) < 0.1 * known for known, unknown in quickest(world))


def test_the_typed_address_reaches_the_identity_provider_and_no_url_of_ours(world: World) -> None:
    """It travels sealed, for one organisation and a few minutes; the identity provider gets it as its own parameter has it."""
    front, browser = Browser(world.app, None), world.browser()
    location = urlsplit(onward(front, KNOWN) or "")
    answer = browser.get(f"/?{location.query}")
    assert answer.status_code == 303
    assert answer.location.startswith("/saml/login?")
    assert "acme.test" not in answer.location
    started = browser.leave_by(browser.get(answer.location))
    assert parse_qs(urlsplit(started.action).query)["login_hint"] == [KNOWN]
    assert world.browser(world.globex).get(f"/?{location.query}").status_code == 200, "another organisation cannot open it"
    assert "signed out" in browser.get(f"/?{location.query}&signed_out=1").get_data(as_text=True)
    for broken in ("x", location.query[5:-9] + "AAAAAAAAA", "v1.test." + "A" * 900):
        assert world.browser().get("/", query_string={"hint": broken}).status_code == 200


def test_a_form_of_another_site_asks_nothing(world: World) -> None:
    """Neither a sibling's page nor a stranger's makes this browser ask, or forget; a tenant's host has neither."""
    browser = Browser(world.app, None)
    onward(browser, KNOWN)
    for headers in ({"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": world.acme.origin}):
        assert ask(browser, KNOWN, headers=headers).status_code == 400
        assert browser.post("/forget", data={"place": "acme"}, headers=headers).status_code == 400
    assert browser.cookie(REMEMBERED_COOKIE) == "acme"
    assert ask(world.browser(), KNOWN).status_code == 405
    assert world.browser().get("/onward").status_code == 404
    assert ask(browser, "x" * 5_000).status_code == 413


def test_places_are_remembered_on_this_device(world: World) -> None:
    """The latest first, five at most, removable; a forged cookie is shown as nothing but names below the tenants' domain."""
    browser = Browser(world.app, None)
    for typed in (KNOWN, "globex", "acme", UNKNOWN):
        onward(browser, typed)
    assert browser.cookie(REMEMBERED_COOKIE) == "acme.globex"
    page = browser.get("/").get_data(as_text=True)
    assert page.index('href="http://acme.localhost:8000/"') < page.index('href="http://globex.localhost:8000/"')
    assert browser.post("/forget", data={"place": "acme"}).status_code == 303
    assert browser.cookie(REMEMBERED_COOKIE) == "globex"
    browser.post("/forget", data={"place": "globex"})
    assert not browser.cookie(REMEMBERED_COOKIE)
    forged = "evil/..<b>.-x.a.ok-1.two.three.four.five.six.seven"
    page = browser.get("/", headers={"Cookie": f"{REMEMBERED_COOKIE}={forged}"}).get_data(as_text=True)
    assert re.findall(r'href="http://([a-z0-9-]+)\.localhost:8000/"', page) == ["ok-1", "two", "three", "four", "five"]
    assert "<b>.-x" not in page
    assert "places" not in browser.get("/", headers={"Cookie": f"{REMEMBERED_COOKIE}={'a' * 4000}"}).get_data(as_text=True)


def test_what_was_found_is_this_browsers_for_a_moment(world: World) -> None:
    """Without the sealed cookie, with a forged or another organisation's sealed value in it, the next page leads back."""
    browser = Browser(world.app, None)
    hint = parse_qs(urlsplit(onward(browser, KNOWN) or "").query)["hint"][0]
    for value in ("", "x", hint, "v1.test." + "A" * 700, "v1.gone.AAAA"):
        answer = browser.get("/onward", headers={"Cookie": f"{FOUND_COOKIE}={value}"})
        assert (answer.status_code, answer.location) == (303, "/")


@pytest.mark.parametrize("address", ["203.0.113.9", "2001:db8:1:2::9"])
@pytest.mark.usefixtures("clock_stands")
def test_a_network_asks_so_often_and_all_workers_count_together(world: World, address: str) -> None:
    """Beyond the burst it is told to wait, on every worker; another network is not; the purge forgets those who waited."""
    present = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = replace(present, rate_limits=True)
    here = {"environ_base": {"REMOTE_ADDR": address}}
    with another_worker(world.app) as other:
        answers = [ask(Browser(app, None), UNKNOWN, **here) for app in (world.app, other) * (ASKING.burst // 2)]
        assert {answer.status_code for answer in answers} == {303}
        refused = ask(Browser(other, None), KNOWN, **here)
        assert (refused.status_code, code_of(refused)) == (429, "rate_limited")
        assert refused.headers["Retry-After"] == "6"
    neighbour = {"environ_base": {"REMOTE_ADDR": address[:-1] + "8"}}
    assert ask(Browser(world.app, None), KNOWN, **neighbour).status_code == (303 if "." in address else 429)
    with world.app.app_context():
        purge_expired(utc_now())
        assert world.count("visitor_rate") > 0
        purge_expired(utc_now().replace(year=utc_now().year + 1))
    assert world.count("visitor_rate") == 0


def quickest(world: World) -> Iterator[tuple[float, float]]:
    """Seconds that the answer takes for the known domain and for the unknown one, asked by turns, more of them each time.

    What one in ten is quicker than: there, nothing else that the machine does is in the way.
    """
    browser, seconds = Browser(world.app, None), {KNOWN: list[float](), UNKNOWN: list[float]()}
    for turn in range(1_200):
        for typed in (KNOWN, UNKNOWN) if turn % 2 else (UNKNOWN, KNOWN):
            began = time.perf_counter()
            ask(browser, typed)
            seconds[typed].append(time.perf_counter() - began)
        if turn % 120 == 119:
            known, unknown = (statistics.quantiles(seconds[typed], n=10)[0] for typed in (KNOWN, UNKNOWN))
            yield known, unknown


def unproven(world: World, domain: str) -> None:
    """Give acme a domain that it has not proven."""
    with world.app.app_context(), every_tenant(), db.engine.begin() as connection:
        tenant_id = connection.execute(sa.select(Tenant.id).where(Tenant.slug == "acme")).scalar_one()
        connection.execute(sa.insert(EmailDomain).values(domain=domain, tenant_id=tenant_id, created_at=utc_now()))
