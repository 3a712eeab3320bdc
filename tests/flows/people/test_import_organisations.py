"""A file says where people belong: read, previewed, applied and exported again (P7, G1)."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

from tests.flows.management.support import code_in, events_of
from tests.flows.people.test_import import USERS, apply, lines, people, upload, work
from tests.support.at_once import at_once
from tests.support.browser import code_of
from tests.support.organisations import (
    accepted,
    chain,
    connect_other,
    made,
    patch,
    put,
    set_access,
    sign_in_by,
    user_of,
)
from tests.support.world import World

ROWS = 2_000


def _refused(world: World, *cells: str) -> list[tuple[int, str]]:
    """Lines and columns of a file of new people, each with one of these as the organisation."""
    rows = "".join(f'p{number}@acme.test,"{cell}"\n' for number, cell in enumerate(cells))
    found = upload(world, f"email,organisation\n{rows}")
    return [(item["line"], item["problems"][0]["column"]) for item in lines(world, found, "refused")]


def _exported(world: World) -> list[list[str]]:
    answer = world.api("GET", f"{USERS}.csv")
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def test_a_file_puts_people_where_it_says(world: World) -> None:
    """Known people move, new ones are prepared there; blank keeps, or means the tenant; an export comes back unchanged."""
    sales, europe = chain(world, "Sales", "Europe")
    odd = made(world, "=Bjørn's  „Büro“")
    world.sign_in(world.browser())
    put(world, sales, user_of(world)["id"])
    stays = upload(world, "email,organisation\nada@acme.test,\nnew@acme.test,\n")
    assert stays["counts"] == {"added": 1, "changed": 0, "unchanged": 1, "refused": 0, "moved": 0}
    file = (
        "email,first_name,Organization\nada@acme.test,Ada,  sales/EUROPE \nben@acme.test,,Sales › Europe\n"
        "cleo@acme.test,,\ndan@acme.test,,'=bjørn's  „buro“\n"
    )
    found = upload(world, file)
    assert (found["counts"], found["warnings"]) == ({"added": 3, "changed": 1, "unchanged": 0, "refused": 0, "moved": 1}, [])
    (changed,), added = lines(world, found, "changed"), lines(world, found, "added")
    assert changed["changes"] == {"organisation": ["Sales", "Sales/Europe"]}
    assert [item["values"].get("organisation") for item in added] == ["Sales/Europe", None, "=Bjørn's  „Büro“"]
    assert people(world).keys() == {"ada@acme.test"}, "a preview puts nobody anywhere"
    assert apply(world, found)["state"] == "applied"
    where = {email: item["organisation_id"] for email, item in people(world).items()}
    assert where == {"ada@acme.test": europe, "ben@acme.test": europe, "cleo@acme.test": None, "dan@acme.test": odd}
    told = {event["type"]: event["detail"] for event in reversed(events_of(world))}
    assert {name: told["user.moved"][name] for name in ("from", "to")} == {"from": sales, "to": europe}
    assert told["people.imported"]["moved"] == 1
    assert "user.updated" not in told, "where somebody belongs is no part of their profile"
    head, *rows = _exported(world)
    assert {row[head.index("email")]: row[head.index("organisation")] for row in rows} == {
        "ada@acme.test": "Sales/Europe",
        "ben@acme.test": "Sales/Europe",
        "cleo@acme.test": "/",
        "dan@acme.test": "'=Bjørn's  „Büro“",
    }, "what a spreadsheet would run is marked as text"
    back = upload(world, world.api("GET", f"{USERS}.csv").get_data())
    assert (back["counts"], back["warnings"]) == (
        {"added": 0, "changed": 0, "unchanged": 4, "refused": 0, "moved": 0},
        [],
    )
    apply(world, upload(world, "email,organisation\nada@acme.test,/\n"))
    assert people(world)["ada@acme.test"]["organisation_id"] is None


def test_a_path_that_leads_nowhere_is_refused_on_its_line(world: World) -> None:
    """Unknown, of another tenant, half a path, one that could be two, far too long, turned about: with column and reason."""
    chain(world, "Sales", "Europe")
    made(world, "Sales › Europe")
    theirs = world.api("POST", "/tenants/globex/organisations", json={"name": "Secret"})
    assert theirs.status_code == 201
    cells = ("Europe", "Sales/", "/Sales", "Secret", "Sales › Europe", "x/" * 2_000, "\u202eselaS", "Sales\x0bEurope", "//")
    assert _refused(world, *cells) == [(number, "organisation") for number in range(2, 2 + len(cells))]
    assert _refused(world, "Sales/Europe", "sáles", "/", "") == []
    theirs_id = theirs.get_json()["id"]
    assert _refused(world, theirs_id) == [(2, "organisation")], "ids are no paths"
    found = upload(world, "email,organisation\na@acme.test,Nowhere\nb@acme.test,Sales › Europe\n")
    reasons = [item["problems"][0]["reason"] for item in lines(world, found, "refused")]
    assert ["no organisation of this path" in reasons[0], "Two organisations" in reasons[1]] == [True, True]


def test_what_changed_under_a_preview_applies_nothing(world: World) -> None:
    """The organisation went, or the person was put elsewhere meanwhile: nothing is written, and it is compared anew."""
    sales, finance = made(world, "Sales"), made(world, "Finance")
    world.sign_in(world.browser())
    found = upload(world, "email,organisation\nada@acme.test,Sales\nben@acme.test,Finance\n")
    assert world.api("DELETE", f"/tenants/acme/organisations/{finance}").status_code == 204
    assert apply(world, found)["state"] in ("waiting", "ready")
    work(world)
    again = world.api("GET", f"/tenants/acme/people-imports/{found['id']}").get_json()
    assert (again["state"], again["code"], again["counts"]["refused"]) == ("ready", "import_outdated", 1)
    assert people(world).keys() == {"ada@acme.test"}
    found = upload(world, "email,organisation\nada@acme.test,/\n")
    assert found["counts"]["unchanged"] == 1
    found = upload(world, "email,organisation\nada@acme.test,Sales\n")
    europe = made(world, "Europe", sales)
    put(world, europe, user_of(world)["id"])
    apply(world, found)
    assert user_of(world)["organisation_id"] == europe, "an administrator's later word stays"


def test_a_move_by_file_ends_what_is_no_way_there(world: World) -> None:
    """As any other move does; whom a file prepares in one part is not carried off by the identity provider of another."""
    other = connect_other(world)
    sales, finance = made(world, "Sales"), made(world, "Finance")
    accepted(set_access(world, finance, identity_provider="other"))
    browser = world.browser()
    assert sign_in_by(world, world.acme.idp, "main", "ada", browser).status_code == 303
    rule = {"attribute": "mail", "values": ["bob@acme.test"], "organisation": sales}
    placement = "/tenants/acme/identity-providers/main/placement-rules"
    assert world.api("PUT", placement, json={"rules": [rule]}).status_code == 200
    done = apply(world, upload(world, "email,organisation\nada@acme.test,Finance\nbob@acme.test,Finance\n"))
    assert done["state"] == "applied"
    assert browser.get("/session").status_code == 401
    assert next(item for item in events_of(world) if item["type"] == "people.imported")["detail"]["sessions_ended"] == 1
    refused = sign_in_by(world, world.acme.idp, "main", "bob")
    assert (refused.status_code, code_of(refused)) == (403, "sign_in_way_not_allowed")
    assert user_of(world, "bob@acme.test")["organisation_id"] == finance
    assert sign_in_by(world, other, "other", "bob").status_code == 303


def test_many_rows_and_a_move_at_the_same_moment(world: World) -> None:
    """Rows cost little where there are many organisations; who applies while the branch moves ends whole."""
    top = made(world, "Top")
    leaves = [made(world, f"Leaf {number}", top) for number in range(20)]
    rows = "".join(f"p{number}@acme.test,Top/Leaf {number % 20}\n" for number in range(ROWS))
    began = time.process_time()
    found = upload(world, f"email,organisation\n{rows}")
    assert found["counts"]["added"] == ROWS
    assert time.process_time() - began < 5
    other = made(world, "Other")

    def move() -> int:
        return int(patch(world, top, parent_id=other).status_code)

    def say_yes() -> Any:
        return apply(world, found)["state"]

    moved, state = at_once([move, say_yes])
    assert (moved, state) == (200, "applied")
    people_there = world.api("GET", f"{USERS}?organisation={leaves[0]}&limit=200").get_json()["items"]
    assert len(people_there) == ROWS // 20
    assert code_in(world.api("DELETE", f"/tenants/acme/organisations/{leaves[0]}")) == (409, "organisation_not_empty")
