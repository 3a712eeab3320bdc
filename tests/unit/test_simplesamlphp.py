"""The real identity provider of the tests itself: it starts, knows service providers, signs people in, refuses."""

from __future__ import annotations

import base64
import datetime as dt
import zlib
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
import requests
from lxml import etree

from identity.saml.sp_metadata import sp_metadata
from tenants.service_provider import new_key_pair, service_provider_of
from tests.support.simplesamlphp import (
    NoAnswer,
    ServiceProvider,
    SimpleSAMLphp,
    sign_in,
    start_simplesamlphp,
)

SP = service_provider_of("http://acme.localhost:8000")
SAML = "{urn:oasis:names:tc:SAML:2.0:assertion}"
DS = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleSAMLphp]:
    """One for this module."""
    running = start_simplesamlphp(tmp_path_factory.mktemp("simplesamlphp") / "idp")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def our_metadata() -> bytes:
    """A service provider with a key of its own."""
    now = dt.datetime.now(dt.UTC)
    signing = new_key_pair("acme", now, "signing").certificate_pem
    encryption = new_key_pair("acme", now, "encryption").certificate_pem
    return sp_metadata(SP, organisation_name="Acme", signing_certificates=[signing], encryption_certificates=[encryption])


def test_serves_its_metadata(idp: SimpleSAMLphp) -> None:
    """What a tenant is connected with."""
    root = etree.fromstring(idp.metadata().encode())
    assert root.get("entityID") == idp.entity_id
    assert root.find("{*}IDPSSODescriptor/{*}SingleSignOnService") is not None


def test_signs_people_in(idp: SimpleSAMLphp, our_metadata: bytes) -> None:
    """From its own page, with what its administrator chose; the second time without asking."""
    entity_id = idp.register(ServiceProvider(our_metadata, sign_response=False, attribute_names="both"))
    assert entity_id == SP.entity_id
    browser = requests.Session()
    for _ in range(2):
        answer = sign_in(browser, idp.start_url(SP.entity_id, "there"), "bob")
        assert (answer.action, answer.relay_state) == (SP.acs_url, "there")
        root = etree.fromstring(base64.b64decode(answer.saml_response))
        assert root.find(f"{DS}Signature") is None
        assert root.find(f"{SAML}Assertion/{DS}Signature") is not None
        values = root.xpath("//*[local-name()='AttributeValue']/text()")
        assert values.count("Müller-Żółć") == 2


def test_encrypts_for_the_key_in_our_metadata(idp: SimpleSAMLphp, our_metadata: bytes) -> None:
    """Its metadata says whom it may be read by."""
    idp.register(ServiceProvider(our_metadata, encrypt=True))
    answer = sign_in(requests.Session(), idp.start_url(SP.entity_id), "alice")
    root = etree.fromstring(base64.b64decode(answer.saml_response))
    assert root.find(f"{SAML}Assertion") is None
    assert root.find(f"{SAML}EncryptedAssertion//{{*}}EncryptedKey") is not None


def test_refuses_a_wrong_password(idp: SimpleSAMLphp, our_metadata: bytes) -> None:
    """Or the tests would prove nothing about people."""
    idp.register(ServiceProvider(our_metadata))
    with pytest.raises(NoAnswer, match="password"):
        sign_in(requests.Session(), idp.start_url(SP.entity_id), "alice", password="wrong")


def test_refuses_an_unsigned_request(idp: SimpleSAMLphp, our_metadata: bytes) -> None:
    """So that a sign-in through it proves that our request was signed."""
    request = (
        f'<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0" '
        f'IssueInstant="{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"><saml:Issuer '
        f'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">{SP.entity_id}</saml:Issuer></samlp:AuthnRequest>'
    )
    compressor = zlib.compressobj(wbits=-15)
    deflated = compressor.compress(request.encode()) + compressor.flush()
    query = urlencode({"SAMLRequest": base64.b64encode(deflated)})
    url = f"{idp.base}saml2/idp/SSOService.php?{query}"
    idp.register(ServiceProvider(our_metadata, validate_requests=False))
    assert sign_in(requests.Session(), url, "alice").saml_response
    idp.register(ServiceProvider(our_metadata))
    with pytest.raises(NoAnswer, match=r"(?i)signature"):
        sign_in(requests.Session(), url, "alice")
