"""Drafts and versions of SAML settings: edited by two, tested, promoted, thrown away, restored; all of it on record."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.flows.keys.support import done, fetch_metadata, make_next, step
from tests.flows.management.support import MAIN, code_in, events_of, put, token_for
from tests.support.at_once import at_once
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, rsa_key
from tests.support.trials import DRAFT, SETTINGS, answer, begin, draft, passing_test
from tests.support.world import World, utc_now

VERSIONS = f"{SETTINGS}/versions"
WHY = "Agreed with their IT on the telephone"


def edit(world: World, **body: Any) -> TestResponse:
    """An edit of the draft that may be refused."""
    return world.api("PATCH", DRAFT, json=body)


def promote(world: World, **body: Any) -> TestResponse:
    """Put the draft in force."""
    return world.api("POST", f"{DRAFT}/promote", json=body)


def in_force(world: World) -> dict[str, Any]:
    """The settings that sign-ins are judged by."""
    document: dict[str, Any] = world.api("GET", SETTINGS).get_json()
    return document


def versions(world: World) -> list[dict[str, Any]]:
    """All versions, newest first."""
    items: list[dict[str, Any]] = world.api("GET", VERSIONS).get_json()["items"]
    return items


def test_a_draft_changes_nothing_that_is_in_force(world: World) -> None:
    """It says what it would change, and sign-ins go on as they were."""
    before = in_force(world)
    made = draft(world, jit_provisioning=False, attribute_map={"phone": "mobile"})
    assert made["changes"]["jit_provisioning"] == {"from": True, "to": False}
    assert made["changes"]["attribute_map"]["to"]["phone"] == ["mobile"]
    assert (made["revision"], made["base"], made["tested"], made["outdated"]) == (1, 1, False, False)
    assert made["settings"]["jit_provisioning"] is False
    assert in_force(world) == before
    assert world.sign_in(world.browser()).status_code == 303


def test_the_second_of_two_is_told_what_the_first_changed(world: World) -> None:
    """Nothing of either is lost: the first edit stays, and the second can be made again on top of it."""
    seen = draft(world, force_authn=True)["revision"]
    assert edit(world, clock_skew_seconds=30, revision=seen).status_code == 200
    refused = edit(world, clock_skew_seconds=10, jit_provisioning=False, revision=seen)
    assert code_in(refused) == (409, "draft_changed")
    facts = refused.get_json()["facts"]
    assert facts["changes"] == {"clock_skew_seconds": {"from": 60, "to": 30}}
    assert facts["changed_by"].startswith("token:")
    again = edit(world, jit_provisioning=False, revision=facts["revision"]).get_json()
    assert set(again["changes"]) == {"force_authn", "clock_skew_seconds", "jit_provisioning"}


def test_whoever_saw_no_draft_is_told_of_one(world: World) -> None:
    """Revision 0 says so; and one that has gone meanwhile is said to be gone."""
    draft(world, force_authn=True)
    refused = edit(world, jit_provisioning=False, revision=0)
    assert code_in(refused) == (409, "draft_changed")
    assert refused.get_json()["facts"]["changes"] == {"force_authn": {"from": False, "to": True}}
    assert world.api("DELETE", f"{DRAFT}?revision=1").status_code == 204
    gone = edit(world, jit_provisioning=False, revision=1)
    assert (code_in(gone), gone.get_json()["facts"]["revision"]) == ((409, "draft_changed"), 0)


def test_of_many_who_edit_at_once_one_edit_holds_for_each_revision(world: World) -> None:
    """The others are refused, whether the draft is there or not yet."""
    for seen in (0, 1):
        calls = [partial(edit, world, clock_skew_seconds=100 + 10 * seen + n, revision=seen) for n in range(4)]
        statuses = sorted(answer.status_code for answer in at_once(calls))
        assert statuses == [200, 409, 409, 409]
    assert world.api("GET", DRAFT).get_json()["revision"] == 2


@pytest.mark.parametrize("body", [{"clock_skew_seconds": 301}, {"unknown": 1}, {"revision": "1"}, {"revision": -1}])
def test_a_wrong_edit_is_refused_and_begins_no_draft(world: World, body: dict[str, Any]) -> None:
    """As by the settings themselves."""
    assert edit(world, **body).status_code == 422
    assert code_in(world.api("GET", DRAFT)) == (404, "draft_missing")


def test_both_signatures_off_is_refused_in_a_draft_too(world: World) -> None:
    """A draft that could not be promoted is not saved."""
    refused = edit(world, want_assertions_signed=False)
    assert code_in(refused) == (422, "settings_invalid")


def test_an_untested_draft_is_not_promoted(world: World) -> None:
    """Nor one that was changed after its test; a passing test of exactly this one lets it."""
    draft(world, force_authn=True)
    assert code_in(promote(world)) == (409, "draft_untested")
    passing_test(world)
    draft(world, clock_skew_seconds=30)
    assert code_in(promote(world)) == (409, "draft_untested")
    assert passing_test(world)["passed"]
    promoted = promote(world)
    assert (promoted.status_code, promoted.get_json()["clock_skew_seconds"]) == (200, 30)
    assert in_force(world)["force_authn"] is True
    newest = versions(world)[0]
    assert (newest["number"], newest["origin"], newest["tested"], newest["in_force"]) == (2, "promoted", True, True)
    assert code_in(world.api("GET", DRAFT)) == (404, "draft_missing")


def test_a_test_counts_only_for_the_metadata_and_keys_that_it_ran_with(world: World) -> None:
    """Whatever of them became another one is named; metadata that only lasts longer takes no test away."""
    idp, elsewhere = world.acme.idp, [("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "https://elsewhere.test/sso")]

    def metadata_is(**parts: Any) -> None:
        assert put(world, metadata_xml=idp.metadata_xml(**parts)).status_code == 200

    draft(world, force_authn=True)
    assert passing_test(world)["passed"]
    metadata_is(valid_until=utc_now() + dt.timedelta(days=9))
    assert world.api("GET", DRAFT).get_json()["tested"] is True
    for parts, changed in (
        ({"certificates": [idp.certificate, certificate_of(rsa_key("another"))]}, "signing_keys"),
        ({"sso": elsewhere}, "endpoints"),
    ):
        metadata_is(**parts)
        told = promote(world)
        assert (code_in(told), told.get_json()["facts"]) == ((409, "draft_test_outdated"), {"changed": [changed]})
        shown = world.api("GET", DRAFT).get_json()
        assert (shown["tested"], shown["changed_since_test"]) == (False, [changed])
    metadata_is()
    assert world.api("GET", DRAFT).get_json()["tested"] is True  # all as it was when the test passed
    for use in ("signing", "encryption"):
        fetch_metadata(world)
        new = make_next(world, use)
        fetch_metadata(world)
        done(step(world, new, "promote"))
    assert promote(world).get_json()["facts"] == {"changed": ["own_signing_key", "own_encryption_key"]}
    assert promote(world, reason=WHY).status_code == 200
    assert versions(world)[0]["tested"] is False


def test_a_test_ran_with_what_it_was_begun_with_and_what_it_was_judged_by(world: World) -> None:
    """Metadata changes while the browser is away: where it was sent and whose key answered are both to be as they are now."""
    idp = world.acme.idp
    draft(world, force_authn=True)
    under_way = begin(world)
    elsewhere = [("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST", "https://elsewhere.test/sso")]
    assert put(world, metadata_xml=idp.metadata_xml(sso=elsewhere)).status_code == 200
    assert answer(world, under_way).status_code == 303
    assert promote(world).get_json()["facts"] == {"changed": ["endpoints"]}
    assert passing_test(world)["passed"]
    assert promote(world).status_code == 200


def test_a_reason_takes_the_place_of_a_test_and_is_kept(world: World) -> None:
    """One that says nothing does not."""
    draft(world, force_authn=True)
    for reason in ("", "   ", "short", " short   "):
        assert code_in(promote(world, reason=reason)) == (422, "validation_failed")
    assert promote(world, reason="x" * 501).status_code == 422
    assert promote(world, reason=WHY).status_code == 200
    newest = versions(world)[0]
    assert (newest["origin"], newest["reason"], newest["tested"]) == ("forced", WHY, False)
    event = next(event for event in events_of(world) if event["type"] == "saml_settings.promoted")
    assert (event["detail"]["forced"], event["detail"]["why"]) == (True, WHY)
    assert event["detail"]["changes"] == {"force_authn": {"from": False, "to": True}}


def test_a_draft_does_not_undo_what_came_into_force_meanwhile(world: World) -> None:
    """It is refused with what changed; brought up to date, it keeps its own change and takes the other."""
    draft(world, force_authn=True)
    passing_test(world)
    world.change_settings(clock_skew_seconds=30)
    refused = promote(world)
    assert code_in(refused) == (409, "draft_outdated")
    assert refused.get_json()["facts"]["changes"] == {"clock_skew_seconds": {"from": 60, "to": 30}}
    assert world.api("GET", DRAFT).get_json()["outdated"] is True
    rebased = world.api("POST", f"{DRAFT}/rebase", json={}).get_json()
    assert (rebased["outdated"], rebased["tested"], set(rebased["changes"])) == (False, False, {"force_authn"})
    passing_test(world)
    assert promote(world).status_code == 200
    assert (in_force(world)["force_authn"], in_force(world)["clock_skew_seconds"]) == (True, 30)


def test_a_draft_without_a_change_is_not_promoted(world: World) -> None:
    """Neither made by an empty edit, nor left by taking back what it changed."""
    assert code_in(edit(world)) == (409, "state_conflict")
    draft(world, force_authn=True)
    draft(world, force_authn=False)
    assert code_in(promote(world, reason=WHY)) == (409, "state_conflict")
    assert len(versions(world)) == 1


def test_an_edit_at_once_makes_a_version_too(world: World) -> None:
    """With who made it, and what it changed; the same again makes none."""
    world.change_settings(force_authn=True)
    world.change_settings(force_authn=True)
    second, first = versions(world)
    assert (second["number"], second["origin"]) == (2, "edited")
    assert second["changes"] == {"force_authn": {"from": False, "to": True}}
    assert second["by"].startswith("token:")
    assert (first["number"], first["origin"], first["in_force"], first["changes"]) == (1, "connected", False, {})


def test_going_back_makes_a_new_version_with_the_old_settings(world: World) -> None:
    """At once, on record, and back again; what is in force already is no place to go back to."""
    before = in_force(world)
    world.change_settings(jit_provisioning=False)
    assert world.sign_in(world.browser()).status_code == 403
    restored = world.api("POST", f"{VERSIONS}/1/restore", json={"reason": "People could not sign in"})
    assert restored.get_json() == before == in_force(world)
    assert world.sign_in(world.browser()).status_code == 303
    newest = versions(world)[0]
    assert (newest["number"], newest["origin"], newest["restored"]) == (3, "restored", 1)
    assert newest["reason"] == "People could not sign in"
    event = next(event for event in events_of(world) if event["type"] == "saml_settings.rolled_back")
    assert (event["detail"]["restored"], event["detail"]["version"]) == (1, 3)
    assert code_in(world.api("POST", f"{VERSIONS}/1/restore", json={})) == (409, "state_conflict")
    assert world.api("POST", f"{VERSIONS}/2/restore", json={}).status_code == 200


@pytest.mark.parametrize("number", ["0", "9", "01", "-1", "x", "1e3", "9" * 30, "%00"])
def test_a_version_that_there_is_not_is_not_found(world: World, number: str) -> None:
    """By whatever it is called."""
    assert world.api("GET", f"{VERSIONS}/{number}").status_code == 404
    assert world.api("POST", f"{VERSIONS}/{number}/restore", json={}).status_code == 404


def test_versions_are_paged(world: World) -> None:
    """Each page has its changes, the last line's too."""
    for skew in (10, 20, 30):
        world.change_settings(clock_skew_seconds=skew)
    first = world.api("GET", f"{VERSIONS}?limit=2").get_json()
    assert [item["number"] for item in first["items"]] == [4, 3]
    assert first["items"][1]["changes"] == {"clock_skew_seconds": {"from": 10, "to": 20}}
    second = world.api("GET", first["next"].removeprefix("/api/v1")).get_json()
    assert ([item["number"] for item in second["items"]], second["next"]) == ([2, 1], None)


