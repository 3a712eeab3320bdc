"""Identity providers by the API: connected, changed, taken away; what was refused changes nothing."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from config.database import db
from config.isolation import every_tenant
from tests.flows.console.walking import token_of
from tests.flows.management.support import MAIN, allow_loopback, code_in, events_of, put, token_for
from tests.support.browser import code_of
from tests.support.console import tenant_client
from tests.support.idp import ForgingIdP
from tests.support.metadata_server import metadata_server
from tests.support.world import World

OTHER = "https://other.acme.test/metadata"


def _versions(world: World) -> int:
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM metadata_version")).scalar_one())


def test_the_second_of_two_who_change_it_is_told(world: World) -> None:
    """By the API, which may leave the version out, and by the console's form; what a sync finds changes none."""
    xml, admin, page = world.acme.idp.metadata_xml(), tenant_client(world), "/admin/authentication-connection/main"
    seen = world.api("GET", MAIN).get_json()["version"]
    assert f'name="version" value="{seen}"' in admin.get(page).text
    assert put(world, metadata_xml=xml, display_name="First", version=seen).status_code == 200
    present = world.api("GET", MAIN).get_json()
    refused = put(world, metadata_xml=xml, display_name="Second", version=seen)
    assert code_in(refused) == (409, "identity_provider_changed")
    assert refused.get_json()["facts"] == {"version": present["version"]}
    switched = world.api("PATCH", MAIN, json={"enabled": False, "version": seen})
    assert code_in(switched) == (409, "identity_provider_changed")
    form = {"csrf_token": token_of(admin, page), "display_name": "Second", "act": "save", "version": seen}
    late = admin.post(page, data=form)
    assert (late.status_code, "somebody has changed it meanwhile" in late.text) == (422, True)
    assert world.api("GET", MAIN).get_json() == present
    assert admin.post(page, data=form | {"version": present["version"]}).status_code == 303
    last = world.api("GET", MAIN).get_json()["version"]
    patched = world.api("PATCH", MAIN, json={"display_name": "Third", "version": last})
    assert (patched.status_code, patched.get_json()["display_name"]) == (200, "Third")
    gone = put(world, "/tenants/acme/identity-providers/other", metadata_xml=xml, version=seen)
    assert code_in(gone) == (409, "identity_provider_changed")


def test_what_is_in_force_is_shown(world: World) -> None:
    """Endpoints, pinned certificates, warnings and the last sync are in the form that scripts rely on."""
    document = world.api("GET", MAIN).get_json()
    assert document["entity_id"] == world.acme.idp.entity_id
    assert {endpoint["binding"].rpartition(":")[2] for endpoint in document["sso"]} == {"HTTP-POST", "HTTP-Redirect"}
    assert document["signing_certificates"][0].keys() == {"sha256", "not_before", "not_after"}
    assert document["last_sync"] == {"at": None, "result": None, "code": None}
    assert (document["enabled"], document["pending"], document["metadata_url"]) == (True, None, None)
    assert world.api("GET", "/tenants/acme/identity-providers").get_json() == {"items": [document], "next": None}


def test_the_same_again_changes_nothing(world: World) -> None:
    """PUT is idempotent: 200, no new version, no event."""
    versions, events = _versions(world), events_of(world)
    before = world.api("GET", MAIN).get_json()
    again = put(world, metadata_xml=world.acme.idp.metadata_xml())
    assert (again.status_code, again.get_json()) == (200, before)
    assert (_versions(world), events_of(world)) == (versions, events)


def test_the_first_enabled_one_ends_onboarding(world: World) -> None:
    """A disabled one does not; sign-in then says that an identity provider is missing."""
    world.api("POST", "/tenants", json={"slug": "initech", "name": "Initech", "email_domains": []})
    path = "/tenants/initech/identity-providers/main"
    put(world, path, metadata_xml=ForgingIdP(entity_id=OTHER).metadata_xml(), enabled=False)
    assert world.api("GET", "/tenants/initech").get_json()["state"] == "onboarding"
    put(world, path, metadata_xml=ForgingIdP(entity_id=OTHER).metadata_xml(), enabled=True)
    assert world.api("GET", "/tenants/initech").get_json()["state"] == "active"


