"""Metadata over time: what has to be signed, what waits, who decides, what was in force and how to go back (M5, M6)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from config.database import read, transaction, write
from config.isolation import every_tenant
from tenants.idp_records import find_provider
from tenants.metadata_history.purge import KEPT_FOR, purge_metadata
from tenants.metadata_models import MetadataVersion
from tenants.metadata_sync import run_sync
from tenants.models import IdentityProvider
from tenants.tenant_records import find_managed_tenant
from tests.flows.management.support import MAIN, allow_loopback, code_in, events_of, put, token_for
from tests.support.browser import code_of
from tests.support.console import tenant_client
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, certificate_pem, rsa_key
from tests.support.metadata_server import MetadataServer, metadata_server
from tests.support.world import World, utc_now
from tests.support.xml_signing import sign

OPERATOR = rsa_key("federation")
PINNED = certificate_pem(certificate_of(OPERATOR))
POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
ELSEWHERE = [(POST, "https://elsewhere.test/sso")]


@pytest.fixture
def server(world: World) -> Iterator[MetadataServer]:
    """Acme's identity provider, saved from a URL."""
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml(), secure=True) as running:
        assert put(world, metadata_url=running.url).status_code == 200
        yield running


def sync(world: World) -> dict[str, Any]:
    """Fetch now, whatever was fetched before, and tell how it went."""
    with world.app.app_context():
        tenant = find_managed_tenant("acme")
        assert tenant is not None
        provider = find_provider(tenant.id, "main")
        assert provider is not None
        with transaction():
            write(
                sa.update(IdentityProvider)
                .where(IdentityProvider.tenant_id == tenant.id, IdentityProvider.id == provider.id)
                .values(sync_requested_at=utc_now(), sync_reason="asked")
            )
        assert run_sync(tenant.id, provider.id, world.app.extensions["vestibule_settings"], utc_now())
    last: dict[str, Any] = shown(world)["last_sync"]
    return last


def shown(world: World) -> dict[str, Any]:
    """The identity provider as the API shows it."""
    document: dict[str, Any] = world.api("GET", MAIN).get_json()
    return document


def decide(world: World, decision: str, **fields: Any) -> Any:
    """Approve or refuse what waits."""
    return world.api("POST", f"{MAIN}/pending", json={"decision": decision, **fields})


def versions(world: World) -> list[dict[str, Any]]:
    """What is and was in force, newest first."""
    items: list[dict[str, Any]] = world.api("GET", f"{MAIN}/metadata-versions").get_json()["items"]
    return items


def kinds(changes: list[dict[str, str]]) -> set[str]:
    """The stable words of changes."""
    return {change["kind"] for change in changes}