def test_an_identity_provider_that_comes_back_goes_on_counting(world: World) -> None:
    """Its draft is gone, its settings are the defaults, its past is there."""
    world.change_settings(force_authn=True)
    draft(world, clock_skew_seconds=30)
    assert world.api("DELETE", MAIN).status_code == 204
    body = {"display_name": "Back", "metadata_xml": world.acme.idp.metadata_xml()}
    assert world.api("PUT", MAIN, json=body).status_code == 201
    assert [item["number"] for item in versions(world)] == [3, 2, 1]
    assert in_force(world)["force_authn"] is False
    assert code_in(world.api("GET", DRAFT)) == (404, "draft_missing")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", DRAFT, None),
        ("PATCH", DRAFT, {"force_authn": False}),
        ("DELETE", DRAFT, None),
        ("POST", f"{DRAFT}/promote", {"reason": WHY}),
        ("POST", f"{DRAFT}/rebase", {}),
        ("GET", VERSIONS, None),
        ("GET", f"{VERSIONS}/1", None),
        ("POST", f"{VERSIONS}/1/restore", {}),
        ("GET", f"{SETTINGS}/preview", None),
        ("POST", f"{SETTINGS}/tests", {}),
    ],
)
def test_who_may(world: World, method: str, path: str, body: dict[str, Any] | None) -> None:
    """A viewer reads and changes nothing; another tenant's admin finds nothing."""
    draft(world, force_authn=True)
    options = {"json": body} if body is not None else {}
    viewer, foreign = token_for(world, "viewer", "acme"), token_for(world, "admin", "globex")
    assert world.api(method, path, foreign, **options).status_code == 404
    assert world.api(method, path, viewer, **options).status_code == (200 if method == "GET" else 403)
    assert world.api("GET", DRAFT).get_json()["revision"] == 1


