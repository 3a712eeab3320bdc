"""SSO is required only where it was tested just as it is, and whoever requires it knows whom that locks out (G3)."""

from __future__ import annotations

from tests.flows.management.support import code_in, events_of
from tests.support.organisations import (
    accepted,
    chain,
    connect_other,
    made,
    pass_test,
    patch,
    put,
    set_access,
    setting,
    sign_in_by,
    user_of,
)
from tests.support.world import World


def test_sso_is_required_after_a_test_of_exactly_what_is_in_force(world: World) -> None:
    """Not before one, not with settings or metadata that came after it, and not with one that was to be refused."""
    sales, _emea = chain(world, "Sales", "EMEA")
    refused = set_access(world, sales, sso_required=True)
    assert code_in(refused) == (409, "sso_not_tested")
    assert refused.get_json()["facts"] == {"identity_providers": ["main"], "organisations": ["Sales", "Sales/EMEA"]}
    pass_test(world)
    world.change_settings(clock_skew_seconds=61)
    assert code_in(set_access(world, sales, sso_required=True)) == (409, "sso_not_tested"), "other settings by now"
    world.change_settings(clock_skew_seconds=60)
    accepted(set_access(world, sales, sso_required=True))
    accepted(set_access(world, sales, sso_required=None))
    renewed = {"display_name": "Company login", "metadata_xml": world.acme.idp.metadata_xml(cache_duration="PT1H")}
    accepted(world.api("PUT", "/tenants/acme/identity-providers/main", json=renewed))
    assert code_in(set_access(world, sales, sso_required=True)) == (409, "sso_not_tested"), "other metadata by now"
    pass_test(world)
    accepted(set_access(world, None, sso_required=True))
    assert setting(world, sales, "sso_required") == {"value": True, "own": False, "source": {"id": None, "path": ""}}


def test_whatever_brings_people_under_it_needs_the_test(world: World) -> None:
    """A move below an organisation that requires it, and another identity provider, are held to the same."""
    other = connect_other(world)
    pass_test(world)
    strict, lax = made(world, "Strict"), made(world, "Lax")
    accepted(set_access(world, strict, identity_provider="main", sso_required=True))
    assert code_in(set_access(world, strict, identity_provider="other")) == (409, "sso_not_tested")
    accepted(set_access(world, lax, identity_provider="other"))
    assert code_in(patch(world, lax, parent_id=strict)) == (409, "sso_not_tested")
    pass_test(world, other, "other")
    accepted(patch(world, lax, parent_id=strict))
    assert setting(world, lax, "sso_required")["value"] is True


def test_nothing_else_can_be_chosen_where_sso_is_required(world: World) -> None:
    """Other ways are refused there and shown as closed; what was chosen before waits until it is not required any more."""
    works = made(world, "Works")
    pass_test(world)
    accepted(set_access(world, works, way="local"))
    accepted(set_access(world, works, sso_required=True, anyway=True))
    shown = accepted(world.api("GET", f"/tenants/acme/organisations/{works}/access"))
    assert shown["ways"] == ["sso"]
    assert code_in(set_access(world, works, way="local")) == (422, "validation_failed")
    assert code_in(set_access(world, works, sso_enabled=False)) == (422, "validation_failed")
    assert world.browser().get("/client-config.json?organisation=Works").get_json()["sso_required"] is True
    accepted(set_access(world, works, sso_required=None))
    assert accepted(world.api("GET", f"/tenants/acme/organisations/{works}/access"))["ways"] == ["sso", "local"]


def test_who_would_be_locked_out_is_told_beforehand(world: World) -> None:
    """How many there are, and where; it is done only by somebody who says so."""
    other = connect_other(world)
    pass_test(world)
    pass_test(world, other, "other")
    works = made(world, "Works")
    assert sign_in_by(world, world.acme.idp, "main", "ada").status_code == 303
    prepared = accepted(world.api("POST", "/tenants/acme/users", json={"email": "bob@acme.test"}))
    put(world, works, user_of(world)["id"], prepared["id"])
    outlook = accepted(world.api("GET", f"/tenants/acme/organisations/{works}/access"))["sso"]
    assert outlook == {"people": 2, "never_by_sso": 1, "tested": True, "untested": []}
    accepted(set_access(world, works, sso_required=True))  # bob's only way was SSO before as well
    refused = set_access(world, works, identity_provider="other")
    assert code_in(refused) == (409, "people_locked_out")
    assert refused.get_json()["facts"] == {"people": 1, "organisations": [{"organisation": "Works", "people": 1}]}
    accepted(set_access(world, works, sso_required=None, way="local"))
    refused = set_access(world, works, sso_required=True)
    assert refused.get_json()["facts"]["people"] == 1, "bob may have a local account by now"
    accepted(set_access(world, works, sso_required=True, identity_provider="other", anyway=True))
    event = next(event for event in events_of(world) if event["type"] == "access.changed")
    assert event["detail"]["sessions_ended"] == 1


def test_an_identity_provider_that_goes_locks_its_organisation_and_says_so(world: World) -> None:
    """Nobody comes in by another one in its place; the settings say what is wrong."""
    other = connect_other(world)
    assert other
    works = made(world, "Works")
    accepted(set_access(world, works, identity_provider="other"))
    assert world.api("DELETE", "/tenants/acme/identity-providers/other").status_code == 204
    shown = accepted(world.api("GET", f"/tenants/acme/organisations/{works}/access"))
    assert [warning["code"] for warning in shown["warnings"]] == ["identity_provider_gone"]
    assert world.browser().get("/client-config.json?organisation=Works").get_json()["sso_enabled"] is False
    accepted(set_access(world, works, identity_provider=None))
