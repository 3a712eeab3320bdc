"""Single logout: begun here, begun at the identity provider, by both bindings, and without any cookie (S3)."""

from __future__ import annotations

import base64
import datetime as dt
import re
from typing import Any
from urllib.parse import unquote

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree
from werkzeug.test import TestResponse

from identity.saml.schema import require_schema
from tests.support.browser import Browser, code_of
from tests.support.idp import POST, REDIRECT
from tests.support.logout import (
    MINUTE,
    PARTIAL,
    Sent,
    posted,
    request_parts,
    request_xml,
    response_parts,
    response_xml,
    sent_by,
    signed_query,
)
from tests.support.saml_xml import STATUS, SUCCESS
from tests.support.world import World, utc_now
from tests.support.xml_encryption import encrypted_xml

SUBJECT = {"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"}


def is_signed_in(browser: Browser) -> bool:
    """Whether the browser's session is alive."""
    return browser.get("/session").status_code == 200


def signed_in(world: World, **parts: Any) -> Browser:
    """A browser with a session at acme."""
    browser = world.browser()
    assert world.sign_in(browser, **parts).status_code == 303
    return browser


def sign_out(browser: Browser) -> TestResponse:
    """What the button does, up to the page that leaves."""
    left = browser.post("/logout")
    assert left.status_code == 303
    assert left.location.startswith("/saml/logout?request=_")
    return browser.get(left.location)


def own_certificates(world: World, use: str) -> list[x509.Certificate]:
    """What our metadata announces."""
    metadata = etree.fromstring(world.browser().get("/saml/metadata").data)
    texts = metadata.findall(f".//{{*}}KeyDescriptor[@use='{use}']//{{*}}X509Certificate")
    return [x509.load_der_x509_certificate(base64.b64decode(node.text or "")) for node in texts]


def require_our_signature(world: World, sent: Sent) -> None:
    """The query is signed with acme's key, over its very octets (SAML Bindings 3.4.4.1)."""
    signed, _, signature = sent.query.rpartition("&Signature=")
    names = re.findall(r"(?:^|&)(\w+)=", signed)
    assert names in (["SAMLRequest", "SigAlg"], ["SAMLResponse", "RelayState", "SigAlg"], ["SAMLResponse", "SigAlg"])
    key: Any = own_certificates(world, "signing")[0].public_key()
    key.verify(base64.b64decode(unquote(signature)), signed.encode(), padding.PKCS1v15(), hashes.SHA256())


def connect(world: World, **metadata: Any) -> None:
    """acme's identity provider with other metadata."""
    xml = world.acme.idp.metadata_xml(**metadata)
    body = {"display_name": "Acme login", "metadata_xml": xml}
    assert world.api("PUT", "/tenants/acme/identity-providers/main", json=body).status_code == 200


def test_signing_out_here_signs_out_there(world: World) -> None:
    """Ours ends first; the request names the session as its assertion did, and is signed; the answer ends on our page."""
    browser = signed_in(world, session_index="index-1", **SUBJECT)
    other = signed_in(world, session_index="index-2", **SUBJECT)
    left = sign_out(browser)
    assert not is_signed_in(browser)
    sent = sent_by(left, "SAMLRequest")
    require_schema(sent.root)
    require_our_signature(world, sent)
    assert sent.location == world.acme.idp.slo_url == sent.root.get("Destination")
    assert sent.root.findtext("{*}NameID") == "ada@acme.test"
    assert sent.root.find("{*}NameID").get("Format") == SUBJECT["name_id_format"]  # type: ignore[union-attr]
    assert sent.root.findtext("{*}SessionIndex") == "index-1"

    answer = response_xml(response_parts(world.acme, sent.id))
    back = browser.get("/saml/slo?" + signed_query(answer, world.acme.idp.key, kind="SAMLResponse"))
    assert (back.status_code, back.location) == (303, "/?signed_out=everywhere")
    assert "has signed you out too" in browser.get(back.location).get_data(as_text=True)
    assert is_signed_in(other), "a session of its own, which nobody has ended"


@pytest.mark.parametrize("status", [(SUCCESS, PARTIAL), (STATUS + "Responder", PARTIAL), (STATUS + "Responder", None)])
def test_what_could_not_be_told_is_said(world: World, status: tuple[str, str | None]) -> None:
    """An answer that is no whole success is an honest word on our page, and not an error."""
    browser = signed_in(world)
    sent = sent_by(sign_out(browser), "SAMLRequest")
    parts = response_parts(world.acme, sent.id, status=status)
    form = posted(response_xml(parts), parts.id, world.acme.idp, kind="SAMLResponse")
    back = browser.post("/saml/slo", data=form)
    assert back.location == "/?signed_out=partly"
    assert "could not sign you out everywhere" in browser.get(back.location).get_data(as_text=True)


