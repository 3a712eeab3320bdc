"""Refusals as people and programs get them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from identity import errors, pages
from identity.error_pages import refusal_response, wants_problem
from identity.pages import is_local_path
from tenants import errors as tenant_errors
from tenants.errors import Refusal
from tenants.signed_xml import errors as xml_errors
from tests.e2e.pages_site import REFERENCE, pages_app, tenant_named

EVERYTHING = MIMEAccept([("*/*", 1)])
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
STABLE_CODES = """
    request_invalid method_not_allowed too_large response_malformed xml_forbidden signature_missing signature_invalid
    algorithm_not_allowed decryption_failed status_not_success assertion_invalid condition_not_understood issuer_mismatch
    destination_mismatch recipient_mismatch audience_mismatch in_response_to_mismatch unsolicited_not_allowed
    login_state_lost expired not_yet_valid time_invalid replayed subject_invalid authn_context_mismatch attribute_missing
    email_invalid email_domain_not_allowed email_conflict user_not_provisioned user_inactive relay_state_invalid
    logout_invalid tenant_unknown tenant_suspended identity_provider_missing metadata_expired rate_limited domain_taken
"""


def refusals() -> Iterator[type[Refusal]]:
    """Every refusal with a code of its own."""
    for module in (errors, xml_errors, tenant_errors):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Refusal) and value.code != "refused":
                yield value


@pytest.fixture
def client() -> FlaskClient:
    """A client of the small site."""
    return pages_app().test_client()


def test_every_stable_code_is_there() -> None:
    """Codes are an interface: none may vanish."""
    assert {refusal.code for refusal in refusals()} >= set(STABLE_CODES.split())


@pytest.mark.parametrize("refusal", sorted(set(refusals()), key=str))
def test_every_refusal_says_what_and_what_now(refusal: type[Refusal]) -> None:
    """A page with code, reference, status and whole sentences; the cause stays private."""
    response = pages.error_page(tenant_named("acme"), refusal("private cause"), reference=REFERENCE)
    text = response.get_data(as_text=True)
    assert response.status_code == refusal.status
    assert f'data-code="{refusal.code}"' in text
    assert f"<code>{REFERENCE}</code>" in text
    assert "private cause" not in text
    assert refusal.sentence.endswith(".")
    assert not refusal.heading.endswith(".")
    assert not refusal.advice or refusal.advice.endswith(".")
    if "below" in refusal.advice:
        assert "reference" in refusal.advice


@pytest.mark.parametrize(
    ("accept", "for_programs", "problem"),
    [
        ("", False, False),
        ("*/*", False, False),
        (BROWSER, False, False),
        ("application/json", False, True),
        ("application/problem+json", False, True),
        ("application/problem+json, */*;q=0.1", False, True),
        ("application/problem+json, */*", False, True),
        ("application/problem+json;q=0.5, text/html", False, False),
        ("application/problem+json, text/html;q=0.9", False, True),
        ("application/problem+json;q=0, text/html;q=0.1", False, False),
        ("text/*", False, False),
        ("application/*", False, True),
        ("image/png", False, False),
        ("nonsense;;q=x", False, False),
        ("", True, True),
        ("*/*", True, True),
        (BROWSER, True, False),
        ("image/png", True, True),
    ],
)
def test_accept_decides(accept: str, for_programs: bool, problem: bool) -> None:
    """By q, then by what is named outright, then by what the address is for."""
    assert wants_problem(parse_accept_header(accept, MIMEAccept), for_programs=for_programs) is problem


def test_a_problem_holds_what_programs_need() -> None:
    """RFC 9457 with our code; the sentence is the public one."""
    accepts = MIMEAccept([("application/problem+json", 1)])
    response = refusal_response(errors.Replayed("private"), tenant=tenant_named("acme"), reference=REFERENCE, accepts=accepts)
    assert response.content_type == "application/problem+json"
    assert response.get_json() == {
        "title": "Forbidden",
        "status": 403,
        "code": "replayed",
        "detail": errors.Replayed.sentence,
        "reference": REFERENCE,
    }
    assert response.headers["Cache-Control"] == "no-store"
    assert "Accept" in response.vary


def test_an_unknown_address_is_nobodys() -> None:
    """The page of an unknown tenant is the same for every name, and carries no brand."""
    one, other = (
        refusal_response(tenant_errors.TenantUnknown(name), tenant=None, reference=REFERENCE, accepts=EVERYTHING)
        for name in ("acme", "globex")
    )
    assert one.data == other.data
    assert b"/brand.css" not in one.data
    assert b"/saml/login" not in one.data


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/nowhere", "GET", 404, "not_found"),
        ("/sso", "GET", 405, "method_not_allowed"),
        ("/mistake", "GET", 500, "internal_error"),
    ],
)
def test_errors_of_http_are_said_alike(client: FlaskClient, path: str, method: str, status: int, code: str) -> None:
    """In plain words, with a code; a mistake of ours says nothing about itself."""
    response = client.open(path, method=method)
    assert response.status_code == status
    assert f'data-code="{code}"' in response.text
    assert "a mistake of ours" not in response.text
    assert client.open(path, method=method, headers={"Accept": "application/json"}).get_json()["code"] == code


def test_a_wrong_method_names_the_right_ones(client: FlaskClient) -> None:
    """405 carries Allow (RFC 9110 15.5.6)."""
    assert "POST" in client.get("/sso").headers["Allow"]


def test_head_is_get_without_its_body(client: FlaskClient) -> None:
    """The same status and headers."""
    get, head = client.get("/acme/signature"), client.head("/acme/signature")
    assert head.data == b""
    assert head.status_code == get.status_code == 403
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert head.headers["Content-Security-Policy"] == get.headers["Content-Security-Policy"]


def test_who_has_to_wait_is_told_how_long() -> None:
    """503 and 429 carry Retry-After, of the refusal's own where it has one."""
    for refusal, seconds in (
        (tenant_errors.ServiceUnavailable(), "30"),
        (tenant_errors.RateLimited("x", retry_after=17), "17"),
    ):
        response = refusal_response(refusal, tenant=None, reference=REFERENCE, accepts=EVERYTHING)
        assert response.headers["Retry-After"] == seconds


