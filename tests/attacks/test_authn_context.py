"""Authentication context: how somebody signed in is kept and shown, and refused only where the tenant insists (V13)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.answering import accept, refuse_each
from tests.attacks.support import assert_refused, on_sqlite, pending, refuse
from tests.support.saml_xml import CLASSES
from tests.support.world import World

PASSWORD, MFA = CLASSES + "Password", "https://refeds.org/profile/mfa"
NOT_QUITE_MFA = (
    "",
    MFA[:-1],
    MFA + "x",
    MFA + "/",
    MFA.upper(),
    MFA.replace("https", "http"),
    MFA + "\u00a0",
    f"{MFA} {MFA}",
    PASSWORD,
)


def statement(context: str) -> str:
    """An AuthnStatement around what a test puts into its AuthnContext."""
    inside = f"<saml:AuthnContext>{context}</saml:AuthnContext>"
    return f'<saml:AuthnStatement AuthnInstant="2026-01-01T00:00:00Z" SessionIndex="_s">{inside}</saml:AuthnStatement>'


def class_ref(name: str) -> str:
    """An AuthnContextClassRef, its text raw XML."""
    return f"<saml:AuthnContextClassRef>{name}</saml:AuthnContextClassRef>"


def insist(world: World, *classes: str, **settings: Any) -> None:
    """Ask for these classes, and refuse every other."""
    world.change_settings(authn_context_class_ref=list(classes), require_authn_context=True, **settings)


def receipt_of_newest(world: World) -> dict[str, Any]:
    """What the tenant's administrator reads about the newest attempt."""
    newest = world.api("GET", "/tenants/acme/attempts").get_json()["items"][0]
    document: dict[str, Any] = world.api("GET", f"/tenants/acme/attempts/{newest['id']}").get_json()
    return document


def test_another_class_than_the_one_asked_for_signs_in_and_is_shown(world: World) -> None:
    """No real identity provider honours the request for a class; the receipt says what came and what was asked for."""
    accept(pending(world), authn_context=CLASSES + "InternetProtocol")
    receipt = receipt_of_newest(world)
    assert receipt["facts"]["authn_context"] == CLASSES + "InternetProtocol"
    (line,) = [line for line in receipt["checks"] if line["id"] == "authn_context"]
    assert PASSWORD in line["expected"]


def test_where_the_tenant_insists_another_class_is_refused(world: World) -> None:
    """A password does not do where a second factor was asked for; the page offers to try again by another method."""
    insist(world, MFA)
    victim, before = pending(world), world.rows()
    answer = victim.send(victim.response(authn_context=PASSWORD))
    refused = assert_refused(world, answer, "authn_context_mismatch", before)
    assert (refused.lines[-1]["expected"], refused.lines[-1]["actual"]) == (f"EXACT {MFA}", PASSWORD)
    assert "/saml/login?other=1" in refused.page
    accept(victim, authn_context=MFA)


@on_sqlite
def test_a_class_is_compared_to_the_letter(world: World) -> None:
    """No case, slash, scheme, prefix or suffix makes another class this one."""
    insist(world, MFA)
    victim, before = pending(world), world.rows()
    for name in NOT_QUITE_MFA:
        answer = victim.send(victim.response(authn_context=name))
        assert_refused(world, answer, "authn_context_mismatch", before)
    accept(victim, authn_context=MFA)


@on_sqlite
@pytest.mark.parametrize(
    "context",
    [
        pytest.param("<saml:AuthnContextDeclRef>https://refeds.org/profile/mfa</saml:AuthnContextDeclRef>", id="declaration"),
        pytest.param(class_ref(f"<!-- {MFA} -->"), id="in a comment"),
        pytest.param(class_ref(f"{MFA}<!-- -->.not"), id="up to a comment"),
        pytest.param(
            class_ref(PASSWORD) + f"<saml:AuthenticatingAuthority>{MFA}</saml:AuthenticatingAuthority>", id="as authority"
        ),
        pytest.param(class_ref(PASSWORD) + f"<saml:AuthnContextDeclRef>{MFA}</saml:AuthnContextDeclRef>", id="as declaration"),
    ],
)
def test_the_class_stands_in_its_own_element(world: World, context: str) -> None:
    """Its name anywhere else says nothing about the class."""
    insist(world, MFA)
    victim, before = pending(world), world.rows()
    answer = victim.send(victim.response(authn_statement_xml=statement(context)))
    assert_refused(world, answer, "authn_context_mismatch", before)
    accept(victim, authn_context=MFA)


