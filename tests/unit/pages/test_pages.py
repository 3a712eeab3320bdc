"""Pages as responses: escaped, complete, and under the strict policy."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from dataclasses import replace

import pytest
from flask import Flask, Response, g
from flask.testing import FlaskClient
from jinja2 import UndefinedError

from identity import leaving_pages, page_rendering, pages, response_headers
from identity.account_pages import account_page
from identity.front_door.pages import front_page
from identity.leaving_pages import SUBMIT_SCRIPT
from identity.response_headers import form_action_for, security_headers
from identity.static_files import static_url
from tests.e2e.pages_site import MANY, NOW, ONE, TENANTS, Choice, devices_of, pages_app, session_of, tenant_named

STRICT = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'none'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def client() -> FlaskClient:
    """A client of the small site."""
    return pages_app().test_client()


def body(response: Response) -> str:
    """Text of a page."""
    return response.get_data(as_text=True)


@pytest.mark.parametrize("slug", sorted(TENANTS))
def test_every_page_has_the_bones(slug: str) -> None:
    """One h1, one main, a language, a title; no inline style, no script and no handler."""
    tenant = tenant_named(slug)
    for page in (
        pages.sign_in_page(tenant, ONE, target="/"),
        pages.sign_in_page(tenant, MANY, target="/", signed_out="1"),
        pages.sign_in_page(tenant, (), target="/"),
        pages.sign_in_page(tenant, (), target="/", switched_off=True),
        pages.landing_page(tenant, session_of(slug), now=NOW),
        account_page(tenant, session_of(slug), devices_of(slug), now=NOW),
    ):
        text = body(page)
        assert len(re.findall(r"<h1[ >]", text)) == len(re.findall(r"<main[ >]", text)) == 1
        assert '<html lang="en">' in text
        assert "<title>" in text
        assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=", text)
        assert page.headers["Content-Security-Policy"] == STRICT
        assert page.headers["Cache-Control"] == "no-store"


def test_nobodys_page_stands_on_its_own() -> None:
    """At an unknown host nothing else could be fetched: the sheet is on the page, and the policy names its hash."""
    page = front_page()
    text = body(page)
    (sheet,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    assert page.headers["Content-Security-Policy"] == STRICT.replace("style-src 'self'", f"style-src 'sha256-{digest}'")
    assert not re.search(r'(?:href|src)="(?!data:)', text)


def test_the_sign_in_link_keeps_the_target_in_one_piece() -> None:
    """A target with a query of its own arrives whole, and cannot choose another identity provider."""
    text = body(pages.sign_in_page(tenant_named("acme"), ONE, target="/a?idp=evil&b=%26"))
    assert "/saml/login?next=%2Fa%3Fidp%3Devil%26b%3D%2526&idp=main" in html.unescape(text)


def test_names_are_text() -> None:
    """Markup in the names of organisations, providers and people is shown and not obeyed."""
    bad = "<img src=x onerror=alert(1)>\"'"
    shown = body(pages.sign_in_page(tenant_named("emoji"), (Choice(bad, bad),), target="/" + bad))
    assert "<img src=x" not in shown
    assert "<b>Friends" not in shown
    landing = body(pages.landing_page(tenant_named("emoji"), session_of("emoji"), now=NOW, csrf_token=bad))
    assert "<script" not in landing
    assert f'name="csrf_token" value="{html.escape(bad).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")}"' in landing


def test_the_landing_page_says_who_how_since_and_until() -> None:
    """Name, e-mail, provider, both moments in words and for machines, and a way out."""
    text = body(pages.landing_page(tenant_named("acme"), session_of("acme"), now=NOW))
    for part in (
        "Jo van Doe",
        "jo.doe@acme.test",
        "Company login",
        "12 minutes ago",
        'datetime="2026-11-24T21:17:00Z"',
        "in 7 hours",
        "25 November 2026, 04:29 UTC",
        '<form class="actions" method="post" action="/logout">',
    ):
        assert part in text
    assert "csrf_token" not in text


def test_the_leaving_page_allows_one_script_and_one_place() -> None:
    """The policy names the identity provider's origin, and the hash of the very script on the page."""
    fields = {"SAMLRequest": 'a"b+/=', "RelayState": "<r>"}
    page = leaving_pages.post_form_page(tenant_named("acme"), "https://IdP.acme.test:8443/sso?a=1&b=2", fields)
    text, policy = body(page), page.headers["Content-Security-Policy"]
    script = re.findall(r"<script>(.*?)</script>", text, re.S)
    assert script == [SUBMIT_SCRIPT]
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "form-action https://idp.acme.test:8443 https:;" in policy
    assert 'action="https://IdP.acme.test:8443/sso?a=1&amp;b=2"' in text
    assert 'name="SAMLRequest" value="a&#34;b+/="' in text
    assert 'name="RelayState" value="&lt;r&gt;"' in text
    assert page.headers["Referrer-Policy"] == "strict-origin"
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("location", "sources"),
    [
        ("https://idp.test/sso", "https://idp.test https:"),
        ("https://idp.test:444/sso?x=;,", "https://idp.test:444 https:"),
        ("http://idp.localhost:8100/sso", "http://idp.localhost:8100"),
        ("http://[::1]:8100/sso", "http:"),
        ("https://idp.test;script-src *", "https:"),
        ("https://ünï.test/", "https:"),
    ],
)
def test_form_action_holds_an_origin_and_nothing_else(location: str, sources: str) -> None:
    """Whatever stands in a location, it cannot add to the policy."""
    assert form_action_for(location) == sources


