"""The same message written in many ways: read as it was meant, octet for octet as the oracles see it, or refused by name."""

from __future__ import annotations

import datetime as dt

import pytest
from lxml import etree

from tenants.errors import Refusal
from tenants.saml_settings import SHA1Exception
from tenants.signed_xml.signature import verify_enveloped
from tenants.signed_xml.xml import parse, read_text
from tests.differential.oracles import ASSERTION, RESPONSE, libxmlsec_accepts, signxml_octets
from tests.differential.styles import STYLES, Style
from tests.differential.variants import ACCEPTED, ALICE, REFUSED
from tests.support.idp import ForgingIdP
from tests.support.keys import public_pem, rsa_key
from tests.support.saml_trust import ADDRESSED, NOW, accept, trust_in
from tests.support.saml_xml import DS


@pytest.mark.parametrize("name", ACCEPTED)
def test_it_is_accepted_and_read_as_meant(name: str) -> None:
    """Accepted with the very values that were written, and signed octets are those that both oracles saw."""
    variant = ACCEPTED[name]
    xml = variant.xml()
    assertion = accept(xml, trust_in(variant.idp))
    assert (assertion.name_id, dict(assertion.attributes)) == (variant.name_id, {"givenName": (variant.first_name,)})
    assert libxmlsec_accepts(xml, variant.idp.public_key)
    element = parse(read_text(xml)).find(ASSERTION)
    assert element is not None
    before = etree.tostring(element)
    octets = verify_enveloped(element, (variant.idp.public_key,), allow_sha1=False).octets
    assert variant.signxml_agrees == (octets == signxml_octets(xml, variant.idp.certificate, f"./{ASSERTION}/"))
    assert etree.tostring(element) == before, "verifying leaves the tree as it was"


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_its_name(name: str) -> None:
    """Refused with the code that says why, though some of these an oracle would let pass."""
    variant = REFUSED[name]
    with pytest.raises(Refusal) as refusal:
        accept(variant.xml(), trust_in(variant.idp))
    assert refusal.value.code == variant.code


def test_sha1_passes_by_an_exception_only_while_it_lasts() -> None:
    """SHA-1 is accepted while the identity provider's exception lasts, and by the oracle; afterwards it is refused."""
    variant = REFUSED["SHA-1"]
    xml = variant.xml()
    assert libxmlsec_accepts(xml, variant.idp.public_key)
    lasting = trust_in(variant.idp, sha1_exception=SHA1Exception(NOW + dt.timedelta(days=30), "renewal is under way"))
    assert accept(xml, lasting).name_id == ALICE
    over = trust_in(variant.idp, sha1_exception=SHA1Exception(NOW - dt.timedelta(seconds=1), "it was too long"))
    with pytest.raises(Refusal) as refusal:
        accept(xml, over)
    assert refusal.value.code == "algorithm_not_allowed"


def test_hmac_by_the_public_key_is_refused() -> None:
    """A signature made with what everybody knows, the public key's text as HMAC key, is no signature."""
    idp = ForgingIdP()
    xml = idp.response(**ADDRESSED, signing_key=public_pem(idp.public_key), signature="hmac-sha256")
    with pytest.raises(Refusal) as refusal:
        accept(xml, trust_in(idp))
    assert refusal.value.code == "algorithm_not_allowed"


def test_a_weak_key_signs_nothing() -> None:
    """A key of 1024 bits is not believed, even if it were pinned."""
    idp = ForgingIdP(key=rsa_key("weak", 1024))
    xml = idp.response(**ADDRESSED)
    assert libxmlsec_accepts(xml, idp.public_key)
    with pytest.raises(Refusal) as refusal:
        accept(xml, trust_in(idp))
    assert refusal.value.code == "signature_invalid"


@pytest.mark.parametrize("style", STYLES.values(), ids=list(STYLES))
def test_the_style_of_a_product_is_accepted(style: Style) -> None:
    """What each product writes is accepted, by the oracle too, and read with every value in order."""
    xml = style.response()
    assertion = accept(xml, style.trust)
    assert assertion.issuer == style.idp_entity_id
    assert (assertion.name_id, dict(assertion.attributes)) == (style.name_id, dict(style.attributes))
    assert libxmlsec_accepts(xml, style.idp.public_key, rsa_key("sp"))


@pytest.mark.parametrize("style", [style for style in STYLES.values() if not style.encryption], ids=lambda style: style.name)
def test_canonical_octets_are_those_of_signxml(style: Style) -> None:
    """For every Signature of a product's message, what ours covers is octet for octet what signxml says it covers."""
    xml = style.response()
    root = parse(read_text(xml))
    places = [("./", root), (f"./{ASSERTION}/", root.find(ASSERTION))]
    compared = 0
    for location, element in places:
        assert element is not None
        if element.find(f"{{{DS}}}Signature") is None:
            continue
        octets = verify_enveloped(element, (style.idp.public_key,), allow_sha1=False).octets
        assert octets == signxml_octets(xml, style.idp.certificate, location)
        compared += 1
    assert compared == len(style.signed)
    assert root.tag == RESPONSE
