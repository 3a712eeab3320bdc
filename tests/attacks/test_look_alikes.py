"""Look-alikes: names and addresses that people and careless programs take for others are others here.

The bulk runs on SQLite, one attack after the other on the same service; tests that take `world` run on both databases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.attacks.answering import accept
from tests.attacks.support import pending, refuse, settle
from tests.attacks.surgery import ADA
from tests.support.world import World

ADDRESSES: Mapping[str, tuple[str, str]] = {
    "a Cyrillic a": ("\u0430da@acme.test", "email_invalid"),
    "a Cyrillic a in the domain": ("ada@\u0430cme.test", "email_domain_not_allowed"),
    "a full-width at sign": ("ada\uff20acme.test", "email_invalid"),
    "two at signs, one full-width": ("ada\uff20acme.test@evil.test", "email_invalid"),
    "full-width letters": ("\uff41\uff44\uff41@acme.test", "email_invalid"),
    "full-width letters in the domain": ("ada@\uff41cme.test", "email_invalid"),
    "a zero-width space": ("ada\u200b@acme.test", "email_invalid"),
    "a zero-width joiner in the domain": ("ada@ac\u200dme.test", "email_invalid"),
    "a soft hyphen": ("ada@ac\u00adme.test", "email_invalid"),
    "the Kelvin sign in the domain": ("ada@tic\u212aet.test", "email_invalid"),
    "a right-to-left override": ("ada@acme.test\u202e", "email_invalid"),
    "an ideographic full stop": ("ada@acme\u3002test", "email_invalid"),
    "a full-width full stop": ("ada@acme\uff0etest", "email_invalid"),
    "a dot at the end": ("ada@acme.test.", "email_invalid"),
    "a no-break space at the end": ("ada@acme.test\u00a0", "email_invalid"),
    "an em space before": ("\u2003ada@acme.test", "email_invalid"),
    "a next line at the end": ("ada@acme.test\u0085", "email_invalid"),
    "a blank inside": ("ada @acme.test", "email_invalid"),
    "a line break inside": ("ada@acme.test\nbcc:x@evil.test", "email_invalid"),
    "another domain behind a line break": ("ada@evil.test\n@acme.test", "email_invalid"),
    "a name before it": ("Ada <ada@acme.test>", "email_invalid"),
    "a comment": ("ada(x)@acme.test", "email_invalid"),
    "quotes": ('"ada"@acme.test', "email_invalid"),
    "a quoted at sign": ('"ada@evil.test"@acme.test', "email_invalid"),
    "a route": ("@evil.test:ada@acme.test", "email_invalid"),
    "two addresses": ("ada@acme.test,ada@evil.test", "email_invalid"),
    "two addresses apart by a blank": ("ada@acme.test ada@evil.test", "email_invalid"),
    "a percent hack": ("ada%evil.test@acme.test@", "email_invalid"),
    "another domain": ("ada@acme.test.evil.test", "email_domain_not_allowed"),
    "another domain that ends in ours": ("ada@notacme.test", "email_domain_not_allowed"),
    "a domain below ours": ("ada@mail.acme.test", "email_domain_not_allowed"),
    "the Kelvin sign in the local part": ("\u212aim@acme.test", "email_invalid"),
    "a dotless i": ("ad\u0131@acme.test", "email_invalid"),
    "no local part": ("@acme.test", "email_invalid"),
    "an address literal": ("ada@[127.0.0.1]", "email_invalid"),
    "a URL": ("mailto:ada@acme.test?x", "email_invalid"),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_that_only_looks_like_one_of_ours_is_refused(arena: World, name: str) -> None:
    """Homographs, invisible characters, other at signs and dots: nothing is mapped to an address that it is not."""
    victim = pending(settle(arena))
    address, code = ADDRESSES[name]
    refuse(victim, victim.response(attributes={"mail": [address]}), code)


ALIKE = {
    "a Cyrillic a": "\u0430da@acme.test",
    "a zero-width space": "ada\u200b@acme.test",
    "a blank at the end": "ada@acme.test ",
    "a no-break space at the end": "ada@acme.test\u00a0",
    "a tab before": "\tada@acme.test",
    "capitals": "ADA@acme.test",
    "full-width letters": "\uff41da@acme.test",
    "an accent apart": "a\u0301da@acme.test",
    "a variation selector": "ada\ufe00@acme.test",
    "a tag character": "ada\U000e0061@acme.test",
}


@pytest.mark.parametrize("name", ALIKE)
def test_a_name_id_that_looks_like_anothers_is_another_person(world: World, name: str) -> None:
    """Databases compare it octet for octet: who looks like Ada is not Ada, and cannot take her address either."""
    pending(world).finish()
    impostor = pending(world)
    refuse(impostor, impostor.response(name_id=ALIKE[name]), "email_conflict")
    accept(pending(world), name_id=ALIKE[name], attributes={"mail": ["other@acme.test"]})
    assert world.count("users") == 2


SOURCE = {
    "a no-break space": "ada\u00a0",
    "an ideographic space": "\u3000ada",
    "a next line": "ada\u0085",
    "a line separator": "ada\u2028",
}


@pytest.mark.parametrize("name", SOURCE)
def test_so_it_is_where_an_attribute_identifies(world: World, name: str) -> None:
    """Only the blanks of XML around an attribute are layout; any other character is part of who somebody is."""
    settle(world, name_id_source="uid")
    ada = pending(world)
    accept(ada, attributes={"mail": [ADA], "uid": ["ada"]})
    impostor = pending(world)
    answer = impostor.send(impostor.response(attributes={"mail": ["other@acme.test"], "uid": [SOURCE[name]]}))
    assert answer.status_code == 303
    assert world.count("users") == 2
    assert impostor.browser.get("/session").get_json()["user"]["email"] == "other@acme.test"


ISSUERS = (
    "https://idp.acme.test/metadata\u00a0",
    "https://idp.acme.test/metadata\u200b",
    "https://idp.\u0430cme.test/metadata",
    "https://idp.acme.test/metadata/",
    "HTTPS://idp.acme.test/metadata",
    "https://idp.acme.test/%6detadata",
    "https://idp.acme.test:443/metadata",
    "https://idp\uff0eacme.test/metadata",
)


@pytest.mark.parametrize("issuer", ISSUERS, ids=range(len(ISSUERS)))
@pytest.mark.parametrize("place", ["assertion_issuer", "response_issuer"])
def test_an_issuer_is_the_entity_id_to_the_letter(arena: World, place: str, issuer: str) -> None:
    """No case, blank, escape, port or look-alike makes another name that of the identity provider."""
    victim = pending(settle(arena))
    refuse(victim, victim.response(**{place: issuer}), "issuer_mismatch")


def test_blanks_of_xml_around_names_are_layout(arena: World) -> None:
    """Pretty-printed Issuer and Audience are read; an attribute such as Recipient has no layout."""
    victim = pending(settle(arena))

    def printed(xml: str) -> str:
        return re.sub(r"(<saml:(?:Issuer|Audience)>)([^<]+)(<)", "\\1\n\t  \\2\r\n \\3", xml)

    refuse(victim, victim.response(recipient=victim.organisation.acs_url + " "), "recipient_mismatch")
    assert accept(pending(arena), before_signing=printed)["user"]["email"] == ADA
