"""Signature wrapping and its relatives: the signed original is kept somewhere, and something else is to be believed."""

from __future__ import annotations

import re

import pytest

from tests.support.saml_xml import DS, SAML, SAMLP
from tests.unit.saml.judging import accept, response, swap, verdict

NEITHER = {"want_assertions_signed": False, "want_messages_signed": True}


def pieces(xml: bytes) -> tuple[str, str, str, str]:
    """Head of the response, its assertion with the signature, that signature, and the end of the response."""
    text = xml.decode()
    found = re.search(r"<saml:Assertion .*</saml:Assertion>", text, re.DOTALL)
    assert found is not None
    signature = re.search(r"<ds:Signature .*</ds:Signature>", found[0], re.DOTALL)
    assert signature is not None
    return text[: found.start()], found[0], signature[0], text[found.end() :]


def evil(assertion: str, signature: str = "", id: str = "_evil") -> str:
    """The assertion with another person, another ID, and the given signature in the place of its own."""
    changed = re.sub(r"<ds:Signature .*</ds:Signature>", lambda _: signature, assertion, flags=re.DOTALL)
    return re.sub(r'ID="[^"]+"', f'ID="{id}"', changed.replace("alice@acme.test", "mallory@acme.test"), count=1)


def into_signature(signature: str, inner: str, place: str = "Object") -> str:
    """The signature with something inside of it."""
    return signature.replace("</ds:Signature>", f"<ds:{place}>{inner}</ds:{place}></ds:Signature>")


def assertion_attacks() -> dict[str, str]:
    """XSW3 to XSW8 and newer ones, on a signed assertion."""
    head, good, signature, end = pieces(response())
    bare = good.replace(signature, "")
    good_id = re.search(r'ID="([^"]+)"', good)
    assert good_id is not None
    extensions = "<samlp:Extensions>{}</samlp:Extensions>"
    with_extensions = head.replace("<samlp:Status>", extensions + "<samlp:Status>")
    key_info_removed = re.sub(r"<ds:KeyInfo>.*</ds:KeyInfo>", "", signature)
    return {
        "XSW3: evil sibling first": head + evil(good) + good + end,
        "XSW3: evil sibling last": head + good + evil(good) + end,
        "XSW4: original inside the evil one": head + evil(good).replace("</saml:Assertion>", good + "</saml:Assertion>") + end,
        "XSW5: evil with the signature, original at the end": head + evil(good, signature) + bare + end,
        "XSW6: original inside the signature": head + evil(good, into_signature(signature, bare)) + end,
        "XSW6: original inside KeyInfo": head + evil(good, into_signature(key_info_removed, bare, "KeyInfo")) + end,
        "XSW7: evil in Extensions": with_extensions.format(evil(good)) + good + end,
        "XSW7: original in Extensions": with_extensions.format(good) + evil(good) + end,
        "XSW7: original in Extensions, evil with a signature": with_extensions.format(bare) + evil(good, signature) + end,
        "XSW8: original in Object": head + evil(good, into_signature(signature, bare)) + end,
        "original in Advice": head
        + evil(good).replace("<saml:AuthnStatement", f"<saml:Advice>{good}</saml:Advice><saml:AuthnStatement")
        + end,
        "original in an attribute": head
        + evil(good).replace(
            "</saml:AttributeStatement>",
            f'<saml:Attribute Name="x"><saml:AttributeValue>{good}</saml:AttributeValue></saml:Attribute>'
            "</saml:AttributeStatement>",
        )
        + end,
        "original in StatusDetail": head.replace(
            "</samlp:Status>", f"<samlp:StatusDetail>{good}</samlp:StatusDetail></samlp:Status>"
        )
        + evil(good)
        + end,
        "original in confirmation data": head
        + re.sub(
            r"(<saml:SubjectConfirmationData[^>]*)/>", lambda m: f"{m[1]}>{good}</saml:SubjectConfirmationData>", evil(good)
        )
        + end,
        "same ID twice": head + evil(good, signature, id=good_id[1]) + good + end,
        "same ID, original in Extensions": with_extensions.format(bare) + evil(good, signature, id=good_id[1]) + end,
        "evil with the ID of another spelling": with_extensions.format(f'<x xmlns="urn:x" Id="{good_id[1]}">{bare}</x>')
        + evil(good, signature)
        + end,
        "signature moved to the response": head.replace("</saml:Issuer>", "</saml:Issuer>" + signature) + evil(good) + end,
        "two signatures in one": head + good.replace(signature, signature + signature) + end,
        "signature in Extensions": with_extensions.format(signature) + bare + end,
        "signature in the issuer's place of the subject": head
        + bare.replace("<saml:Subject>", f"<saml:Subject>{signature}")
        + end,
        "response in a response": head + f"<samlp:Extensions>{head}{good}{end}</samlp:Extensions>" + evil(good) + end,
        "assertion without its signature": head + bare + end,
        "evil alone": head + evil(good) + end,
        "evil with the signature": head + evil(good, signature) + end,
    }


@pytest.mark.parametrize("name", assertion_attacks())
def test_wrapped_assertions_are_refused(name: str) -> None:
    """Nothing but the signed element itself is read, and a second assertion or signature is refused wherever it stands."""
    xml = assertion_attacks()[name]
    for settings in ({}, {"want_messages_signed": True}, NEITHER):
        assert verdict(xml, **settings) in {"signature_invalid", "signature_missing", "assertion_invalid", "response_malformed"}


