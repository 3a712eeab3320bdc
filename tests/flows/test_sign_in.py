"""Signing in, end to end through the WSGI application, on both databases."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from config.database import read, transaction, write
from config.isolation import every_tenant
from tenants.models import IdentityProvider, Tenant
from tests.attacks.support import assert_refused
from tests.support.browser import Browser, code_of
from tests.support.logout import request_parts, request_xml, signed_query
from tests.support.world import World, utc_now


def test_a_person_signs_in_and_is_made_on_the_way(world: World) -> None:
    """The first accepted assertion creates the person, opens a session and ends at the page first asked for."""
    browser = world.browser()
    answer = world.sign_in(browser, target="/reports?year=2026")
    assert (answer.status_code, answer.location) == (303, "/reports?year=2026")
    session = browser.get("/session").get_json()
    assert session["tenant"] == "acme"
    assert session["user"]["email"] == "ada@acme.test"
    assert session["user"]["first_name"] == "Ada"
    assert world.count("users") == 1


def test_the_same_person_comes_back_as_the_same(world: World) -> None:
    """A second sign-in finds the person by subject, brings the profile up to date and wipes nothing."""
    first, second = world.browser(), world.browser()
    world.sign_in(first)
    answer = world.sign_in(second, attributes={"mail": ["ada@acme.test"], "sn": ["King"]})
    assert answer.status_code == 303
    user = second.get("/session").get_json()["user"]
    assert (user["first_name"], user["last_name"]) == ("Ada", "King")
    assert user["id"] == first.get("/session").get_json()["user"]["id"]


def test_cookies_are_bound_to_the_host_and_hidden_from_scripts(world: World) -> None:
    """Both cookies are __Host-, Secure and HttpOnly; only the login cookie comes with a cross-site POST."""
    browser = world.browser()
    started = browser.start()
    (login_cookie,) = started.response.headers.getlist("Set-Cookie")
    assert login_cookie.startswith("__Host-vestibule_login=")
    for flag in ("Secure", "HttpOnly", "SameSite=None", "Path=/", "Max-Age=600"):
        assert flag in login_cookie
    answer = browser.post_response(world.response(started), started.relay_state)
    (session_cookie,) = answer.headers.getlist("Set-Cookie")
    assert session_cookie.startswith("__Host-vestibule_session=")
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert flag in session_cookie
    assert "Domain" not in session_cookie + login_cookie


def test_the_session_is_this_tenants_alone(world: World) -> None:
    """A session token of acme opens nothing at globex."""
    browser = world.browser()
    world.sign_in(browser)
    thief = world.browser(world.globex)
    cookie = f"__Host-vestibule_session={browser.session_token}"
    assert thief.get("/session", headers={"Cookie": cookie}).status_code == 401


def test_signing_out_ends_the_session_in_the_database(world: World) -> None:
    """After signing out the old token is worth nothing, even when a copy of the cookie is shown again."""
    browser = world.browser()
    world.sign_in(browser)
    token = browser.session_token
    assert browser.post("/logout").status_code == 303
    assert browser.get("/session", headers={"Cookie": f"__Host-vestibule_session={token}"}).status_code == 401


def test_a_form_of_a_sibling_host_signs_nobody_out(world: World) -> None:
    """Another tenant's page is of the same site: Sec-Fetch-Site and Origin tell it from ours."""
    browser = world.browser()
    world.sign_in(browser)
    assert browser.post("/logout", headers={"Sec-Fetch-Site": "same-site"}).status_code == 400
    assert browser.post("/logout", headers={"Origin": "http://globex.localhost:8000"}).status_code == 400
    assert browser.get("/session").status_code == 200


def test_signing_in_again_ends_the_session_before(world: World) -> None:
    """A new sign-in gives a new token and ends the old session of this browser."""
    browser = world.browser()
    world.sign_in(browser)
    before = browser.session_token
    world.sign_in(browser)
    assert browser.session_token != before
    with_old_cookie = world.browser().get("/session", headers={"Cookie": f"__Host-vestibule_session={before}"})
    assert with_old_cookie.status_code == 401
    assert browser.get("/session").status_code == 200


def test_an_assertion_signs_in_once(world: World) -> None:
    """The same response posted twice is told that it was used; no second session is made."""
    browser = world.browser()
    started = browser.start()
    response = world.response(started)
    assert browser.post_response(response, started.relay_state).status_code == 303
    sessions = world.count("session")
    again = browser.post_response(response, started.relay_state)
    assert (again.status_code, code_of(again)) == (403, "replayed")
    assert world.count("session") == sessions


def test_a_request_is_answered_once(world: World) -> None:
    """A second assertion for a request that was answered is refused."""
    browser = world.browser()
    started = browser.start()
    browser.post_response(world.response(started), started.relay_state)
    again = browser.post_response(world.response(started), started.relay_state)
    assert code_of(again) == "in_response_to_mismatch"


def test_another_browser_cannot_finish_a_sign_in(world: World) -> None:
    """Whoever posts somebody else's good response is told kindly to start again, and the first browser still can finish."""
    browser, other = world.browser(), world.browser()
    started = browser.start()
    response = world.response(started)
    stolen = other.post_response(response, started.relay_state)
    assert (stolen.status_code, code_of(stolen)) == (403, "login_state_lost")
    assert browser.post_response(response, started.relay_state).status_code == 303


