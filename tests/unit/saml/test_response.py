"""The numbered checks of a response, each with a good and a bad message."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import re
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from identity.checks import Receipt
from identity.saml.conditions import MAX_AGE
from identity.saml.names import ENTITY_FORMAT
from tenants.errors import Refusal
from tenants.saml_settings import SHA1Exception
from tests.support.idp import ForgingIdP
from tests.support.keys import rsa_key
from tests.support.saml_xml import BEARER, EMAIL_ADDRESS, SAML, STATUS, confirmation_xml
from tests.support.xml_signing import sign as sign_element
from tests.unit.saml.judging import (
    ACS,
    ENTITY_ID,
    EXCHANGE,
    IDP,
    MINUTE,
    NOW,
    PASSWORD,
    REQUEST_ID,
    SP_CERTIFICATE,
    accept,
    response,
    swap,
    verdict,
)

SECOND = dt.timedelta(seconds=1)
PPT = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
BOTH: dict[str, Any] = {"want_messages_signed": True}
MESSAGE_ONLY: dict[str, Any] = {"want_assertions_signed": False, "want_messages_signed": True}


def good_confirmation(**changes: Any) -> str:
    """A confirmation that can be used, apart from the changes."""
    given: dict[str, Any] = {"recipient": ACS, "in_response_to": REQUEST_ID, "not_on_or_after": NOW + 5 * MINUTE}
    return confirmation_xml(**(given | changes))


def test_a_good_response_becomes_an_assertion() -> None:
    """Every value comes out, times as aware UTC, attributes by their name on the wire."""
    assertion = accept(response(session_index="_s1", session_not_on_or_after=NOW + 60 * MINUTE))
    assert assertion.issuer == IDP.entity_id
    assert assertion.name_id == "alice@acme.test"
    assert assertion.name_id_format.endswith("emailAddress")
    assert assertion.attributes["mail"] == ("alice@acme.test",)
    assert assertion.authn_context == PPT
    assert assertion.authn_instant == NOW
    assert assertion.session_index == "_s1"
    assert assertion.session_not_on_or_after == NOW + 60 * MINUTE
    assert assertion.not_on_or_after == NOW + 10 * MINUTE
    assert assertion.in_response_to == REQUEST_ID


def test_the_receipt_tells_every_check_once_it_held() -> None:
    """The checks stand in their order, all passed, with the facts that support asks for."""
    receipt = Receipt()
    accept(response(sign="both"), receipt=receipt, **BOTH)
    assert all(line.passed for line in receipt.lines)
    names = list(dict.fromkeys(line.check.id for line in receipt.lines))
    assert names == [
        "size", "encoding", "xml", "xml_content", "unique_ids", "schema", "signature_places", "response_signature", "status",
        "one_assertion", "signed", "assertion_signature", "version", "issuer", "destination", "issue_instant", "subject",
        "confirmation", "recipient", "confirmation_time", "in_response_to", "conditions", "conditions_known", "not_before",
        "not_on_or_after", "audience", "authn_statement", "session_time", "authn_context", "second_reading",
    ]  # fmt: skip
    assert receipt.facts["issuer"] == IDP.entity_id
    assert receipt.facts["issued_seconds_ago"] == 0
    assert receipt.facts["response_signature_method"].endswith("rsa-sha256")


@pytest.mark.parametrize(
    ("sign", "settings", "expected"),
    [
        ("assertion", {}, "accepted"),
        ("response", {}, "signature_missing"),
        ("both", {}, "accepted"),
        ("none", {}, "signature_missing"),
        ("assertion", MESSAGE_ONLY, "signature_missing"),
        ("response", MESSAGE_ONLY, "accepted"),
        ("both", MESSAGE_ONLY, "accepted"),
        ("none", MESSAGE_ONLY, "signature_missing"),
        ("assertion", BOTH, "signature_missing"),
        ("response", BOTH, "signature_missing"),
        ("both", BOTH, "accepted"),
        ("none", BOTH, "signature_missing"),
    ],
)
@pytest.mark.parametrize("encrypt", [None, "aes256-gcm"])
def test_the_signatures_that_are_wanted(sign: str, settings: dict[str, Any], expected: str, encrypt: str | None) -> None:
    """Assertion, response or both, as the settings want; never neither; in the open and encrypted."""
    xml = response(sign=sign, encrypt=encrypt, encryption_certificate=SP_CERTIFICATE)
    assert verdict(xml, **settings) == expected


@pytest.mark.parametrize("settings", [{}, MESSAGE_ONLY, BOTH])
def test_a_signature_that_is_there_holds(settings: dict[str, Any]) -> None:
    """Also where the other one would be enough."""
    broken_outside = swap(response(sign="both"), 'Version="2.0"', 'Consent="urn:x" Version="2.0"', 1)
    assert verdict(broken_outside, **settings) == "signature_invalid"
    inner_first = response(sign="assertion").replace(b"Alice", b"Mallory")
    found = re.search(rb'ID="([^"]+)"', inner_first)
    assert found is not None
    assert verdict(sign_element(inner_first, found[1].decode(), IDP.key), **settings) == "signature_invalid"


def test_the_values_of_a_signed_response_are_those_that_were_signed() -> None:
    """Response signature only: person and attributes come from its canonical octets."""
    assertion = accept(response(sign="response"), **MESSAGE_ONLY)
    assert (assertion.name_id, assertion.attributes["uid"]) == ("alice@acme.test", ("alice",))


def test_sha1_has_an_end() -> None:
    """The exception holds until its day and not a moment longer."""
    xml = response(digest="sha1", signature="rsa-sha1")
    assert verdict(xml) == "algorithm_not_allowed"
    assert verdict(xml, sha1_exception=SHA1Exception(NOW + SECOND, "old IdP")) == "accepted"
    assert verdict(xml, sha1_exception=SHA1Exception(NOW, "old IdP")) == "algorithm_not_allowed"


def test_only_pinned_keys_count() -> None:
    """A stranger's key, no key, and the second of two."""
    assert verdict(response(signing_key=rsa_key("stranger"))) == "signature_invalid"
    assert verdict(response(), signing_keys=()) == "signature_invalid"
    assert verdict(response(), signing_keys=(rsa_key("next").public_key(), IDP.public_key)) == "accepted"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ((STATUS + "Requester", STATUS + "NoAuthnContext", None), "leave the class blank"),
        ((STATUS + "Responder", None, "AADSTS75011: Authentication method by which"), "leave the class blank"),
        ((STATUS + "Responder", STATUS + "AuthnFailed", "wrong password"), "AuthnFailed; wrong password"),
        ((STATUS + "success", None, None), "success"),
        ((SAML, STATUS + "Success", None), "Success"),
    ],
)
def test_status_other_than_success(status: tuple[str, str | None, str | None], told: str) -> None:
    """Codes and message are told, signed or not, with the fix where it is known."""
    receipt = Receipt()
    with pytest.raises(Refusal, match=re.escape(told)) as caught:
        accept(response(status=status, sign="none"), receipt=receipt)
    assert caught.value.code == "status_not_success"
    assert receipt.facts["status"]["codes"][0] == status[0]


