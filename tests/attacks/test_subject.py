"""Subject: it names a person, and this browser may bring it: a bearer confirmation that can be used (V12; SAML Core 2.4)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest

from tests.attacks.answering import accept, refuse_each
from tests.attacks.support import Pending, assert_refused, on_sqlite, pending, refuse
from tests.support.saml_xml import BEARER, confirmation_xml
from tests.support.world import World, utc_now

METHODS = "urn:oasis:names:tc:SAML:2.0:cm:"
HOUR = timedelta(hours=1)


def bearer(victim: Pending, **changes: Any) -> str:
    """A good bearer confirmation, with parts of it changed."""
    good: dict[str, Any] = {
        "recipient": victim.organisation.acs_url,
        "in_response_to": victim.request_id,
        "not_on_or_after": utc_now() + HOUR,
    }
    return confirmation_xml(**(good | changes))


@on_sqlite
@pytest.mark.parametrize(
    "name_id",
    [
        pytest.param("", id="none"),
        pytest.param("<saml:NameID/>", id="empty"),
        pytest.param("<saml:NameID>  \n\t </saml:NameID>", id="blanks"),
        pytest.param("<saml:NameID><!-- ada@acme.test --></saml:NameID>", id="only a comment"),
        pytest.param("<saml:NameID><![CDATA[]]></saml:NameID>", id="empty CDATA"),
        pytest.param("<saml:NameID><![CDATA[ ]]> <!-- x --> </saml:NameID>", id="blanks around a comment"),
        pytest.param("<saml:NameID>&#160;\u2003\u3000</saml:NameID>", id="blanks of Unicode"),
        pytest.param(f"<saml:NameID>{'a' * 1025}</saml:NameID>", id="longer than a name can be"),
    ],
)
def test_a_subject_that_names_nobody_is_refused(world: World, name_id: str) -> None:
    """Everybody whose NameID is empty would be the same person."""
    victim = pending(world)
    refused = refuse(victim, victim.response(name_id_xml=name_id), "subject_invalid")
    assert refused.check == "subject"


@on_sqlite
@pytest.mark.parametrize(
    ("subject", "code"),
    [
        pytest.param("", "subject_invalid", id="none"),
        pytest.param("<saml:Subject/>", "response_malformed", id="empty"),
        pytest.param("<saml:Subject><saml:NameID>ada</saml:NameID></saml:Subject>", "subject_invalid", id="no confirmation"),
        pytest.param(
            "<saml:Subject><saml:NameID>ada</saml:NameID><saml:NameID>eve</saml:NameID></saml:Subject>",
            "response_malformed",
            id="two NameIDs",
        ),
        pytest.param(
            '<saml:Subject><saml:NameID>ada<x:b xmlns:x="urn:x"/></saml:NameID></saml:Subject>',
            "response_malformed",
            id="element inside a NameID",
        ),
    ],
)
def test_a_subject_is_one_person_with_a_confirmation(world: World, subject: str, code: str) -> None:
    """No Subject, none inside, two at once: nobody."""
    victim = pending(world)
    refuse(victim, victim.response(subject_xml=subject), code)


def test_two_subjects_are_malformed(world: World) -> None:
    """Which of the two it would be is not guessed at."""
    victim = pending(world)
    twice = f"<saml:Subject><saml:NameID>eve@acme.test</saml:NameID>{bearer(victim)}</saml:Subject>"
    refuse(victim, victim.response(subject_xml=twice * 2), "response_malformed")


@on_sqlite
@pytest.mark.parametrize(
    "method",
    [
        METHODS + "sender-vouches",
        METHODS + "holder-of-key",
        METHODS + "bearer2",
        METHODS + "Bearer",
        METHODS + "beare",
        " " + BEARER,
        BEARER + "\n",
        "urn:oasis:names:tc:SAML:1.0:cm:bearer",
        "",
    ],
)
def test_only_a_bearer_may_bring_it(world: World, method: str) -> None:
    """Sender-vouches, holder-of-key and whatever looks like bearer are other promises, which nobody has checked."""
    victim = pending(world)
    refused = refuse(victim, victim.response(confirmation_xml=bearer(victim, method=method)), "subject_invalid")
    assert refused.check == "confirmation"


@on_sqlite
def test_a_bearer_confirmation_is_complete(world: World) -> None:
    """It says until when, to whom and in answer to what; and not from when (SAML Profiles 4.1.4.2)."""
    victim = pending(world)
    incomplete = {
        "no data": f'<saml:SubjectConfirmation Method="{BEARER}"/>',
        "no end": bearer(victim, not_on_or_after=None),
        "NotBefore in the past": bearer(victim, not_before=utc_now() - HOUR),
        "NotBefore in the future": bearer(victim, not_before=utc_now() + HOUR),
    }
    messages = {name: victim.response(confirmation_xml=xml) for name, xml in incomplete.items()}
    refuse_each(victim, messages, "subject_invalid")


def test_one_good_confirmation_among_others_is_enough(world: World) -> None:
    """SAML Core 2.4.1.1: any of them will do, wherever it stands."""
    victim = pending(world)
    others = [
        confirmation_xml(METHODS + "sender-vouches"),
        f'<saml:SubjectConfirmation Method="{BEARER}"/>',
        bearer(victim, recipient=world.globex.acs_url),
        bearer(victim, not_on_or_after=utc_now() - HOUR),
        bearer(victim, not_before=utc_now()),
        bearer(victim, in_response_to="_another"),
    ]
    middle = [*others[:3], bearer(victim), *others[3:]]
    assert accept(victim, confirmation_xml="".join(middle))["tenant"] == "acme"


@on_sqlite
def test_good_parts_of_several_confirmations_do_not_make_a_good_one(world: World) -> None:
    """Recipient of one, end of another, request of a third: each is judged by itself."""
    victim = pending(world)
    partly = "".join(
        [
            bearer(victim, recipient=world.globex.acs_url),
            bearer(victim, not_on_or_after=utc_now() - HOUR),
            bearer(victim, in_response_to=None),
            bearer(victim, method=METHODS + "sender-vouches"),
        ]
    )
    refuse(victim, victim.response(confirmation_xml=partly), "in_response_to_mismatch")


@on_sqlite
@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "http://globex.localhost:8000/saml/acs"},
        {"not_on_or_after": "2020-01-01T00:00:00Z"},
        {"in_response_to": None},
        {"not_on_or_after": None},
    ],
    ids=["recipient", "end", "request", "no end"],
)
def test_a_sender_vouches_does_not_stand_in_for_what_the_bearer_lacks(world: World, changes: dict[str, str | None]) -> None:
    """A complete confirmation of another method beside a bearer one that lacks something."""
    victim = pending(world)
    both = bearer(victim, method=METHODS + "sender-vouches") + bearer(victim, **changes)
    codes = {"recipient_mismatch", "expired", "in_response_to_mismatch", "subject_invalid"}
    refuse(victim, victim.response(confirmation_xml=both), codes)


@on_sqlite
def test_a_confirmations_own_name_is_not_the_persons(world: World) -> None:
    """The NameID inside SubjectConfirmation says who confirms; it is never taken for the subject (SAML Core 2.4.1.1)."""
    victim = pending(world)
    inside = bearer(victim).replace(
        "<saml:SubjectConfirmationData", "<saml:NameID>mallory@acme.test</saml:NameID><saml:SubjectConfirmationData", 1
    )
    told = accept(victim, confirmation_xml=inside)
    assert told["user"]["name_id"] == "ada@acme.test"
    victim = pending(world)
    refuse(victim, victim.response(confirmation_xml=inside, name_id=None), "subject_invalid")


def test_a_name_is_read_whole_with_a_comment_inside(world: World) -> None:
    """ada@acme.test<!-- -->.evil.test is not ada, neither in whole nor in part."""
    accept(pending(world))
    victim = pending(world)
    told = accept(
        victim,
        name_id_xml="<saml:NameID>ada@acme.test<!-- -->.evil.test</saml:NameID>",
        attributes={"mail": ["somebody@acme.test"]},
    )
    assert told["user"]["name_id"] == "ada@acme.test.evil.test"
    assert world.count("users") == 2


def test_names_that_differ_by_a_blank_or_by_case_are_two_people(world: World) -> None:
    """Subjects are compared as they were signed: nobody becomes somebody else by normalisation."""
    names = ("ada", "Ada", " ada", "ada ", "\u0430da", "ada\u200b", "e\u0301ve", "\u00e9ve")
    for number, name in enumerate(names):
        told = accept(pending(world), name_id=name, attributes={"mail": [f"person{number}@acme.test"]})
        assert told["user"]["name_id"] == name
    assert world.count("users") == len(names)


@pytest.mark.parametrize("name", ["\U0001f600" * 256, "\u20ac" * 340, "a" * 1024], ids=["emoji", "euro", "ascii"])
def test_the_longest_names_are_names(world: World, name: str) -> None:
    """256 characters are what SAML allows for persistent ones, of any script; both databases keep them."""
    told = accept(pending(world), name_id=name)
    assert told["user"]["name_id"] == name


@pytest.mark.parametrize("source", ["NameID", "employeeNumber"])
@pytest.mark.parametrize("length", [342, 1024, 4000])
def test_a_name_that_no_index_could_hold_is_a_refusal(world: World, source: str, length: int) -> None:
    """Too long in octets: refused as such, and no error of the database; whether it is the subject or only kept beside."""
    world.change_settings(name_id_source=source)
    incompressible = "".join(chr(0x4E00 + secrets.randbelow(20_000)) for _ in range(length))
    attributes = {"mail": ["ada@acme.test"], "employeeNumber": ["7"]}
    victim, before = pending(world), world.rows()
    answer = victim.send(victim.response(name_id=incompressible, attributes=attributes))
    assert_refused(world, answer, "subject_invalid", before)
    accept(victim, attributes=attributes)
