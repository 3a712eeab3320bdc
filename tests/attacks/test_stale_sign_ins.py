"""An earlier sign-in in place of the new one that was demanded (ForceAuthn; SAML Core 3.4.1).

Somebody sits down at a session that its owner left open at the identity provider; the request loses ForceAuthn on its way,
or the identity provider does not know it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from tests.attacks.answering import accept, refuse_each
from tests.attacks.support import Pending, on_sqlite, pending, refuse, settle
from tests.support.browser import code_of
from tests.support.saml_xml import STATUS
from tests.support.world import World, utc_now

HOUR, SKEW = dt.timedelta(hours=1), dt.timedelta(seconds=60)


def demanding(world: World, **query: str) -> Pending:
    """A sign-in under way in which a new one was demanded by the link."""
    waiting = pending(world)
    return replace(waiting, started=waiting.browser.start("/vault?x=1", **(query or {"force": "1"})))


def forced(waiting: Pending) -> bool:
    """Whether the request asks for it."""
    return etree.fromstring(waiting.started.saml_request).get("ForceAuthn") == "true"


def test_an_earlier_sign_in_is_refused_where_a_new_one_was_demanded(world: World) -> None:
    """By the link or by the settings; the receipt says what was awaited, and the page leads to where the person was going."""
    victim = demanding(world)
    assert forced(victim)
    refused = refuse(victim, victim.response(authn_instant=utc_now() - HOUR), "sign_in_not_fresh")
    assert refused.check == "fresh"
    assert refused.lines[-1]["expected"].startswith("not before 20")
    assert 'href="/saml/login?force=1&amp;next=%2Fvault%3Fx%3D1"' in refused.page
    settle(world, force_authn=True)
    victim = pending(world)
    assert forced(victim)
    refuse(victim, victim.response(authn_instant=utc_now() - HOUR), "sign_in_not_fresh")


def test_a_new_sign_in_is_taken(world: World) -> None:
    """Made after the request, also by a clock of whole seconds that is behind or ahead within the skew."""
    for early in (dt.timedelta(), dt.timedelta(seconds=58), -dt.timedelta(seconds=58)):
        accept(demanding(world), authn_instant=utc_now() - early)
    settle(world, clock_skew_seconds=0)
    accept(demanding(world), authn_instant=utc_now().replace(microsecond=0).isoformat().replace("+00:00", "Z"))


def test_whoever_only_wants_another_account_may_have_signed_in_before(world: World) -> None:
    """It asks for a new sign-in and takes what comes: the other account may have been signed in there for hours."""
    waiting = demanding(world, other="1")
    assert forced(waiting)
    accept(waiting, authn_instant=utc_now() - HOUR)
    accept(pending(world), authn_instant=utc_now() - HOUR)


@on_sqlite
def test_no_other_form_of_an_instant_helps(world: World) -> None:
    """None, one to come, one without a zone, in another zone; a second statement that is newer than the one that counts."""
    victim = demanding(world)
    old, new = ((utc_now() - HOUR).isoformat(), utc_now().isoformat())
    context = "<saml:AuthnContext><saml:AuthnContextClassRef>urn:x</saml:AuthnContextClassRef></saml:AuthnContext>"

    def statement(*instants: str) -> bytes:
        parts = (f'<saml:AuthnStatement AuthnInstant="{instant}">{context}</saml:AuthnStatement>' for instant in instants)
        return victim.response(authn_statement_xml="".join(parts))

    stale = {
        "old": statement(old),
        "without a zone": statement(old[:19]),
        "in another zone": statement((utc_now() - HOUR).astimezone(dt.timezone(dt.timedelta(hours=9))).isoformat()),
        "a newer one behind it": statement(old, new),
        "just outside": victim.response(authn_instant=utc_now() - SKEW - dt.timedelta(seconds=30)),
    }
    refuse_each(victim, stale, "sign_in_not_fresh")
    victim = demanding(world)
    refuse(victim, victim.response(authn_instant=utc_now() + SKEW + dt.timedelta(seconds=30)), "time_invalid")
    victim = demanding(world)
    refuse(victim, statement("soon"), {"response_malformed", "time_invalid"})


def test_the_demand_stays_with_the_request(world: World) -> None:
    """Neither a second request nor other settings meanwhile take it back, and a choice of identity providers keeps it."""
    victim = demanding(world)
    victim.browser.start("/vault?x=1")
    settle(world, force_authn=False, sign_requests=False)
    refuse(victim, victim.response(authn_instant=utc_now() - HOUR), "sign_in_not_fresh")
    body = {"display_name": "Second", "metadata_xml": world.globex.idp.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/second", json=body).status_code == 201
    page = world.browser().get("/saml/login?force=1&next=/vault").get_data(as_text=True)
    assert page.count("next=%2Fvault&amp;idp=second&amp;force=1") == 1
    assert page.count("&amp;force=1") == 2


def test_where_sign_ins_start_there_the_demand_holds_too(world: World) -> None:
    """Nothing can be demanded of an identity provider that takes no requests; the answer is held against it all the same."""
    settle(world, allow_idp_initiated=True, idp_login_url="https://idp.acme.test/start")
    browser = world.browser()

    def came(**parts: Any) -> str | None:
        location = browser.get("/saml/login?force=1&next=/vault").location
        answer = browser.post_response(world.response(None, **parts), location.partition("RelayState=")[2])
        return code_of(answer) if answer.status_code != 303 else answer.location

    assert came(authn_instant=utc_now() - HOUR) == "sign_in_not_fresh"
    assert came() == "/vault"


@pytest.mark.parametrize("status", ["NoPassive", "AuthnFailed"])
def test_a_silent_attempt_ends_at_a_page_that_goes_nowhere_by_itself(world: World, status: str) -> None:
    """It offers the sign-in that leads to where the person was going, and only in the browser that began."""
    victim = demanding(world, passive="1")
    assert etree.fromstring(victim.started.saml_request).get("IsPassive") == "true"
    message = world.response(victim.started, status=(STATUS + "Responder", STATUS + status, None))
    answer = victim.send(message)
    page = answer.get_data(as_text=True)
    assert (answer.status_code, code_of(answer)) == (403, "status_not_success")
    assert 'href="/saml/login?next=%2Fvault%3Fx%3D1"' in page
    assert "passive" not in page
    assert "refresh" not in page
    assert "next=" not in world.browser().post_response(message, victim.started.relay_state).get_data(as_text=True)
    assert victim.browser.get("/").status_code == 200, "no round is run"
    victim.finish()
