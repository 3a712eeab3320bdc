"""What docs/saml-profile.md says about pysaml2 is measured: it lets these messages pass, and we refuse them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import time_machine
from saml2.response import AuthnResponse
from saml2.sigver import CryptoBackend, SecurityContext

from tenants.errors import Refusal
from tests.support.idp import ForgingIdP
from tests.support.saml_trust import REQUEST_ID, SERVICE_PROVIDER, accept, trust_in
from tests.unit.docs.pages import codes, page, table

IDP = ForgingIdP()
NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.UTC)
UNASKED = {"in_response_to": "_unknown"}
TWO = [[SERVICE_PROVIDER.entity_id], ["urn:other"]]
REPLAY = "the same assertion again"


@pytest.fixture(autouse=True)
def _process_clock() -> Iterator[None]:
    """pysaml2 reads the clock of the process, which stands at NOW for these tests."""
    with time_machine.travel(NOW, tick=False):
        yield


@dataclass(frozen=True)
class Case:
    """Changes of a good message; what we refuse it with; how pysaml2 has to be asked."""

    changes: Mapping[str, Any]
    code: str
    has_assertion: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    unsolicited: bool = False


CASES = {
    "no destination": Case({"destination": None}, "destination_mismatch"),
    "another destination": Case({"destination": "https://evil.test/"}, "destination_mismatch", has_assertion=False),
    "another recipient": Case({"recipient": "https://evil.test/"}, "recipient_mismatch", options={"conv_info": None}),
    "no conditions": Case({"conditions_xml": ""}, "assertion_invalid"),
    "no audience": Case({"audiences": []}, "audience_mismatch"),
    "one audience of two restrictions": Case({"audiences": TWO}, "audience_mismatch"),
    "no end of the confirmation": Case({"confirmation_not_on_or_after": None}, "subject_invalid"),
    "a beginning of the confirmation": Case({"confirmation_not_before": NOW - dt.timedelta(minutes=5)}, "subject_invalid"),
    "another issuer of the response": Case({"response_issuer": "https://evil.test/"}, "issuer_mismatch"),
    "an answer to an unknown request": Case(
        UNASKED, "in_response_to_mismatch", options={"allow_unsolicited": True}, unsolicited=True
    ),
    "an empty name": Case({"name_id": ""}, "subject_invalid"),
    "sender-vouches": Case({"confirmation_method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}, "subject_invalid"),
    "assertion version 1.1": Case({"assertion_version": "1.1"}, "assertion_invalid"),
    "issued 400 days ago": Case({"assertion_issue_instant": NOW - dt.timedelta(days=400)}, "expired"),
}


class _NoCrypto(CryptoBackend):  # type: ignore[misc]  # pysaml2 has no types
    version = "none"


def test_every_case_on_the_page_is_tested() -> None:
    """And the codes there are those that come."""
    rows = {codes(row["case"])[0]: row for row in table(page("saml-profile.md"), "case", "pysaml2", "here")}
    assert rows.keys() == CASES.keys() | {REPLAY}
    for name, case in CASES.items():
        assert codes(rows[name]["here"])[0] == case.code


@pytest.mark.parametrize("name", CASES)
def test_pysaml2_lets_it_pass_and_we_do_not(name: str) -> None:
    """With the signature taken as verified there; rightly signed, twice, here."""
    case = CASES[name]
    reading = _read_by_pysaml2(_message(case.changes, sign="none"), **case.options)
    assert (reading.assertion is not None) == case.has_assertion
    with pytest.raises(Refusal) as refusal:
        _judge(_message(case.changes, sign="both"), unsolicited=case.unsolicited)
    assert refusal.value.code == case.code


def test_a_good_message_is_accepted_by_both() -> None:
    """Otherwise the cases would prove nothing."""
    assert _read_by_pysaml2(_message({}, sign="none")).name_id.text == "alice@acme.test"
    _judge(_message({}, sign="both"))


def test_pysaml2_remembers_no_assertion() -> None:
    """The same one is accepted again; tests/flows/test_sign_in.py shows that ours is not."""
    xml = _message({}, sign="none")
    assert [_read_by_pysaml2(xml).assertion.id for _ in range(2)] == [_read_by_pysaml2(xml).assertion.id] * 2


def _message(changes: Mapping[str, Any], sign: str) -> bytes:
    given: dict[str, Any] = {
        "sp_entity_id": SERVICE_PROVIDER.entity_id,
        "acs_url": SERVICE_PROVIDER.acs_url,
        "in_response_to": REQUEST_ID,
        "now": NOW,
        "sign": sign,
    }
    return IDP.response(**(given | dict(changes)))


def _judge(xml: bytes, *, unsolicited: bool = False) -> None:
    accept(xml, trust_in(IDP, allow_idp_initiated=True), now=NOW, solicited=not unsolicited)


def _read_by_pysaml2(xml: bytes, **options: Any) -> AuthnResponse:
    given: dict[str, Any] = {
        "attribute_converters": [],
        "entity_id": SERVICE_PROVIDER.entity_id,
        "return_addrs": [SERVICE_PROVIDER.acs_url],
        "outstanding_queries": {REQUEST_ID: "/"},
        "timeslack": 60,
        "want_assertions_signed": False,
        "want_response_signed": False,
        "conv_info": {"remote_addr": "0.0.0.0"},
    }
    reading = AuthnResponse(SecurityContext(_NoCrypto(), enc_key_files=[]), **(given | options))
    reading.do_not_verify = True
    reading.loads(xml.decode(), False)
    reading.verify()
    return reading