def test_an_answer_is_taken_once(world: World) -> None:
    """The second one is an answer to nothing."""
    browser = signed_in(world)
    sent = sent_by(sign_out(browser), "SAMLRequest")
    query = "/saml/slo?" + signed_query(
        response_xml(response_parts(world.acme, sent.id)), world.acme.idp.key, kind="SAMLResponse"
    )
    assert browser.get(query).status_code == 303
    assert code_of(browser.get(query)) == "logout_invalid"


def test_by_post_where_the_metadata_has_nothing_else(world: World) -> None:
    """The form is signed inside, sends itself, and may go to the identity provider alone."""
    connect(world, slo=[(POST, "https://idp.acme.test/slo/post")])
    browser = signed_in(world)
    left = sign_out(browser)
    sent = sent_by(left, "SAMLRequest")
    assert sent.location == "https://idp.acme.test/slo/post"
    assert sent.root.find("{*}Signature") is not None
    assert "form-action https://idp.acme.test https:;" in left.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in left.headers["Content-Security-Policy"]


@pytest.mark.parametrize("reason", ["no endpoint", "setting", "expired", "gone"])
def test_nobody_is_told_where_nobody_can_or_shall_be(world: World, reason: str) -> None:
    """Ours ends all the same, and the page says what that covers."""
    browser = signed_in(world)
    match reason:
        case "no endpoint":
            connect(world, slo=[])
        case "setting":
            world.change_settings(single_logout=False)
        case "expired":
            connect(world, valid_until="2099-01-01T00:00:00Z")
            with time_machine.travel("2099-01-02T00:00:00Z"):
                assert browser.post("/logout").location == "/?signed_out=1"
            return
        case "gone":
            sign_out(browser)
    assert browser.post("/logout").location == "/?signed_out=1"
    assert not is_signed_in(browser)


@pytest.mark.parametrize("binding", ["redirect", "post"])
def test_the_identity_provider_ends_sessions_without_a_cookie(world: World, binding: str) -> None:
    """As in a frame, or from another server's page: no cookie comes, and the sessions of that index are over, or of none."""
    first = signed_in(world, session_index="one")
    second = signed_in(world, session_index="two")
    third = signed_in(world, session_index="one", name_id="bob@acme.test", attributes={"mail": ["bob@acme.test"]})
    unnamed = signed_in(world, session_index=None)
    parts = request_parts(world.acme, session_indexes=["one"])
    stranger = world.browser()
    if binding == "redirect":
        query = signed_query(request_xml(parts), world.acme.idp.key, relay_state="where we were/ä&b")
        answer = stranger.get("/saml/slo?" + query)
    else:
        form = posted(request_xml(parts), parts.id, world.acme.idp, relay_state="where we were/ä&b")
        answer = stranger.post("/saml/slo", data=form)
    sent = sent_by(answer, "SAMLResponse")
    assert [is_signed_in(browser) for browser in (first, second, third, unnamed)] == [False, True, True, False]
    assert sent.root.get("InResponseTo") == parts.id
    assert sent.root.get("Destination") == world.acme.idp.slo_url == sent.location
    assert sent.root.find("{*}Status/{*}StatusCode").get("Value") == SUCCESS  # type: ignore[union-attr]
    assert sent.relay_state == "where we were/ä&b"
    require_schema(sent.root)
    if binding == "redirect":
        require_our_signature(world, sent)
    else:
        assert sent.root.find("{*}Signature") is not None
        assert "frame-ancestors https://idp.acme.test;" in answer.headers["Content-Security-Policy"] + ";"
        assert "X-Frame-Options" not in answer.headers
    ended = [event for event in events(world) if event["type"] == "session.ended"]
    assert [event["reason"] for event in ended] == ["single_logout"] * 2


def events(world: World) -> list[dict[str, Any]]:
    """acme's audit events, newest first."""
    items: list[dict[str, Any]] = world.api("GET", "/tenants/acme/events").get_json()["items"]
    return items


