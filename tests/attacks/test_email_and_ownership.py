"""E-mail and ownership: whose address it may be, whose it is already; two people are never made one (T6, P2, P3, P8)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import Base, db, new_id
from config.isolation import every_tenant
from tests.attacks.answering import accept, refuse_each
from tests.attacks.support import Pending, assert_refused, on_sqlite, pending, refuse
from tests.support.at_once import at_once
from tests.support.browser import code_of
from tests.support.world import World, utc_now

NOT_OURS = (
    "ada@sub.acme.test",
    "ada@acme.test.evil.test",
    "ada@evilacme.test",
    "ada@evil-acme.test",
    "ada@acme.tes",
    "ada@acme.tests",
    "ada@test",
    "ada@globex.test",
    "ada@acme.com",
    "ada@acm\u00e9.test",
    "ada@\u0430cme.test",
    "ada@xn--acm-dma.test",
    "ada@acme-test",
)
NO_ADDRESS = (
    "ada",
    "@acme.test",
    "ada@",
    "ada@@acme.test",
    "ada@evil.test@acme.test",
    "ada@acme.test@evil.test",
    '"ada@evil.test"@acme.test',
    "ada@acme.test,eve@acme.test",
    "ada@acme.test eve@acme.test",
    "ada@acme.test;eve@evil.test",
    "Ada <ada@acme.test>",
    "<ada@acme.test>",
    "mailto:ada@acme.test?",
    "ada@acme.test.",
    "ada@.acme.test",
    "ada@acme..test",
    "ada@-acme.test",
    "ada@[127.0.0.1]",
    "ada@127.0.0.1",
    "ada..x@acme.test",
    ".ada@acme.test",
    "ada.@acme.test",
    "ada @acme.test",
    "ada@ acme.test",
    "a\u200bda@acme.test",
    "ad\u0430@acme.test",
    "ada@ac\u00adme.test",
    "ada@\uff41cme.test",
    "ada@acme\u3002test",
    "a" * 65 + "@acme.test",
    "ada@" + "a" * 250 + ".test",
)


def mails(victim: Pending, addresses: tuple[str, ...]) -> dict[str, bytes]:
    """A good response for each address."""
    return {address: victim.response(attributes={"mail": [address]}) for address in addresses}


def prepare(world: World, email: str, username: str | None = None, slug: str = "acme", **values: Any) -> str:
    """A person as CSV or SCIM leaves one before the first sign-in: with an address, and without a subject."""
    user_id = new_id()
    tables = Base.metadata.tables
    with world.app.app_context(), every_tenant(), db.engine.begin() as connection:
        tenant_id = connection.execute(sa.text("SELECT id FROM tenant WHERE slug = :slug"), {"slug": slug}).scalar_one()
        row = {"tenant_id": tenant_id, "id": user_id, "email": email, "username": username, "active": True}
        connection.execute(sa.insert(tables["users"]).values(**(row | {"created_at": utc_now()} | values)))
        address = {"email": email, "tenant_id": tenant_id, "user_id": user_id}
        connection.execute(sa.insert(tables["email_address"]).values(**address))
    return user_id


def events(world: World, slug: str = "acme") -> list[str]:
    """Types of the tenant's events, newest first."""
    return [event["type"] for event in world.api("GET", f"/tenants/{slug}/events").get_json()["items"]]


def deactivate(world: World, user_id: str, *, active: bool = False) -> None:
    """Switch an account off as an administrator does."""
    answer = world.api("PATCH", f"/tenants/acme/users/{user_id}", json={"active": active})
    assert answer.status_code == 200, answer.get_data(as_text=True)


# Domains


@on_sqlite
def test_an_address_outside_the_tenants_domains_is_refused(world: World) -> None:
    """No sub-domain, look-alike, prefix or suffix of a proven domain counts."""
    victim = pending(world)
    refuse_each(victim, mails(victim, NOT_OURS), {"email_domain_not_allowed", "email_invalid"})


@on_sqlite
def test_what_is_no_address_is_refused(world: World) -> None:
    """Two at signs, quotes, lists, display names, invisible and look-alike letters: another program may read another one."""
    victim = pending(world)
    refuse_each(victim, mails(victim, NO_ADDRESS), "email_invalid")


def test_the_refusal_says_the_domain_to_the_administrator_and_not_to_the_person(world: World) -> None:
    """The receipt lists what is allowed and what came; the page lists neither, and offers another account."""
    victim = pending(world)
    message = victim.response(attributes={"mail": ["ada@elsewhere.test"]})
    refused = refuse(victim, message, "email_domain_not_allowed")
    assert refused.lines[-1]["actual"] == "elsewhere.test"
    assert "acme.test" in refused.lines[-1]["expected"]
    assert "elsewhere.test" not in refused.page
    assert "/saml/login?other=1" in refused.page


