"""Logout: nobody signs another out, by no message that their identity provider has not signed for us, now, and once (S3)."""

from __future__ import annotations

import base64
import datetime as dt
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.database import transaction, write
from config.isolation import every_tenant
from identity.logout_models import LogoutExchangeRow
from tests.attacks.support import settle
from tests.support.at_once import another_worker, at_once
from tests.support.browser import Browser, code_of
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, rsa_key
from tests.support.logout import (
    LogoutParts,
    deflated,
    posted,
    request_parts,
    request_xml,
    response_parts,
    response_xml,
    sent_by,
    signed_query,
    unsigned_form,
)
from tests.support.saml_xml import SAML
from tests.support.world import World, utc_now
from tests.support.xml_encryption import encrypted_xml
from tests.support.xml_signing import sign

SLO = "/saml/slo"
HOUR = dt.timedelta(hours=1)


class Victim:
    """A person who is signed in, and stays so."""

    def __init__(self, world: World) -> None:
        self.world = settle(world)
        self.browser = world.browser()
        assert world.sign_in(self.browser, session_index="one").status_code == 303

    def query(self, query: str) -> TestResponse:
        """The message by Redirect, from a stranger."""
        return self.world.browser().get(f"{SLO}?{query}")

    def form(self, form: Any) -> TestResponse:
        """The message by POST, from a stranger."""
        return self.world.browser().post(SLO, data=form)

    def refuses(self, answer: TestResponse, *codes: str) -> None:
        """Refused, nothing changed, and the honest message still ends the session."""
        assert code_of(answer) in (codes or ("logout_invalid",)), answer.get_data(as_text=True)
        assert 400 <= answer.status_code < 500
        assert self.browser.get("/session").status_code == 200, "somebody else has signed them out"
        honest = signed_query(request_xml(request_parts(self.world.acme)), self.world.acme.idp.key)
        assert sent_by(self.query(honest), "SAMLResponse").root.tag.endswith("LogoutResponse")
        assert self.browser.get("/session").status_code == 401


@pytest.fixture
def victim(arena: World) -> Victim:
    """Somebody at acme."""
    return Victim(arena)


def good(world: World, **parts: Any) -> LogoutParts:
    """The parts of an honest request."""
    return request_parts(world.acme, **parts)


def test_unsigned_by_post(victim: Victim) -> None:
    """Anyone could write it."""
    victim.refuses(victim.form(unsigned_form(request_xml(good(victim.world)))))


def test_unsigned_by_redirect(victim: Victim) -> None:
    """Without Signature, without SigAlg, without both; and with an empty one."""
    query = signed_query(request_xml(good(victim.world)), victim.world.acme.idp.key)
    message, _, rest = query.partition("&SigAlg=")
    method, _, signature = rest.partition("&Signature=")
    for bare in (
        message,
        f"{message}&SigAlg={method}",
        f"{message}&Signature={signature}",
        f"{message}&SigAlg={method}&Signature=",
    ):
        assert code_of(victim.query(bare)) == "logout_invalid"
    victim.refuses(victim.query(message))


def test_signed_inside_but_sent_by_redirect(victim: Victim) -> None:
    """An XML signature does not count where the query has to be signed (SAML Bindings 3.4.4.1)."""
    parts = good(victim.world)
    xml = sign(request_xml(parts), parts.id, victim.world.acme.idp.key).decode()
    query = f"SAMLRequest={quote(base64.b64encode(deflated(xml)).decode(), safe='')}"
    assert code_of(victim.query(query)) == "logout_invalid"
    victim.refuses(victim.query(signed_query(xml, victim.world.acme.idp.key)))


@pytest.mark.parametrize("binding", ["post", "redirect"])
def test_another_key(victim: Victim, binding: str) -> None:
    """Whoever signs with a key of their own, and says so in KeyInfo."""
    parts, key = good(victim.world), rsa_key("mallory")
    if binding == "redirect":
        return victim.refuses(victim.query(signed_query(request_xml(parts), key)))
    signed = sign(request_xml(parts), parts.id, key, certificate=certificate_of(key))
    return victim.refuses(victim.form(unsigned_form(signed)))