def test_a_response_that_nobody_asked_for_needs_leave(world: World) -> None:
    """IdP-initiated sign-in is refused until it is allowed; then it ends at a local path or the front page."""
    browser = world.browser()
    assert code_of(browser.post_response(world.response(None))) == "unsolicited_not_allowed"
    world.change_settings(allow_idp_initiated=True)
    assert browser.post_response(world.response(None)).location == "/"
    assert browser.post_response(world.response(None), "/reports").location == "/reports"
    assert browser.post_response(world.response(None), world.acme.origin + "/x?y=1").location == "/x?y=1"


@pytest.mark.parametrize(
    "relay_state",
    [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "/ok\r\nSet-Cookie: a=b",
        "/\u202etest",
        "http://acme.localhost:8000.evil.test/",
        "/" + "a" * 3000,
    ],
)
def test_relay_state_never_leads_elsewhere(world: World, relay_state: str) -> None:
    """A RelayState that is neither token nor local path is refused, and nobody is signed in."""
    world.change_settings(allow_idp_initiated=True)
    before = world.rows()
    answer = world.browser().post_response(world.response(None), relay_state)
    assert code_of(answer) == "relay_state_invalid"
    assert world.rows() == before


def test_a_tenant_whose_provider_starts_by_itself(world: World) -> None:
    """Q7: the browser is sent to the provider's page with RelayState, and comes back to the page first asked for."""
    world.change_settings(allow_idp_initiated=True, idp_login_url="https://idp.acme.test/start?app=7")
    browser = world.browser()
    away = browser.get("/saml/login", query_string={"next": "/deep/page"})
    assert away.status_code == 302
    location, _, relay_state = away.location.partition("&RelayState=")
    assert location == "https://idp.acme.test/start?app=7"
    assert browser.post_response(world.response(None), relay_state).location == "/deep/page"


def test_metadata_that_has_expired_signs_nobody_in(world: World) -> None:
    """validUntil is judged when it is used, at the start and at the end of a sign-in; its keys sign nobody out either."""
    known, browser = world.browser(), world.browser()
    assert world.sign_in(known).status_code == 303
    started = browser.start()
    response = world.response(started)
    with world.app.app_context(), every_tenant(), transaction():
        table, one = IdentityProvider.__table__, IdentityProvider.tenant_id == 1
        document = read(sa.select(IdentityProvider.metadata_document).where(one)).scalar_one()
        write(sa.update(table).where(one).values(metadata=document | {"valid_until": utc_now().isoformat()}))
        write(sa.update(Tenant).values(version=Tenant.version + 1))
    before = world.rows()
    refused = assert_refused(world, browser.post_response(response, started.relay_state), "metadata_expired", before)
    assert refused.check == "metadata"
    assert code_of(browser.get("/saml/login")) == "metadata_expired"
    leaving = signed_query(request_xml(request_parts(world.acme)), world.acme.idp.key)
    assert code_of(browser.get(f"/saml/slo?{leaving}")) == "logout_invalid"
    assert known.get("/session").status_code == 200


def test_a_suspended_tenant_signs_nobody_in(world: World) -> None:
    """Suspending ends sessions at once and refuses everything at the tenant's host."""
    browser = world.browser()
    started = browser.start()
    world.sign_in(browser)
    assert world.api("PATCH", "/tenants/acme", json={"state": "suspended"}).status_code == 200
    for answer in (browser.get("/"), browser.get("/saml/login"), browser.post_response(world.response(started))):
        assert (answer.status_code, code_of(answer)) == (403, "tenant_suspended")
    assert world.api("PATCH", "/tenants/acme", json={"state": "active"}).status_code == 200
    assert browser.get("/session").status_code == 401


def test_the_pages_of_a_tenant(world: World) -> None:
    """The front page shows the way in, and afterwards who is signed in, by whom and until when, and the way out."""
    browser = world.browser()
    before = browser.get("/").get_data(as_text=True)
    assert "Company login" in before
    assert "/saml/login?next=%2F&amp;idp=main" in before
    world.sign_in(browser)
    after = browser.get("/").get_data(as_text=True)
    for text in ("Ada Lovelace", "ada@acme.test", "Company login", 'action="/logout"'):
        assert text in after


def test_the_front_page_of_the_app_host_names_nobody(world: World) -> None:
    """The app host says where people sign in, and nothing about who exists."""
    page = Browser(world.app, None).get("/")
    assert page.status_code == 200
    assert "acme" not in page.get_data(as_text=True).lower()


def test_hosts_say_nothing_about_who_exists(world: World) -> None:
    """An unknown tenant is a plain 404, a host outside both patterns a 400."""
    unknown = Browser(world.app, "initech").get("/")
    assert (unknown.status_code, code_of(unknown)) == (404, "tenant_unknown")
    assert "initech" not in unknown.get_data(as_text=True).lower()
    client = world.app.test_client()
    assert client.get("/", base_url="http://evil.test").status_code == 400
    assert client.get("/", base_url="http://acme.localhost.evil.test").status_code == 400
    assert client.get("/", base_url="http://a.acme.localhost:8000").status_code == 400
