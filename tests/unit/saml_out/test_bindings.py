"""POST fields and Redirect addresses, read back by hand as an identity provider would."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.saml.bindings import post_fields, redirect_url, with_hint, with_query
from identity.saml.request import build_authn_request
from identity.saml.signing import sign_enveloped
from tenants.saml_choices import SIGNATURE_METHODS
from tenants.trust import BINDING_REDIRECT, Endpoint, SAMLTrust
from tests.unit.saml_out.support import (
    NOW,
    POST,
    REDIRECT,
    REQUEST_ID,
    inflated,
    query_is_signed_by,
    trust_of,
)

PLAIN = Endpoint(BINDING_REDIRECT, "https://idp.acme.test/sso")


def request_of(trust: SAMLTrust, endpoint: Endpoint = PLAIN) -> bytes:
    """A request that is on its way by Redirect."""
    return build_authn_request(trust, REQUEST_ID, endpoint, NOW)


def names_of(url: str) -> list[str]:
    """Names of the query's parameters in the order of the URL."""
    return [part.split("=", 1)[0] for part in urlsplit(url).query.split("&")]


def test_post_fields_carry_the_very_octets() -> None:
    """Base64 without line breaks of exactly what was signed, never deflated."""
    trust = trust_of()
    xml = sign_enveloped(build_authn_request(trust, REQUEST_ID, POST, NOW), trust)
    fields = post_fields(xml, "state-1")
    assert set(fields) == {"SAMLRequest", "RelayState"}
    assert base64.b64decode(fields["SAMLRequest"], validate=True) == xml
    assert fields["RelayState"] == "state-1"


def test_empty_relay_state_is_left_out() -> None:
    """An empty value is not the same as none, and nobody answers it well."""
    trust = trust_of()
    assert "RelayState" not in post_fields(b"<x/>", "")
    url = redirect_url(request_of(trust), "", PLAIN, trust)
    assert names_of(url) == ["SAMLRequest", "SigAlg", "Signature"]
    assert query_is_signed_by(url, "acme")


@pytest.mark.parametrize("signature_method", SIGNATURE_METHODS)
def test_redirect_signature_verifies_over_the_raw_query(signature_method: str) -> None:
    """Order of parameters, algorithm and octets are the binding's; the message inside is the one built, unsigned."""
    trust = trust_of(signature_method=signature_method)
    xml = request_of(trust)
    url = redirect_url(xml, "state-1", PLAIN, trust)
    assert names_of(url) == ["SAMLRequest", "RelayState", "SigAlg", "Signature"]
    parameters = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
    assert parameters["RelayState"] == "state-1"
    assert parameters["SigAlg"] == signature_method
    assert query_is_signed_by(url, "acme")
    raw = dict(part.split("=", 1) for part in urlsplit(url).query.split("&"))
    assert inflated(raw["SAMLRequest"]) == xml


@pytest.mark.parametrize("name", ["SAMLRequest", "RelayState", "SigAlg", "Signature"])
def test_touched_query_no_longer_verifies(name: str) -> None:
    """The verifier of these tests can fail: each of the four parameters is covered."""
    url = redirect_url(request_of(trust_of()), "state-1", PLAIN, trust_of())
    other = redirect_url(
        build_authn_request(trust_of(), REQUEST_ID[:-1] + "0", PLAIN, NOW),
        "state-2",
        PLAIN,
        trust_of(signature_method="http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"),
    )
    raw = dict(part.split("=", 1) for part in urlsplit(url).query.split("&"))
    raw[name] = dict(part.split("=", 1) for part in urlsplit(other).query.split("&"))[name]
    assert not query_is_signed_by("https://x/?" + "&".join(f"{key}={value}" for key, value in raw.items()), "acme")


def test_unsigned_when_the_settings_say_so() -> None:
    """Neither SigAlg nor Signature."""
    trust = trust_of(sign_requests=False)
    assert names_of(redirect_url(request_of(trust), "s", PLAIN, trust)) == ["SAMLRequest", "RelayState"]


def test_endpoints_own_query_stays_as_it_is() -> None:
    """Its octets are kept, in front, and outside of the signature."""
    trust = trust_of()
    url = redirect_url(request_of(trust, REDIRECT), "s", REDIRECT, trust)
    assert url.startswith(REDIRECT.location + "&SAMLRequest=")
    assert query_is_signed_by(url, "acme")


