"""Our metadata: valid, complete, the same bytes at every fetch, and readable by another library."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree
from saml2 import md

from identity.saml.sp_metadata import Contact, sp_metadata
from tenants.saml_choices import NAME_ID_FORMATS
from tenants.service_provider import service_provider_of
from tenants.trust import BINDING_POST, BINDING_REDIRECT
from tests.unit.saml_out.support import DS, MD, MDUI, key_pair, schema_errors

ACME = service_provider_of("https://acme.vestibule.test")
SIGNING = key_pair("acme").certificate_pem
ENCRYPTION = key_pair("acme", "encryption").certificate_pem
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def metadata(**changes: Any) -> bytes:
    """Acme's metadata, with changes."""
    arguments: dict[str, Any] = {
        "organisation_name": "Acme Ltd",
        "signing_certificates": [SIGNING],
        "encryption_certificates": [ENCRYPTION],
    }
    return sp_metadata(ACME, **(arguments | changes))


def read(xml: bytes) -> tuple[etree._Element, etree._Element]:
    """The entity and its role."""
    root = etree.fromstring(xml)
    role = root.find(MD + "SPSSODescriptor")
    assert role is not None
    return root, role


def one_line(pem: str) -> str:
    """The certificate as metadata holds it."""
    return "".join(pem.splitlines()[1:-1])


