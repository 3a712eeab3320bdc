"""Authentication requests: what they say, for every setting, and that the schema agrees."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from saml2 import samlp

from identity.saml.request import build_authn_request, choose_endpoint
from identity.saml.signing import sign_canonical, sign_enveloped
from tenants.errors import IdentityProviderMissing
from tenants.saml_choices import AUTHN_CONTEXT_PREFIX, COMPARISONS, NAME_ID_FORMATS, NAME_ID_UNSPECIFIED
from tenants.trust import BINDING_POST, Endpoint
from tests.unit.saml_out.support import NOW, POST, REDIRECT, REQUEST_ID, SAML, SAMLP, schema_errors, trust_of

PASSWORD = AUTHN_CONTEXT_PREFIX + "Password"
TLS_CLIENT = AUTHN_CONTEXT_PREFIX + "TLSClient"
XML_TEXTS = st.text(
    st.sampled_from("&<>\"'\t\n\r ]") | st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    max_size=30,
)
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"


def test_default_request_says_all_of_q6_and_nothing_more() -> None:
    """The whole request by default, attribute by attribute and child by child."""
    root = etree.fromstring(build_authn_request(trust_of(), REQUEST_ID, POST, NOW))
    assert root.tag == SAMLP + "AuthnRequest"
    assert dict(root.attrib) == {
        "ID": REQUEST_ID,
        "Version": "2.0",
        "IssueInstant": "2026-03-04T05:06:07Z",
        "Destination": "https://idp.acme.test/sso/post",
        "AssertionConsumerServiceURL": "https://acme.vestibule.test/saml/acs",
        "ProtocolBinding": BINDING_POST,
    }
    issuer, policy, context = root
    assert (issuer.tag, issuer.text, dict(issuer.attrib)) == (
        SAML + "Issuer",
        "https://acme.vestibule.test/saml/metadata",
        {},
    )
    assert (policy.tag, dict(policy.attrib)) == (
        SAMLP + "NameIDPolicy",
        {"Format": NAME_ID_UNSPECIFIED, "AllowCreate": "true"},
    )
    assert (context.tag, dict(context.attrib)) == (SAMLP + "RequestedAuthnContext", {"Comparison": "exact"})
    assert [child.text for child in context] == [PASSWORD]


@pytest.mark.parametrize(("force", "passive", "setting"), list(itertools.product([False, True], repeat=3)))
def test_force_authn_and_is_passive_only_when_true(force: bool, passive: bool, setting: bool) -> None:
    """ForceAuthn comes from the call or the settings, IsPassive from the call; false is left out."""
    trust = trust_of(force_authn=setting)
    root = etree.fromstring(build_authn_request(trust, REQUEST_ID, POST, NOW, force_authn=force, is_passive=passive))
    assert root.get("ForceAuthn") == ("true" if force or setting else None)
    assert root.get("IsPassive") == ("true" if passive else None)


@pytest.mark.parametrize("name_id_format", ["", *NAME_ID_FORMATS])
def test_name_id_policy(name_id_format: str) -> None:
    """The format of the settings; no policy when blank; never AllowCreate with transient (errata E14), nor a qualifier."""
    root = etree.fromstring(build_authn_request(trust_of(name_id_format=name_id_format), REQUEST_ID, POST, NOW))
    policy = root.find(SAMLP + "NameIDPolicy")
    if not name_id_format:
        assert policy is None
        return
    assert policy is not None
    expected = {"Format": name_id_format} | ({} if name_id_format == TRANSIENT else {"AllowCreate": "true"})
    assert dict(policy.attrib) == expected


@pytest.mark.parametrize("comparison", COMPARISONS)
def test_authn_context_classes_in_order_and_comparison_in_lower_case(comparison: str) -> None:
    """All classes in the order of the settings: the order carries meaning."""
    classes = (TLS_CLIENT, "https://refeds.org/profile/mfa", PASSWORD)
    trust = trust_of(authn_context_class_ref=classes, authn_context_comparison=comparison)
    xml = build_authn_request(trust, REQUEST_ID, POST, NOW)
    context = etree.fromstring(xml).find(SAMLP + "RequestedAuthnContext")
    assert context is not None
    assert context.get("Comparison") == comparison.lower()
    assert tuple(child.text for child in context) == classes
    assert schema_errors(xml) == ""


def test_blank_authn_context_leaves_the_element_out() -> None:
    """Blank means that the identity provider decides."""
    root = etree.fromstring(build_authn_request(trust_of(authn_context_class_ref=()), REQUEST_ID, POST, NOW))
    assert root.find(SAMLP + "RequestedAuthnContext") is None
    assert [child.tag for child in root] == [SAML + "Issuer", SAMLP + "NameIDPolicy"]


@pytest.mark.parametrize("name_id_format", ["", *NAME_ID_FORMATS])
@pytest.mark.parametrize("classes", [(), (PASSWORD,), (PASSWORD, TLS_CLIENT)])
@pytest.mark.parametrize("flag", [False, True])
def test_every_form_is_schema_valid(name_id_format: str, classes: tuple[str, ...], flag: bool) -> None:
    """The OASIS schema has nothing against any of the forms."""
    trust = trust_of(name_id_format=name_id_format, authn_context_class_ref=classes)
    xml = build_authn_request(trust, REQUEST_ID, POST, NOW, force_authn=flag, is_passive=flag)
    assert schema_errors(xml) == ""


def test_schema_of_the_tests_can_refuse() -> None:
    """A request without Version is refused, so an empty list of errors means something."""
    xml = build_authn_request(trust_of(), REQUEST_ID, POST, NOW).replace(b' Version="2.0"', b"")
    assert "Version" in schema_errors(xml)


def test_instant_is_utc_in_whole_seconds_whatever_the_zone() -> None:
    """An aware time of another zone is turned into UTC."""
    there = NOW.astimezone(dt.timezone(dt.timedelta(hours=-9, minutes=-30)))
    root = etree.fromstring(build_authn_request(trust_of(), REQUEST_ID, POST, there))
    assert root.get("IssueInstant") == "2026-03-04T05:06:07Z"


def test_naive_time_is_refused() -> None:
    """A time without a zone would be taken for local time."""
    with pytest.raises(ValueError, match="aware"):
        build_authn_request(trust_of(), REQUEST_ID, POST, NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    "request_id",
    ["", "_short", "0" * 33, "a" * 33, REQUEST_ID + "\n", REQUEST_ID + '"', "_" + "é" * 30, "_" + "a" * 64, "_ " + "a" * 30],
)
def test_request_id_that_is_no_safe_ncname_is_refused(request_id: str) -> None:
    """Digits in front, guessable shortness, quotes and line ends never reach the wire."""
    with pytest.raises(ValueError, match="request ID"):
        build_authn_request(trust_of(), request_id, POST, NOW)


def test_markup_in_a_location_stays_text() -> None:
    """A location with quotes, ampersands and angle brackets comes out as the value that went in."""
    location = "https://idp.acme.test/sso?a=1&b=\"><samlp:X/>&amp;'é🙂"
    xml = build_authn_request(trust_of(), REQUEST_ID, Endpoint(BINDING_POST, location), NOW)
    root = etree.fromstring(xml)
    assert root.get("Destination") == location
    assert root.find(SAMLP + "X") is None


@settings(max_examples=150)
@given(st.lists(XML_TEXTS, max_size=3), XML_TEXTS, XML_TEXTS, XML_TEXTS, st.sampled_from(["", *NAME_ID_FORMATS]), st.booleans())
def test_it_is_written_as_it_would_be_canonicalised(
    classes: list[str], entity_id: str, acs_url: str, location: str, name_id_format: str, flag: bool
) -> None:
    """Whatever the values: libxml2's canonical form is the same octets, pysaml2 reads the values that went in."""
    trust = trust_of(name_id_format=name_id_format, force_authn=flag)
    object.__setattr__(trust.settings, "authn_context_class_ref", tuple(classes))  # texts that the settings would refuse
    provider = replace(trust.service_provider, entity_id=entity_id, acs_url=acs_url)
    trust = replace(trust, service_provider=provider)
    xml = build_authn_request(trust, REQUEST_ID, Endpoint(BINDING_POST, location), NOW, is_passive=flag)
    assert etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True) == xml
    read = samlp.authn_request_from_string(xml)
    assert (read.id, read.version, read.issue_instant) == (REQUEST_ID, "2.0", "2026-03-04T05:06:07Z")
    assert (read.destination, read.assertion_consumer_service_url) == (location, acs_url)
    assert (read.force_authn, read.is_passive) == (("true", "true") if flag else (None, None))
    assert (read.issuer.text or "") == entity_id
    assert (read.name_id_policy.format if read.name_id_policy else "") == name_id_format
    asked = read.requested_authn_context.authn_context_class_ref if read.requested_authn_context else []
    assert [item.text or "" for item in asked] == classes
    if entity_id:
        assert sign_canonical(xml, REQUEST_ID, trust) == sign_enveloped(xml, trust)


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe"])
def test_a_character_that_xml_has_no_place_for_is_refused(character: str) -> None:
    """It would make a message that nobody can read."""
    with pytest.raises(ValueError, match="XML has no place"):
        build_authn_request(trust_of(), REQUEST_ID, Endpoint(BINDING_POST, "https://idp.test/" + character), NOW)


@pytest.mark.parametrize(
    ("binding", "sso", "expected"),
    [
        ("post", (REDIRECT, POST), POST),
        ("redirect", (POST, REDIRECT), REDIRECT),
        ("post", (REDIRECT,), REDIRECT),
        ("redirect", (POST,), POST),
    ],
)
def test_other_binding_where_the_chosen_one_is_missing(binding: str, sso: tuple[Endpoint, ...], expected: Endpoint) -> None:
    """The chosen binding's endpoint, or the other one's (Q1)."""
    assert choose_endpoint(trust_of(sso=sso, request_binding=binding)) == expected


@pytest.mark.parametrize("sso", [(), (Endpoint("urn:oasis:names:tc:SAML:2.0:bindings:SOAP", "https://idp.acme.test/soap"),)])
def test_no_usable_endpoint_is_a_refusal(sso: tuple[Endpoint, ...]) -> None:
    """No endpoint for POST or Redirect: the refusal's cause names the identity provider."""
    with pytest.raises(IdentityProviderMissing, match="main"):
        choose_endpoint(trust_of(sso=sso))
