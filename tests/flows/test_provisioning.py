"""Provisioning: what an assertion makes of a person, by the tenant's settings and its map of attributes (P1–P5, V12)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.attacks.answering import accept
from tests.attacks.support import assert_refused, on_sqlite, pending, refuse
from tests.support.saml_xml import attribute_xml
from tests.support.world import World

MAIL_OID, UID_OID = "urn:oid:0.9.2342.19200300.100.1.3", "urn:oid:0.9.2342.19200300.100.1.1"
GIVEN_OID, SN_OID, PHONE_OID = "urn:oid:2.5.4.42", "urn:oid:2.5.4.4", "urn:oid:2.5.4.20"
FIELDS = ("username", "email", "first_name", "last_name", "phone")
BASIC = {
    "uid": ["ada"],
    "mail": ["ada@acme.test"],
    "givenName": ["Ada"],
    "sn": ["Lovelace"],
    "telephoneNumber": ["+44 20 7946 0000"],
}
BY_OID = {MAIL_OID: BASIC["mail"], UID_OID: BASIC["uid"], GIVEN_OID: BASIC["givenName"], SN_OID: BASIC["sn"]} | {
    PHONE_OID: BASIC["telephoneNumber"]
}
ADA = {
    "username": "ada",
    "email": "ada@acme.test",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "phone": "+44 20 7946 0000",
}


def profile(told: Any) -> dict[str, str | None]:
    """The five fields of the person who is signed in."""
    return {name: told["user"][name] for name in FIELDS}


def statement(*attributes: str) -> str:
    """An AttributeStatement of raw Attributes."""
    return f"<saml:AttributeStatement>{''.join(attributes)}</saml:AttributeStatement>"


# Just-in-time provisioning


def test_nobody_new_comes_in_where_provisioning_is_off(world: World) -> None:
    """Whom nobody has prepared is refused, with the account's absence as the reason."""
    world.change_settings(jit_provisioning=False)
    victim, before = pending(world), world.rows()
    refused = assert_refused(world, victim.send(victim.response()), "user_not_provisioned", before)
    assert refused.check == "provisioned"


def test_those_who_came_before_still_do(world: World) -> None:
    """Switching it off concerns people who have no account yet."""
    first = accept(pending(world))
    world.change_settings(jit_provisioning=False)
    assert accept(pending(world))["user"]["id"] == first["user"]["id"]


# Updates


@pytest.mark.parametrize(("when", "last_name"), [("every_login", "King"), ("first_login", "Lovelace")])
def test_a_profile_is_updated_on_every_sign_in_or_on_the_first_only(world: World, when: str, last_name: str) -> None:
    """As the tenant wants it."""
    world.change_settings(profile_update=when)
    accept(pending(world), attributes=BASIC)
    told = accept(pending(world), attributes=BASIC | {"sn": ["King"]})
    assert told["user"]["last_name"] == last_name


def test_first_login_leaves_the_address_alone_too(world: World) -> None:
    """Whatever the identity provider says later, even somebody else's address, is not taken over."""
    world.change_settings(profile_update="first_login")
    accept(pending(world), attributes=BASIC)
    accept(pending(world), name_id="eve", attributes={"mail": ["eve@acme.test"]})
    told = accept(pending(world), attributes=BASIC | {"mail": ["eve@acme.test"]})
    assert told["user"]["email"] == "ada@acme.test"


@pytest.mark.parametrize("absent", [[], [""], ["  "], ["", " \n "]], ids=["no attribute", "empty", "blank", "empty ones"])
def test_what_does_not_come_wipes_nothing(world: World, absent: list[str]) -> None:
    """A missing attribute comes absent or as an empty text; neither is a wish to forget (P5)."""
    accept(pending(world), attributes=BASIC)
    attributes = {"mail": BASIC["mail"]} | ({name: absent for name in BASIC if name != "mail"} if absent else {})
    assert profile(accept(pending(world), attributes=attributes)) == ADA


def test_an_unchanged_profile_is_no_event(world: World) -> None:
    """user.updated says what has changed, and is not written where nothing has."""
    accept(pending(world), attributes=BASIC)
    accept(pending(world), attributes=BASIC)
    accept(pending(world), attributes=BASIC | {"sn": ["King"]})
    events = world.api("GET", "/tenants/acme/events").get_json()["items"]
    assert [event["detail"]["fields"] for event in events if event["type"] == "user.updated"] == [["last_name"]]


# The map of attributes


@on_sqlite
@pytest.mark.parametrize("attributes", [BASIC, BY_OID, BY_OID | BASIC, BASIC | BY_OID], ids=["names", "OIDs", "both", "both 2"])
def test_both_styles_of_names_are_understood(world: World, attributes: dict[str, list[str]]) -> None:
    """Basic names, OIDs, or both at once: the defaults take either (P4)."""
    assert profile(accept(pending(world), attributes=attributes)) == ADA