@on_sqlite
@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("ADA@ACME.TEST", "ada@acme.test"),
        ("Ada.Lovelace@Acme.Test", "ada.lovelace@acme.test"),
        ("ada+news@acme.test", "ada+news@acme.test"),
        ("o'hara@acme.test", "o'hara@acme.test"),
        ("\n  ada@acme.test\n", "ada@acme.test"),
    ],
)
def test_an_address_has_one_form(world: World, written: str, stored: str) -> None:
    """Case and blanks around it aside, it is what came; a plus sign is part of the name."""
    assert accept(pending(world), attributes={"mail": [written]})["user"]["email"] == stored


def test_a_domain_of_other_letters_is_known_by_both_its_spellings(world: World) -> None:
    """The list is in IDNA's form: an address in letters and one in ASCII are the same; a look-alike is not."""
    domains = ["acme.test", "b\u00fccher.test", "kiosk.test"]
    assert world.api("PATCH", "/tenants/acme", json={"email_domains": domains}).status_code == 200
    for name, address in (("one", "one@B\u00dcCHER.test"), ("two", "two@xn--bcher-kva.test")):
        told = accept(pending(world), name_id=name, attributes={"mail": [address]})
        assert told["user"]["email"] == f"{name}@xn--bcher-kva.test"
    victim = pending(world)
    look_alikes = ("ada@bucher.test", "ada@bu\u0308cher.test", "ada@\u212aiosk.test", "ada@k\u0131osk.test")
    refuse_each(victim, mails(victim, look_alikes), {"email_domain_not_allowed", "email_invalid"})


def test_a_domain_counts_once_it_is_proven(world: World) -> None:
    """A tenant's own administrator may list a domain; until staff attest it nobody signs in by it."""
    runner = world.app.test_cli_runner()
    token = runner.invoke(args=["token", "create", "--role", "admin", "--tenant", "acme"]).output.strip()
    wanted = {"email_domains": ["acme.test", "new.test"]}
    assert world.api("PATCH", "/tenants/acme", token, json=wanted).status_code == 200
    victim = pending(world)
    refuse(victim, victim.response(attributes={"mail": ["ada@new.test"]}), "email_domain_not_allowed")
    assert world.api("PATCH", "/tenants/acme", json=wanted).status_code == 200
    accept(pending(world), name_id="new", attributes={"mail": ["ada@new.test"]})


def test_a_domain_that_was_given_up_counts_no_more(world: World) -> None:
    """From the next request on, also for people who came by it before; other tenants may have it then."""
    accept(pending(world))
    assert world.api("PATCH", "/tenants/acme", json={"email_domains": ["other.test"]}).status_code == 200
    victim, before = pending(world), world.rows()
    assert_refused(world, victim.send(victim.response()), "email_domain_not_allowed", before)


def test_no_domain_at_all_is_no_pass(world: World) -> None:
    """An empty list lets nobody in, rather than everybody."""
    assert world.api("PATCH", "/tenants/acme", json={"email_domains": []}).status_code == 200
    victim, before = pending(world), world.rows()
    assert_refused(world, victim.send(victim.response()), "email_domain_not_allowed", before)


# Ownership


def test_another_persons_address_is_refused(world: World) -> None:
    """A second subject of the same identity provider with ada's address is not ada, and gets no account."""
    accept(pending(world))
    victim = pending(world)
    refused = refuse(victim, victim.response(name_id="mallory"), "email_conflict")
    assert refused.check == "email_owner"
    assert "another NameID" in refused.lines[-1]["actual"]
    assert world.count("users") == 1


def test_the_refusal_does_not_say_where_an_address_is_in_use(world: World) -> None:
    """Word for word the same page and record, whether the owner is at this tenant or at another."""
    accept(pending(world), attributes={"mail": ["taken@acme.test"]})
    accept(pending(world, world.globex), name_id="grace", attributes={"mail": ["taken@globex.test"]})
    assert world.api("PATCH", "/tenants/acme", json={"email_domains": ["elsewhere.test"]}).status_code == 200
    wanted = {"email_domains": ["globex.test", "acme.test"]}
    assert world.api("PATCH", "/tenants/globex", json=wanted).status_code == 200
    records = []
    for address in ("taken@acme.test", "taken@globex.test"):
        victim = pending(world, world.globex)
        refused = refuse(victim, victim.response(name_id="mallory", attributes={"mail": [address]}), "email_conflict")
        records.append((refused.page, refused.cause, refused.lines[-1]))
    assert records[0] == records[1]
    assert "acme" not in records[0][0].lower()
    assert "acme" not in records[0][1].lower()