FORMS: list[dict[str, Any]] = [
    {},
    {"single_logout": True},
    {"encryption_certificates": []},
    {"signing_certificates": [SIGNING, ENCRYPTION], "encryption_certificates": [ENCRYPTION, SIGNING]},
    {"support_url": "https://support.example/?a=1&b=2"},
    {"contacts": [Contact("technical", "Ops & Co", "ops@example.test"), Contact("support", "", "help+sso@example.test")]},
    {"organisation_name": ""},
    {"authn_requests_signed": False, "want_assertions_signed": False},
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_schema_valid_and_stable(form: dict[str, Any]) -> None:
    """The OASIS schemas agree, and the second call makes the same bytes."""
    xml = metadata(**form)
    assert schema_errors(xml) == ""
    assert metadata(**form) == xml


def test_schema_of_the_tests_can_refuse() -> None:
    """A contact of a kind that the schema does not know is seen."""
    assert "contactType" in schema_errors(metadata(contacts=[Contact("boss", "B", "b@example.test")]))  # type: ignore[arg-type]


def test_entity_and_role() -> None:
    """Entity ID, protocol, the two flags, one ACS by POST as the default; no dates and no IDs that change."""
    root, role = read(metadata())
    assert dict(root.attrib) == {"entityID": "https://acme.vestibule.test/saml/metadata"}
    assert dict(role.attrib) == {
        "protocolSupportEnumeration": "urn:oasis:names:tc:SAML:2.0:protocol",
        "AuthnRequestsSigned": "true",
        "WantAssertionsSigned": "true",
    }
    assert [dict(node.attrib) for node in role.iter(MD + "AssertionConsumerService")] == [
        {
            "Binding": BINDING_POST,
            "Location": "https://acme.vestibule.test/saml/acs",
            "index": "0",
            "isDefault": "true",
        }
    ]
    assert {node.text for node in role.iter(MD + "NameIDFormat")} == set(NAME_ID_FORMATS)
    assert next(role.iter(MD + "NameIDFormat")).text == "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


def test_flags_follow_the_arguments() -> None:
    """A tenant that does not sign its requests says so."""
    _, role = read(metadata(authn_requests_signed=False, want_assertions_signed=False))
    assert (role.get("AuthnRequestsSigned"), role.get("WantAssertionsSigned")) == ("false", "false")


def test_keys_by_use_in_order() -> None:
    """Several of each use, as a rollover needs; every certificate stands as it was made."""
    next_signing = key_pair("acme-next").certificate_pem
    _, role = read(metadata(signing_certificates=[SIGNING, next_signing]))
    keys = [(node.get("use"), node.findtext(f".//{DS}X509Certificate")) for node in role.iter(MD + "KeyDescriptor")]
    assert keys == [
        ("signing", one_line(SIGNING)),
        ("signing", one_line(next_signing)),
        ("encryption", one_line(ENCRYPTION)),
    ]


def test_gcm_comes_first_and_neither_cbc_nor_rsa_1_5_is_announced() -> None:
    """An identity provider that takes the first method that it knows takes a good one."""
    _, role = read(metadata())
    methods = [node.get("Algorithm") for node in role.iter(MD + "EncryptionMethod")]
    assert methods == [
        "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        "http://www.w3.org/2009/xmlenc11#aes128-gcm",
        "http://www.w3.org/2009/xmlenc11#aes192-gcm",
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
        "http://www.w3.org/2009/xmlenc11#rsa-oaep",
    ]
    oaep = list(role.iter(MD + "EncryptionMethod"))[-1]
    assert [(etree.QName(node).localname, node.get("Algorithm")) for node in oaep] == [
        ("DigestMethod", "http://www.w3.org/2001/04/xmlenc#sha256")
    ]


def test_logout_is_announced_only_when_it_is_there() -> None:
    """An endpoint in metadata is a promise."""
    assert not list(read(metadata())[1].iter(MD + "SingleLogoutService"))
    services = [dict(node.attrib) for node in read(metadata(single_logout=True))[1].iter(MD + "SingleLogoutService")]
    location = "https://acme.vestibule.test/saml/slo"
    assert services == [
        {"Binding": BINDING_REDIRECT, "Location": location},
        {"Binding": BINDING_POST, "Location": location},
    ]


@pytest.mark.parametrize("name", ["A <&\">' Ltd", "🙂 Smile", "שלום \u202eabc", "]]>", "<!--", "&lt;", "Ünïcödé", "a" * 5000])
def test_names_come_through_as_text(name: str) -> None:
    """Markup, emoji and right-to-left text stay text, in all three places."""
    xml = metadata(organisation_name=name)
    root, _ = read(xml)
    places = [MD + "OrganizationName", MD + "OrganizationDisplayName", MDUI + "DisplayName"]
    nodes = [node for place in places for node in root.iter(place)]
    assert [node.text for node in nodes] == [name] * 3
    assert {node.get(XML_LANG) for node in nodes} == {"en"}
    assert schema_errors(xml) == ""


@pytest.mark.parametrize("name", ["", "  ", "\x00\x1b", "\ud800", "\ufffe"])
def test_name_that_xml_cannot_hold_falls_back_to_the_host(name: str) -> None:
    """Metadata is served whatever a tenant is called."""
    root, _ = read(metadata(organisation_name=name))
    assert root.findtext(f".//{MD}OrganizationName") == "acme.vestibule.test"


def test_control_characters_and_line_breaks_do_not_survive_in_names() -> None:
    """What XML cannot hold is dropped, blanks are joined."""
    root, _ = read(metadata(organisation_name=" A\x00c\r\n\tme\x1b "))
    assert root.findtext(f".//{MD}OrganizationName") == "Ac me"


def test_pages_and_contacts() -> None:
    """The support page where there is one, else the tenant's front page; addresses as mailto, encoded."""
    root, _ = read(metadata())
    assert root.findtext(f".//{MD}OrganizationURL") == "https://acme.vestibule.test/"
    contact = Contact("support", "Help <desk>", "a?b&c@example.test")
    root, _ = read(metadata(support_url="https://help.example/", contacts=[contact]))
    assert root.findtext(f".//{MD}OrganizationURL") == "https://help.example/"
    assert root.findtext(f".//{MDUI}InformationURL") == "https://help.example/"
    person = root.find(MD + "ContactPerson")
    assert person is not None
    assert person.get("contactType") == "support"
    assert person.findtext(MD + "GivenName") == "Help <desk>"
    assert person.findtext(MD + "EmailAddress") == "mailto:a%3Fb%26c@example.test"


@pytest.mark.parametrize("support_url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "ftp://x"])
def test_support_url_is_a_web_address(support_url: str) -> None:
    """Identity providers show it as a link on their own pages."""
    with pytest.raises(ValueError, match="http"):
        metadata(support_url=support_url)


def test_metadata_without_a_signing_key_is_refused() -> None:
    """It would be of no use, and hide a fault."""
    with pytest.raises(ValueError, match="signing key"):
        metadata(signing_certificates=[])


def test_pysaml2_reads_it_back() -> None:
    """Another reader finds the same ACS and entity."""
    entity = md.entity_descriptor_from_string(metadata(single_logout=True))
    assert entity.entity_id == ACME.entity_id
    assert [service.location for service in entity.spsso_descriptor[0].assertion_consumer_service] == [ACME.acs_url]


def test_no_list_of_attributes_that_would_limit_them() -> None:
    """Some identity providers release nothing but what such a list names."""
    assert b"RequestedAttribute" not in metadata()
