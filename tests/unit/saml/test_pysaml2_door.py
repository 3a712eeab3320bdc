"""pysaml2 as a second reader: it can do nothing but read, and what it reads has to agree."""

from __future__ import annotations

import inspect
import logging
import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
import saml2.response
import saml2.sigver
import saml2.time_util
from saml2.response import AuthnResponse, StatusResponse
from saml2.sigver import SecurityContext

import identity.saml.pysaml2_door as door
from identity.checks import Receipt
from identity.saml.names import ASSERTION, NAME_ID, RESPONSE, SAML, SUBJECT_CONFIRMATION
from tenants.errors import Refusal
from tenants.signed_xml.xml import parse
from tests.unit.saml.judging import ACS, ENTITY_ID, PROVIDER, REQUEST_ID, accept, response, swap, verdict

STATEMENT = SAML + "AuthnStatement"


def chosen_of(xml: bytes) -> door.Chosen:
    """What is handed over of a response that nothing has judged."""
    root = parse(xml.decode())
    assert root.tag == RESPONSE
    parts: dict[str, Any] = {
        name: next(root.iter(name), None) for name in (ASSERTION, NAME_ID, SUBJECT_CONFIRMATION, STATEMENT)
    }
    return door.Chosen(root, parts[ASSERTION], parts[NAME_ID], parts[SUBJECT_CONFIRMATION], parts[STATEMENT])


def second_opinion(xml: bytes, request_id: str | None = REQUEST_ID) -> str:
    """`same`, or the code of the refusal."""
    try:
        door.require_same_reading(chosen_of(xml), PROVIDER, request_id, Receipt())
    except Refusal as refusal:
        return refusal.code
    return "same"


def test_it_reads_the_same() -> None:
    """Solicited, unsolicited, and without a NameID."""
    assert second_opinion(response()) == "same"
    assert second_opinion(response(in_response_to=None), None) == "same"
    assert second_opinion(response(name_id=None)) == "same"


@pytest.mark.parametrize(
    ("xml", "request_id"),
    [
        (swap(response(), 'Version="2.0"', 'Version="2.1"', 1), REQUEST_ID),
        (swap(response(), f'Destination="{ACS}"', 'Destination="http://x.test"'), REQUEST_ID),
        (swap(response(), ENTITY_ID, "http://x.test"), REQUEST_ID),
        (swap(response(), f'Recipient="{ACS}"', 'Recipient="http://x.test"'), REQUEST_ID),
        (response(confirmation_method="urn:x"), REQUEST_ID),
        (response(), "_other"),
        (response(confirmation_in_response_to="_other"), REQUEST_ID),
        (response(in_response_to=None), REQUEST_ID),
    ],
)
def test_it_has_a_say(xml: bytes, request_id: str) -> None:
    """By itself it refuses version, destination, audience, recipient, method and request; that ends a sign-in."""
    assert second_opinion(xml, request_id) == "assertion_invalid"


def test_its_clock_decides_nothing() -> None:
    """Times are ours: a message of 2031 is judged in 2031, and pysaml2 reads no clock at all."""
    assert verdict(response()) == "accepted"
    assert (
        second_opinion(response(not_on_or_after="2001-01-01T00:00:00Z", assertion_issue_instant="2001-01-01T00:00:00Z"))
        == "same"
    )


def test_it_reads_no_clock_and_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """With clock, processes and files of its modules taken away, everything still works."""

    def forbidden(*arguments: object, **options: object) -> None:
        raise AssertionError(f"called with {arguments} {options}")

    for module, names in (
        (saml2.time_util, ("utc_now", "time_in_a_while", "time_a_while_ago", "instant", "str_to_time")),
        (saml2.response, ("str_to_time",)),
        (saml2.sigver, ("Popen", "make_temp")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, forbidden)
    monkeypatch.setattr(subprocess, "Popen", forbidden)
    monkeypatch.setattr(os, "system", forbidden)
    assert accept(response(sign="both"), want_messages_signed=True).name_id == "alice@acme.test"


def test_its_crypto_refuses_every_operation() -> None:
    """Whoever calls it by mistake gets an error, never a verdict."""
    security = door._SECURITY
    assert isinstance(security, SecurityContext)
    for name, arguments in (
        ("validate_signature", ("", "", "", "", "")),
        ("decrypt", ("", "")),
        ("encrypt", ("", "", "", "")),
        ("encrypt_assertion", ("", "", "", "", "")),
        ("sign_statement", ("", "", "", "")),
    ):
        with pytest.raises(NotImplementedError):
            getattr(security.crypto, name)(*arguments)


def test_a_difference_ends_the_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """If pysaml2 ever read another person out of the same assertion, that person is not signed in."""
    chosen = chosen_of(response())
    other = chosen_of(response(name_id="mallory@acme.test"))
    built = door._minimal_response(other)
    monkeypatch.setattr(door, "_minimal_response", lambda _: built)
    with pytest.raises(Refusal) as caught:
        door.require_same_reading(chosen, PROVIDER, REQUEST_ID, Receipt())
    assert caught.value.code == "assertion_invalid"


def test_it_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Its loggers print NameIDs and whole messages; the package silences them when it is imported."""
    assert logging.getLogger("saml2").getEffectiveLevel() >= logging.CRITICAL
    with caplog.at_level(logging.DEBUG):
        accept(response())
        second_opinion(response(), "_other")
    assert [record for record in caplog.records if record.name.startswith("saml2")] == []


def test_the_private_parts_are_as_they_were() -> None:
    """What the door relies on in the version that setup.cfg pins; a new version has to be read before it is taken."""
    assert version("pysaml2") == "7.5.5"
    assert list(inspect.signature(AuthnResponse._loads).parameters) == ["self", "xmldata", "decode", "origxml"]
    assert AuthnResponse.loads is not StatusResponse.loads
    assert "self._loads(xmldata, decode, origxml)" in inspect.getsource(AuthnResponse.loads)
    assert "self.do_not_verify is False" in inspect.getsource(AuthnResponse._assertion)
    assert "self.issue_instant_ok() and self.status_ok()" in inspect.getsource(StatusResponse._verify)


def test_its_schema_module_stays_out() -> None:
    """Importing the product does not build pysaml2's pure-Python schema; whoever validates with it still can."""
    program = (
        "import sys, identity.saml.response, saml2.sigver\n"
        "assert 'xmlschema' not in sys.modules, 'loaded at import'\n"
        "from saml2.sigver import validate_doc_with_schema, XMLSchemaError\n"
        "try: validate_doc_with_schema('<a/>')\n"
        "except XMLSchemaError: pass\n"
        "else: raise SystemExit('accepted')\n"
        "assert 'xmlschema' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
