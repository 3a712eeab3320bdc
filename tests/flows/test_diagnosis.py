"""A pasted response is judged as at the ACS and leaves no trace; several faults are told at once (D2, D3)."""

from __future__ import annotations

import base64
import datetime as dt
import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.metrics import SIGN_INS
from identity.pasted import MAX_PASTED_CHARACTERS, read_pasted
from tests.attacks.support import on_sqlite
from tests.flows.management.support import code_in, token_for
from tests.support.world import World, utc_now

MINUTE = dt.timedelta(minutes=1)


def diagnosed(world: World, pasted: str, token: str | None = None) -> dict[str, Any]:
    """The verdict by API, from an examination that changed nothing."""
    before, counted = world.rows(without=frozenset()), list(SIGN_INS.collect())
    answer = world.api("POST", "/tenants/acme/diagnose", token, json={"saml_response": pasted})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert world.rows(without=frozenset()) == before
    assert list(SIGN_INS.collect()) == counted
    document: dict[str, Any] = answer.get_json()
    return document


def encoded(xml: bytes) -> str:
    """As the form field has it."""
    return base64.b64encode(xml).decode()


def failed(verdict: dict[str, Any]) -> list[str]:
    """Checks that failed, in order."""
    return [check["id"] for check in verdict["checks"] if check["passed"] is False]


def test_a_good_response_is_told_so_and_still_signs_in(world: World) -> None:
    """Nothing is used up: the very same message is then accepted by the ACS, and told as used afterwards."""
    browser = world.browser()
    started = browser.start()
    response = world.response(started)
    verdict = diagnosed(world, encoded(response))
    assert (verdict["code"], verdict["would"], verdict["idp"], verdict["advice"]) == (None, "new", "main", [])
    open_ends = [check for check in verdict["checks"] if check["passed"] is None]
    assert [check["id"] for check in open_ends] == ["browser"]
    assert browser.post_response(response, started.relay_state).status_code == 303
    verdict = diagnosed(world, encoded(response))
    assert (verdict["code"], failed(verdict)) == ("replayed", ["unused", "in_response_to"])


@pytest.mark.parametrize(
    "form", ["field", "lines", "quoted", "xml", "declared xml", "body", "address", "page", "turned page", "json"]
)
@on_sqlite
def test_the_message_is_found_in_whatever_is_pasted(world: World, form: str) -> None:
    """A field, a form, an address, the source of a page, developer tools, or plain XML."""
    started = world.browser().start()
    xml = world.response(started)
    field = encoded(xml)
    in_lines = "\r\n    ".join(field[at : at + 76] for at in range(0, len(field), 76))
    state = started.relay_state
    pasted = {
        "field": f"  {field}\n",
        "lines": in_lines,
        "quoted": quote(field, safe=""),
        "xml": xml.decode(),
        "declared xml": '\ufeff<?xml version="1.0" encoding="UTF-16"?>\n' + xml.decode(),
        "body": f"RelayState={quote(state)}&SAMLResponse={quote(field, safe='')}",
        "address": f"https://acme.localhost/saml/acs?SAMLResponse={quote(field, safe='')}&RelayState={state}",
        "page": f'<form><input type="hidden" name="SAMLResponse" value="{field}"/><input name="RelayState" value="{state}">',
        "turned page": f"<input value='{field}' type='hidden' name='SAMLResponse'>",
        "json": f'{{"SAMLResponse": "{field}", "RelayState": "{state}"}}',
    }[form]
    verdict = diagnosed(world, pasted)
    assert verdict["code"] is None, (verdict["cause"], verdict["pasted_as"])


def test_several_faults_are_told_at_once(world: World) -> None:
    """Late, for another audience and another address: the first is the verdict, each has its advice."""
    late = utc_now() - 10 * MINUTE
    response = world.response(
        world.browser().start(), now=late, destination=world.acme.acs_url + "/", audiences=[["https://elsewhere.example"]]
    )
    verdict = diagnosed(world, encoded(response))
    assert verdict["code"] == "destination_mismatch"
    assert failed(verdict) == ["destination", "confirmation_time", "not_on_or_after", "audience"]
    assert [advice["code"] for advice in verdict["advice"]] == ["destination_mismatch", "expired", "audience_mismatch"]
    assert "slash too many" in " ".join(verdict["advice"][0]["details"])
    assert [check["id"] for check in verdict["checks"] if check["passed"] is None] == ["second_reading", "browser"]


def test_a_request_that_is_forgotten_does_not_hide_the_rest(world: World) -> None:
    """A response pasted a day later: the request is gone, and what else is wrong is still told."""
    response = world.response(None, in_response_to="_gone", audiences=[["urn:x"]])
    verdict = diagnosed(world, encoded(response))
    assert verdict["code"] == "in_response_to_mismatch"
    assert "audience" in failed(verdict)
    assert "unsolicited" not in failed(verdict)
    assert "ten minutes" in " ".join(verdict["advice"][0]["details"])


def test_nothing_is_told_beyond_a_signature_that_fails(world: World) -> None:
    """What is not signed is nobody's word: no audience, no attribute, no person of it is looked at."""
    response = world.response(world.browser().start()).replace(b">ada@acme.test</saml:NameID>", b">eve@acme.test</saml:NameID>")
    verdict = diagnosed(world, encoded(response))
    assert (verdict["code"], failed(verdict)) == ("signature_invalid", ["assertion_signature"])
    assert verdict["checks"][-1]["id"] == "assertion_signature"
    assert "eve@" not in str(verdict)