def test_a_pinned_certificate_holds_for_every_source_and_every_fetch(world: World, server: MetadataServer) -> None:
    """What is not signed by it is refused when it is saved and when it is fetched; the copy in force stays."""
    unsigned = server.body
    refused = put(world, metadata_url=server.url, metadata_signing_certificate=PINNED)
    assert code_in(refused) == (422, "metadata_signature_missing")
    assert shown(world)["metadata_signing_certificate"] is None
    server.body = sign(world.acme.idp.metadata_xml(id="one"), "one", OPERATOR).decode()
    saved = put(world, metadata_url=server.url, metadata_signing_certificate=PINNED).get_json()
    assert saved["metadata_signing_certificate"]["pem"] == PINNED
    assert saved["metadata_signing_certificate"]["not_after"].startswith("2045-01-01")
    assert sync(world)["result"] == "ok"
    server.body = unsigned
    assert (sync(world)["result"], shown(world)["last_sync"]["code"]) == ("failed", "metadata_signature_missing")
    server.body = sign(world.acme.idp.metadata_xml(id="one"), "one", rsa_key("stranger")).decode()
    assert sync(world)["code"] == "metadata_signature_invalid"
    assert code_in(put(world, metadata_xml=unsigned)) == (422, "metadata_signature_missing")
    assert world.sign_in(world.browser()).status_code == 303
    event = next(event for event in events_of(world) if event["type"] == "identity_provider.changed")
    assert event["detail"]["changes"]["metadata_signing_certificate"]["from"] is None
    assert code_in(put(world, metadata_xml=unsigned, metadata_signing_certificate="no PEM")) == (422, "signer_invalid")
    assert put(world, metadata_xml=unsigned, metadata_signing_certificate=None).status_code == 200
    assert shown(world)["metadata_signing_certificate"] is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("entity_id_changed", "entity_id"),
        ("endpoint_host_changed", "sign_in_address_added"),
        ("signing_keys_replaced", "key_added"),
    ],
)
def test_what_waits_is_approved_as_it_was_shown(world: World, server: MetadataServer, code: str, kind: str) -> None:
    """The old copy stays in use until then; afterwards the new one is in force, and a version of its own."""
    idp = world.acme.idp
    renewed = ForgingIdP(idp.entity_id, rsa_key("renewed"), sso_url=idp.sso_url, slo_url=idp.slo_url)
    server.body = {
        "entity_id_changed": idp.metadata_xml(entity_id="https://new.acme.test/metadata"),
        "endpoint_host_changed": idp.metadata_xml(sso=ELSEWHERE),
        "signing_keys_replaced": renewed.metadata_xml(),
    }[code]
    before = shown(world)
    assert (sync(world)["result"], shown(world)["last_sync"]["code"]) == ("pending", code)
    pending = world.api("GET", f"{MAIN}/pending").get_json()
    assert kind in kinds(pending["changes"])
    moves = dict.fromkeys(("last_sync", "pending", "refresh"))
    assert shown(world) | moves == before | moves
    assert world.api("GET", f"{MAIN}/pending/xml").get_data(as_text=True) == server.body
    assert world.sign_in(world.browser()).status_code == 303
    assert sync(world)["result"] == "pending"
    assert shown(world)["pending"]["version"] == pending["version"], "the same content goes on waiting as it was shown"
    assert code_in(decide(world, "approve", version=before["name"])) == (409, "pending_changed")
    assert decide(world, "approve", version=pending["version"], reason="They called").status_code == 200
    assert code_in(decide(world, "approve")) == (409, "state_conflict")
    assert (shown(world)["pending"], versions(world)[0]["in_force"]) == (None, True)
    newest = versions(world)[0]
    assert (newest["number"], newest["reason"], kind in kinds(newest["changes"])) == (2, "They called", True)
    assert sync(world)["result"] == "ok"
    event = next(event for event in events_of(world) if event["type"] == "metadata.approved")
    assert (event["reason"], event["detail"]["why"]) == (code, "They called")


def test_what_is_refused_is_not_asked_again(world: World, server: MetadataServer) -> None:
    """Neither by the same document nor by one that says the same with another validity; other content is asked about."""
    idp = world.acme.idp
    server.body = idp.metadata_xml(sso=ELSEWHERE)
    assert sync(world)["result"] == "pending"
    assert decide(world, "refuse", reason="Not theirs").get_json()["pending"] is None
    assert sync(world) | {"at": 0} == sync(world) | {"at": 0}
    assert (shown(world)["pending"], shown(world)["last_sync"]["code"]) == (None, "change_refused")
    server.body = idp.metadata_xml(sso=ELSEWHERE, valid_until=utc_now() + dt.timedelta(days=30))
    assert (sync(world)["result"], shown(world)["pending"]) == ("ok", None)
    server.body = idp.metadata_xml()
    assert sync(world)["result"] == "ok"
    server.body = idp.metadata_xml(sso=ELSEWHERE)
    assert (sync(world)["result"], shown(world)["pending"]) == ("ok", None)
    server.body = idp.metadata_xml(sso=[(POST, "https://third.test/sso")])
    assert sync(world)["result"] == "pending"
    server.body = idp.metadata_xml()
    assert (sync(world)["result"], shown(world)["pending"]) == ("ok", None), "it went away by itself"
    failed = [event["reason"] for event in events_of(world) if event["type"] == "metadata.failed"]
    assert failed == ["endpoint_host_changed"] * 2
    assert [version["number"] for version in versions(world)] == [1]