@pytest.mark.parametrize("name", ["login_hint", "username"])
def test_login_hint_is_appended_and_cannot_break_out(name: str) -> None:
    """A hint with separators, spaces and a line break is one value of the settings' parameter, after the signature."""
    trust = trust_of(login_hint_parameter=name)
    hint = "ada+x@acme.test&Signature=x#\r\nSet-Cookie: é🙂/%00"
    url = redirect_url(request_of(trust), "s", PLAIN, trust, login_hint=hint)
    assert names_of(url) == ["SAMLRequest", "RelayState", "SigAlg", "Signature", name]
    assert dict(parse_qsl(urlsplit(url).query))[name] == hint
    assert query_is_signed_by(url, "acme")
    assert url.isascii()
    assert url.isprintable()


@pytest.mark.parametrize(("hint", "name"), [(None, "login_hint"), ("", "login_hint"), ("ada@acme.test", "")])
def test_no_login_hint_no_parameter(hint: str | None, name: str) -> None:
    """Nothing to say, or nobody who would take it: nothing said."""
    trust = trust_of(login_hint_parameter=name)
    assert names_of(redirect_url(request_of(trust), "s", PLAIN, trust, login_hint=hint))[-1] == "Signature"
    assert with_hint("https://i.test/s?a=1", hint, trust) == "https://i.test/s?a=1"


@pytest.mark.parametrize("own", ["idpid=C01", "IDPID=C01", "%69dpid=C01", "a=1&idpid", "idp%49d=C01&x"])
def test_a_hint_never_speaks_over_the_endpoints_own_query(own: str) -> None:
    """Whoever wrote the link does not choose what the identity provider's address says, however its name is spelt there."""
    trust = trust_of(login_hint_parameter="idpid")
    assert with_hint(f"https://i.test/s?{own}", "evil", trust) == f"https://i.test/s?{own}"
    assert with_hint("https://i.test/s?other=1#idpid", "a b/c", trust) == "https://i.test/s?other=1&idpid=a%20b%2Fc#idpid"


def test_redirect_refuses_a_signature_inside_the_message() -> None:
    """The binding forbids it (3.4.4.1), and identity providers choke on it."""
    trust = trust_of()
    with pytest.raises(ValueError, match="no signature inside"):
        redirect_url(sign_enveloped(request_of(trust), trust), "s", PLAIN, trust)


def test_relay_state_is_bounded() -> None:
    """80 bytes pass, 81 do not, and bytes are counted, not characters."""
    trust = trust_of()
    assert post_fields(b"<x/>", "a" * 80)["RelayState"] == "a" * 80
    for too_long in ("a" * 81, "é" * 41):
        with pytest.raises(ValueError, match="80"):
            post_fields(b"<x/>", too_long)
        with pytest.raises(ValueError, match="80"):
            redirect_url(request_of(trust), too_long, PLAIN, trust)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_relay_state_comes_back_as_it_went(relay_state: str) -> None:
    """Whatever its characters, it is one parameter, signed as it stands."""
    trust = trust_of()
    url = redirect_url(request_of(trust), relay_state, PLAIN, trust)
    assert dict(parse_qsl(urlsplit(url).query)).get("RelayState", "") == relay_state
    assert query_is_signed_by(url, "acme")


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://i.test/s", "https://i.test/s?q=1"),
        ("https://i.test/s?", "https://i.test/s?q=1"),
        ("https://i.test/s?a=b%20c+d", "https://i.test/s?a=b%20c+d&q=1"),
        ("https://i.test/s?a&", "https://i.test/s?a&q=1"),
        ("https://i.test/s#part?x", "https://i.test/s?q=1#part?x"),
    ],
)
def test_query_is_added_to_any_location(location: str, expected: str) -> None:
    """One separator, the own query untouched, the fragment last."""
    assert with_query(location, "q=1") == expected


def test_two_tenants_in_eight_threads_never_sign_with_the_others_key() -> None:
    """Each query verifies with its tenant's key, and not with the other's."""
    trusts = {tenant: trust_of(tenant) for tenant in ("acme", "globex")}

    def start(number: int) -> tuple[str, str]:
        tenant = ("acme", "globex")[number % 2]
        return tenant, redirect_url(request_of(trusts[tenant]), str(number), PLAIN, trusts[tenant])

    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(start, range(400)))
    for tenant, url in urls:
        assert query_is_signed_by(url, tenant)
        assert not query_is_signed_by(url, "globex" if tenant == "acme" else "acme")