def test_what_is_odd_about_settings_is_told_and_may_come_back(world: World) -> None:
    """Warnings refuse nothing, and a document that holds them is taken as it is."""
    assert in_force(world)["warnings"] == []
    world.change_settings(signature_method="http://www.w3.org/2000/09/xmldsig#rsa-sha1")
    document = in_force(world)
    assert {item["code"] for item in document["warnings"]} == {"signature_weak", "algorithms_differ"}
    given_back = world.api("PATCH", SETTINGS, json=document)
    assert (given_back.status_code, given_back.get_json()) == (200, document)


def test_what_will_be_sent_is_shown_as_it_goes_out(world: World) -> None:
    """In force and as a draft, signed, by either binding, and not at all where the identity provider starts."""
    preview = f"{SETTINGS}/preview"
    sent = world.api("GET", preview).get_json()
    assert (sent["binding"], sent["location"], sent["signed"]) == ("post", world.acme.idp.sso_url, True)
    assert "ac:classes:Password" in sent["xml"]
    assert "SignatureValue" in sent["sent"]
    assert code_in(world.api("GET", f"{preview}?draft=true")) == (404, "draft_missing")
    draft(world, authn_context_class_ref="", request_binding="redirect")
    drafted = world.api("GET", f"{preview}?draft=true").get_json()
    assert "RequestedAuthnContext" not in drafted["xml"]
    assert (drafted["binding"], "Signature=" in drafted["sent"]) == ("redirect", True)
    draft(world, allow_idp_initiated=True, idp_login_url="https://idp.acme.test/start")
    unsent = world.api("GET", f"{preview}?draft=true").get_json()
    assert (unsent["binding"], unsent["xml"]) == ("none", "")
    assert unsent["sent"].startswith("https://idp.acme.test/start?RelayState=")