def test_no_index_ends_all_of_the_subjects_sessions(world: World) -> None:
    """At that identity provider; and what is ended already is no fault."""
    browsers = [signed_in(world, session_index=index) for index in ("one", "two", None)]
    for _ in range(2):
        query = signed_query(request_xml(request_parts(world.acme)), world.acme.idp.key, lower_case=True)
        assert sent_by(world.browser().get("/saml/slo?" + query), "SAMLResponse").root.tag.endswith("LogoutResponse")
    assert not any(map(is_signed_in, browsers))


def test_an_encrypted_name_is_opened(world: World) -> None:
    """EncryptedID, inside what is signed (SAML Core 3.7.1)."""
    browser = signed_in(world)
    certificate = own_certificates(world, "encryption")[0]
    name_id = '<saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">ada@acme.test</saml:NameID>'
    hidden = encrypted_xml(name_id.encode(), certificate, wrapper="EncryptedID")
    query = signed_query(request_xml(request_parts(world.acme, name_id_xml=hidden)), world.acme.idp.key)
    assert world.browser().get("/saml/slo?" + query).status_code == 303
    assert not is_signed_in(browser)


def test_the_answer_goes_to_response_location(world: World) -> None:
    """Where the metadata names one (SAML Metadata 2.2.2)."""
    xml = world.acme.idp.metadata_xml(slo=[(REDIRECT, "https://idp.acme.test/slo")])
    xml = xml.replace(
        'Location="https://idp.acme.test/slo"',
        'Location="https://idp.acme.test/slo" ResponseLocation="https://idp.acme.test/done?x=1"',
    )
    body = {"display_name": "Acme login", "metadata_xml": xml}
    assert world.api("PUT", "/tenants/acme/identity-providers/main", json=body).status_code == 200
    query = signed_query(request_xml(request_parts(world.acme)), world.acme.idp.key)
    sent = sent_by(world.browser().get("/saml/slo?" + query), "SAMLResponse")
    assert sent.location == "https://idp.acme.test/done"
    assert sent.root.get("Destination") == "https://idp.acme.test/done?x=1"


def test_without_an_address_for_answers_the_sessions_end_all_the_same(world: World) -> None:
    """And the page says so."""
    connect(world, slo=[])
    browser = signed_in(world)
    query = signed_query(request_xml(request_parts(world.acme)), world.acme.idp.key)
    assert world.browser().get("/saml/slo?" + query).location == "/?signed_out=1"
    assert not is_signed_in(browser)


def test_a_former_mydomain_goes_on_answering(world: World) -> None:
    """The identity provider knows the old address for ever; the query reaches the new one octet for octet."""
    browser = signed_in(world)
    assert world.api("PATCH", "/tenants/acme", json={"slug": "acme-new"}).status_code == 200
    query = signed_query(request_xml(request_parts(world.acme)), world.acme.idp.key, relay_state="a b+c%")
    moved = browser.get("/saml/slo?" + query)
    assert moved.status_code == 302
    assert moved.location == "http://acme-new.localhost:8000/saml/slo?" + query
    answer = Browser(world.app, "acme-new").get("/saml/slo?" + query)
    assert sent_by(answer, "SAMLResponse").relay_state == "a b+c%"


def test_our_metadata_announces_it(world: World) -> None:
    """Both bindings, at one address."""
    metadata = etree.fromstring(world.browser().get("/saml/metadata").data)
    services = metadata.findall(".//{*}SingleLogoutService")
    assert [(node.get("Binding"), node.get("Location")) for node in services] == [
        (REDIRECT, "http://acme.localhost:8000/saml/slo"),
        (POST, "http://acme.localhost:8000/saml/slo"),
    ]


def test_a_name_with_qualifiers_comes_back_whole(world: World) -> None:
    """An identity provider that compares strictly (SAML Core 3.3.4) finds its session by what it once said."""
    qualified = (
        '<saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" NameQualifier="https://idp.acme.test/q&amp;a"'
        ' SPNameQualifier="sp">a&lt;d&#xE4;</saml:NameID>'
    )
    browser = signed_in(world, name_id_xml=qualified, session_index='<">&\u00e9')
    sent = sent_by(sign_out(browser), "SAMLRequest")
    name_id = sent.root.find("{*}NameID")
    assert name_id is not None
    assert dict(name_id.attrib) == {
        "Format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
        "NameQualifier": "https://idp.acme.test/q&a",
        "SPNameQualifier": "sp",
    }
    assert (name_id.text, sent.root.findtext("{*}SessionIndex")) == ("a<dä", '<">&\u00e9')