@on_sqlite
def test_any_of_several_classes_will_do(world: World) -> None:
    """Each that was asked for, and no other."""
    insist(world, PASSWORD, MFA)
    accept(pending(world), authn_context=MFA)
    accept(pending(world), authn_context=PASSWORD)
    victim, before = pending(world), world.rows()
    answer = victim.send(victim.response(authn_context=CLASSES + "Kerberos"))
    assert_refused(world, answer, "authn_context_mismatch", before)


@on_sqlite
@pytest.mark.parametrize(("comparison", "accepted"), [("EXACT", True), ("MINIMUM", True), ("MAXIMUM", True), ("BETTER", False)])
def test_what_is_asked_for_is_as_good_as_itself_and_no_better(world: World, comparison: str, accepted: bool) -> None:
    """Nobody ranks classes: "better" than one cannot be told, and no rule to check is a refusal."""
    insist(world, MFA, authn_context_comparison=comparison)
    victim, before = pending(world), world.rows()
    if accepted:
        accept(victim, authn_context=MFA)
    else:
        assert_refused(world, victim.send(victim.response(authn_context=MFA)), "authn_context_mismatch", before)


@on_sqlite
def test_insisting_on_nothing_refuses_nothing(world: World) -> None:
    """Blank means that the identity provider decides; there is no class to miss."""
    insist(world)
    accept(pending(world), authn_context=CLASSES + "unspecified")


def test_what_was_asked_for_counts_not_what_is_set_meanwhile(world: World) -> None:
    """A request that asked for a second factor is not answered with a password because the setting has changed."""
    insist(world, MFA)
    victim = pending(world)
    insist(world, PASSWORD)
    before = world.rows()
    assert_refused(world, victim.send(victim.response(authn_context=PASSWORD)), "authn_context_mismatch", before)
    accept(victim, authn_context=MFA)


def test_switching_the_insistence_on_holds_for_sign_ins_under_way(world: World) -> None:
    """At once, and on what they had asked for."""
    victim = pending(world)
    world.change_settings(require_authn_context=True)
    before = world.rows()
    assert_refused(world, victim.send(victim.response(authn_context=MFA)), "authn_context_mismatch", before)
    accept(victim, authn_context=PASSWORD)


@on_sqlite
def test_an_unasked_response_has_to_have_the_class_too(world: World) -> None:
    """Where no request was sent, the setting is what was asked for."""
    insist(world, MFA, allow_idp_initiated=True)
    browser, before = world.browser(), world.rows()
    answer = browser.post_response(world.response(None, authn_context=PASSWORD))
    assert_refused(world, answer, "authn_context_mismatch", before)
    assert browser.post_response(world.response(None, authn_context=MFA)).status_code == 303


def test_without_a_statement_nobody_has_signed_in(world: World) -> None:
    """An assertion that only lists attributes does not say that somebody authenticated (SAML Profiles 4.1.4.2)."""
    victim = pending(world)
    refused = refuse(victim, victim.response(authn_statement_xml=""), "assertion_invalid")
    assert refused.check == "authn_statement"


@on_sqlite
def test_a_statement_of_another_kind_is_none(world: World) -> None:
    """Permission for something is no authentication, and a statement hidden elsewhere is no statement."""
    decision = (
        '<saml:AuthzDecisionStatement Resource="https://x.test/" Decision="Permit">'
        '<saml:Action Namespace="urn:x">Read</saml:Action></saml:AuthzDecisionStatement>'
    )
    inside_advice = f"<saml:Advice><x:all xmlns:x='urn:x'>{statement(class_ref(MFA))}</x:all></saml:Advice>"
    victim = pending(world)
    messages = {
        "decision": victim.response(authn_statement_xml=decision),
        "advice": victim.response(
            authn_statement_xml="",
            before_signing=lambda xml: xml.replace("</saml:Conditions>", f"</saml:Conditions>{inside_advice}"),
        ),
    }
    refuse_each(victim, messages, "assertion_invalid")