def test_changing_to_a_taken_address_changes_nothing(world: World) -> None:
    """Somebody known comes with somebody else's address: refused, and their own address stays theirs."""
    accept(pending(world))
    accept(pending(world), name_id="eve", attributes={"mail": ["eve@acme.test"], "givenName": ["Eve"]})
    victim, before = pending(world), world.rows()
    message = victim.response(name_id="eve", attributes={"mail": ["ada@acme.test"], "givenName": ["Ada"]})
    assert_refused(world, victim.send(message), "email_conflict", before)
    told = accept(victim, name_id="eve", attributes={"mail": ["eve@acme.test"]})
    assert (told["user"]["email"], told["user"]["first_name"]) == ("eve@acme.test", "Eve")


def test_changing_to_a_free_address_frees_the_old_one(world: World) -> None:
    """People marry and move; the address that they leave can be somebody else's afterwards."""
    first = accept(pending(world))
    second = accept(pending(world), attributes={"mail": ["ada.king@acme.test"]})
    assert (first["user"]["id"], second["user"]["email"]) == (second["user"]["id"], "ada.king@acme.test")
    third = accept(pending(world), name_id="new ada", attributes={"mail": ["ada@acme.test"]})
    assert third["user"]["id"] != first["user"]["id"]
    assert world.count("email_address") == 2


def test_two_people_who_change_to_one_address_at_once(world: World) -> None:
    """One gets it; the other keeps what they had."""
    names = ("eve", "bob", "joe", "sue")
    for name in names:
        accept(pending(world), name_id=name, attributes={"mail": [f"{name}@acme.test"]})
    victims = {name: pending(world) for name in names}
    answers = at_once(
        [
            partial(victim.send, victim.response(name_id=name, attributes={"mail": ["shared@acme.test"]}))
            for name, victim in victims.items()
        ]
    )
    assert sorted(str(code_of(answer)) for answer in answers) == ["None"] + ["email_conflict"] * 3
    addresses = {row[0] for row in world.rows()["email_address"]}
    assert len(addresses) == len(names)
    assert "shared@acme.test" in addresses


def test_two_people_who_exchange_their_addresses_at_once(world: World) -> None:
    """Each takes what the other has not given up yet: neither gets it, nobody waits for ever, and both keep their own."""
    people = {"eve": "bob", "bob": "eve"}
    for name in people:
        accept(pending(world), name_id=name, attributes={"mail": [f"{name}@acme.test"]})
    victims, before = {name: pending(world) for name in people}, world.rows()
    calls = [
        partial(victim.send, victim.response(name_id=name, attributes={"mail": [f"{people[name]}@acme.test"]}))
        for name, victim in victims.items()
    ]
    assert {code_of(answer) for answer in at_once(calls)} <= {"email_conflict", "unavailable"}
    assert world.rows() == before


def test_two_spellings_of_an_address_have_one_owner(world: World) -> None:
    """Case makes no second account."""
    accept(pending(world))
    victim = pending(world)
    refuse(victim, victim.response(name_id="mallory", attributes={"mail": ["ADA@Acme.TEST"]}), "email_conflict")


# People prepared beforehand


def test_a_prepared_person_is_joined_by_address(world: World) -> None:
    """The row that was there gets the subject, keeps its id, and is found by the subject from then on."""
    user_id = prepare(world, "ada@acme.test", first_name="Augusta")
    told = accept(pending(world))
    assert (told["user"]["id"], told["user"]["first_name"], told["user"]["name_id"]) == (user_id, "Ada", "ada@acme.test")
    assert "user.joined" in events(world)
    assert accept(pending(world))["user"]["id"] == user_id
    assert world.count("users") == 1


def test_a_prepared_person_is_joined_by_username(world: World) -> None:
    """Under the address that the identity provider says; the prepared one is free again."""
    user_id = prepare(world, "a.lovelace@acme.test", "ada")
    told = accept(pending(world), attributes={"mail": ["ada@acme.test"], "uid": ["ada"]})
    assert (told["user"]["id"], told["user"]["email"]) == (user_id, "ada@acme.test")
    assert {row[0] for row in world.rows()["email_address"]} == {"ada@acme.test"}


def test_where_address_and_username_lead_to_two_people_neither_is_taken(world: World) -> None:
    """An administrator has to look at it; nobody is merged with anybody."""
    prepare(world, "ada@acme.test")
    prepare(world, "other@acme.test", "ada")
    victim, before = pending(world), world.rows()
    message = victim.response(attributes={"mail": ["ada@acme.test"], "uid": ["ada"]})
    assert_refused(world, victim.send(message), "email_conflict", before)


