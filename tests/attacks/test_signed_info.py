"""SignedInfo and Signature have one form: whatever else the pinned key vouches for is refused, and nothing is fetched.

All of it is judged before a database is asked, so it runs on SQLite alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.attacks.answering import accept_message
from tests.attacks.signers import resigned
from tests.attacks.support import pending, refuse, settle
from tests.attacks.surgery import ADA, swap
from tests.support.saml_xml import DS
from tests.support.world import World
from tests.support.xml_encryption import encrypted_xml

REFERENCES: dict[str, Callable[[str], str]] = {
    "the whole document": lambda id: "",
    "the whole document by XPointer": lambda id: "#xpointer(/)",
    "its element by XPointer": lambda id: f"#xpointer(id('{id}'))",
    "nothing but a fragment sign": lambda id: "#",
    "its ID without a fragment sign": lambda id: id,
    "its ID with a blank behind": lambda id: f"#{id} ",
    "its ID with a blank before": lambda id: f" #{id}",
    "its ID with an escape": lambda id: f"#%5F{id[1:]}",
    "its ID after a path": lambda id: f"response.xml#{id}",
    "its ID after a query": lambda id: f"?#{id}",
    "its ID twice": lambda id: f"#{id}#{id}",
    "its ID in capitals": lambda id: f"#{id.upper()}",
    "a web address": lambda id: f"http://127.0.0.1:9/{id}.xml#{id}",
    "a file": lambda id: "file:///etc/passwd",
    "another element": lambda id: "#_another",
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_signed_reference_to_anything_but_its_carrier_is_refused(arena: World, name: str) -> None:
    """Even when the pinned key itself vouches for the reference: one form is read, and nothing is ever fetched."""
    victim = pending(settle(arena))
    id = "_a5ee7"

    def edit(info: str) -> str:
        return info.replace(f'URI="#{id}"', f'URI="{REFERENCES[name](id)}"')

    message = resigned(victim.response(assertion_id=id), victim.organisation.idp.key, edit)
    refused = refuse(victim, message, {"signature_invalid", "response_malformed"})
    assert refused.check == ("schema" if name == "its ID twice" else "assertion_signature"), refused.cause


def _twice(info: str) -> str:
    return re.sub(r"(<ds:Reference .*</ds:Reference>)", r"\1\1", info)


def _manifest(info: str) -> str:
    return info.replace("<ds:Reference ", f'<ds:Reference Type="{DS}Manifest" ').replace('URI="#', 'URI="#manifest')


SIGNED_INFOS: dict[str, Callable[[str], str]] = {
    "no URI at all": lambda info: re.sub(r' URI="[^"]*"', "", info),
    "two references": _twice,
    "a reference to a Manifest": _manifest,
    "an element more in the reference": lambda info: info.replace("</ds:Transforms>", '</ds:Transforms><x xmlns="urn:x"/>'),
    "no transforms": lambda info: re.sub("<ds:Transforms>.*</ds:Transforms>", "", info),
    "an HMACOutputLength": lambda info: re.sub(
        r"(<ds:SignatureMethod [^>]*)(/>|></ds:SignatureMethod>)",
        r"\1><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>",
        info,
    ),
}


@pytest.mark.parametrize("name", SIGNED_INFOS)
def test_another_form_of_signed_info_is_refused(arena: World, name: str) -> None:
    """One reference with its digest, and nothing else, even where the pinned key vouches for more."""
    victim = pending(settle(arena))
    message = resigned(victim.response(), victim.organisation.idp.key, SIGNED_INFOS[name])
    refused = refuse(victim, message, {"signature_invalid", "response_malformed"})
    assert refused.check in {"assertion_signature", "schema"}


def test_a_manifest_in_object_is_refused(arena: World) -> None:
    """What a Manifest says was signed is no enveloped signature, and Object is no part of one here."""
    victim = pending(settle(arena))
    message = resigned(victim.response(), victim.organisation.idp.key, _manifest)
    manifest = f'<ds:Object><ds:Manifest Id="manifest"><ds:Reference URI="#x"><ds:DigestMethod Algorithm="{DS}sha1"/>'
    manifest += "<ds:DigestValue>AAAA</ds:DigestValue></ds:Reference></ds:Manifest></ds:Object></ds:Signature>"
    assert refuse(victim, swap(message, "</ds:Signature>", manifest), "signature_invalid").check == "assertion_signature"


PARTS = {
    "an empty Object": "<ds:Object/>",
    "an Object with text": "<ds:Object>mallory@acme.test</ds:Object>",
    "an Object with anything": '<ds:Object><x xmlns="urn:x">mallory@acme.test</x></ds:Object>',
}


@pytest.mark.parametrize("name", PARTS)
def test_a_good_signature_with_an_object_is_refused(arena: World, name: str) -> None:
    """Nothing that is unsigned has a place inside of a signed element, not even where nobody would read it."""
    victim = pending(settle(arena))
    message = swap(victim.response(), "</ds:Signature>", PARTS[name] + "</ds:Signature>")
    assert refuse(victim, message, "signature_invalid").check == "assertion_signature"


def test_what_stands_in_key_info_is_never_read(arena: World) -> None:
    """It is no part of what was signed: an element there that would be refused elsewhere is not even seen."""
    victim = pending(settle(arena))
    hidden = encrypted_xml(b"<a/>", victim.encryption_certificate, wrapper="EncryptedAttribute")
    message = swap(victim.response(), "</ds:KeyInfo>", hidden + "</ds:KeyInfo>")
    assert accept_message(victim, message)["user"]["email"] == ADA
