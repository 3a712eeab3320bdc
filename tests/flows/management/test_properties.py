"""Properties of the service: by API, command line and console alike, on record, and held at once."""

from __future__ import annotations

import datetime as dt

import pytest

from admin_ui.staff_events import staff_events
from tests.flows.console.walking import token_of
from tests.flows.management.support import MAIN, allow_loopback, code_in, put, token_for
from tests.support.console import staff_client
from tests.support.metadata_server import metadata_server
from tests.support.world import World

NAME = "saml.metadata_sync_hours"
PAGE = "/admin/service-settings/"


def _value(world: World) -> dict[str, object]:
    (item,) = (item for item in world.api("GET", "/properties").get_json()["items"] if item["name"] == NAME)
    found: dict[str, object] = item
    return found


def test_a_property_is_changed_and_unset_by_whichever_way(world: World) -> None:
    """The value, who set it and the events are the same for API, command line and console; each answer says when it holds."""
    assert (_value(world)["value"], _value(world)["changed_by"]) == (6, None)
    changed = world.api("PATCH", "/properties", json={NAME: 2}).get_json()
    assert "within 5 seconds" in changed["holds"]
    assert _value(world)["value"] == 2
    run = world.app.test_cli_runner().invoke
    said = run(args=["prop", "set", NAME, "24"])
    assert (said.exit_code, said.output.startswith(f"{NAME} is 24. It holds within 5 seconds")) == (0, True)
    assert run(args=["prop", "get", NAME]).output == "24\n"
    assert str(_value(world)["changed_by"]).startswith("cli:")
    owner = staff_client(world)
    form = {"csrf_token": token_of(owner, PAGE), f"value-{NAME}": "48"}
    shown = owner.post(PAGE + NAME, data=form, follow_redirects=True).get_data(as_text=True)
    assert "within 5 seconds" in shown
    assert 'value="48"' in shown
    assert run(args=["prop", "unset", NAME]).exit_code == 0
    assert (_value(world)["value"], _value(world)["changed_at"]) == (6, None)
    assert run(args=["prop", "unset", NAME]).exit_code == 0, "and again: nothing happens"
    with world.app.app_context():
        events = [event.detail for event in staff_events(None, 10) if event.type == "property.changed"]
    assert [(event["from"], event["to"]) for event in reversed(events)] == [(6, 2), (2, 24), (24, 48), (48, 6)]


@pytest.mark.parametrize("value", [0, 169, -1, True, "2", 2.5, 10**30])
def test_what_is_out_of_bounds_is_refused(world: World, value: object) -> None:
    """422 with the field; nothing has changed."""
    refused = world.api("PATCH", "/properties", json={NAME: value})
    assert code_in(refused) == (422, "validation_failed")
    assert NAME in refused.get_json()["errors"]
    assert _value(world)["value"] == 6


def test_the_command_and_the_page_refuse_too(world: World) -> None:
    """With the bounds in words; what was typed is kept."""
    run = world.app.test_cli_runner().invoke
    refused = run(args=["prop", "set", NAME, "169"])
    assert refused.exit_code == 2
    assert "from 1 to 168" in refused.output
    assert run(args=["prop", "get", "saml.nothing"]).exit_code == 2
    owner = staff_client(world)
    for typed in ("169", "x", "", "²"):
        form = {"csrf_token": token_of(owner, PAGE), f"value-{NAME}": typed}
        answer = owner.post(PAGE + NAME, data=form)
        assert answer.status_code == 422
        assert f'value="{typed}"' in answer.get_data(as_text=True)
    assert _value(world)["value"] == 6


def test_only_owners_may(world: World) -> None:
    """Support and tenants' own are refused; and a name that is none is no field."""
    for role, slug in (("support", None), ("admin", "acme"), ("viewer", "acme")):
        token = token_for(world, role, slug)
        assert code_in(world.api("GET", "/properties", token)) == (403, "forbidden")
        assert code_in(world.api("PATCH", "/properties", token, json={NAME: 2})) == (403, "forbidden")
    assert code_in(world.api("PATCH", "/properties", json={"saml.nothing": 2})) == (422, "validation_failed")


def test_an_interval_of_ones_own_beats_the_services(world: World) -> None:
    """It stays when the identity provider is saved again; the next fetch follows each change at once."""
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml()) as server:
        put(world, metadata_url=server.url)
        saved = _hours_ahead(world)
        assert 5.3 < saved <= 6
        world.api("PATCH", "/properties", json={NAME: 12})
        assert saved + 6 == pytest.approx(_hours_ahead(world), abs=0.01)
        own = world.api("PATCH", f"{MAIN}/refresh", json={"sync_hours": 2})
        assert (own.get_json()["sync_hours"], own.get_json()["effective_hours"]) == (2, 2)
        assert 1.3 < _hours_ahead(world) <= 2
        put(world, metadata_url=server.url)
        assert 1.7 < _hours_ahead(world) <= 2
        world.api("PATCH", "/properties", json={NAME: 1})
        assert 1.7 < _hours_ahead(world) <= 2
    run = world.app.test_cli_runner().invoke
    assert run(args=["idp", "refresh", "acme", "main", "--default"]).exit_code == 0
    assert _hours_ahead(world) <= 1
    assert code_in(world.api("PATCH", f"{MAIN}/refresh", json={"sync_hours": 169})) == (422, "validation_failed")


def _hours_ahead(world: World) -> float:
    following = world.api("GET", f"{MAIN}/refresh").get_json()["next_sync_at"]
    return (dt.datetime.fromisoformat(following) - dt.datetime.now(dt.UTC)) / dt.timedelta(hours=1)