def test_a_change_that_leaves_enabled_out_leaves_it_as_it_is(world: World) -> None:
    """Nobody switches sign-in on again by renewing metadata."""
    put(world, metadata_xml=world.acme.idp.metadata_xml(), enabled=False)
    assert put(world, metadata_xml=world.acme.idp.metadata_xml()).get_json()["enabled"] is False
    assert code_of(world.browser().get("/saml/login")) == "identity_provider_missing"


def test_another_entity_id_is_refused_unless_it_is_named(world: World) -> None:
    """The pinned one stays in force; who names the new one gets it, and sign-in follows at once."""
    other = ForgingIdP(entity_id=OTHER)
    refused = put(world, metadata_xml=other.metadata_xml())
    assert code_in(refused) == (422, "entity_id_changed")
    assert refused.get_json()["facts"] == {"entity_id": OTHER, "expected": world.acme.idp.entity_id}
    assert world.api("GET", MAIN).get_json()["entity_id"] == world.acme.idp.entity_id
    assert world.sign_in(world.browser()).status_code == 303
    assert put(world, metadata_xml=other.metadata_xml(), entity_id=OTHER).get_json()["entity_id"] == OTHER
    assert world.sign_in(world.browser()).status_code == 403


def test_an_entity_id_stands_once_at_a_tenant_and_may_stand_at_another(world: World) -> None:
    """Two tenants may share an identity provider; one tenant has it once."""
    xml = world.acme.idp.metadata_xml()
    assert code_in(put(world, "/tenants/acme/identity-providers/second", metadata_xml=xml)) == (422, "entity_id_duplicate")
    assert put(world, "/tenants/globex/identity-providers/second", metadata_xml=xml).status_code == 201
    names = [item["name"] for item in world.api("GET", "/tenants/acme/identity-providers").get_json()["items"]]
    assert names == ["main"]


def test_refused_metadata_changes_nothing_and_is_on_record(world: World) -> None:
    """The identity provider in force stays; the refusal says what is wrong, and so does the audit."""
    before = world.api("GET", MAIN).get_json()
    for xml, code in (
        ("", "metadata_malformed"),
        ("<a/>", "metadata_invalid"),
        ("<!DOCTYPE x><a/>", "xml_forbidden"),
        (world.acme.idp.metadata_xml(certificates=[]), "signing_key_missing"),
    ):
        assert code_in(put(world, metadata_xml=xml)) == (422, code)
        event = events_of(world)[0]
        assert (event["type"], event["reason"]) == ("metadata.failed", code)
    assert world.api("GET", MAIN).get_json() == before


def test_our_own_metadata_is_not_an_identity_provider(world: World) -> None:
    """The commonest mistake has its own code."""
    own = world.browser().get("/saml/metadata").get_data(as_text=True)
    assert code_in(put(world, metadata_xml=own)) == (422, "entity_id_own")


def test_exactly_one_source_is_named(world: World) -> None:
    """None and two are 422."""
    for sources in ({}, {"metadata_xml": "<a/>", "metadata_url": "https://idp.acme.test/"}):
        assert code_in(put(world, **sources)) == (422, "validation_failed")


def test_a_name_is_a_label(world: World) -> None:
    """A PUT with another one is refused; reading it is not found."""
    for name in ("Main", "a_b", "-a", "a" * 64, "a%00b", "ä"):
        path = f"/tenants/acme/identity-providers/{name}"
        assert code_in(put(world, path, metadata_xml=world.acme.idp.metadata_xml())) == (422, "name_invalid")
        assert code_in(world.api("GET", path)) == (404, "not_found")


def test_a_file_on_the_server_stays_below_its_directory(world: World, tmp_path: Path) -> None:
    """A path that leads out of METADATA_DIRECTORY is refused, and so is one where there is none."""
    assert code_in(put(world, metadata_path="acme.xml"))[0] == 422
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "acme.xml").write_text(world.acme.idp.metadata_xml())
    (tmp_path / "outside.xml").write_text(world.acme.idp.metadata_xml())
    allow_loopback(world, metadata_directory=tmp_path / "metadata")
    saved = put(world, metadata_path="acme.xml").get_json()
    assert (saved["metadata_path"], saved["metadata_url"]) == ("acme.xml", None)
    assert code_in(put(world, metadata_path="../outside.xml"))[0] == 422


