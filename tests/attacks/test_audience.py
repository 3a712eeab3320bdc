"""Audience: an assertion is for whom it says it is for, and every restriction has to say so (V8; SAML Core 2.5.1.4)."""

from __future__ import annotations

import pytest

from tests.attacks.answering import accept, refuse_each
from tests.attacks.support import on_sqlite, pending, refuse
from tests.support.world import World

US = "http://acme.localhost:8000/saml/metadata"
OTHERS = "https://wiki.example.org/sp"
NOT_QUITE_US = (
    "",
    " ",
    "*",
    US[:-1],
    US + "x",
    US + "/",
    US + "?",
    US + "#",
    US + "?tenant=acme",
    US.upper(),
    US.replace("acme", "Acme"),
    US.replace("http://", "https://"),
    US.replace("http://", "HTTP://"),
    US.replace(":8000", ""),
    US.replace(":8000", ":08000"),
    US.replace("acme", "globex"),
    US.replace("acme.localhost", "acme.localhost."),
    US.replace("http://", "http://ada@"),
    US.replace("/saml/metadata", ""),
    US.replace("/saml/metadata", "/saml/acs"),
    US.replace("/saml/", "/saml//"),
    US.replace("/saml/", "/./saml/"),
    US.replace("metadata", "meta%64ata"),
    US.replace("a", "а", 1),  # Cyrillic
    US + "\u00a0",
    "\ufeff" + US,
    f"{US} {US}",
    f"{US}, {OTHERS}",
    OTHERS,
)


def restriction(*audiences: str) -> str:
    """An AudienceRestriction whose audiences are raw XML."""
    inside = "".join(f"<saml:Audience>{one}</saml:Audience>" for one in audiences)
    return f"<saml:AudienceRestriction>{inside}</saml:AudienceRestriction>"


def test_an_assertion_without_an_audience_is_refused(world: World) -> None:
    """Without a restriction it would be good for every service of the identity provider."""
    victim = pending(world)
    refused = refuse(victim, victim.response(audiences=[]), "audience_mismatch")
    assert refused.check == "audience"
    assert refused.lines[-1]["actual"] == "none"


@on_sqlite
def test_an_audience_is_this_entity_id_to_the_letter(world: World) -> None:
    """No case, slash, port, scheme, encoding, prefix or suffix makes another name ours."""
    victim = pending(world)
    refuse_each(victim, {name: victim.response(audiences=[[name]]) for name in NOT_QUITE_US}, "audience_mismatch")


@on_sqlite
def test_an_audience_is_read_whole_with_a_comment_inside(world: World) -> None:
    """Ours up to a comment, and somebody else's domain behind it, is somebody else's."""
    victim = pending(world)
    message = victim.response(audiences=[], extra_conditions_xml=restriction(f"{US}<!-- -->.evil.test"))
    refuse(victim, message, "audience_mismatch")


@on_sqlite
def test_every_restriction_has_to_name_us(world: World) -> None:
    """Restrictions are joined by "and": one that names others alone excludes us, wherever it stands."""
    excluding = {"last": [[US], [OTHERS]], "first": [[OTHERS], [US]], "third": [[US], [US], [OTHERS, US + "/"]]}
    victim = pending(world)
    messages = {name: victim.response(audiences=audiences) for name, audiences in excluding.items()}
    refuse_each(victim, messages, "audience_mismatch")


@on_sqlite
@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        pytest.param("<saml:AudienceRestriction/>", "response_malformed", id="empty restriction"),
        pytest.param(restriction(""), "audience_mismatch", id="empty audience"),
        pytest.param(f"<saml:Audience>{US}</saml:Audience>", "condition_not_understood", id="without a restriction"),
        pytest.param(restriction(f"<saml:Audience>{US}</saml:Audience>"), "response_malformed", id="inside another audience"),
        pytest.param(
            f"<saml:ProxyRestriction><saml:Audience>{US}</saml:Audience></saml:ProxyRestriction>",
            "audience_mismatch",
            id="of a proxy restriction",
        ),
        pytest.param(
            f"<x:AudienceRestriction xmlns:x='urn:x'>{US}</x:AudienceRestriction>",
            "condition_not_understood",
            id="of another namespace",
        ),
    ],
)
def test_an_audience_stands_in_its_restriction(world: World, conditions: str, code: str) -> None:
    """Our name anywhere else is not an audience."""
    victim = pending(world)
    refuse(victim, victim.response(audiences=[], extra_conditions_xml=conditions), code)


def test_an_assertion_for_another_tenant_is_refused(world: World) -> None:
    """Whatever else is ours about it: recipient, destination, request and browser."""
    victim = pending(world)
    refuse(victim, victim.response(audiences=[[world.globex.entity_id]]), "audience_mismatch")


def test_one_of_several_audiences_is_enough(world: World) -> None:
    """The audiences of one restriction are joined by "or"."""
    assert accept(pending(world), audiences=[[OTHERS, US, world.globex.entity_id]])["tenant"] == "acme"


@on_sqlite
def test_several_restrictions_that_all_name_us_are_good(world: World) -> None:
    """And each may name others besides."""
    accept(pending(world), audiences=[[US], [OTHERS, US], [US]])


@on_sqlite
@pytest.mark.parametrize("audience", [f"\n      {US}\n    ", f"{US[:9]}<!-- a comment -->{US[9:]}", f"<![CDATA[{US}]]>"])
def test_what_xml_itself_does_not_mind_is_good(world: World, audience: str) -> None:
    """Pretty printing, comments and CDATA change no name."""
    accept(pending(world), audiences=[], extra_conditions_xml=restriction(audience))