NO_ASSERTION = re.compile(rb"<saml:Assertion.*</saml:Assertion>|<ds:Signature.*?</ds:Signature>", re.DOTALL)


def formatted(format: str) -> Any:
    """Give both issuers a Format."""
    return lambda text: text.replace("<saml:Issuer>", f'<saml:Issuer Format="{format}">')


def statement(context: str) -> str:
    """An AuthnStatement with this in its AuthnContext."""
    inner = f"<saml:AuthnContext>{context}</saml:AuthnContext>"
    return f'<saml:AuthnStatement AuthnInstant="2031-05-05T12:00:00Z">{inner}</saml:AuthnStatement>'


BAD: Mapping[str, tuple[str, dict[str, Any]]] = {
    "no assertion": ("assertion_invalid", {"after_signing": lambda xml: NO_ASSERTION.sub(b"", xml)}),
    "response version": ("assertion_invalid", {"response_version": "2.1"}),
    "assertion version": ("assertion_invalid", {"assertion_version": "1.1"}),
    "another issuer": ("issuer_mismatch", {"issuer": "https://evil.test/metadata"}),
    "another response issuer": ("issuer_mismatch", {"response_issuer": "https://evil.test/metadata"}),
    "another assertion issuer": ("issuer_mismatch", {"assertion_issuer": "https://evil.test/metadata"}),
    "issuer in another case": ("issuer_mismatch", {"issuer": IDP.entity_id.upper()}),
    "issuer with more": ("issuer_mismatch", {"issuer": IDP.entity_id + "/"}),
    "empty issuer": ("issuer_mismatch", {"issuer": " "}),
    "issuer of another format": ("issuer_mismatch", {"before_signing": formatted(EMAIL_ADDRESS)}),
    "another destination": ("destination_mismatch", {"destination": "http://globex.localhost:8000/saml/acs"}),
    "destination with a slash": ("destination_mismatch", {"destination": ACS + "/"}),
    "empty destination": ("destination_mismatch", {"destination": ""}),
    "response of tomorrow": ("time_invalid", {"response_issue_instant": NOW + 61 * SECOND}),
    "assertion of tomorrow": ("time_invalid", {"assertion_issue_instant": NOW + 61 * SECOND}),
    "old response": ("expired", {"response_issue_instant": NOW - MAX_AGE - 61 * SECOND}),
    "old assertion": ("expired", {"assertion_issue_instant": NOW - MAX_AGE - 61 * SECOND}),
    "leap second": ("time_invalid", {"assertion_issue_instant": "2031-05-05T12:00:60Z"}),
    "year 10000": ("time_invalid", {"assertion_issue_instant": "10000-01-01T00:00:00Z"}),
    "year 0": ("time_invalid", {"not_before": "0000-01-01T00:00:00Z"}),
    "no time at all": ("time_invalid", {"not_on_or_after": "tomorrow"}),
    "hour 24": ("time_invalid", {"confirmation_not_on_or_after": "2031-05-05T24:00:00Z"}),
    "no subject": ("subject_invalid", {"subject_xml": ""}),
    "no NameID": ("subject_invalid", {"name_id": None}),
    "empty NameID": ("subject_invalid", {"name_id": ""}),
    "blank NameID": ("subject_invalid", {"name_id": " \n"}),
    "BaseID": ("response_malformed", {"name_id_xml": "<saml:BaseID/>"}),
    "no confirmation": ("subject_invalid", {"confirmation_xml": ""}),
    "sender-vouches": ("subject_invalid", {"confirmation_method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}),
    "holder-of-key": ("subject_invalid", {"confirmation_method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}),
    "no confirmation data": ("subject_invalid", {"confirmation_xml": f'<saml:SubjectConfirmation Method="{BEARER}"/>'}),
    "bearer with NotBefore": ("subject_invalid", {"confirmation_not_before": NOW - MINUTE}),
    "bearer without end": ("subject_invalid", {"confirmation_not_on_or_after": None}),
    "another recipient": ("recipient_mismatch", {"recipient": "http://globex.localhost:8000/saml/acs"}),
    "no recipient": ("recipient_mismatch", {"recipient": None}),
    "confirmation over": ("expired", {"confirmation_not_on_or_after": NOW - 60 * SECOND}),
    "answer to another request": ("in_response_to_mismatch", {"in_response_to": "_other"}),
    "response answers another": (
        "in_response_to_mismatch",
        {"in_response_to": "_other", "confirmation_in_response_to": REQUEST_ID},
    ),
    "confirmation answers another": ("in_response_to_mismatch", {"confirmation_in_response_to": "_other"}),
    "confirmation answers none": ("in_response_to_mismatch", {"confirmation_in_response_to": None}),
    "answers none": ("in_response_to_mismatch", {"in_response_to": None}),
    "no conditions": ("assertion_invalid", {"conditions_xml": ""}),
    "no audience restriction": ("audience_mismatch", {"audiences": []}),
    "another audience": ("audience_mismatch", {"audiences": [["http://globex.localhost:8000/saml/metadata"]]}),
    "audience in another case": ("audience_mismatch", {"audiences": [[ENTITY_ID.upper()]]}),
    "audience that is no URI": ("audience_mismatch", {"audiences": [[f"{ENTITY_ID}, http://other.test"]]}),
    "destination that is no URI": ("destination_mismatch", {"destination": f"{ACS}, http://other.test"}),
    "recipient that is no URI": ("recipient_mismatch", {"recipient": f"{ACS}, http://other.test"}),
    "one restriction of two": ("audience_mismatch", {"audiences": [[ENTITY_ID], ["http://other.test"]]}),
    "unknown condition": (
        "condition_not_understood",
        {"extra_conditions_xml": '<saml:Condition xsi:type="x:Y" xmlns:x="urn:x"/>'},
    ),
    "condition of another namespace": ("condition_not_understood", {"extra_conditions_xml": '<x:Z xmlns:x="urn:x"/>'}),
    "known type as an unknown condition": (
        "condition_not_understood",
        {"extra_conditions_xml": '<saml:Condition xsi:type="saml:OneTimeUseType"/>'},
    ),
    "not yet valid": ("not_yet_valid", {"not_before": NOW + 61 * SECOND}),
    "over": ("expired", {"not_on_or_after": NOW - 60 * SECOND}),
    "over before it begins, and begins later": (
        "time_invalid",
        {"not_before": NOW + 2 * MINUTE, "not_on_or_after": NOW - 2 * MINUTE},
    ),
    "ends before it begins": ("time_invalid", {"not_before": NOW + MINUTE, "not_on_or_after": NOW + MINUTE}),
    "no statement": ("assertion_invalid", {"authn_statement_xml": ""}),
    "session over": ("expired", {"session_not_on_or_after": NOW - 60 * SECOND}),
    "authenticated at no time": ("time_invalid", {"authn_instant": "2031-05-05T24:00:00Z"}),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_has_its_code(name: str) -> None:
    """One thing wrong with a message that is good otherwise, and rightly signed."""
    code, changes = BAD[name]
    receipt = Receipt()
    with pytest.raises(Refusal) as caught:
        accept(response(**changes), receipt=receipt)
    assert caught.value.code == code
    assert [line.code for line in receipt.lines if not line.passed] == [code]
    assert not receipt.lines[-1].passed


UNUSABLE = (
    confirmation_xml("urn:oasis:names:tc:SAML:2.0:cm:sender-vouches")
    + f'<saml:SubjectConfirmation Method="{BEARER}"/>'
    + good_confirmation(recipient="http://x.test")
)
PROXIED = '<saml:SubjectConfirmationData Address="proxy.test" '
FOREVER = "9999-12-31T23:59:59Z"
GOOD: Mapping[str, dict[str, Any]] = {
    "no destination, unsigned response": {"destination": None},
    "no issuer, unsigned response": {"response_issuer": None},
    "issuer between line breaks": {"issuer": f"\n  {IDP.entity_id}\n"},
    "issuer with format": {"before_signing": formatted(ENTITY_FORMAT)},
    "issued within the skew": {"assertion_issue_instant": NOW + 60 * SECOND, "response_issue_instant": NOW + 60 * SECOND},
    "issued a day ago": {"assertion_issue_instant": NOW - MAX_AGE},
    "begins within the skew": {"not_before": NOW + 60 * SECOND},
    "ended within the skew": {"not_on_or_after": NOW - 59 * SECOND, "confirmation_not_on_or_after": NOW - 59 * SECOND},
    "session ended within the skew": {"session_not_on_or_after": NOW - 59 * SECOND},
    "no period in conditions": {"not_before": None, "not_on_or_after": None},
    "long lives": {
        "not_before": "0001-01-01T00:00:00Z",
        "not_on_or_after": FOREVER,
        "confirmation_not_on_or_after": FOREVER,
        "session_not_on_or_after": FOREVER,
    },
    "milliseconds and offsets": {
        "not_before": "2031-05-05T13:59:00.123+02:00",
        "not_on_or_after": "2031-05-05T12:04:59.9999999",
    },
    "several audiences": {"audiences": [["http://other.test", ENTITY_ID]]},
    "several restrictions": {"audiences": [[ENTITY_ID], [f" {ENTITY_ID}\n"]]},
    "one-time use and proxying": {"extra_conditions_xml": '<saml:OneTimeUse/><saml:ProxyRestriction Count="0"/>'},
    "address of a proxy": {"before_signing": lambda text: text.replace("<saml:SubjectConfirmationData ", PROXIED)},
    "unusable confirmations before a good one": {"confirmation_xml": UNUSABLE + good_confirmation()},
    "several statements": {
        "authn_statement_xml": statement(f"<saml:AuthnContextClassRef>{PPT}</saml:AuthnContextClassRef>") * 2
    },
    "no class": {"authn_statement_xml": statement("<saml:AuthnContextDeclRef>urn:x</saml:AuthnContextDeclRef>")},
    "no attributes": {"attributes": {}},
    "NameID of no format": {"name_id_format": None},
    "NameID with qualifiers": {
        "name_id_xml": '<saml:NameID NameQualifier="a" SPNameQualifier="b" SPProvidedID="c">alice@acme.test</saml:NameID>'
    },
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_allowed_is_accepted(name: str) -> None:
    """Forms that the standard allows and identity providers use."""
    assert accept(response(**GOOD[name])).name_id == "alice@acme.test"


def test_a_signed_response_names_its_place_and_issuer() -> None:
    """Both may be left out of an unsigned one only (SAML Bindings 3.5.5.2, Profiles 4.1.4.2)."""
    assert verdict(response(sign="both", destination=None)) == "destination_mismatch"
    assert verdict(response(sign="both", response_issuer=None)) == "issuer_mismatch"
    hidden = response(response_issuer=None, encrypt="aes256-gcm", encryption_certificate=SP_CERTIFICATE)
    assert verdict(hidden) == "issuer_mismatch"


def test_the_refusal_is_that_of_the_best_confirmation() -> None:
    """Of several that fail, the one that came furthest is told."""
    far = good_confirmation(in_response_to="_other")
    near = good_confirmation(recipient="http://x.test")
    for xml in (near + far, far + near):
        assert verdict(response(confirmation_xml=xml)) == "in_response_to_mismatch"
    late = good_confirmation(not_on_or_after=NOW - 60 * MINUTE)
    assert verdict(response(confirmation_xml=near + late)) == "expired"


def test_a_used_assertion_is_remembered_as_long_as_anything_would_accept_it() -> None:
    """The latest confirmation, the conditions' end and the age limit: whichever is first, with the largest skew."""
    several = good_confirmation() + good_confirmation(not_on_or_after=NOW + 30 * MINUTE, in_response_to="_other")
    longer = accept(response(confirmation_xml=several, not_on_or_after=NOW + 60 * MINUTE))
    assert longer.not_on_or_after == NOW + 35 * MINUTE
    forever = accept(response(**GOOD["long lives"]))
    assert forever.not_on_or_after == NOW + MAX_AGE + 5 * MINUTE


def test_unsolicited_responses_answer_nothing() -> None:
    """Without an exchange neither the response nor the confirmation may name one."""
    assert accept(response(in_response_to=None), exchange=None).in_response_to is None
    assert verdict(response(), exchange=None) == "in_response_to_mismatch"
    assert verdict(response(in_response_to=None, confirmation_in_response_to="_x"), exchange=None) == "in_response_to_mismatch"
    half = swap(response(in_response_to=None), "<samlp:Response ", '<samlp:Response InResponseTo="_x" ')
    assert verdict(half, exchange=None) == "in_response_to_mismatch"


def test_the_skew_is_the_tenants() -> None:
    """Zero to five minutes."""
    xml = response(not_before=NOW + 200 * SECOND)
    assert verdict(xml) == "not_yet_valid"
    assert verdict(xml, clock_skew_seconds=200) == "accepted"
    assert verdict(response(not_on_or_after=NOW), clock_skew_seconds=0) == "expired"
    assert verdict(response(not_on_or_after=NOW + SECOND), clock_skew_seconds=0) == "accepted"


def test_an_attribute_may_identify_people_instead() -> None:
    """Then the NameID may be missing, and the attribute may not."""
    assert accept(response(name_id=None), name_id_source="uid").name_id == ""
    assert accept(response(), name_id_source="uid").name_id == "alice@acme.test"
    with pytest.raises(Refusal, match="givenName, mail, sn") as caught:
        accept(response(), name_id_source="employeeNumber")
    assert caught.value.code == "attribute_missing"
    assert verdict(response(attributes={"uid": ["", " "]}), name_id_source="uid") == "attribute_missing"


@pytest.mark.parametrize(
    ("returned", "requested", "comparison", "expected"),
    [
        (PASSWORD, (PASSWORD,), "EXACT", "accepted"),
        (PPT, (PASSWORD, PPT), "EXACT", "accepted"),
        (PPT, (PASSWORD,), "EXACT", "authn_context_mismatch"),
        (PASSWORD, (PASSWORD,), "MINIMUM", "accepted"),
        (PPT, (PASSWORD,), "MINIMUM", "authn_context_mismatch"),
        (PASSWORD, (PASSWORD,), "MAXIMUM", "accepted"),
        (PASSWORD, (PASSWORD,), "BETTER", "authn_context_mismatch"),
        (PPT, (PASSWORD,), "BETTER", "authn_context_mismatch"),
        (PPT, (), "EXACT", "accepted"),
        ("", (PASSWORD,), "EXACT", "authn_context_mismatch"),
    ],
)
def test_the_class_that_was_asked_for(returned: str, requested: tuple[str, ...], comparison: str, expected: str) -> None:
    """Compared with what the exchange asked for where the tenant insists, and only kept otherwise."""
    exchange = dataclasses.replace(EXCHANGE, authn_context_classes=requested)
    xml = response(authn_context=returned)
    options: dict[str, Any] = {"authn_context_comparison": comparison}
    assert verdict(xml, exchange=exchange, require_authn_context=True, **options) == expected
    assert accept(xml, exchange=exchange, **options).authn_context == returned


def test_the_class_of_an_unsolicited_response_is_that_of_the_settings() -> None:
    """Nothing was asked, so what would have been asked counts."""
    for returned, expected in ((PASSWORD, "accepted"), (PPT, "authn_context_mismatch")):
        xml = response(in_response_to=None, authn_context=returned)
        assert verdict(xml, exchange=None, require_authn_context=True) == expected


def test_attributes_are_read_by_their_name_on_the_wire() -> None:
    """In order, each value once, empty ones dropped, names joined, OIDs untouched, a wrapped NameID read."""
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    written = (
        '<saml:AttributeStatement><saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3" FriendlyName="uid">'
        "<saml:AttributeValue> b </saml:AttributeValue><saml:AttributeValue>a</saml:AttributeValue>"
        "<saml:AttributeValue>b</saml:AttributeValue><saml:AttributeValue/><saml:AttributeValue> </saml:AttributeValue>"
        f'<saml:AttributeValue {xsi} xsi:nil="true"/></saml:Attribute><saml:Attribute Name="empty"/></saml:AttributeStatement>'
        '<saml:AttributeStatement><saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3"><saml:AttributeValue>c'
        '</saml:AttributeValue></saml:Attribute><saml:Attribute Name="urn:oid:1.3.6.1.4.1.5923.1.1.1.10"><saml:AttributeValue>'
        "<saml:NameID>targeted</saml:NameID></saml:AttributeValue><saml:AttributeValue><x xmlns='urn:x'><y>deep</y></x>"
        '</saml:AttributeValue></saml:Attribute><saml:Attribute Name="n"><saml:AttributeValue '
        'xmlns:i="http://www.w3.org/2001/XMLSchema" xsi:type="i:integer">7</saml:AttributeValue></saml:Attribute>'
        "</saml:AttributeStatement>"
    )
    assert accept(response(attributes_xml=written)).attributes == {
        "urn:oid:0.9.2342.19200300.100.1.3": ("b", "a", "c"),
        "empty": (),
        "urn:oid:1.3.6.1.4.1.5923.1.1.1.10": ("targeted",),
        "n": ("7",),
    }


def test_a_clock_that_is_off_shows_in_the_receipt() -> None:
    """By how many seconds, also where that is why the message is refused."""
    receipt = Receipt()
    with pytest.raises(Refusal):
        accept(response(assertion_issue_instant=NOW + 500 * SECOND), receipt=receipt)
    assert receipt.facts["issued_seconds_ago"] == -500


def test_a_signature_by_an_unknown_key_tells_which_certificate_it_names() -> None:
    """For the admin whose identity provider has changed its key; nothing is believed of it."""
    stranger = ForgingIdP("https://other.test/metadata")
    with pytest.raises(Refusal, match=hashlib.sha256(IDP.certificate_der).hexdigest()) as caught:
        accept(response(), signing_keys=(stranger.public_key,))
    assert caught.value.code == "signature_invalid"


def test_threads_do_not_mix_messages() -> None:
    """Good and bad messages of different people, verified at once: everyone gets their own verdict."""
    people = {f"person{n}@acme.test": response(name_id=f"person{n}@acme.test", sign="both") for n in range(4)}
    mixed: list[str] = []

    def judge(name_id: str, xml: bytes) -> None:
        for _ in range(25):
            if accept(xml).name_id != name_id or verdict(swap(xml, name_id, "mallory")) != "signature_invalid":
                mixed.append(name_id)

    threads = [threading.Thread(target=judge, args=item) for item in people.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mixed == []