@pytest.mark.parametrize("binding", ["post", "redirect"])
def test_another_tenants_identity_provider(victim: Victim, binding: str) -> None:
    """globex's identity provider is nobody at acme, under its own name and under acme's."""
    world = victim.world
    key, own_name = world.globex.idp.key, world.globex.idp.entity_id
    for issuer in (own_name, world.acme.idp.entity_id):
        parts = good(world, issuer=issuer)
        if binding == "redirect":
            answer = victim.query(signed_query(request_xml(parts), key))
        else:
            answer = victim.form(posted(request_xml(parts), parts.id, world.globex.idp))
        assert code_of(answer) == "logout_invalid"
    victim.refuses(answer)


def test_a_message_for_another_tenant(victim: Victim) -> None:
    """Two tenants with one identity provider: what is signed for globex ends nothing at acme, although the key is the same."""
    parts = good(victim.world, destination=f"{victim.world.globex.origin}/saml/slo")
    victim.refuses(victim.query(signed_query(request_xml(parts), victim.world.acme.idp.key)))


WRONG: dict[str, dict[str, Any]] = {
    "no destination": {"destination": None},
    "destination is the ACS": {"destination": "http://acme.localhost:8000/saml/acs"},
    "destination with a query": {"destination": "http://acme.localhost:8000/saml/slo?x"},
    "no issuer": {"issuer": None},
    "issuer with a blank inside": {"issuer": "https://idp.acme.test/ metadata"},
    "version 1.1": {"version": "1.1"},
    "over": {"not_on_or_after": utc_now() - HOUR},
    "no time": {"not_on_or_after": "2026-02-30T00:00:00Z"},
    "issued long ago": {"issue_instant": utc_now() - HOUR, "not_on_or_after": utc_now() + HOUR},
    "issued later": {"issue_instant": utc_now() + HOUR},
    "nobody named": {"name_id": None},
    "an empty name": {"name_id": ""},
    "a blank name": {"name_id": "  "},
    "an empty index": {"session_indexes": ["", "one"]},
    "too many indexes": {"session_indexes": [f"i{number}" for number in range(101)]},
    "a base identifier": {"name_id_xml": f'<saml:BaseID xmlns:saml="{SAML}" NameQualifier="x"/>'},
}


@pytest.mark.parametrize("name", WRONG)
def test_signed_and_yet_not_for_us_and_for_now(victim: Victim, name: str) -> None:
    """What the identity provider itself signed and we must not obey."""
    parts = good(victim.world, **WRONG[name])
    victim.refuses(victim.query(signed_query(request_xml(parts), victim.world.acme.idp.key)))


def test_replay(world: World) -> None:
    """A message that was obeyed ends no later session: by either binding, on any worker, two at once."""
    victim = Victim(world)
    parts = good(world)
    query = signed_query(request_xml(parts), world.acme.idp.key)
    assert victim.query(query).status_code == 303
    victim = Victim(world)
    assert code_of(victim.query(query)) == "logout_invalid"
    victim.refuses(victim.form(posted(request_xml(parts), parts.id, world.acme.idp)))

    fresh = signed_query(request_xml(good(world)), world.acme.idp.key)
    with another_worker(world.app) as other:
        answers = at_once([partial(Browser(app, "acme").get, f"{SLO}?{fresh}") for app in (world.app, other) * 2])
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403]


def test_the_signature_covers_relay_state_and_algorithm(victim: Victim) -> None:
    """Each changed, added or taken away afterwards; and the order of the address does not matter to the signature."""
    key = victim.world.acme.idp.key
    xml = request_xml(good(victim.world))
    query = signed_query(xml, key, relay_state="here")
    bare = signed_query(xml, key)
    for changed in (
        query.replace("RelayState=here", "RelayState=there"),
        query.replace("&RelayState=here", ""),
        query.replace("rsa-sha256", "rsa-sha512"),
        bare + "&RelayState=there",
        query.replace("RelayState=here", "RelayState=%68ere"),
    ):
        assert code_of(victim.query(changed)) == "logout_invalid"
    shuffled = "&".join(reversed(query.split("&")))
    assert victim.query(shuffled).status_code == 303
    assert victim.browser.get("/session").status_code == 401