def test_the_page_says_who_refused_what_the_source_still_says(world: World, server: MetadataServer) -> None:
    """And how to take it after all: whoever saves the connection again has looked at it."""
    admin, page = tenant_client(world), "/admin/authentication/main"
    server.body = world.acme.idp.metadata_xml(sso=ELSEWHERE)
    sync(world)
    assert "People would be sent to a host that was not known before" in admin.get(page).text
    assert decide(world, "refuse").status_code == 200
    for _ in range(2):
        assert "Its source says what was refused" in admin.get(page).text
        assert sync(world)["code"] == "change_refused"
    assert put(world, metadata_url=server.url).status_code == 200
    assert shown(world)["sso"] == [{"binding": POST, "location": ELSEWHERE[0][1]}]
    assert "Its source says what was refused" not in admin.get(page).text


def test_of_two_that_decide_at_once_one_wins(world: World, server: MetadataServer) -> None:
    """The other one is told; what was decided first holds."""
    server.body = world.acme.idp.metadata_xml(sso=ELSEWHERE)
    sync(world)
    version, statuses, both = shown(world)["pending"]["version"], [], threading.Barrier(2)

    def act(decision: str) -> None:
        both.wait()
        statuses.append((decision, decide(world, decision, version=version).status_code))

    threads = [threading.Thread(target=act, args=(decision,)) for decision in ("approve", "refuse")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for _, status in statuses) == [200, 409]
    winner = next(decision for decision, status in statuses if status == 200)
    assert ("elsewhere" in str(shown(world)["sso"])) is (winner == "approve")


def test_going_back_and_what_then_comes_again(world: World, server: MetadataServer) -> None:
    """One click; what was left waits when the source still says it, until somebody approves of it."""
    idp = world.acme.idp
    first = versions(world)[0]["number"]
    server.body = idp.metadata_xml(sso=[(POST, idp.sso_url + "/v2")])
    assert sync(world)["result"] == "ok"
    back = world.api("POST", f"{MAIN}/metadata-versions/{first}/restore", json={"reason": "v2 is broken"})
    assert [endpoint["location"] for endpoint in back.get_json()["sso"]] == [idp.sso_url] * 2
    newest = versions(world)[0]
    assert (newest["number"], newest["restored"], newest["in_force"]) == (first + 2, first, True)
    again = world.api("POST", f"{MAIN}/metadata-versions/{first}/restore", json={})
    assert code_in(again) == (409, "state_conflict")
    assert sync(world) | {"at": 0} == {**sync(world), "result": "pending", "code": "rolled_back", "at": 0}
    assert shown(world)["sso"][0]["location"] == idp.sso_url
    assert decide(world, "approve").get_json()["sso"][0]["location"] == idp.sso_url + "/v2"
    assert sync(world)["result"] == "ok"
    xml = world.api("GET", f"{MAIN}/metadata-versions/{first}/xml")
    assert (xml.mimetype, xml.get_data(as_text=True)) == ("application/samlmetadata+xml", idp.metadata_xml())
    assert code_in(world.api("POST", f"{MAIN}/metadata-versions/99/restore", json={})) == (404, "not_found")
    assert [event["detail"]["restored"] for event in events_of(world) if event["type"] == "metadata.rolled_back"] == [first]


def test_expired_metadata_does_not_come_into_force_by_a_decision(world: World, server: MetadataServer) -> None:
    """Neither by approval nor by going back."""
    soon = utc_now() + dt.timedelta(hours=1)
    put(world, metadata_xml=world.acme.idp.metadata_xml(sso=ELSEWHERE, valid_until=soon))
    put(world, metadata_url=server.url)
    server.body = world.acme.idp.metadata_xml(sso=ELSEWHERE, valid_until=soon)
    assert sync(world)["result"] == "pending"
    with world.app.app_context(), every_tenant(), transaction():
        for row in read(sa.select(MetadataVersion.id, MetadataVersion.document)).all():
            late = {**row.document, "valid_until": "2020-01-01T00:00:00+00:00"}
            if row.document.get("valid_until"):
                write(sa.update(MetadataVersion).where(MetadataVersion.id == row.id).values(document=late))
    assert code_in(decide(world, "approve")) == (422, "metadata_expired")
    back = world.api("POST", f"{MAIN}/metadata-versions/2/restore", json={})
    assert code_in(back) == (422, "metadata_expired")
    assert (shown(world)["pending"] is not None, versions(world)[0]["number"]) == (True, 3)