def test_a_retry_stands_where_it_helps() -> None:
    """A lost sign-in starts again; a bad signature does not; nobody's page has no sign-in to start."""
    tenant = tenant_named("acme")
    assert b'href="/saml/login"' in pages.error_page(tenant, errors.LoginStateLost(), reference="r").data
    assert b'href="/saml/login?other=1"' in pages.error_page(tenant, errors.EmailDomainNotAllowed(), reference="r").data
    assert b"<a " not in pages.error_page(tenant, xml_errors.SignatureInvalid(), reference="r").data
    assert b"<a " not in pages.error_page(None, errors.LoginStateLost(), reference="r").data


@pytest.mark.parametrize("url", ["//evil.test", "https://evil.test", "javascript:alert(1)", "/\\evil.test", "/a\r\nb", ""])
def test_a_retry_never_leaves_the_host(url: str) -> None:
    """Whoever passes such a URL gets a page without a button."""
    assert not is_local_path(url)
    page = pages.error_page(None, tenant_errors.ServiceUnavailable(), reference="r", retry_url=url)
    assert b"<a " not in page.data


def test_a_known_status_is_explained_and_a_strangers_words_are_not_shown() -> None:
    """Anybody can post an unsigned response: its message may choose among our words and add none of its own."""
    refusal = errors.StatusNotSuccess(
        "x",
        status_codes=["urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext"],
        status_message="AADSTS75011: ring +1 555 0100 <script>",
    )
    text = pages.error_page(tenant_named("acme"), refusal, reference="r").get_data(as_text=True)
    assert "<code>AADSTS75011</code>" in text
    assert "leave the authentication context class blank" in text
    assert "555" not in text
    problem = refusal_response(refusal, tenant=None, reference="r", accepts=EVERYTHING, for_programs=True).get_json()
    assert (problem["code"], problem["provider_code"]) == ("status_not_success", "AADSTS75011")
    assert problem["detail"].startswith("Microsoft Entra ID signed you in by another method")
    assert "555" not in str(problem)
    plain = errors.StatusNotSuccess("x", status_codes=["urn:ring:555"], status_message="AADSTS99999 ring 555")
    shown = pages.error_page(tenant_named("acme"), plain, reference="r").get_data(as_text=True)
    assert errors.StatusNotSuccess.sentence in shown
    assert not re.search("555|99999", shown)


def test_other_statuses_of_http_are_kept(client: FlaskClient) -> None:
    """A finer status than the refusal's own goes out."""
    response = refusal_response(
        errors.RequestInvalid(),
        tenant=None,
        reference="r",
        accepts=MIMEAccept([("application/json", 1)]),
        status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    )
    assert response.status_code == response.get_json()["status"] == 415
