"""Settings are inherited unless overridden, shown with where they come from, and have to go together (G1–G3)."""

from __future__ import annotations

import datetime as dt

import time_machine

from tests.flows.management.support import code_in, events_of
from tests.support.organisations import accepted, chain, connect_other, made, patch, put, set_access, setting, user_of
from tests.support.world import World, utc_now


def refused_fields(world: World, organisation: str | None, **settings: object) -> set[str]:
    """The fields that a change is refused for."""
    answer = set_access(world, organisation, **settings)
    assert code_in(answer) == (422, "validation_failed"), answer.get_data(as_text=True)
    return set(answer.get_json()["errors"]) - {"body"}


def test_a_setting_is_inherited_overridden_and_inherited_again(world: World) -> None:
    """Each with the organisation that says so; nobody, where the value is the service's own."""
    sales, emea = chain(world, "Sales", "EMEA")
    assert setting(world, emea, "way") == {"value": "sso", "own": False, "source": None}
    accepted(set_access(world, None, way="local"))
    assert setting(world, emea, "way") == {"value": "local", "own": False, "source": {"id": None, "path": ""}}
    accepted(set_access(world, sales, way="sso", jit_provisioning=False))
    assert setting(world, emea, "way") == {"value": "sso", "own": False, "source": {"id": sales, "path": "Sales"}}
    assert setting(world, sales, "jit_provisioning")["own"] is True
    accepted(set_access(world, sales, way=None))
    assert setting(world, emea, "way")["value"] == "local"
    assert accepted(world.api("GET", f"/tenants/acme/organisations/{sales}"))["overrides"] == ["jit_provisioning"]
    before = len(events_of(world))
    accepted(set_access(world, sales, jit_provisioning=False))
    assert len(events_of(world)) == before, "the same again is no change"
    changed = next(event for event in events_of(world) if event["type"] == "access.changed")
    assert changed["detail"]["changes"] == {"way": {"from": "sso", "to": None}}


def test_what_does_not_go_together_is_refused_here_and_below(world: World) -> None:
    """Rules hold for what is effective, so a change above is judged by everything below."""
    sales, emea = chain(world, "Sales", "EMEA")
    assert refused_fields(world, sales, sso_enabled=False) == {"sso_enabled"}
    assert refused_fields(world, sales, sso_enabled=False, sso_required=True) == {"sso_required"}
    assert refused_fields(world, sales, directory="main") == {"directory"}
    assert refused_fields(world, sales, identity_provider="nobody") == {"identity_provider"}
    assert refused_fields(world, sales, way="carrier pigeon") == {"way"}
    assert refused_fields(world, sales, provider_name="a\u202eb") == {"provider_name"}
    assert refused_fields(world, sales, session_idle_seconds=1) == {"session_idle_seconds"}
    assert refused_fields(world, sales, unknown=1) == {"unknown"}
    accepted(set_access(world, emea, session_idle_seconds=7200))
    assert refused_fields(world, sales, session_absolute_seconds=3600) == {"session_idle_seconds"}
    assert refused_fields(world, None, session_absolute_seconds=3600) == {"session_idle_seconds"}
    assert refused_fields(world, None, session_idle_seconds=None) == {"session_idle_seconds"}
    answer = world.api("PATCH", "/tenants/acme", json={"session_idle_seconds": 3600, "session_absolute_seconds": 3600})
    assert code_in(answer) == (422, "validation_failed"), "the tenant's own form is held to the same"
    other = {"display_name": "Other login", "metadata_xml": connect_other(world).metadata_xml(), "enabled": False}
    accepted(world.api("PUT", "/tenants/acme/identity-providers/other", json=other))
    assert refused_fields(world, sales, identity_provider="other") == {"identity_provider"}, "one that is switched off"
    assert refused_fields(world, sales, identity_provider="globex") == {"identity_provider"}


def test_a_move_is_judged_by_what_it_makes_of_the_branch(world: World) -> None:
    """What would be inherited at the new place has to go with what the branch says itself."""
    short, moving = made(world, "Short"), made(world, "Moving")
    accepted(set_access(world, short, session_idle_seconds=300, session_absolute_seconds=600))
    accepted(set_access(world, moving, session_idle_seconds=3600))
    assert code_in(patch(world, moving, parent_id=short)) == (422, "validation_failed")
    accepted(set_access(world, moving, session_idle_seconds=None))
    accepted(patch(world, moving, parent_id=short))


def test_sessions_last_as_long_as_the_organisation_says(world: World) -> None:
    """Idle and absolute, for those who are in it; the others have the tenant's."""
    short = made(world, "Short")
    ada, bob = world.browser(), world.browser()
    world.sign_in(ada)
    world.sign_in(bob, name_id="bob", attributes={"mail": ["bob@acme.test"]})
    accepted(set_access(world, short, session_idle_seconds=300, session_absolute_seconds=3600))
    put(world, short, user_of(world)["id"])
    later = utc_now() + dt.timedelta(minutes=6)
    with time_machine.travel(later, tick=False):
        assert ada.get("/session").status_code == 401, "idle for longer than its organisation lets it be"
        assert bob.get("/session").status_code == 200
        world.sign_in(ada)
    with time_machine.travel(later, tick=False) as clock:
        for _ in range(14):
            assert ada.get("/session").status_code == 200
            clock.shift(dt.timedelta(minutes=4))
        clock.shift(dt.timedelta(minutes=4))
        assert ada.get("/session").status_code == 401, "over, however busy"


def test_the_tenants_own_timeouts_are_where_they_always_were(world: World) -> None:
    """`access` of the tenant and its own form show and change the same two numbers."""
    accepted(set_access(world, None, session_idle_seconds=600, session_absolute_seconds=6000))
    assert accepted(world.api("GET", "/tenants/acme"))["session_idle_seconds"] == 600
    accepted(world.api("PATCH", "/tenants/acme", json={"session_idle_seconds": 900}))
    assert setting(world, None, "session_idle_seconds") == {"value": 900, "own": True, "source": {"id": None, "path": ""}}


def test_native_clients_read_what_holds_for_an_organisation(world: World) -> None:
    """By id or path; what is not there is answered as the tenant, and nothing about people is said."""
    sales, emea = chain(world, "Sales", "EMEA")
    connect_other(world)
    accepted(set_access(world, sales, identity_provider="other", provider_name="Sales login"))
    accepted(set_access(world, emea, way="local"))

    def config(organisation: str | None = None) -> dict[str, object]:
        named = {"organisation": organisation} if organisation else {}
        answer = world.browser().get("/client-config.json", query_string=named)
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        document = answer.get_json()
        return {name: document[name] for name in ("sso_enabled", "sso_required", "provider", "login_url", "ways")}

    whole = config()
    assert whole == {
        "sso_enabled": True,
        "sso_required": True,
        "provider": None,
        "login_url": "http://acme.localhost:8000/saml/login",
        "ways": ["sso"],
    }
    for named in (sales, "Sales", "sáles"):
        assert config(named) == whole | {
            "provider": "Sales login",
            "login_url": "http://acme.localhost:8000/saml/login?idp=other",
        }
    told = config("Sales/EMEA")
    assert (told["sso_required"], told["ways"], told["provider"]) == (False, ["sso", "local"], "Sales login")
    accepted(set_access(world, emea, sso_enabled=False))
    told = config(emea)
    assert told == {"sso_enabled": False, "sso_required": False, "provider": None, "login_url": None, "ways": ["local"]}
    for named in ("Nobody", "Sales/Nobody", "x" * 5_000, "\x00", "//", "0" * 36):
        assert config(named) == whole, named[:20]
