"""People sign in by a real directory: searched for, signed in there, provisioned by the same rules as by SAML."""

from __future__ import annotations

import ldap
import pytest

from identity.directories.signing_in import EnteredByDirectory
from tenants.directories.asking import DirectoryAccount, asked_by_service
from tenants.directories.settings import directory_settings_of
from tests.flows.directories.conftest import DirectoryWorld
from tests.support.slapd import GROUPS, PEOPLE, SERVICE_PASSWORD


def test_somebody_signs_in_by_ldaps_and_by_starttls(directories: DirectoryWorld) -> None:
    """The first sign-in makes the person, the second finds them; the session says how they came."""
    directories.connect()
    first = directories.sign_in("ada")
    assert isinstance(first, EnteredByDirectory), first
    assert first.person.email == "ada@acme.test"
    assert first.person.first_name == "Ada"
    directories.connect(urls=[directories.slapd.starttls], password="service-password")
    second = directories.sign_in("ADA", "ada-password")
    assert isinstance(second, EnteredByDirectory), second
    assert second.person.id == first.person.id
    (opened, _) = directories.events("session.opened")
    assert opened["detail"]["way"] == "ldap"
    assert opened["detail"]["directory"] == "main"
    assert [made["actor"] for made in directories.events("user.created")] == [first.person.id]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nobody_comes_in_with_a_wrong_or_an_empty_password(directories: DirectoryWorld) -> None:
    """Unknown names, wrong passwords and empty ones get the same answer, and an empty one is never sent."""
    directories.connect()
    typed = [("ada", "wrong"), ("ada", ""), ("nobody", "x"), ("ada", "\x00"), ("", "x"), ("ada", "a" * 2000)]
    assert [directories.sign_in(*pair) for pair in typed] == ["sign_in_failed"] * len(typed)
    assert directories.world.count("session") == 0
    assert directories.world.count("users") == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["*", "a*", "*)(uid=*", "ada)(|(uid=*", "\\61da", "ada\x00", "(", "ada)(objectClass=*"])
def test_what_is_typed_is_a_name_and_never_a_filter(directories: DirectoryWorld, name: str) -> None:
    """None of these finds anybody, with a password that one of them has."""
    directories.connect()
    assert directories.sign_in(name, "ada-password") == "sign_in_failed"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_name_of_parentheses_and_stars_is_found_as_it_is(directories: DirectoryWorld) -> None:
    """Escaping takes nothing away: whoever is called so signs in."""
    directories.connect()
    name = "od(d)*\\Ünal"
    dn = directories.slapd.add(name, mail="odd@acme.test")
    try:
        assert isinstance(directories.sign_in(name), EnteredByDirectory)
    finally:
        directories.slapd.remove(dn)


