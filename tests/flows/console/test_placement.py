"""The console's page about where an identity provider's people belong: read, foreseen, saved together or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from admin_ui.screens.authentication import places
from tests.flows.console.walking import token_of
from tests.flows.placement.test_rules import RULES, come, organisation, person
from tests.support.console import tenant_client
from tests.support.organisations import connect_directory
from tests.support.world import World

PAGE = "/admin/authentication-placement/main"


def _form(**changes: Any) -> dict[str, Any]:
    row = {"number": ["20", "10"], "attribute": ["groups", "status"], "values": ["it\nops", "left"]}
    row |= {"place": ["", ""], "role": ["admin", ""], "active": ["", "no"]}
    return {"organisation": "tenant", "follows": "on", "email_domains": "", **row, **changes}


def test_rules_are_foreseen_and_saved(world: World) -> None:
    """Numbers order them, an empty attribute is no rule, a preview changes nothing, and a fault names its rule."""
    sales = organisation(world, "Sales <b>")
    come(world, "bob", groups=["it"])
    come(world, "eve", status=["left"])
    admin = tenant_client(world)
    assert "Sales &lt;b&gt;" in admin.get(PAGE).get_data(as_text=True)
    version = world.api("GET", RULES).get_json()["version"]
    body = _form(place=[sales, ""], version=version) | {"csrf_token": token_of(admin, PAGE)}
    page = admin.post(PAGE, data=body | {"act": "preview"}).get_data(as_text=True)
    for words in ("bob@acme.test", "eve@acme.test", "Nothing was saved yet", "<b>admin</b>", "<b>ends</b>"):
        assert words in page, words
    assert world.count("placement_rule") == 0
    faulty = admin.post(PAGE, data=body | {"role": ["", ""], "place": ["", ""], "act": "save"})
    assert (faulty.status_code, "Rule 2" in faulty.get_data(as_text=True)) == (422, True)
    assert admin.post(PAGE, data=body | {"act": "save"}).status_code == 303
    saved = world.api("GET", RULES).get_json()["rules"]
    assert [(rule["attribute"], rule["active"], rule["organisation"]) for rule in saved] == [
        ("status", False, None),
        ("groups", None, sales),
    ]
    stale = admin.post(PAGE, data=body | {"act": "save"})
    assert stale.status_code == 409
    come(world, "bob", groups=["ops"])
    assert person(world, "bob").organisation_id == sales


def test_of_many_organisations_rules_take_paths(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule would offer each of them; so the page stays small, tells a rule that names none, and keeps what was typed."""
    sales = organisation(world, "Sales")
    north = organisation(world, "North", sales)
    admin = tenant_client(world)
    few = admin.get(PAGE).get_data(as_text=True)
    assert (f'<option value="{north}"' in few, "<datalist" in few) == (True, False)
    monkeypatch.setattr(places, "MOST_OPTIONS", 2)
    many = admin.get(PAGE).get_data(as_text=True)
    assert (many.count("Sales/North"), 'list="paths"' in many) == (1, True)
    body = _form(place=["sales / NORTH", "/"], version=world.api("GET", RULES).get_json()["version"])
    body |= {"csrf_token": token_of(admin, PAGE)}
    wrong = admin.post(PAGE, data=body | {"place": ["Sales/South", ""], "act": "save"})
    shown = wrong.get_data(as_text=True)
    assert (wrong.status_code, "Rule 2" in shown, 'value="Sales/South"' in shown) == (422, True, True)
    assert world.count("placement_rule") == 0
    assert admin.post(PAGE, data=body | {"act": "save"}).status_code == 303
    assert [rule["organisation"] for rule in world.api("GET", RULES).get_json()["rules"]] == ["tenant", north]
    assert 'value="Sales/North"' in admin.get(PAGE).get_data(as_text=True)


def test_viewers_read_and_change_nothing(world: World) -> None:
    """Neither a form's button nor a form that is sent all the same."""
    viewer = tenant_client(world, role="viewer")
    page = viewer.get(PAGE)
    assert (page.status_code, 'value="save"' in page.get_data(as_text=True)) == (200, False)
    assert viewer.post(PAGE, data=_form() | {"csrf_token": token_of(viewer, PAGE)}).status_code == 403


def test_a_directorys_rules_have_the_same_page(world: World) -> None:
    """Reached from the directory, without domains; saved as by the API; another tenant's directory is not there."""
    connect_directory(world)
    sales = organisation(world, "Sales")
    admin, page = tenant_client(world), "/admin/directory-placement/company"
    assert page in admin.get("/admin/directories/company").get_data(as_text=True)
    shown = admin.get(page).get_data(as_text=True)
    assert ('name="email_domains"' in shown, "and sync" in shown) == (False, True)
    body = _form(attribute=["groups", "employeeType"], place=[sales, ""]) | {"csrf_token": token_of(admin, page)}
    foreseen = admin.post(page, data=body | {"act": "preview"}).get_data(as_text=True)
    assert "By what the last sync has read of 0 people" in foreseen
    secret = admin.post(page, data=body | {"attribute": ["userPassword", ""], "act": "save"})
    assert (secret.status_code, "is not read" in secret.get_data(as_text=True)) == (422, True)
    assert admin.post(page, data=body | {"act": "save"}).status_code == 303
    saved = world.api("GET", "/tenants/acme/directories/company/placement-rules").get_json()["rules"]
    assert [(rule["attribute"], rule["role"], rule["active"]) for rule in saved] == [
        ("employeeType", None, False),
        ("groups", "admin", None),
    ]
    theirs = world.api("GET", "/tenants/globex/directories/company/placement-rules")
    assert theirs.status_code == 404
    assert tenant_client(world, world.globex).get(page).status_code == 404
    viewer = tenant_client(world, role="viewer")
    assert viewer.post(page, data=_form() | {"csrf_token": token_of(viewer, page)}).status_code == 403