@pytest.mark.parametrize(
    "location", ["javascript:alert(1)", "/sso", "ftp://idp.test", "https:///sso", "https://idp.test:99999/"]
)
def test_a_form_goes_nowhere_else(location: str) -> None:
    """A location that is no web address is a mistake, not a page."""
    with pytest.raises(ValueError, match=r".+"):
        leaving_pages.post_form_page(tenant_named("acme"), location, {})


def test_a_missing_value_is_a_mistake_and_not_a_gap() -> None:
    """Templates stumble over what they were not given."""
    template = page_rendering._environment.get_template("identity/error.html")
    with pytest.raises(UndefinedError):
        template.render(brand=None)


def test_static_files_are_kept_for_ever_where_the_url_names_their_content(client: FlaskClient) -> None:
    """Another release's URL gets what there is, to be checked again; an unknown name gets 404."""
    url = static_url("pages.css")
    response = client.get(url)
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response.content_type == "text/css; charset=utf-8"
    assert client.get("/static/0000000000000000/pages.css").headers["Cache-Control"] == "no-cache"
    missing = client.get("/static/0000000000000000/..%2fpages.py")
    assert missing.status_code == 404
    assert missing.headers["Cache-Control"] == "no-store"


def test_a_brands_sheet_is_kept_for_ever_only_under_its_own_name(client: FlaskClient) -> None:
    """Nobody can have a cache keep the wrong colours under a future name."""
    client.set_cookie("slug", "yellow")
    url = re.search(r"/brand\.css\?v=[0-9a-f]+", client.get("/yellow/sign-in").text)
    assert url is not None
    assert "immutable" in client.get(url.group()).headers["Cache-Control"]
    assert client.get("/brand.css?v=0").headers["Cache-Control"] == "no-cache"
    client.delete_cookie("slug")
    assert client.get("/brand.css").status_code == 404


def test_https_is_kept_and_what_a_response_says_stays() -> None:
    """HSTS goes out over HTTPS alone; a policy that is there already is not replaced."""
    own = Response(headers={"Content-Security-Policy": "default-src 'self'"})
    assert "Strict-Transport-Security" in security_headers(own, https=True).headers
    assert own.headers["Content-Security-Policy"] == "default-src 'self'"
    assert "Strict-Transport-Security" not in security_headers(Response()).headers
    secure = tenant_named("acme", "https://acme.example.com")
    assert "Strict-Transport-Security" in pages.sign_in_page(secure, ONE, target="/").headers


def test_the_leaving_page_is_drawn_once_for_each_version_and_holds_no_others_values() -> None:
    """What is kept between people is the page around the fields; a tenant's new version has a new page."""
    tenant, action = tenant_named("acme"), "https://idp.acme.test/sso"
    fields = [{"SAMLRequest": value, "RelayState": "r"} for value in ("ada", "bob")]
    texts = [body(leaving_pages.post_form_page(tenant, action, each)) for each in fields]
    assert texts[0].replace('"ada"', '"bob"') == texts[1]
    renamed = replace(tenant, name="Renamed", version=tenant.version + 1)
    assert "Renamed" in body(leaving_pages.post_form_page(renamed, action, {"SAMLRequest": "ada", "RelayState": "r"}))
    assert "RelayState" not in body(leaving_pages.post_form_page(tenant, action, {"SAMLRequest": "ada"}))


def test_no_address_of_a_person_is_kept_with_the_leaving_page() -> None:
    """Where a form goes may say who is about to sign in; a thousand strangers with made-up ones draw no page anew."""
    tenant, fields = tenant_named("acme"), {"SAMLRequest": "r"}
    leaving_pages._leaving_page.cache_clear()
    for number in range(20):
        action = f"https://idp.acme.test/sso?login_hint=somebody{number}%40acme.test&x=%3Cb%3E"
        text = body(leaving_pages.post_form_page(tenant, action, fields))
        assert f'action="{action.replace("&", "&amp;")}"' in text
    kept = leaving_pages._leaving_page(tenant, "https", "idp.acme.test", ("SAMLRequest",), "to sign in", None)
    assert leaving_pages._leaving_page.cache_info().currsize == 1
    assert "somebody" not in repr(kept)


def test_where_one_browser_is_stands_on_no_others_leaving_page() -> None:
    """Ports are the browser's to name: what the first to ask put there was shown to everybody after."""
    tenant, fields = tenant_named("acme"), {"SAMLRequest": "r"}
    app = Flask("of a test")
    leaving_pages._leaving_page.cache_clear()
    for host in ("acme.localhost:31337", "acme.localhost:8000", "former.localhost:8000"):
        with app.test_request_context("/saml/login", base_url=f"http://{host}"):
            g.tenant = tenant
            text = body(leaving_pages.post_form_page(tenant, "https://idp.acme.test/sso", fields))
        assert f'You are at <b dir="ltr">{host}</b>' in text
    assert leaving_pages._leaving_page.cache_info().currsize == 1, "strangers' made-up ports take nobody's place"


def test_no_address_of_a_person_is_kept_with_its_policy() -> None:
    """A form's sources are kept by scheme and host, whoever is about to sign in."""
    response_headers._form_action.cache_clear()
    for number in range(20):
        assert form_action_for(f"https://idp.acme.test/sso?login_hint={number}%40acme.test") == "https://idp.acme.test https:"
    assert response_headers._form_action.cache_info().currsize == 1