def test_the_rules_of_provisioning_hold(directories: DirectoryWorld) -> None:
    """Foreign domains, addresses that others own, switched-off accounts and just-in-time off are refused as by SAML."""
    directories.connect()
    world, slapd = directories.world, directories.slapd
    foreign = slapd.add("foreign", mail="foreign@elsewhere.test")
    nameless = slapd.add("nameless", mail=[])
    taken = slapd.add("taken", mail="bob@acme.test")
    try:
        assert directories.sign_in("foreign") == "email_domain_not_allowed"
        assert directories.sign_in("nameless") == "attribute_missing"
        bob = directories.sign_in("bob")
        assert isinstance(bob, EnteredByDirectory)
        assert directories.sign_in("taken") == "email_conflict"
        switched_off = world.api("PATCH", f"/tenants/acme/users/{bob.person.id}", json={"active": False})
        assert switched_off.status_code == 200
        assert directories.sign_in("bob") == "user_inactive"
        assert directories.put(jit_provisioning=False).status_code == 200
        assert directories.sign_in("ada") == "user_not_provisioned"
        prepared = world.api("POST", "/tenants/acme/users", json={"email": "ada@acme.test"}).get_json()
        ada = directories.sign_in("ada")
        assert isinstance(ada, EnteredByDirectory), ada
        assert ada.person.id == prepared["id"]
    finally:
        for dn in (foreign, nameless, taken):
            slapd.remove(dn)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_two_entries_of_one_name_are_nobody(directories: DirectoryWorld) -> None:
    """Whichever of them has the password."""
    directories.connect(base_dn="dc=acme,dc=test", user_filter="(cn={username})")
    second = directories.slapd.add("twin2", cn="twin", mail="twin2@acme.test")
    first = directories.slapd.add("twin1", cn="twin", mail="twin1@acme.test")
    try:
        assert directories.sign_in("twin", "twin1-password") == "sign_in_failed"
        assert directories.receipt.lines[-1].actual == "more than one"
    finally:
        directories.slapd.remove(first)
        directories.slapd.remove(second)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_who_is_off_in_the_directory_does_not_come_in(directories: DirectoryWorld) -> None:
    """Active Directory's bit, by a filter, whether or not the directory itself takes the password."""
    directories.connect(disabled_filter="(userAccountControl:1.2.840.113556.1.4.803:=2)")
    dn = directories.slapd.add("off", userAccountControl="514")
    try:
        assert directories.sign_in("off") == "sign_in_failed"
        directories.slapd.change(dn, userAccountControl="512")
        assert isinstance(directories.sign_in("off"), EnteredByDirectory)
    finally:
        directories.slapd.remove(dn)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_binary_subject_is_read_as_active_directory_writes_it(directories: DirectoryWorld) -> None:
    """objectGUID is a UUID whose first fields are the other way round; the e-mail may change, the person stays."""
    directories.connect(subject_attribute="objectGUID")
    dn = directories.slapd.add("guid")
    try:
        first = directories.sign_in("guid")
        directories.slapd.change(dn, mail="new@acme.test")
        second = directories.sign_in("guid")
        assert isinstance(first, EnteredByDirectory)
        assert isinstance(second, EnteredByDirectory)
        assert first.person.id == second.person.id
        assert second.person.email == "new@acme.test"
    finally:
        directories.slapd.remove(dn)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_groups_come_from_the_entry_and_by_a_search(directories: DirectoryWorld) -> None:
    """A test of the connection shows both, as rules would read them; nothing that people sign in with can be asked for."""
    groups = {"group_attribute": "memberOf", "group_filter": "(member={dn})", "group_base_dn": GROUPS}
    directories.connect(**groups)
    dn = directories.slapd.add_group("engineers", [f"uid=ada,{PEOPLE}"])
    try:
        path = "/tenants/acme/directories/main/test"
        answer = directories.world.api("POST", path, json={"username": "ada"}).get_json()
        assert answer["passed"], answer
        (sample,) = answer["samples"]
        assert sample["attributes"]["memberOf"] == [dn]
        assert sample["attributes"]["groups"] == [dn, "engineers"]
    finally:
        directories.slapd.remove(dn)
    refused = directories.put(rule_attributes=["userPassword"])
    assert refused.status_code == 422
    assert "userPassword" in refused.get_data(as_text=True)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_directory_of_one_tenant_is_no_others(directories: DirectoryWorld) -> None:
    """Globex has none, cannot see acme's, and its people do not come in by it; subjects of two tenants are two people."""
    world = directories.world
    directories.connect()
    assert directories.sign_in("ada", organisation=world.globex) == "sign_in_failed"
    assert world.api("GET", "/tenants/globex/directories").get_json()["items"] == []
    assert world.api("GET", "/tenants/globex/directories/main").status_code == 404
    directories.connect(world.globex)
    assert directories.sign_in("ada", organisation=world.globex) == "email_domain_not_allowed"
    assert isinstance(directories.sign_in("ada"), EnteredByDirectory)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_organisation_that_signs_in_otherwise_is_asked_for(directories: DirectoryWorld) -> None:
    """Where no organisation has its people sign in by a directory, none is asked."""
    assert directories.put().status_code == 201
    assert directories.sign_in("ada") == "sign_in_failed"
    assert directories.receipt.facts["directories"] == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_empty_password_is_not_sent_to_a_directory_that_would_take_it(directories: DirectoryWorld) -> None:
    """This one answers a bind without a password with success, as many do (RFC 4513 5.1.2)."""
    root = ldap.initialize(f"ldap://127.0.0.1:{directories.slapd.port}")
    root.simple_bind_s(f"uid=ada,{PEOPLE}", "")
    root.unbind_s()
    account = DirectoryAccount(directory_settings_of(directories.slapd.settings()), SERVICE_PASSWORD)
    with asked_by_service(account, directories.settings) as directory:
        assert not directory.bind(f"uid=ada,{PEOPLE}", "")
        assert not directory.bind("", "ada-password")
        assert directory.bind(f"uid=ada,{PEOPLE}", "ada-password")
    directories.connect()
    assert directories.sign_in("ada", "") == "sign_in_failed"


def test_whose_organisation_signs_in_otherwise_does_not_come_in(directories: DirectoryWorld) -> None:
    """A right password of somebody who belongs to an organisation with single sign-on, or with another directory."""
    directories.connect()
    finance = directories.add_organisation("Finance", {"way": "sso"})
    strict = directories.add_organisation("Strict", {"sso_required": True})
    for organisation_id in (finance, strict):
        assert directories.put(organisation_id=organisation_id).status_code == 200
        assert directories.sign_in("bob") == "sign_in_way_not_allowed"
    assert directories.world.count("users") == 0
    assert directories.put(name="other", base_dn=GROUPS).status_code == 201
    sales = directories.add_organisation("Sales", {"way": "ldap", "directory_id": directories.id_of("other")})
    assert directories.put(organisation_id=sales).status_code == 200
    assert directories.sign_in("bob") == "sign_in_way_not_allowed"
    assert directories.world.count("session") == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_directory_that_is_switched_off_lets_nobody_in(directories: DirectoryWorld) -> None:
    """Neither somebody new nor somebody who came by it before, with the right password; until it is on again."""
    directories.connect()
    assert isinstance(directories.sign_in("ada"), EnteredByDirectory)
    assert directories.put(enabled=False).status_code == 200
    assert [directories.sign_in(name) for name in ("ada", "bob")] == ["sign_in_failed"] * 2
    assert directories.put(enabled=True).status_code == 200
    assert isinstance(directories.sign_in("ada"), EnteredByDirectory)