def test_a_query_service_is_asked_for_one_entity(world: World, server: MetadataServer) -> None:
    """By its entity ID, percent-encoded; an answer about another one is none."""
    idp, base = world.acme.idp, server.url.removesuffix("/metadata")
    assert code_in(put(world, f"{MAIN}2", metadata_mdq=base)) == (422, "validation_failed")
    saved = put(world, metadata_mdq=base + "/", entity_id=idp.entity_id).get_json()
    assert (saved["metadata_mdq"], saved["metadata_url"]) == (base + "/", None)
    assert server.paths[-1] == "/entities/" + quote(idp.entity_id, safe="")
    assert sync(world)["result"] == "ok"
    server.body = ForgingIdP("https://other.test/idp").metadata_xml()
    assert sync(world)["code"] == "entity_not_found"
    assert code_in(put(world, metadata_mdq=base, entity_id="https://third.test/idp")) == (422, "entity_not_found")
    assert shown(world)["entity_id"] == idp.entity_id


def test_a_file_on_the_server_is_read_again_when_it_was_written(world: World, tmp_path: Path) -> None:
    """By the same rules; half a file is a failure that keeps the last good copy."""
    allow_loopback(world, metadata_directory=tmp_path)
    idp, file = world.acme.idp, tmp_path / "idp.xml"
    file.write_text(idp.metadata_xml())
    assert put(world, metadata_path="idp.xml").status_code == 200
    assert sync(world)["result"] == "ok"
    file.write_text(idp.metadata_xml()[:700])
    assert sync(world)["code"] == "metadata_malformed"
    file.write_text(idp.metadata_xml(sso=[(POST, idp.sso_url + "/v2")]))
    assert sync(world)["result"] == "ok"
    assert shown(world)["sso"][0]["location"].endswith("/v2")
    file.write_text(idp.metadata_xml(sso=ELSEWHERE))
    assert sync(world)["code"] == "endpoint_host_changed"
    file.unlink()
    file.symlink_to("/etc/passwd")
    assert sync(world)["code"] == "url_not_allowed"
    assert world.sign_in(world.browser()).status_code == 303


def test_a_new_key_over_http_waits_unless_its_signature_is_pinned(world: World) -> None:
    """Anybody on the way can put one in: neither schedule nor sign-in takes it; approved or signed, it is taken."""
    new = ForgingIdP(entity_id=world.acme.idp.entity_id, key=rsa_key("put in on the way"))
    both = [world.acme.idp.certificate, new.certificate]
    attacked = dataclasses.replace(world.acme, idp=new)
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml()) as plain:
        assert plain.url.startswith("http:")
        assert put(world, metadata_url=plain.url).status_code == 200
        plain.body = world.acme.idp.metadata_xml(certificates=both)
        with world.app.app_context(), every_tenant(), transaction():
            before = utc_now() - dt.timedelta(minutes=2)
            write(sa.update(IdentityProvider.__table__).values(key_asked_at=None, last_sync_at=before))
        assert code_of(world.sign_in(world.browser(), attacked)) == "signature_invalid"
        assert sync(world)["code"] == "signing_key_unprotected"
        assert code_of(world.sign_in(world.browser(), attacked)) == "signature_invalid"
        assert world.sign_in(world.browser()).status_code == 303
        pending = shown(world)["pending"]
        assert kinds(pending["changes"]) == {"key_added"}
        assert decide(world, "approve", version=pending["version"]).status_code == 200
        assert world.sign_in(world.browser(), attacked).status_code == 303
        third = [*both, certificate_of(rsa_key("a third one"))]
        plain.body = sign(world.acme.idp.metadata_xml(id="one", certificates=both), "one", OPERATOR).decode()
        assert put(world, metadata_url=plain.url, metadata_signing_certificate=PINNED).status_code == 200
        plain.body = sign(world.acme.idp.metadata_xml(id="one", certificates=third), "one", OPERATOR).decode()
        assert (sync(world)["code"], len(shown(world)["signing_certificates"])) == (None, 3)