def test_parameters_twice_and_in_disguise(victim: Victim) -> None:
    """What two readers could read differently is not read at all."""
    query = signed_query(request_xml(good(victim.world)), victim.world.acme.idp.key, relay_state="here")
    other = quote(base64.b64encode(deflated(request_xml(good(victim.world, name_id="bob@acme.test")))).decode(), safe="")
    for twice in (
        f"{query}&SAMLRequest={other}",
        f"SAMLRequest={other}&{query}",
        f"{query}&RelayState=there",
        f"{query}&SAML%52equest={other}",
        f"{query}&SAMLResponse={other}",
        f"{query}&SAMLEncoding=urn%3Aexample%3Azip",
        "&".join(f"x{number}=1" for number in range(30)) + f"&{query}",
    ):
        assert code_of(victim.query(twice)) == "request_invalid", twice[:60]
    victim.refuses(victim.query(f"{query}&Signature=AAAA"), "request_invalid")


@pytest.mark.parametrize("method", ["rsa-sha1", "hmac-sha256", "none", ""])
def test_algorithms(victim: Victim, method: str) -> None:
    """SHA-1, HMAC with the public key, none at all: by the lists that sign-ins have."""
    key = victim.world.acme.idp.key
    query = signed_query(request_xml(good(victim.world)), key, method="rsa-sha1" if method == "rsa-sha1" else "rsa-sha256")
    if method != "rsa-sha1":
        query = query.replace("rsa-sha256", method)
    victim.refuses(victim.query(query))


def test_sha1_by_its_dated_exception(victim: Victim) -> None:
    """The tenant's exception holds for logout as for sign-in, and no longer than its day."""
    until = (utc_now() + dt.timedelta(days=10)).isoformat()
    victim.world.change_settings(sha1_exception={"until": until, "reason": "old appliance"})
    query = signed_query(request_xml(good(victim.world)), victim.world.acme.idp.key, method="rsa-sha1")
    assert victim.query(query).status_code == 303
    settle(victim.world)


def wrapped(around: Callable[[str, str], str], world: World) -> str:
    """A signed honest request for nobody in particular, with a forged one around, inside or beside it."""
    signed = good(world, name_id="nobody@acme.test")
    original = sign(request_xml(signed), signed.id, world.acme.idp.key).decode()
    return around(original, request_xml(good(world)))


def extended(forged: str, inner: str) -> str:
    """The forged request with something in its Extensions."""
    at = forged.index("</saml:Issuer>") + len("</saml:Issuer>")
    return f"{forged[:at]}<samlp:Extensions>{inner}</samlp:Extensions>{forged[at:]}"