def test_personal_values_are_masked(world: World) -> None:
    """The verdict shows names of attributes and no values, as a receipt does."""
    verdict = diagnosed(world, encoded(world.response(world.browser().start(), attributes={"mail": ["ada@elsewhere.test"]})))
    assert verdict["code"] == "email_domain_not_allowed"
    assert "ada@elsewhere.test" not in str(verdict)
    assert verdict["facts"]["attributes_received"] == ["mail"]


def test_what_would_become_of_the_person(world: World) -> None:
    """New, known, joined with one who was prepared, switched off, not provisioned, or in conflict."""

    def would(**parts: Any) -> tuple[str | None, str | None]:
        verdict = diagnosed(world, encoded(world.response(world.browser().start(), **parts)))
        return verdict["code"], verdict["would"]

    assert would() == (None, "new")
    world.sign_in(world.browser())
    assert would() == (None, "known")
    assert would(name_id="another") == ("email_conflict", None)
    user = world.api("GET", "/tenants/acme/users").get_json()["items"][0]
    bob = world.api("POST", "/tenants/acme/users", json={"email": "bob@acme.test"})
    assert bob.status_code == 201, bob.get_data(as_text=True)
    assert would(name_id="bob", attributes={"mail": ["bob@acme.test"]}) == (None, "joined")
    assert would(attributes={"mail": ["bob@acme.test"]}) == ("email_conflict", None)
    world.change_settings(jit_provisioning=False)
    assert would(name_id="eve", attributes={"mail": ["eve@acme.test"]}) == ("user_not_provisioned", None)
    world.api("PATCH", f"/tenants/acme/users/{user['id']}", json={"active": False})
    assert would() == ("user_inactive", None)


@on_sqlite
def test_another_tenants_response_is_a_strangers(world: World) -> None:
    """Neither its people nor its requests are known here."""
    globex = world.browser(world.globex).start()
    verdict = diagnosed(world, encoded(world.response(globex, world.globex)))
    assert verdict["code"] == "issuer_mismatch"
    assert verdict["idp"] is None


@on_sqlite
def test_who_may_paste(world: World) -> None:
    """Staff, support and admins; viewers and strangers not, and nobody at another tenant's."""
    body = {"saml_response": "x"}
    for role in ("staff", "support"):
        assert world.api("POST", "/tenants/acme/diagnose", token_for(world, role), json=body).status_code == 200
    assert world.api("POST", "/tenants/acme/diagnose", token_for(world, "admin", "acme"), json=body).status_code == 200
    viewer, stranger = token_for(world, "viewer", "acme"), token_for(world, "admin", "globex")
    assert code_in(world.api("POST", "/tenants/acme/diagnose", viewer, json=body)) == (403, "forbidden")
    assert code_in(world.api("POST", "/tenants/acme/diagnose", stranger, json=body)) == (404, "not_found")


@on_sqlite
@pytest.mark.parametrize(
    ("pasted", "code"),
    [
        (" ", "response_malformed"),
        ("SAMLResponse=", "response_malformed"),
        ("<", "response_malformed"),
        ("<!DOCTYPE a><a/>", "xml_forbidden"),
        ("é🙂", "response_malformed"),
        ("\u202e" * 100, "response_malformed"),
        ("A" * MAX_PASTED_CHARACTERS, "too_large"),
        ("%" * 1000, "response_malformed"),
        ("<input " * 20_000 + "SAMLResponse", "response_malformed"),
    ],
)
def test_nonsense_is_told_what_is_wrong(world: World, pasted: str, code: str) -> None:
    """Whatever is pasted, the answer is a verdict."""
    assert diagnosed(world, pasted)["code"] == code


@on_sqlite
def test_more_than_a_form_may_have_is_refused_by_its_form(world: World) -> None:
    """The API says so as for every field; the flow itself refuses it, too."""
    answer = world.api("POST", "/tenants/acme/diagnose", json={"saml_response": "A" * (MAX_PASTED_CHARACTERS + 1)})
    assert code_in(answer) == (422, "validation_failed")


ENDLESS = {
    "tags": "<input " * 60_000 + "SAMLResponse",
    "blanks": "SAMLResponse" + " " * 400_000,
    "attributes": "name=" * 100_000 + "SAMLResponse",
    "names": "SAMLResponse " * 40_000,
    "quotes": "<input " + "name='" * 80_000 + "SAMLResponse",
    "equals": "<input value=" + "=" * 400_000 + "SAMLResponse",
    "declarations": "<?xml " * 80_000,
    "one declaration": "<?xml " + " " * 400_000,
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_reading_takes_no_time(text: str) -> None:
    """Whatever is pasted is read in time that grows with its length alone."""
    began = time.process_time()
    read_pasted(text)
    assert time.process_time() - began < 1


@settings(max_examples=300)
@given(st.text(max_size=400) | st.text("SAMLResponse=&%3DAz+/ \n<>\"'", max_size=400))
def test_reading_never_fails(text: str) -> None:
    """Any text is some form field."""
    assert isinstance(read_pasted(text).saml_response, str)
