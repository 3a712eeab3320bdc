"""Reading without believing, and showing without telling."""

from __future__ import annotations

import os
import threading
import zlib
from typing import Any

import pytest

from identity.checks import Receipt
from identity.saml.response import masked_xml, read_response
from identity.saml.schema import require_schema
from identity.saml.unverified import MAX_FORM_CHARACTERS, MAX_MASKED_CHARACTERS, MAX_XML_OCTETS
from tenants.errors import Refusal
from tenants.signed_xml.xml import parse
from tests.support.idp import encoded
from tests.unit.saml.judging import ACS, IDP, REQUEST_ID, SP_CERTIFICATE, encrypted, response, swap


def code_of(saml_response: str) -> str:
    """The code that a form field is refused with."""
    with pytest.raises(Refusal) as caught:
        read_response(saml_response, Receipt())
    return caught.value.code


def extended(xml: str, **changes: Any) -> bytes:
    """A response with this in its Extensions."""
    return swap(response(**changes), "<samlp:Status>", f"<samlp:Extensions>{xml}</samlp:Extensions><samlp:Status>")


def test_what_is_read_is_called_unverified() -> None:
    """ID, issuer, request and destination of the response, for finding the trust, and for nothing else."""
    unverified = read_response(encoded(response(response_id="_r")), Receipt())
    assert unverified.unverified_id == "_r"
    assert unverified.unverified_issuer == IDP.entity_id
    assert unverified.unverified_in_response_to == REQUEST_ID
    assert unverified.unverified_destination == ACS
    assert "alice" not in repr(unverified)
    bare = read_response(encoded(response(response_issuer=None, in_response_to=None, destination=None)), Receipt())
    assert (bare.unverified_issuer, bare.unverified_in_response_to, bare.unverified_destination) == ("", None, None)


def test_sizes_are_bounded() -> None:
    """512 KiB of form and 256 KiB of XML; one more is too large."""
    assert code_of("A" * (MAX_FORM_CHARACTERS + 1)) == "too_large"
    assert code_of("A" * MAX_FORM_CHARACTERS) == "too_large"
    assert code_of(encoded(b" " * (MAX_XML_OCTETS + 1))) == "too_large"
    padded = response() + b" " * (MAX_XML_OCTETS - len(response()))
    assert read_response(encoded(padded[:MAX_XML_OCTETS]), Receipt()).unverified_id
    assert code_of("") == "response_malformed"


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (b"no XML", "response_malformed"),
        (b"<a/>", "response_malformed"),
        (swap(response(), "samlp:Response", "samlp:ArtifactResponse"), "response_malformed"),
        (swap(response(), "<samlp:Status>", "<samlp:Evil/><samlp:Status>"), "response_malformed"),
        (swap(response(), "SAML:2.0:protocol", "SAML:1.0:protocol"), "response_malformed"),
        (b"<!DOCTYPE a>" + response(), "xml_forbidden"),
        (response() + b"<?x?>", "xml_forbidden"),
        (response(assertion_id="_one", response_id="_one"), "assertion_invalid"),
        (extended('<x xmlns="urn:x" Id="_one"/>', assertion_id="_one"), "assertion_invalid"),
        (extended('<x xmlns="urn:x" xml:id="_one"/>', assertion_id="_one"), "assertion_invalid"),
        (response(response_id="1"), "response_malformed"),
        (response(response_id="a b"), "response_malformed"),
    ],
)  # fmt: skip
def test_what_is_no_response_is_refused(xml: bytes, code: str) -> None:
    """By its markup, by its root, by its schema, by its IDs."""
    assert code_of(encoded(xml)) == code


def test_deflated_messages_are_not_inflated() -> None:
    """The POST binding has no DEFLATE; what looks like it is no XML."""
    assert code_of(encoded(zlib.compress(response())[2:-4])) == "response_malformed"


def test_causes_hold_no_values() -> None:
    """A value that the schema refuses is not quoted."""
    with pytest.raises(Refusal) as caught:
        read_response(encoded(swap(response(), 'xsi:type="xs:string">alice<', 'xsi:type="xs:integer">alice<')), Receipt())
    assert "alice" not in caught.value.cause


def test_the_receipts_mask_hides_people_and_shows_the_rest() -> None:
    """Names, values, cipher texts and signature values are gone; addresses, times, algorithms, IDs and certificates stay."""

    def personal(text: str) -> str:
        for old, new in (
            (
                "<samlp:Status>",
                '<samlp:Extensions><x xmlns="urn:x" mail="alice@acme.test">alice</x></samlp:Extensions><samlp:Status>',
            ),
            ("</samlp:Status>", "<samlp:StatusDetail><x xmlns='urn:x'>alice</x></samlp:StatusDetail></samlp:Status>"),
            ("<saml:NameID ", '<saml:NameID SPProvidedID="alice" '),
            ("<saml:SubjectConfirmationData ", '<saml:SubjectConfirmationData Address="192.0.2.7" '),
        ):
            text = swap(text, old, new).decode()
        return text

    xml = response(response_id="_r", before_signing=personal)
    masked = masked_xml(read_response(encoded(xml), Receipt()))
    for hidden in ("alice", "Alice", "Example", "+41", "192.0.2.7"):
        assert hidden not in masked
    for shown in (
        ACS,
        IDP.entity_id,
        REQUEST_ID,
        "rsa-sha256",
        'ID="_r"',
        'Name="mail"',
        "2031-05-05T12:05:00Z",
        "X509Certificate>MII",
    ):
        assert shown in masked
    parse(masked)


def test_the_mask_holds_for_ciphertexts_and_is_bounded() -> None:
    """No cipher value, and no more than 64 KiB."""
    masked = masked_xml(read_response(encoded(encrypted()), Receipt()))
    assert "aes256-gcm" in masked
    assert len(masked) < 6000
    hidden = response(encrypt_name_id="aes128-gcm", encryption_certificate=SP_CERTIFICATE)
    assert "alice" not in masked_xml(read_response(encoded(hidden), Receipt()))
    large = response(attributes={f"name{n}": [] for n in range(2000)})
    assert len(masked_xml(read_response(encoded(large), Receipt()))) == MAX_MASKED_CHARACTERS


def test_the_schema_fetches_nothing() -> None:
    """A location in the message leads nowhere: the type that it would bring stays unknown, and no file is opened."""
    read_end, write_end = os.pipe()
    try:
        location = f"urn:evil file:///proc/self/fd/{read_end}"
        os.write(
            write_end,
            b'<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:evil"><complexType name="T"/></schema>',
        )
        xml = swap(
            response(),
            "<samlp:Response ",
            f'<samlp:Response xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{location}" ',
        )
        xml = swap(xml, 'xsi:type="xs:string"', 'xmlns:e="urn:evil" xsi:type="e:T"')
        assert code_of(encoded(xml)) == "response_malformed"
        os.set_blocking(read_end, False)
        assert os.read(read_end, 7) == b"<schema"
    finally:
        os.close(read_end)
        os.close(write_end)


def test_threads_do_not_read_each_others_errors() -> None:
    """One validator for all: what it says about one message never shows up in the refusal of another."""
    wrong: list[str] = []
    documents = {
        name: parse(response().decode().replace("<samlp:Status>", f"<samlp:{name}/><samlp:Status>"))
        for name in ("Red", "Green")
    }

    def judge(name: str) -> None:
        for _ in range(300):
            try:
                require_schema(documents[name])
            except Refusal as refusal:
                if name not in refusal.cause:
                    wrong.append(refusal.cause)

    threads = [threading.Thread(target=judge, args=(name,)) for name in ("Red", "Green")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