def test_saving_a_url_fetches_at_once_and_a_failure_changes_nothing(world: World) -> None:
    """What the URL gives is judged in the request; private addresses are refused unless allow-listed."""
    with metadata_server(world.acme.idp.metadata_xml()) as server:
        assert code_in(put(world, metadata_url=server.url))[1] in {"address_not_allowed", "url_not_allowed"}
        allow_loopback(world)
        saved = put(world, metadata_url=server.url).get_json()
        assert (saved["metadata_url"], saved["last_sync"]["result"]) == (server.url, "ok")
        server.status = 500
        assert code_in(put(world, metadata_url=server.url)) == (422, "http_status")
        assert world.api("GET", MAIN).get_json() == saved
    types = [event["type"] for event in events_of(world)]
    assert types[:2] == ["metadata.failed", "metadata.fetched"]


def test_a_deleted_one_ends_its_sessions_and_keeps_its_people(world: World) -> None:
    """Nobody comes in by it; connected again under any name, its people are who they were."""
    ada = world.browser()
    world.sign_in(ada)
    person = world.api("GET", "/tenants/acme/users").get_json()["items"][0]
    assert world.api("DELETE", MAIN).status_code == 204
    assert ada.get("/session").status_code == 401
    assert code_in(world.api("GET", MAIN)) == code_in(world.api("DELETE", MAIN)) == (404, "not_found")
    assert world.api("GET", "/tenants/acme/users").get_json()["items"][0] == person
    again = put(world, "/tenants/acme/identity-providers/renewed", metadata_xml=world.acme.idp.metadata_xml())
    assert again.status_code == 201
    ada = world.browser()
    assert world.sign_in(ada).status_code == 303
    assert ada.get("/session").get_json()["user"]["id"] == person["id"]
    assert world.count("users") == 1


def test_another_one_under_a_former_name_is_another_one(world: World) -> None:
    """The name alone gives nobody's account away: the subject counts at its own identity provider only."""
    world.sign_in(world.browser())
    world.api("DELETE", MAIN)
    other = ForgingIdP(entity_id=OTHER)
    assert put(world, metadata_xml=other.metadata_xml()).status_code == 201
    browser = world.browser()
    started = browser.start()
    response = other.response(
        sp_entity_id=world.acme.entity_id,
        acs_url=world.acme.acs_url,
        in_response_to=started.request_id,
        name_id="ada@acme.test",
        attributes={"mail": ["ada@acme.test"]},
    )
    assert browser.post_response(response, started.relay_state).status_code == 403
    assert world.count("users") == 1


def test_support_may_not_change_whom_a_tenant_trusts(world: World) -> None:
    """Support reads, has metadata fetched, helps people; no more."""
    support = token_for(world, "support")
    assert world.api("GET", MAIN, support).status_code == 200
    assert code_in(put(world, token=support, metadata_xml="x")) == (403, "forbidden")
    assert code_in(world.api("DELETE", MAIN, support)) == (403, "forbidden")
    assert code_in(world.api("PATCH", f"{MAIN}/saml-settings", support, json={})) == (403, "forbidden")
    assert code_in(world.api("POST", f"{MAIN}/sync", support)) == (409, "state_conflict")


def test_one_is_switched_off_and_on_while_nothing_can_be_fetched(world: World) -> None:
    """By API and command, as in the console: metadata, settings and the name that links know stay as they are."""
    path = "/tenants/acme/identity-providers/main"
    before = world.api("GET", path).get_json()
    off = world.api("PATCH", path, json={"enabled": False})
    assert (off.status_code, off.get_json()) == (200, before | {"enabled": False, "version": off.get_json()["version"]})
    assert off.get_json()["version"] != before["version"]
    assert code_of(world.browser().get("/saml/login")) == "identity_provider_missing"
    assert world.api("PATCH", path, json={"display_name": " "}).status_code == 422
    assert world.api("PATCH", path.replace("main", "none"), json={"enabled": True}).status_code == 404
    runner = world.app.test_cli_runner()
    done = runner.invoke(args=["idp", "change", "acme", "main", "--enabled", "--display-name", "Acme login"])
    assert done.exit_code == 0, done.output
    after = world.api("GET", path).get_json()
    assert after == before | {"display_name": "Acme login", "version": after["version"]}
    assert world.browser().start().action