def response_attacks() -> dict[str, str]:
    """XSW1 and XSW2 and newer ones, on a signed response."""
    good = response(sign="response").decode()
    signature = re.search(r"<ds:Signature .*?</ds:Signature>", good, re.DOTALL)
    assert signature is not None
    bare = good.replace(signature[0], "")
    changed = bare.replace("alice@acme.test", "mallory@acme.test")
    changed = re.sub(r'ID="[^"]+"', 'ID="_evil"', changed, count=1)
    issuer_end = "</saml:Issuer>"
    return {
        "XSW1: original in Object": changed.replace(issuer_end, issuer_end + into_signature(signature[0], bare), 1),
        "XSW2: detached, original beside": changed.replace(
            issuer_end, issuer_end + signature[0] + "<samlp:Extensions>" + bare + "</samlp:Extensions>", 1
        ),
        "original in Extensions with its signature": changed.replace(
            issuer_end, issuer_end + "<samlp:Extensions>" + good + "</samlp:Extensions>", 1
        ),
        "content changed": good.replace("alice@acme.test", "mallory@acme.test"),
        "comment that splits nothing, content changed": good.replace("alice@acme.test", "mallory<!-- -->@acme.test"),
        "signature at the end": bare.replace("</samlp:Response>", signature[0] + "</samlp:Response>").replace(
            "alice@", "mallory@"
        ),
        "root renamed": good.replace("samlp:Response", "samlp:LogoutResponse"),
        "root wrapped": f'<x xmlns:samlp="{SAMLP}">{good}</x>',
    }


@pytest.mark.parametrize("name", response_attacks())
def test_wrapped_responses_are_refused(name: str) -> None:
    """The response's signature covers the response that carries it, whole."""
    xml = response_attacks()[name]
    for settings in ({}, NEITHER):
        assert verdict(xml, **settings) in {"signature_invalid", "signature_missing", "assertion_invalid", "response_malformed"}


def test_an_assertion_in_advice_is_never_read() -> None:
    """The standard lets it be there; nothing of it comes out (SAML Core 2.6.1)."""
    advice = (
        '<saml:Advice><saml:Assertion ID="_advice" Version="2.0" IssueInstant="2031-05-05T12:00:00Z">'
        "<saml:Issuer>x</saml:Issuer><saml:Subject><saml:NameID>mallory@acme.test</saml:NameID></saml:Subject><saml:AttributeStatement>"
        '<saml:Attribute Name="mail"><saml:AttributeValue>mallory@acme.test</saml:AttributeValue></saml:Attribute>'
        "</saml:AttributeStatement></saml:Assertion></saml:Advice>"
    )
    xml = response(before_signing=lambda text: swap(text, "<saml:AuthnStatement", advice + "<saml:AuthnStatement").decode())
    assertion = accept(xml)
    assert assertion.name_id == "alice@acme.test"
    assert assertion.attributes["mail"] == ("alice@acme.test",)


@pytest.mark.parametrize(
    ("written", "name_id"),
    [
        ("alice@acme.test<!-- x -->.evil.test", "alice@acme.test.evil.test"),
        ("<!-- x -->alice@acme.test", "alice@acme.test"),
        ("alice<![CDATA[@]]>acme.test", "alice@acme.test"),
        ("alice&#64;acme.test", "alice@acme.test"),
        ("a<![CDATA[<!-- b -->]]>c", "a<!-- b -->c"),
    ],
)
def test_text_is_read_whole(written: str, name_id: str) -> None:
    """Comments, CDATA and character references split nothing (CVE-2017-11427 and its family)."""
    xml = response(name_id_xml=f"<saml:NameID>{written}</saml:NameID>")
    assert accept(xml).name_id == name_id


def test_a_comment_put_in_after_signing_changes_nothing() -> None:
    """It is outside of what was signed, and so of what is read."""
    xml = swap(response(), ">alice@acme.test</saml:NameID>", ">alice@<!-- x -->acme.test</saml:NameID>")
    assert accept(xml).name_id == "alice@acme.test"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f'xmlns:saml="{SAML}" xmlns:xs', f'xmlns:saml="{SAML}" xmlns:evil="urn:evil" xmlns:xs'),
        ("<saml:Subject>", f'<saml:Subject xmlns:saml="{SAML}">'),
        ("<saml:Subject>", '<saml:Subject xmlns="urn:evil">'),
    ],
)
def test_namespace_declarations_without_effect_are_no_content(old: str, new: str) -> None:
    """Exclusive canonicalisation leaves them out; what is read is the canonical form."""
    assert accept(swap(response(), old, new)).name_id == "alice@acme.test"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<saml:Subject>", '<saml:Subject xmlns:saml="urn:evil">'),
        ("<saml:NameID ", '<saml:NameID xml:base="http://evil.test/" '),
        ("<saml:NameID ", '<saml:NameID xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true" '),
        ("<saml:NameID ", '<saml:NameID xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="saml:NameIDType" '),
        ('xsi:type="xs:string"', 'xsi:type="xs:integer"'),
        ('xsi:type="xs:string"', 'xsi:type="evil:string" xmlns:evil="urn:evil"'),
        ('xmlns:xs="http://www.w3.org/2001/XMLSchema"', 'xmlns:xs="urn:evil"'),
        ("<saml:Conditions ", '<saml:Conditions xmlns:xsi="urn:x" xsi:schemaLocation="urn:x http://evil.test/x.xsd" '),
        (f'xmlns:ds="{DS}"', 'xmlns:ds="urn:evil"'),
        (f'xmlns:samlp="{SAMLP}"', 'xmlns:samlp="urn:evil"'),
    ],
)
def test_namespace_and_type_tricks_are_refused(old: str, new: str) -> None:
    """Rebound prefixes, types, nil, bases and locations put in after signing."""
    assert verdict(swap(response(), old, new, 1)) in {
        "response_malformed",
        "signature_invalid",
        "signature_missing",
        "time_invalid",
    }
