"""Recipient and Destination: a message goes to the address that it was made for (V7; SAML Bindings 3.5.5.2)."""

from __future__ import annotations

import pytest

from tests.attacks.answering import accept, accept_message, refuse_each
from tests.attacks.support import Pending, assert_refused, on_sqlite, pending, refuse
from tests.support.browser import Browser
from tests.support.world import World

US = "http://acme.localhost:8000/saml/acs"
NOT_QUITE_US = (
    "",
    US[:-1],
    US + "x",
    US + "/",
    US + "?",
    US + "?idp=main",
    US + "#",
    US + " ",
    " " + US,
    US.upper(),
    US.replace("acs", "ACS"),
    US.replace("acme", "ACME"),
    US.replace("http://", "https://"),
    US.replace(":8000", ""),
    US.replace(":8000", ":8001"),
    US.replace("acme", "globex"),
    US.replace("acme", "acme.acme"),
    US.replace("acme.localhost", "acme.localhost."),
    US.replace("http://", "http://ada@"),
    US.replace("/saml/acs", "/saml/metadata"),
    US.replace("/saml/acs", "/saml/./acs"),
    US.replace("acs", "%61cs"),
    US.replace("http:", ""),
    "/saml/acs",
    "https://wiki.example.org/saml/acs",
)


@on_sqlite
def test_a_recipient_is_this_address_to_the_letter(world: World) -> None:
    """An assertion that was made for another address is somebody else's, or stolen."""
    victim = pending(world)
    refuse_each(victim, {name: victim.response(recipient=name) for name in NOT_QUITE_US}, "recipient_mismatch")


@on_sqlite
@pytest.mark.parametrize("sign", ["assertion", "both"])
def test_a_destination_is_this_address_to_the_letter(world: World, sign: str) -> None:
    """Exact wherever it is present, signed or not; the identity provider's signature makes no other address ours."""
    victim = pending(world)
    messages = {name: victim.response(destination=name, sign=sign) for name in NOT_QUITE_US}
    refuse_each(victim, messages, "destination_mismatch")


def test_a_missing_recipient_is_refused(world: World) -> None:
    """A bearer confirmation without one could be delivered anywhere."""
    victim = pending(world)
    refuse(victim, victim.response(recipient=None), "recipient_mismatch")


def test_a_signed_response_has_to_say_where_it_goes(world: World) -> None:
    """SAML Bindings 3.5.5.2: whoever signs the message signs its destination."""
    victim = pending(world)
    refuse(victim, victim.response(destination=None, sign="both"), "destination_mismatch")


def test_so_has_one_whose_assertion_is_not_signed_by_itself(world: World) -> None:
    """The signature on the response is the only one, and covers no address."""
    world.change_settings(want_assertions_signed=False, want_messages_signed=True)
    victim = pending(world)
    before = world.rows()
    answer = victim.send(victim.response(destination=None, sign="response"))
    assert_refused(world, answer, "destination_mismatch", before)
    accept(victim, sign="response")


@pytest.mark.parametrize(("part", "code"), [("recipient", "recipient_mismatch"), ("destination", "destination_mismatch")])
def test_another_tenants_address_is_refused(world: World, part: str, code: str) -> None:
    """The message was made for globex; acme is another service."""
    victim = pending(world)
    refuse(victim, victim.response(**{part: world.globex.acs_url}), code)


def _at_another_port(world: World) -> Pending:
    browser = Browser(world.app, "acme", port=9999)
    return Pending(world, world.acme, browser, browser.start())


@on_sqlite
def test_the_host_that_a_message_came_to_does_not_make_its_address_right(world: World) -> None:
    """Neither address is compared with the request's own host and port: the stored ones count."""
    victim = _at_another_port(world)
    there = "http://acme.localhost:9999/saml/acs"
    refuse(victim, victim.response(destination=there), "destination_mismatch")
    refuse(_at_another_port(world), _at_another_port(world).response(recipient=there), "recipient_mismatch")


@on_sqlite
def test_the_stored_address_is_good_wherever_a_proxy_listens(world: World) -> None:
    """What was issued for the stored address is good at another port, too."""
    victim = _at_another_port(world)
    accept_message(victim, victim.response())


def test_an_unsigned_response_may_leave_its_destination_out(world: World) -> None:
    """Its assertion is signed, and names the recipient."""
    assert accept(pending(world), destination=None)["tenant"] == "acme"


def test_both_addresses_are_good_on_a_response_that_is_signed_as_a_whole(world: World) -> None:
    """Destination and Recipient, each this address."""
    assert accept(pending(world), sign="both")["tenant"] == "acme"
