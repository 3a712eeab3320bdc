"""Logout messages that we write: canonical as they stand, valid by the schema, and read by others as they were meant."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from saml2 import samlp

from identity.saml.logout_message import SubjectOfSession, build_logout_request, build_logout_response
from identity.saml.schema import require_schema
from identity.saml.signing import sign_canonical, sign_enveloped
from tenants.trust import BINDING_REDIRECT, Endpoint
from tests.unit.saml_out.support import NOW, REQUEST_ID, trust_of

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=20)
OPTIONAL = st.none() | TEXTS
SLO = Endpoint(BINDING_REDIRECT, "https://idp.acme.test/slo?a=1&b=<2>")


def canonical(xml: bytes) -> bytes:
    """What libxml2 makes of it."""
    octets: bytes = etree.tostring(etree.fromstring(xml), method="c14n", exclusive=True)
    return octets


@given(TEXTS, st.just("") | TEXTS, OPTIONAL, OPTIONAL, OPTIONAL)
def test_a_request_is_written_as_it_would_be_canonicalised(
    name_id: str, format: str, qualifier: str | None, sp_qualifier: str | None, index: str | None
) -> None:
    """Whatever an identity provider has called a person."""
    trust = trust_of()
    xml = build_logout_request(trust, REQUEST_ID, SLO, SubjectOfSession(name_id, format, qualifier, sp_qualifier, index), NOW)
    assert canonical(xml) == xml
    assert sign_canonical(xml, REQUEST_ID, trust) == sign_enveloped(xml, trust)
    read = samlp.logout_request_from_string(xml.decode())
    assert (read.id, read.destination, read.issuer.text) == (REQUEST_ID, SLO.location, trust.service_provider.entity_id)
    found = etree.fromstring(xml).find("{*}NameID")
    assert found is not None
    assert found.text == name_id
    assert (found.get("Format", ""), found.get("NameQualifier"), found.get("SPNameQualifier")) == (
        format,
        qualifier,
        sp_qualifier,
    )
    assert etree.fromstring(xml).findtext("{*}SessionIndex") == index


def test_both_are_valid_by_the_schema() -> None:
    """With everything, and with as little as can be."""
    trust = trust_of()
    whole = SubjectOfSession("ada", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", "q", "sp", "index")
    for subject in (whole, SubjectOfSession("ada", "", None, None, None)):
        require_schema(etree.fromstring(build_logout_request(trust, REQUEST_ID, SLO, subject, NOW)))
    response = build_logout_response(trust, REQUEST_ID, SLO.location, "_of & theirs", NOW)
    assert canonical(response) == response
    require_schema(etree.fromstring(response.replace(b"_of &amp; theirs", b"_of-theirs")))