def test_the_page_that_leaves_is_for_a_sign_out_under_way(world: World) -> None:
    """An address without one, of another tenant's, or answered already, is the sign-in page."""
    browser = signed_in(world)
    left = browser.post("/logout").location
    assert Browser(world.app, "globex").get(left).location == "/?signed_out=1"
    for path in ("/saml/logout", "/saml/logout?request=", "/saml/logout?request=_" + "0" * 40, "/saml/logout?request=%00"):
        assert browser.get(path).location == "/?signed_out=1"
    sent = sent_by(browser.get(left), "SAMLRequest")
    answer = signed_query(response_xml(response_parts(world.acme, sent.id)), world.acme.idp.key, kind="SAMLResponse")
    assert browser.get("/saml/slo?" + answer).status_code == 303
    assert browser.get(left).location == "/?signed_out=1"


def overtaken(world: World, indexes: list[str], **parts: Any) -> tuple[Browser, TestResponse]:
    """A sign-in whose answer is on its way while the identity provider ends sessions."""
    browser = world.browser()
    started = browser.start("/session")
    answer = world.response(started, **parts)
    query = signed_query(request_xml(request_parts(world.acme, session_indexes=indexes)), world.acme.idp.key)
    assert world.browser().get("/saml/slo?" + query).status_code == 303
    return browser, browser.post_response(answer, started.relay_state)


@pytest.mark.parametrize("indexes", [["one"], []], ids=["by index", "all of the subject"])
def test_a_logout_that_overtakes_its_assertion(world: World, indexes: list[str]) -> None:
    """What was written before the logout and arrives after it leaves nobody signed in (SAML Core 3.7.3.1)."""
    browser, answer = overtaken(world, indexes, session_index="one")
    assert answer.location == "/?signed_out=1"
    assert not is_signed_in(browser)
    assert [event["reason"] for event in events(world) if event["type"] == "session.ended"] == ["single_logout"]
    assert is_signed_in(signed_in(world, session_index="one")), "asked for after it, although within the same second"


def test_what_a_logout_does_not_overtake(world: World) -> None:
    """Another session of the same person, and another person."""
    bob = {"name_id": "bob@acme.test", "attributes": {"mail": ["bob@acme.test"]}}
    for parts in ({"session_index": "two"}, {"session_index": "one", **bob}):
        browser, answer = overtaken(world, ["one"], **parts)
        assert answer.location == "/session"
        assert is_signed_in(browser)


def test_an_unasked_sign_in_that_a_logout_overtakes(world: World) -> None:
    """Nobody was sent away for it: what the identity provider's own clock says decides."""
    world.change_settings(allow_idp_initiated=True)
    query = signed_query(request_xml(request_parts(world.acme)), world.acme.idp.key)
    assert world.browser().get("/saml/slo?" + query).status_code == 303
    for written, there in ((utc_now() - MINUTE, "/?signed_out=1"), (utc_now() + dt.timedelta(seconds=2), "/")):
        times = {"response_issue_instant": written, "assertion_issue_instant": written}
        browser = world.browser()
        assert browser.post_response(world.response(None, **times)).location == there
        assert is_signed_in(browser) is (there == "/")


def test_an_identity_provider_that_is_switched_off_may_end_sessions(world: World) -> None:
    """It lets nobody in; what it began it may end, by the keys that it is known by, and nothing else comes of it."""
    browser, other = signed_in(world, session_index="one"), signed_in(world, session_index="two")
    body = {"display_name": "Acme login", "metadata_xml": world.acme.idp.metadata_xml(), "enabled": False}
    assert world.api("PUT", "/tenants/acme/identity-providers/main", json=body).status_code == 200
    forged = signed_query(request_xml(request_parts(world.acme)), world.globex.idp.key)
    assert code_of(world.browser().get("/saml/slo?" + forged)) == "logout_invalid"
    assert is_signed_in(browser)
    query = signed_query(request_xml(request_parts(world.acme, session_indexes=["one"])), world.acme.idp.key)
    assert sent_by(world.browser().get("/saml/slo?" + query), "SAMLResponse").location == world.acme.idp.slo_url
    assert [is_signed_in(one) for one in (browser, other)] == [False, True]
    assert other.post("/logout").location == "/?signed_out=1", "one that is switched off is not talked to"
    assert world.api("DELETE", "/tenants/acme/identity-providers/main").status_code == 204
    query = signed_query(request_xml(request_parts(world.acme)), world.acme.idp.key)
    assert code_of(world.browser().get("/saml/slo?" + query)) == "logout_invalid", "one that was taken away is nobody"
