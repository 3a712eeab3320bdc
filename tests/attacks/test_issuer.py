"""Issuer: message and assertion come from the identity provider that was asked (V6; SAML Profiles 4.1.4.2)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.attacks.answering import accept, refuse_each
from tests.attacks.support import assert_refused, on_sqlite, pending, refuse
from tests.support.idp import ForgingIdP
from tests.support.world import World

IDP = "https://idp.acme.test/metadata"
ENTITY = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
NOT_QUITE = (
    "",
    " ",
    IDP[:-1],
    IDP + "x",
    IDP + "/",
    IDP + "?",
    IDP + "#",
    IDP.upper(),
    IDP.replace("acme", "Acme"),
    IDP.replace("https", "http"),
    IDP.replace("https", "HTTPS"),
    IDP.replace(".test", ".test:443"),
    IDP.replace(".test", ".test."),
    IDP.replace("metadata", "meta%64ata"),
    IDP.replace("a", "\u0430", 1),
    IDP + "\u00a0",
    IDP + "\u200b",
    "\ufeff" + IDP,
    f"{IDP} {IDP}",
    "https://idp.globex.test/metadata",
    "http://acme.localhost:8000/saml/metadata",
)


def issuer(text: str, attributes: str = "") -> str:
    """An Issuer, its text raw XML."""
    return f"<saml:Issuer{attributes}>{text}</saml:Issuer>"


def with_issuers(of_response: str, of_assertion: str) -> Callable[[str], str]:
    """Puts raw Issuers where the plain ones stand; for `before_signing`."""

    def change(xml: str) -> str:
        head, opening, tail = xml.partition("<saml:Assertion ")
        plain = issuer(IDP)
        return head.replace(plain, of_response, 1) + opening + tail.replace(plain, of_assertion, 1)

    return change


@on_sqlite
@pytest.mark.parametrize("place", ["response_issuer", "assertion_issuer"])
@pytest.mark.parametrize("sign", ["assertion", "both"])
def test_either_issuer_is_the_identity_provider_to_the_letter(world: World, place: str, sign: str) -> None:
    """Signed with the right key, in the name of somebody else: it is not the identity provider's message."""
    victim = pending(world)
    messages = {name: victim.response(**{place: name}, sign=sign) for name in NOT_QUITE}
    refuse_each(victim, messages, "issuer_mismatch")


def test_response_and_assertion_agree(world: World) -> None:
    """An assertion of this identity provider inside a response of another, and the other way round."""
    victim = pending(world)
    refused = refuse(victim, victim.response(response_issuer=world.globex.idp.entity_id), "issuer_mismatch")
    assert refused.check == "issuer"
    victim = pending(world)
    refuse(victim, victim.response(assertion_issuer=world.globex.idp.entity_id), "issuer_mismatch")


def test_another_tenants_identity_provider_is_nobody_here(world: World) -> None:
    """globex's own good signature, under its own name and under ours."""
    victim = pending(world)
    theirs = {"signing_key": world.globex.idp.key}
    refuse(victim, victim.response(issuer=world.globex.idp.entity_id, **theirs), "signature_invalid")
    victim = pending(world)
    refuse(victim, victim.response(**theirs), "signature_invalid")


def test_an_unasked_response_of_a_stranger_is_refused_by_its_name(world: World) -> None:
    """Where no request says who was asked, the issuer has to be one of this tenant's; the receipt names those."""
    world.change_settings(allow_idp_initiated=True)
    stranger = ForgingIdP("https://stranger.test/metadata")
    message = stranger.response(sp_entity_id=world.acme.entity_id, acs_url=world.acme.acs_url)
    before = world.rows()
    refused = assert_refused(world, world.browser().post_response(message), "issuer_mismatch", before)
    assert refused.check == "issuer"
    assert IDP in refused.lines[-1]["expected"]
    assert IDP not in refused.page


@on_sqlite
def test_an_unasked_response_under_a_trusted_name_needs_the_trusted_key(world: World) -> None:
    """The issuer only chooses whose key is tried."""
    world.change_settings(allow_idp_initiated=True)
    stranger = ForgingIdP(IDP, key=ForgingIdP("https://stranger.test/metadata").key)
    message = stranger.response(sp_entity_id=world.acme.entity_id, acs_url=world.acme.acs_url)
    before = world.rows()
    assert_refused(world, world.browser().post_response(message), "signature_invalid", before)


@on_sqlite
def test_an_unasked_response_without_issuer_is_refused(world: World) -> None:
    """Nobody says whose it is; the assertion inside is not asked, for nobody has verified it yet."""
    world.change_settings(allow_idp_initiated=True)
    before = world.rows()
    answer = world.browser().post_response(world.response(None, response_issuer=None))
    assert_refused(world, answer, "issuer_mismatch", before)


@on_sqlite
def test_an_assertion_without_issuer_is_malformed(world: World) -> None:
    """The schema wants one."""
    victim = pending(world)
    refuse(victim, victim.response(assertion_issuer=None), "response_malformed")


def test_a_signed_response_has_to_name_its_issuer(world: World) -> None:
    """SAML Profiles 4.1.4.2: a response that is signed says by whom."""
    victim = pending(world)
    refuse(victim, victim.response(response_issuer=None, sign="both"), "issuer_mismatch")


def test_an_unsigned_response_may_leave_its_issuer_out(world: World) -> None:
    """The assertion names it."""
    assert accept(pending(world), response_issuer=None)["tenant"] == "acme"


@on_sqlite
@pytest.mark.parametrize("format_", ["urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", "", ENTITY + "x", ENTITY.upper()])
def test_an_issuer_of_another_format_is_no_entity(world: World, format_: str) -> None:
    """SAML Profiles 4.1.4.2: Format is left out, or `entity`; in either place."""
    other = issuer(IDP, f' Format="{format_}"')
    victim = pending(world)
    messages = {
        "response": victim.response(before_signing=with_issuers(other, issuer(IDP))),
        "assertion": victim.response(before_signing=with_issuers(issuer(IDP), other)),
    }
    refuse_each(victim, messages, "issuer_mismatch")


@on_sqlite
def test_an_issuer_is_read_whole(world: World) -> None:
    """Up to a comment it is ours; with what stands behind, it is not."""
    victim = pending(world)
    longer = issuer(f"{IDP}<!-- -->.evil.test")
    messages = {
        "response": victim.response(before_signing=with_issuers(longer, issuer(IDP))),
        "assertion": victim.response(before_signing=with_issuers(issuer(IDP), longer)),
    }
    refuse_each(victim, messages, "issuer_mismatch")


@on_sqlite
@pytest.mark.parametrize(
    "written",
    [
        issuer(IDP, f' Format="{ENTITY}"'),
        issuer(f"\n  {IDP}\n  "),
        issuer(f"<![CDATA[{IDP}]]>"),
        issuer(f"{IDP[:8]}<!-- a comment -->{IDP[8:]}"),
    ],
    ids=["format", "blanks", "cdata", "comment"],
)
def test_what_xml_does_not_mind_is_good(world: World, written: str) -> None:
    """Format `entity`, pretty printing, CDATA and comments, in both places."""
    accept(pending(world), before_signing=with_issuers(written, written))