def test_a_missing_endpoint_is_said(world: World) -> None:
    """The other binding takes its place (Q1)."""
    idp = ForgingIdP(world.acme.idp.entity_id)
    only_redirect = [("urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect", idp.sso_url)]
    body = {"display_name": "Login", "metadata_xml": idp.metadata_xml(sso=only_redirect)}
    assert world.api("PUT", MAIN, json=body).status_code == 200
    sent = world.api("GET", f"{SETTINGS}/preview").get_json()
    assert (sent["binding"], sent["instead"]) == ("redirect", True)


def test_the_same_by_command(world: World) -> None:
    """Draft, test, preview, promote, versions, restore."""

    def run(*words: str, fails: bool = False) -> str:
        result = world.app.test_cli_runner().invoke(args=["settings", *words])
        assert (result.exit_code != 0) is fails, result.output
        return result.output + (result.stderr if fails else "")

    run("draft", "set", "acme", "main", "force_authn=true")
    assert '"force_authn"' in run("draft", "show", "acme", "main")
    assert "AuthnRequest" in run("preview", "acme", "main")
    trial_id, url = run("test", "acme", "main").split()
    assert url.startswith("http://acme.localhost:8000/saml/test?ticket=")
    assert '"finished_at": null' in run("test-result", "acme", trial_id)
    assert "draft_untested" in run("draft", "promote", "acme", "main", fails=True)
    run("draft", "promote", "acme", "main", "--reason", WHY)
    assert WHY in run("versions", "acme", "main")
    assert '"number": 2' in run("version", "acme", "main", "2")
    run("restore", "acme", "main", "1")
    run("draft", "set", "acme", "main", "clock_skew_seconds=30")
    run("draft", "rebase", "acme", "main")
    run("draft", "discard", "acme", "main")
    assert "draft_missing" in run("draft", "show", "acme", "main", fails=True)