@on_sqlite
def test_the_name_on_the_wire_counts_and_not_a_friendly_one(world: World) -> None:
    """FriendlyName is a comment: it neither brings an attribute nor hides one."""
    friendly = (
        f'<saml:Attribute Name="urn:x" FriendlyName="mail"><saml:AttributeValue>eve@acme.test</saml:AttributeValue>'
        f'</saml:Attribute><saml:Attribute Name="{MAIL_OID}" FriendlyName="sn">'
        f"<saml:AttributeValue>ada@acme.test</saml:AttributeValue></saml:Attribute>"
    )
    told = accept(pending(world), attributes_xml=statement(friendly))
    assert (told["user"]["email"], told["user"]["last_name"]) == ("ada@acme.test", None)


@on_sqlite
@pytest.mark.parametrize(
    ("attributes", "email"),
    [
        (attribute_xml("mail", ["ada@acme.test", "eve@acme.test"]), "ada@acme.test"),
        (attribute_xml("mail", ["", "  ", "ada@acme.test"]), "ada@acme.test"),
        (attribute_xml("mail", ["ada@acme.test"]) * 2, "ada@acme.test"),
        (attribute_xml("mail", ["ada@acme.test"]) + attribute_xml("mail", ["eve@acme.test"]), "ada@acme.test"),
        (attribute_xml("mail", []) + attribute_xml(MAIL_OID, ["ada@acme.test"]), "ada@acme.test"),
        (attribute_xml("mail", [""]) + attribute_xml(MAIL_OID, ["ada@acme.test"]), "ada@acme.test"),
        (attribute_xml(MAIL_OID, ["eve@acme.test"]) + attribute_xml("mail", ["ada@acme.test"]), "ada@acme.test"),
        (attribute_xml("mail", ["ada@acme.test"], None), "ada@acme.test"),
    ],
    ids=["several", "empty ones", "twice", "two of a name", "no value", "empty", "order of the map", "no NameFormat"],
)
def test_the_first_value_that_says_something_counts(world: World, attributes: str, email: str) -> None:
    """Of the names in the order of the map, of the values in the order of the message."""
    assert accept(pending(world), attributes_xml=statement(attributes))["user"]["email"] == email


@on_sqlite
def test_several_statements_are_read_as_one(world: World) -> None:
    """The schema allows them, and a few identity providers write them."""
    two = statement(attribute_xml("mail", ["ada@acme.test"])) + statement(attribute_xml("sn", ["Lovelace"]))
    told = accept(pending(world), attributes_xml=two)
    assert (told["user"]["email"], told["user"]["last_name"]) == ("ada@acme.test", "Lovelace")


@on_sqlite
def test_a_value_is_read_whole_with_a_comment_inside(world: World) -> None:
    """ada@acme.test<!-- -->.evil.test is an address of evil.test, and refused as such."""
    commented = '<saml:Attribute Name="mail"><saml:AttributeValue>{}</saml:AttributeValue></saml:Attribute>'
    victim = pending(world)
    evil = statement(commented.format("ada@acme.test<!-- -->.evil.test"))
    refuse(victim, victim.response(attributes_xml=evil), "email_domain_not_allowed")
    accept(pending(world), attributes_xml=statement(commented.format("ada@<!-- -->acme.test")))


@on_sqlite
@pytest.mark.parametrize(
    "value",
    [
        "<saml:AttributeValue><x:a xmlns:x='urn:x'>eve@acme.test</x:a><x:b xmlns:x='urn:x'/></saml:AttributeValue>",
        "<saml:AttributeValue>eve@acme.test<x:a xmlns:x='urn:x'/></saml:AttributeValue>",
        "<saml:AttributeValue><x:a xmlns:x='urn:x'><x:b>eve@acme.test</x:b></x:a></saml:AttributeValue>",
        "<saml:AttributeValue xsi:nil='true'/>",
    ],
    ids=["two elements", "text and an element", "nested", "nil"],
)
def test_a_value_that_is_no_text_is_none(world: World, value: str) -> None:
    """What has structure is not guessed at; the next value or name counts."""
    attributes = statement(f'<saml:Attribute Name="mail">{value}</saml:Attribute>', attribute_xml(MAIL_OID, ["ada@acme.test"]))
    assert accept(pending(world), attributes_xml=attributes)["user"]["email"] == "ada@acme.test"


@on_sqlite
def test_a_map_of_the_tenants_own(world: World) -> None:
    """Entra ID's claims, in lists of several names, in place of the defaults."""
    claims = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
    world.change_settings(
        attribute_map={
            "email": [claims + "emailaddress", claims + "upn"],
            "username": claims + "upn",
            "first_name": claims + "givenname",
            "last_name": claims + "surname",
            "phone": [],
        }
    )
    told = accept(
        pending(world),
        attributes={claims + "upn": ["ada@acme.test"], claims + "surname": ["Lovelace"], "telephoneNumber": ["1"]},
    )
    expected = {
        "username": "ada@acme.test",
        "email": "ada@acme.test",
        "last_name": "Lovelace",
        "first_name": None,
        "phone": None,
    }
    assert profile(told) == expected


