"""Status: whatever the identity provider calls anything but Success signs nobody in, and is explained (V2)."""

from __future__ import annotations

import pytest

from tests.attacks.answering import accept, refuse_each
from tests.attacks.support import assert_refused, on_sqlite, pending, refuse
from tests.support.saml_xml import STATUS, SUCCESS
from tests.support.world import World

RESPONDER, REQUESTER = STATUS + "Responder", STATUS + "Requester"
SUB_STATUSES = (
    "AuthnFailed",
    "InvalidAttrNameOrValue",
    "InvalidNameIDPolicy",
    "NoAuthnContext",
    "NoAvailableIDP",
    "NoPassive",
    "NoSupportedIDP",
    "PartialLogout",
    "ProxyCountExceeded",
    "RequestDenied",
    "RequestUnsupported",
    "RequestVersionDeprecated",
    "RequestVersionTooHigh",
    "RequestVersionTooLow",
    "ResourceNotRecognized",
    "TooManyResponses",
    "UnknownAttrProfile",
    "UnknownPrincipal",
    "UnsupportedBinding",
)
"""SAML Core 3.2.2.2, second-level codes."""
CLASS_ERROR = "AADSTS75011: Authentication method 'X509' by which the user authenticated does not match 'Password'."


def code_xml(value: str, inner: str = "") -> str:
    """A StatusCode around another."""
    return f'<samlp:StatusCode Value="{value}">{inner}</samlp:StatusCode>'


def status_xml(codes: str) -> str:
    """A Status around its codes."""
    return f"<samlp:Status>{codes}</samlp:Status>"


@on_sqlite
def test_each_sub_status_is_refused_and_shown(world: World) -> None:
    """A good signed assertion under a failure signs nobody in, and the receipt names the sub-status."""
    victim, before = pending(world), world.rows()
    for sub_status in SUB_STATUSES:
        answer = victim.send(victim.response(status=(RESPONDER, STATUS + sub_status, None)))
        refused = assert_refused(world, answer, "status_not_success", before)
        assert refused.check == "status"
        assert sub_status in refused.lines[-1]["actual"]
    victim.finish()


@on_sqlite
def test_each_top_level_code_but_success_is_refused(world: World) -> None:
    """The three of the specification, and one that is the identity provider's own."""
    codes = (RESPONDER, REQUESTER, STATUS + "VersionMismatch", "https://idp.acme.test/status/locked")
    victim = pending(world)
    refuse_each(victim, {code: victim.response(status=(code, None, None)) for code in codes}, "status_not_success")


def test_a_failure_without_an_assertion_is_told_as_such(world: World) -> None:
    """The way real identity providers refuse: unsigned, without an assertion. The pending sign-in stays open."""
    victim = pending(world)

    def without_assertion(xml: str) -> str:
        return xml.partition("<saml:Assertion ")[0] + "</samlp:Response>"

    message = victim.response(status=(REQUESTER, STATUS + "RequestDenied", None), sign="none", before_signing=without_assertion)
    refused = refuse(victim, message, "status_not_success")
    assert "does not let you use this service" in refused.page


@on_sqlite
def test_only_the_outermost_code_counts_and_only_as_it_is_written(world: World) -> None:
    """Success somewhere inside, or something like Success, is no Success."""
    not_success = {
        "nested under failure": code_xml(RESPONDER, code_xml(SUCCESS)),
        "nested deeper": code_xml(RESPONDER, code_xml(RESPONDER, code_xml(SUCCESS))),
        "suffix": code_xml(SUCCESS + "x"),
        "prefix": code_xml(SUCCESS[:-1]),
        "other case": code_xml(SUCCESS.lower()),
        "blank before": code_xml(" " + SUCCESS),
        "newline behind": code_xml(SUCCESS + "&#10;"),
        "look-alike letter": code_xml(SUCCESS.replace("S", "&#x405;")),
        "bare word": code_xml("Success"),
        "empty": code_xml(""),
    }
    victim = pending(world)
    messages = {name: victim.response(status_xml=status_xml(codes)) for name, codes in not_success.items()}
    refuse_each(victim, messages, "status_not_success")