def test_another_address_over_http_waits_unless_its_signature_is_pinned(world: World) -> None:
    """At the very same host: a host has pages of many companies, and anybody on the way can name another one of them."""
    idp = world.acme.idp
    elsewhere = [(POST, idp.sso_url + "/of-mallory")]
    allow_loopback(world)
    with metadata_server(idp.metadata_xml()) as plain:
        assert put(world, metadata_url=plain.url).status_code == 200
        plain.body = idp.metadata_xml(sso=elsewhere)
        assert sync(world)["code"] == "address_unprotected"
        assert shown(world)["sso"][0]["location"] == idp.sso_url
        assert idp.sso_url.encode() in world.browser().get("/saml/login").data
        pending = shown(world)["pending"]
        assert kinds(pending["changes"]) == {"sign_in_address_added", "sign_in_address_removed"}
        assert decide(world, "approve", version=pending["version"]).status_code == 200
        assert shown(world)["sso"][0]["location"].endswith("/of-mallory")
        plain.body = sign(idp.metadata_xml(id="one", sso=elsewhere), "one", OPERATOR).decode()
        assert put(world, metadata_url=plain.url, metadata_signing_certificate=PINNED).status_code == 200
        plain.body = sign(idp.metadata_xml(id="one"), "one", OPERATOR).decode()
        assert (sync(world)["code"], shown(world)["sso"][0]["location"]) == (None, idp.sso_url)


def test_a_hostile_name_in_a_certificate_stays_words(world: World, server: MetadataServer) -> None:
    """In JSON and in the console it is text, without what turns lines around."""
    hostile = certificate_of(rsa_key("hostile"), '<script>"\u202e\u0007')
    server.body = world.acme.idp.metadata_xml(certificates=[world.acme.idp.certificate, hostile])
    assert sync(world)["result"] == "ok"
    text = str(versions(world)[0]["changes"])
    assert "\u202e" not in text
    assert "\u0007" not in text


def test_another_tenants_admin_neither_sees_nor_decides(world: World, server: MetadataServer) -> None:
    """404 for everything; a viewer reads and does not decide."""
    server.body = world.acme.idp.metadata_xml(sso=ELSEWHERE)
    sync(world)
    version = shown(world)["pending"]["version"]
    foreign, viewer = token_for(world, "admin", "globex"), token_for(world, "viewer", "acme")
    body = {"decision": "approve", "version": version}
    for method, path in (("GET", "pending"), ("GET", "pending/xml"), ("GET", "metadata-versions"), ("POST", "pending")):
        answer = world.api(method, f"{MAIN}/{path}", foreign, **({"json": body} if method == "POST" else {}))
        assert code_in(answer)[0] in (403, 404), path
    own = world.api("POST", "/tenants/globex/identity-providers/main/pending", foreign, json=body)
    assert code_in(own) == (409, "state_conflict")
    assert code_in(world.api("POST", f"{MAIN}/pending", viewer, json=body))[0] == 403
    assert world.api("GET", f"{MAIN}/pending", viewer).status_code == 200


def test_versions_are_kept_for_two_years_or_fifty(world: World, server: MetadataServer) -> None:
    """Whichever is more; what is in force and what waits is never removed."""
    for number in range(2):
        server.body = world.acme.idp.metadata_xml(sso=[(POST, f"{world.acme.idp.sso_url}/{number}")])
        assert sync(world)["result"] == "ok"
    server.body = world.acme.idp.metadata_xml(sso=ELSEWHERE)
    assert sync(world)["result"] == "pending"
    with world.app.app_context():
        later = utc_now() + KEPT_FOR + dt.timedelta(days=1)
        assert purge_metadata(utc_now()) == 0
        assert purge_metadata(later) == 0, "of the newest fifty none goes"
        with every_tenant(), transaction():
            mine = MetadataVersion.idp_id.in_(sa.select(MetadataVersion.idp_id).where(MetadataVersion.number == 3))
            write(sa.update(MetadataVersion).where(mine, MetadataVersion.number == 3).values(number=53))
        assert purge_metadata(later) == 2
    assert shown(world)["pending"] is not None
    assert [version["number"] for version in versions(world)] == [53]