@on_sqlite
def test_the_name_id_can_be_the_address(world: World) -> None:
    """Where the map says so: for identity providers that send nothing else."""
    world.change_settings(attribute_map={"email": ["mail", "NameID"], "username": ["NameID"]})
    told = accept(pending(world), attributes={}, name_id="Ada@ACME.test")
    assert (told["user"]["email"], told["user"]["username"]) == ("ada@acme.test", "Ada@ACME.test")


def test_without_an_address_the_refusal_names_what_did_come(world: World) -> None:
    """The names of the attributes, for whoever mends the map, on the page too; never their values (P4)."""
    victim = pending(world)
    attributes = {"emailAddress": ["ada@secret.test"], "https://example.org/groups": ["board"]}
    refused = refuse(victim, victim.response(attributes=attributes), "attribute_missing")
    assert refused.lines[-1]["actual"] == "received: emailAddress, https://example.org/groups"
    assert "<code>emailAddress</code>, <code>https://example.org/groups</code>" in refused.page
    assert "mail" in refused.lines[-1]["expected"]
    for private in ("ada@secret.test", "board"):
        assert private not in refused.cause + refused.masked_xml + refused.page


@on_sqlite
def test_without_any_attribute_it_says_so(world: World) -> None:
    """No AttributeStatement at all, and one without a value."""
    victim = pending(world)
    refused = refuse(victim, victim.response(attributes={}), "attribute_missing")
    assert refused.lines[-1]["actual"] == "received: no attributes"
    victim = pending(world)
    refuse(victim, victim.response(attributes={"mail": []}), "attribute_missing")


@on_sqlite
def test_fields_have_their_limits(world: World) -> None:
    """A name of 5,000 characters is cut, on both databases alike; control characters and markup stay text."""
    long, odd = "x" * 5000, '<script>alert("1")</script>\u202e'
    victim = pending(world)
    told = accept(victim, attributes=BASIC | {"givenName": [long], "telephoneNumber": [long], "uid": [long], "sn": [odd]})
    user = told["user"]
    assert (len(user["first_name"]), len(user["phone"]), len(user["username"])) == (200, 60, 320)
    page = victim.browser.get("/").get_data(as_text=True)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


# Another subject than the NameID


def test_an_attribute_can_be_the_subject(world: World) -> None:
    """People stay who they are when their NameID and their address change (P2)."""
    world.change_settings(name_id_source="employeeNumber")
    first = accept(pending(world), name_id="old", attributes=BASIC | {"employeeNumber": ["7"]})
    changed = BASIC | {"employeeNumber": ["7"], "mail": ["king@acme.test"]}
    second = accept(pending(world), name_id="new", attributes=changed)
    assert first["user"]["id"] == second["user"]["id"]
    assert (second["user"]["email"], second["user"]["name_id"]) == ("king@acme.test", "new")


def test_two_people_with_one_name_id_are_told_apart_by_it(world: World) -> None:
    """And one person's subject is not another's because their NameIDs are equal."""
    world.change_settings(name_id_source="employeeNumber")
    first = accept(pending(world), name_id="same", attributes={"employeeNumber": ["7"], "mail": ["seven@acme.test"]})
    second = accept(pending(world), name_id="same", attributes={"employeeNumber": ["8"], "mail": ["eight@acme.test"]})
    assert first["user"]["id"] != second["user"]["id"]


@on_sqlite
@pytest.mark.parametrize("values", [[], [""], [" \n"]], ids=["none", "empty", "blank"])
def test_without_that_attribute_nobody_is_named(world: World, values: list[str]) -> None:
    """Its absence is a refusal, and not the NameID instead; the names that came are listed."""
    world.change_settings(name_id_source="employeeNumber")
    victim, before = pending(world), world.rows()
    attributes = BASIC | ({"employeeNumber": values} if values else {})
    refused = assert_refused(world, victim.send(victim.response(attributes=attributes)), "attribute_missing", before)
    assert "employeeNumber" in refused.lines[-1]["expected"]
    assert "givenName" in refused.lines[-1]["actual"]


@on_sqlite
def test_then_the_name_id_may_be_missing(world: World) -> None:
    """The attribute is enough; what is missing is shown as empty and harms nobody."""
    world.change_settings(name_id_source="employeeNumber")
    victim = pending(world)
    told = accept(victim, name_id=None, attributes=BASIC | {"employeeNumber": ["7"]})
    assert not told["user"]["name_id"]
    assert victim.browser.get("/").status_code == 200


@on_sqlite
def test_after_a_change_of_source_nobody_is_taken_for_somebody_else(world: World) -> None:
    """A person whose subject was a NameID and is an employee number now meets an address in use, and needs a relink."""
    accept(pending(world), name_id="ada", attributes=BASIC)
    world.change_settings(name_id_source="employeeNumber")
    victim, before = pending(world), world.rows()
    message = victim.response(name_id="ada", attributes=BASIC | {"employeeNumber": ["7"]})
    assert_refused(world, victim.send(message), "email_conflict", before)