@on_sqlite
def test_a_status_that_the_schema_does_not_know_is_malformed(world: World) -> None:
    """Without exactly one status, with exactly one code at its top, there is nothing to judge."""
    malformed = {
        "no Status": "",
        "no StatusCode": status_xml(""),
        "no Value": status_xml("<samlp:StatusCode/>"),
        "two codes side by side": status_xml(code_xml(SUCCESS) + code_xml(RESPONDER)),
        "two Status elements": status_xml(code_xml(SUCCESS)) * 2,
        "another namespace": status_xml(f"<saml:StatusCode Value='{SUCCESS}'/>"),
        "Status inside Extensions": f"<samlp:Extensions>{status_xml(code_xml(SUCCESS))}</samlp:Extensions>",
    }
    victim = pending(world)
    messages = {name: victim.response(status_xml=status) for name, status in malformed.items()}
    refuse_each(victim, messages, "response_malformed")


@on_sqlite
def test_a_failure_hidden_in_extensions_does_not_count_either(world: World) -> None:
    """Extensions say nothing: the response's own Status is read, whatever stands before it."""
    inside = f'<samlp:Extensions><x:all xmlns:x="urn:x">{status_xml(code_xml(SUCCESS))}</x:all></samlp:Extensions>'
    victim = pending(world)
    refuse(victim, victim.response(status_xml=inside + status_xml(code_xml(RESPONDER))), "status_not_success")


@on_sqlite
def test_a_signed_failure_cannot_be_turned_into_success(world: World) -> None:
    """The status of a signed response is what was signed."""
    victim = pending(world)
    failed = victim.response(sign="response", status=(RESPONDER, None, None))
    turned = failed.replace(RESPONDER.encode(), SUCCESS.encode())
    refuse(victim, turned, "signature_invalid")


def test_the_class_that_cannot_be_had_comes_with_its_fix(world: World) -> None:
    """NoAuthnContext: the receipt says to leave the class blank, the page whom to ask for it (D3)."""
    victim = pending(world)
    refused = refuse(victim, victim.response(status=(RESPONDER, STATUS + "NoAuthnContext", None)), "status_not_success")
    assert "leave the class blank" in refused.lines[-1]["actual"]
    assert "leave the authentication context class blank" in refused.page


def test_entra_ids_own_words_for_it_come_with_the_same_fix(world: World) -> None:
    """AADSTS75011 stands in the message only; the code around it is as general as can be."""
    victim = pending(world)
    refused = refuse(victim, victim.response(status=(RESPONDER, None, CLASS_ERROR)), "status_not_success")
    assert "leave the class blank" in refused.lines[-1]["actual"]
    assert "AADSTS75011" in refused.cause
    assert "signed you in by another method" in refused.page


@on_sqlite
@pytest.mark.parametrize(
    "message",
    [
        "Your account is locked. Ring +44 20 7946 0000 now.",
        '<script>alert("x")</script>',
        "AADSTS75011 <img src=x onerror=alert(1)>",
        "\u202eevil",
    ],
)
def test_the_message_of_an_unsigned_response_never_reaches_the_page(world: World, message: str) -> None:
    """Anybody can have a browser post a failure: its words are for the receipt, ours for the person."""
    victim = pending(world)
    refused = refuse(victim, victim.response(status=(RESPONDER, None, message), sign="none"), "status_not_success")
    for word in ("Ring", "alert", "onerror", "\u202e"):
        assert word not in refused.page


@on_sqlite
def test_a_status_of_any_length_is_bounded_on_record(world: World) -> None:
    """A message of 100,000 characters and a hundred codes leave a receipt of a few lines."""
    codes = code_xml(RESPONDER)
    for number in range(40):
        codes = code_xml(f"urn:x:{number}", codes)
    victim = pending(world)
    told = f"<samlp:StatusMessage>{'a' * 100_000}</samlp:StatusMessage>"
    refused = refuse(victim, victim.response(status_xml=f"<samlp:Status>{codes}{told}</samlp:Status>"), "status_not_success")
    assert len(refused.lines[-1]["actual"]) <= 300
    assert len(refused.cause) <= 500


def test_success_signs_in(world: World) -> None:
    """Success, with a message that means nothing, is success."""
    assert accept(pending(world), status=(SUCCESS, None, "OK"))["tenant"] == "acme"
