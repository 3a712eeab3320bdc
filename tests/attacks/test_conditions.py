"""Conditions: they are there, each is understood, and what is not understood is not waved through (V8; SAML Core 2.5.1)."""

from __future__ import annotations

import pytest

from tests.attacks.answering import accept
from tests.attacks.support import on_sqlite, pending, refuse
from tests.support.world import World

ONE_TIME = "<saml:OneTimeUse/>"
PROXY = '<saml:ProxyRestriction Count="0"/>'
FOREIGN = "xmlns:x='urn:x'"


def test_an_assertion_without_conditions_is_refused(world: World) -> None:
    """Nothing would bound it in time or in place."""
    victim = pending(world)
    refused = refuse(victim, victim.response(conditions_xml=""), "assertion_invalid")
    assert refused.check == "conditions"


@on_sqlite
@pytest.mark.parametrize(
    "condition",
    [
        pytest.param("<saml:Condition/>", id="abstract"),
        pytest.param(f"<saml:Condition {FOREIGN} xsi:type='x:OnlyOnMondays'/>", id="a type of its own"),
        pytest.param("<saml:Condition xsi:type='saml:OneTimeUseType'/>", id="a known type under another name"),
        pytest.param(f"<x:OnlyOnMondays {FOREIGN}/>", id="another namespace"),
        pytest.param(f"<x:OneTimeUse {FOREIGN}/>", id="a known name in another namespace"),
        pytest.param("<OneTimeUse xmlns=''/>", id="a known name in no namespace"),
        pytest.param("<saml:onetimeuse/>", id="a known name in another case"),
        pytest.param("<saml:DoNotCacheCondition/>", id="SAML 1.1"),
        pytest.param("<samlp:OneTimeUse xmlns:samlp='urn:oasis:names:tc:SAML:2.0:protocol'/>", id="SAML's other namespace"),
    ],
)
def test_a_condition_that_is_not_understood_refuses(world: World, condition: str) -> None:
    """SAML Core 2.5.1.1: an assertion whose conditions cannot all be judged is not valid."""
    victim = pending(world)
    refuse(victim, victim.response(extra_conditions_xml=condition), "condition_not_understood")


@on_sqlite
@pytest.mark.parametrize("condition", [ONE_TIME, PROXY, ONE_TIME + PROXY, "<saml:ProxyRestriction/>"])
def test_one_time_use_and_proxy_restriction_hold_by_themselves(world: World, condition: str) -> None:
    """Every assertion is used once here, and none is issued on the strength of another."""
    accept(pending(world), extra_conditions_xml=condition)


def test_one_time_use_is_one_time(world: World) -> None:
    """And says so when it comes again."""
    victim = pending(world)
    message = victim.response(extra_conditions_xml=ONE_TIME)
    assert victim.send(message).status_code == 303
    other = pending(world)
    refuse(other, message, "replayed", victim.started.relay_state)


@on_sqlite
def test_two_conditions_elements_are_malformed(world: World) -> None:
    """Which of them would hold is not guessed at."""
    victim = pending(world)

    def twice(xml: str) -> str:
        begin, end = xml.index("<saml:Conditions"), xml.index("</saml:Conditions>") + len("</saml:Conditions>")
        return xml[:end] + xml[begin:end] + xml[end:]

    refuse(victim, victim.response(before_signing=twice), "response_malformed")


@on_sqlite
def test_conditions_in_advice_are_no_conditions(world: World) -> None:
    """Advice may be ignored, and is (SAML Core 2.6.1)."""
    victim = pending(world)

    def into_advice(xml: str) -> str:
        begin, end = xml.index("<saml:Conditions"), xml.index("</saml:Conditions>") + len("</saml:Conditions>")
        return f"{xml[:begin]}<saml:Advice><x:all {FOREIGN}>{xml[begin:end]}</x:all></saml:Advice>{xml[end:]}"

    refuse(victim, victim.response(before_signing=into_advice), "assertion_invalid")