WRAPPINGS: dict[str, Callable[[str, str], str]] = {
    "original in Extensions": lambda original, forged: extended(forged, original),
    "signature moved": lambda original, forged: forged.replace(
        "</saml:Issuer>", "</saml:Issuer>" + original[original.index("<ds:Signature") : original.index("</ds:Signature>") + 15]
    ),
    "two names": lambda original, forged: original.replace(
        "<saml:NameID", f'<saml:NameID xmlns:saml="{SAML}">ada@acme.test</saml:NameID><saml:NameID', 1
    ),
    "name changed": lambda original, forged: original.replace("nobody@acme.test", "ada@acme.test"),
    "comment in the name": lambda original, forged: original.replace(
        "nobody@acme.test", "ada@acme.test<!--nobody@acme.test-->"
    ),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_wrapping(victim: Victim, name: str) -> None:
    """Only what the signature covers is read."""
    victim.refuses(victim.form(unsigned_form(wrapped(WRAPPINGS[name], victim.world))))


def test_a_comment_does_not_shorten_a_name(victim: Victim) -> None:
    """ada@acme.test<!-- -->.evil.test is somebody else, whose session does not end, and not Ada."""
    parts = good(victim.world, name_id_xml="<saml:NameID>ada@acme.test<!-- -->.evil.test</saml:NameID>")
    assert victim.form(posted(request_xml(parts), parts.id, victim.world.acme.idp)).status_code == 200
    assert victim.browser.get("/session").status_code == 200


HOSTILE: dict[str, tuple[Callable[[str], bytes], tuple[str, ...]]] = {
    "a bomb": (lambda _: zlib_bomb(), ("too_large",)),
    "a document type": (lambda xml: b"<!DOCTYPE x [<!ENTITY e 'x'>]>" + xml.encode(), ()),
    "an instruction": (lambda xml: b"<?x y?>" + xml.encode(), ()),
    "no XML": (lambda _: b"hello", ()),
    "UTF-16": (lambda xml: xml.encode("utf-16"), ()),
    "not by the schema": (
        lambda xml: xml.replace("samlp:LogoutRequest", "samlp:LogoutResponse").encode(),
        (),
    ),
    "nothing": (lambda _: b"", ()),
}


def zlib_bomb() -> bytes:
    """A megabyte of blanks, which is a thousand octets on the way."""
    return b" " * 1024 * 1024


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("binding", ["post", "redirect"])
def test_hostile_octets(victim: Victim, name: str, binding: str) -> None:
    """Bounded while it is inflated, and refused before anything is believed."""
    make, codes = HOSTILE[name]
    octets = make(request_xml(good(victim.world)))
    if binding == "post":
        return victim.refuses(victim.form({"SAMLRequest": base64.b64encode(octets).decode()}), *codes)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    message = quote(base64.b64encode(compressor.compress(octets) + compressor.flush()).decode(), safe="")
    return victim.refuses(victim.query(f"SAMLRequest={message}&SigAlg=x&Signature=AAAA"), *codes)


@pytest.mark.parametrize(
    "spoil", [lambda octets: octets[:-3], lambda octets: octets + b"more", lambda octets: b"\x07" + octets]
)
def test_deflate_that_is_not_exactly_the_message(victim: Victim, spoil: Callable[[bytes], bytes]) -> None:
    """Cut off, followed by something, or nothing of the kind: refused although the identity provider signed it so."""
    query = signed_query(request_xml(good(victim.world)), victim.world.acme.idp.key, spoil=spoil)
    victim.refuses(victim.query(query))


def test_what_is_no_logout_message(victim: Victim) -> None:
    """An empty address, a form of another kind, a query beside a form, another method, a RelayState without end."""
    world = victim.world
    parts = good(world)
    form = posted(request_xml(parts), parts.id, world.acme.idp)
    stranger = world.browser()
    assert code_of(stranger.get(SLO)) == "request_invalid"
    assert code_of(stranger.post(SLO, data={})) == "request_invalid"
    assert code_of(stranger.post(SLO, json=form)) == "request_invalid"
    assert code_of(stranger.post(f"{SLO}?x=1", data=form)) == "request_invalid"
    assert code_of(stranger.post(SLO, data=form | {"RelayState": "a" * 1025})) == "request_invalid"
    assert code_of(stranger.post(SLO, data=form | {"RelayState": ["a", "b"]})) == "request_invalid"
    assert code_of(stranger.post(SLO, data={"SAMLRequest": "A" * 300_000})) == "too_large"
    assert code_of(stranger.get(f"{SLO}?SAMLRequest=" + "A" * 40_000)) == "too_large"
    assert stranger.open("DELETE", SLO).status_code == 405
    victim.refuses(stranger.post(SLO, data={"SAMLResponse": form["SAMLRequest"]}))


def test_answers_to_nothing(victim: Victim) -> None:
    """A LogoutResponse that nobody asked for, of another identity provider, of another tenant, without its question."""
    world = victim.world
    asked = sent_by(victim.browser.get(victim.browser.post("/logout").location), "SAMLRequest").id
    for parts, idp in (
        (response_parts(world.acme, "_unknown"), world.acme.idp),
        (response_parts(world.acme, None), world.acme.idp),
        (response_parts(world.acme, asked, issuer=world.globex.idp.entity_id), world.globex.idp),
        (response_parts(world.acme, asked), world.globex.idp),
    ):
        query = signed_query(response_xml(parts), idp.key, kind="SAMLResponse")
        assert code_of(victim.query(query)) == "logout_invalid"
    there = response_parts(world.globex, asked)
    elsewhere = Browser(world.app, "globex").get(
        f"{SLO}?" + signed_query(response_xml(there), world.globex.idp.key, kind="SAMLResponse")
    )
    assert code_of(elsewhere) == "logout_invalid"
    honest = signed_query(response_xml(response_parts(world.acme, asked)), world.acme.idp.key, kind="SAMLResponse")
    assert victim.query(honest).location == "/?signed_out=everywhere"


def beside_another_provider(world: World) -> tuple[ForgingIdP, Browser]:
    """A second identity provider that the tenant trusts, and a browser that is signed in by the first."""
    other = ForgingIdP("https://other.acme.test/metadata")
    body = {"display_name": "Other", "metadata_xml": other.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/other", json=body).status_code == 201
    browser = world.browser()
    started = browser.start(idp="main")
    assert browser.post_response(world.response(started), started.relay_state).status_code == 303
    return other, browser


def test_an_answer_of_the_tenants_other_identity_provider(world: World) -> None:
    """One that the tenant trusts as well, and that was not asked: the request goes on waiting for the one that was."""
    other, browser = beside_another_provider(world)
    asked = sent_by(browser.get(browser.post("/logout").location), "SAMLRequest").id
    for idp, outcome in ((other, "logout_invalid"), (world.acme.idp, None)):
        parts = response_parts(world.acme, asked, issuer=idp.entity_id)
        answer = browser.get(f"{SLO}?" + signed_query(response_xml(parts), idp.key, kind="SAMLResponse"))
        assert code_of(answer) == outcome


def test_a_request_of_the_tenants_other_identity_provider(world: World) -> None:
    """One that the tenant trusts as well ends nobody's session but its own people's, whatever it calls them."""
    other, browser = beside_another_provider(world)
    for idp, status in ((other, 200), (world.acme.idp, 401)):
        leaving = request_xml(request_parts(world.acme, issuer=idp.entity_id))
        assert code_of(world.browser().get(f"{SLO}?" + signed_query(leaving, idp.key))) is None
        assert browser.get("/session").status_code == status, idp.entity_id


def test_an_answer_that_comes_too_late(world: World) -> None:
    """After ten minutes nobody waits for it any more: what it would say of the sign-out is not believed."""
    browser = world.browser()
    assert world.sign_in(browser).status_code == 303
    asked = sent_by(browser.get(browser.post("/logout").location), "SAMLRequest").id
    answer = f"{SLO}?" + signed_query(response_xml(response_parts(world.acme, asked)), world.acme.idp.key, kind="SAMLResponse")
    for moment, outcome in ((utc_now(), "logout_invalid"), (utc_now() + HOUR, None)):
        with world.app.app_context(), every_tenant(), transaction():
            write(sa.update(LogoutExchangeRow).values(expires_at=moment))
        assert code_of(browser.get(answer)) == outcome


def test_relay_state_goes_back_as_text(victim: Victim) -> None:
    """Into our form and our address as a value, never as markup, header or another parameter."""
    hostile = '"><script>alert(1)</script>&SAMLResponse=x\r\nSet-Cookie: a=b'
    parts = good(victim.world)
    form = victim.form(posted(request_xml(parts), parts.id, victim.world.acme.idp, relay_state=hostile))
    assert "<script>alert" not in form.get_data(as_text=True)
    assert sent_by(form, "SAMLResponse").relay_state.split() == hostile.split()
    query = signed_query(request_xml(good(victim.world)), victim.world.acme.idp.key, relay_state=hostile)
    answer = victim.query(query)
    assert "Set-Cookie" not in answer.headers
    assert sent_by(answer, "SAMLResponse").relay_state == hostile


def test_an_encrypted_name_for_somebody_else(victim: Victim) -> None:
    """A ciphertext that our keys do not open says no more than that."""
    name_id = f'<saml:NameID xmlns:saml="{SAML}">ada@acme.test</saml:NameID>'
    hidden = encrypted_xml(name_id.encode(), certificate_of(rsa_key("somebody")), wrapper="EncryptedID")
    parts = good(victim.world, name_id_xml=hidden)
    victim.refuses(victim.query(signed_query(request_xml(parts), victim.world.acme.idp.key)))


def test_signing_out_is_nobody_elses_wish(victim: Victim) -> None:
    """A form of another site, another tenant's host among them, does not sign anybody out."""
    for headers in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "http://globex.localhost:8000"}):
        assert code_of(victim.browser.post("/logout", headers=headers)) == "request_invalid"
    assert victim.browser.get("/logout").status_code == 405
    assert victim.browser.get("/session").status_code == 200