def test_a_username_that_was_cut_joins_nobody(world: World) -> None:
    """Who may choose a name of any length cannot have its beginning taken for somebody else's."""
    user_id = prepare(world, "long@acme.test", "x" * 320)
    told = accept(pending(world), attributes={"mail": ["ada@acme.test"], "uid": ["x" * 400]})
    assert told["user"]["id"] != user_id
    assert world.count("users") == 2


def test_no_two_prepared_people_have_one_username(world: World) -> None:
    """The database keeps them apart, so that a username leads to one of them; whoever has a subject may be called the same."""
    accept(pending(world), name_id="other", attributes={"mail": ["other@acme.test"], "uid": ["ada"]})
    user_id = prepare(world, "one@acme.test", "ada")
    with pytest.raises(sa.exc.IntegrityError):
        prepare(world, "two@acme.test", "ada")
    told = accept(pending(world), attributes={"mail": ["ada@acme.test"], "uid": ["ada"]})
    assert told["user"]["id"] == user_id
    assert world.count("users") == 2


@pytest.mark.parametrize("by", ["mail", "uid"])
def test_somebody_who_has_a_subject_is_not_joined(world: World, by: str) -> None:
    """Once signed in, a person is who the subject says: neither address nor username makes another one them."""
    accept(pending(world), attributes={"mail": ["ada@acme.test"], "uid": ["ada"]})
    victim = pending(world)
    if by == "mail":
        refuse(victim, victim.response(name_id="mallory", attributes={"mail": ["ada@acme.test"]}), "email_conflict")
    else:
        told = accept(victim, name_id="mallory", attributes={"mail": ["mallory@acme.test"], "uid": ["ada"]})
        assert told["user"]["email"] == "mallory@acme.test"
        assert world.count("users") == 2


def test_another_tenants_prepared_person_is_not_joined(world: World) -> None:
    """Usernames are a tenant's own."""
    theirs = prepare(world, "ada@globex.test", "ada", slug="globex")
    told = accept(pending(world), attributes={"mail": ["ada@acme.test"], "uid": ["ada"]})
    assert told["user"]["id"] != theirs
    assert world.count("users") == 2


def test_a_prepared_person_who_is_switched_off_is_not_joined(world: World) -> None:
    """Not by address; and no second account is made beside."""
    prepare(world, "ada@acme.test", active=False)
    victim, before = pending(world), world.rows()
    assert_refused(world, victim.send(victim.response()), "user_inactive", before)


def test_an_empty_username_joins_nobody(world: World) -> None:
    """Neither a missing one nor an empty one is the username of people who have none."""
    prepared = {prepare(world, "one@acme.test", None), prepare(world, "two@acme.test", "")}
    for number, uid in enumerate(({}, {"uid": [""]}, {"uid": [" "]})):
        told = accept(pending(world), name_id=f"n{number}", attributes={"mail": [f"n{number}@acme.test"], **uid})
        assert told["user"]["id"] not in prepared


def test_of_many_who_claim_one_prepared_person_at_once_one_is(world: World) -> None:
    """Several subjects with the prepared address in one moment: one joins, the others meet an address in use."""
    user_id = prepare(world, "ada@acme.test")
    victims = [pending(world) for _ in range(6)]
    answers = at_once([partial(victim.send, victim.response(name_id=f"n{n}")) for n, victim in enumerate(victims)])
    assert sorted(str(code_of(answer)) for answer in answers) == ["None"] + ["email_conflict"] * 5
    assert {row[1] for row in world.rows()["users"]} == {user_id}


# People who were switched off


def test_an_account_that_is_switched_off_is_not_brought_back(world: World) -> None:
    """Not by signing in again, nor as somebody new with the same address; sessions end at once; switched on, it works."""
    victim = pending(world)
    user_id = accept(victim)["user"]["id"]
    deactivate(world, user_id)
    assert victim.browser.get("/session").status_code == 401
    again, before = pending(world), world.rows()
    refused = assert_refused(world, again.send(again.response()), "user_inactive", before)
    assert refused.check == "active"
    assert_refused(world, again.send(again.response(name_id="new ada")), "email_conflict", before)
    deactivate(world, user_id, active=True)
    assert accept(again)["user"]["id"] == user_id


def test_switching_off_while_signing_in_leaves_no_session(world: World) -> None:
    """Whichever comes first: when both are done, the account is off and nobody is signed in."""
    user_id = accept(pending(world))["user"]["id"]
    victims = [pending(world) for _ in range(6)]
    calls: list[Callable[[], object]] = [partial(victim.send, victim.response()) for victim in victims]
    calls.insert(3, partial(deactivate, world, user_id))
    at_once(calls)
    for victim in victims:
        assert victim.browser.get("/session").status_code == 401
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        open_sessions = connection.execute(sa.text("SELECT count(*) FROM session WHERE ended_at IS NULL")).scalar_one()
    assert open_sessions == 0
