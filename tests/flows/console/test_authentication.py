"""Identity management, Authentication: what an administrator does there, and what a viewer is refused."""

from __future__ import annotations

import html
import io
import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.flows.console.walking import token_of
from tests.flows.management.support import allow_loopback
from tests.support.browser import Browser
from tests.support.console import staff_client, tenant_client
from tests.support.furnishing import let_metadata_wait
from tests.support.idp import ForgingIdP
from tests.support.metadata_server import metadata_server
from tests.support.trials import DRAFT, SETTINGS, draft
from tests.support.world import World

HOME = "/admin/authentication"
ATTRIBUTES = "/admin/saml-attributes/main"
EDIT = f"{ATTRIBUTES}/edit"
TEST = "/admin/test-sign-in/main"
VERSIONS = "/admin/settings-versions/main"
WHY = "Agreed with their IT on the telephone"
_INPUT = re.compile(r"<(input|textarea|select)\b([^>]*)>(.*?)(?=<input|<textarea|<select|</form)", re.DOTALL)
_ATTRIBUTE = re.compile(r'([a-z_-]+)="([^"]*)"')


def fields_of(page: str) -> dict[str, Any]:
    """What a browser would send of the settings' form as it stands."""
    form = page[page.index("data-validate=") :]
    form = form[: form.index("</form>") + len("</form>")]
    sent: dict[str, Any] = {}
    for kind, inside, after in _INPUT.findall(form):
        attributes = dict(_ATTRIBUTE.findall(inside))
        name, value = attributes.get("name"), html.unescape(attributes.get("value", "on"))
        if name is None or (attributes.get("type") in ("checkbox", "radio") and " checked" not in inside):
            continue
        if kind == "textarea":
            value = html.unescape(after[: after.index("</textarea>")]).removeprefix("\n")
        if kind == "select":
            chosen = re.search(r'<option value="([^"]*)" selected', after)
            value = html.unescape(chosen[1]) if chosen else ""
        sent.setdefault(name, []).append(value)
    return sent


def opened(browser: Browser) -> dict[str, Any]:
    """The form as a browser has it before anything is changed."""
    answer = browser.get(EDIT)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return fields_of(answer.get_data(as_text=True))


def saved(browser: Browser, fields: dict[str, Any], **changes: Any) -> TestResponse:
    """Send the form, with some fields changed; None takes a field out."""
    sent = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    return browser.post(EDIT, data=sent)


def text(answer: TestResponse) -> str:
    """What is on a page, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))).split())


def do(browser: Browser, path: str, **form: str) -> TestResponse:
    """A button of a page of the console."""
    return browser.post(path, data={"csrf_token": token_of(browser, HOME), **form})


def test_the_list_and_the_provider_say_how_it_does(world: World) -> None:
    """State, sign-ins and refusals of today, metadata, certificates, and our own values to copy."""
    admin = tenant_client(world)
    world.sign_in(world.browser(), attributes={"mail": ["eve@evil.test"]})
    listed, shown = text(admin.get(HOME)), text(admin.get(f"{HOME}/main"))
    for page in (listed, shown):
        for words in ("Company login", "On", "today", "1 refused", "days", world.acme.acs_url, world.acme.entity_id):
            assert words in page
    assert world.acme.idp.entity_id in shown
    assert world.acme.idp.sso_url in shown


def test_an_edit_makes_a_draft_of_what_was_changed_and_of_nothing_else(world: World) -> None:
    """The form as it was opened changes nothing."""
    admin = tenant_client(world)
    fields = opened(admin)
    assert saved(admin, fields).status_code == 303
    assert world.api("GET", DRAFT).status_code == 404
    answer = saved(admin, fields, force_authn="on", jit_provisioning=None, map_phone="mobile\ntelephoneNumber")
    assert (answer.status_code, answer.location) == (303, ATTRIBUTES)
    changes = world.api("GET", DRAFT).get_json()["changes"]
    assert set(changes) == {"force_authn", "jit_provisioning", "attribute_map"}
    page = text(admin.get(ATTRIBUTES))
    assert "Not tested" in page
    assert "mobile, telephoneNumber" in page


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"want_assertions_signed": None}, "want_assertions_signed", "anyone could sign in as anyone"),
        ({"clock_skew_seconds": "301"}, "clock_skew_seconds", "300"),
        ({"clock_skew_seconds": "soon"}, "clock_skew_seconds", "integer"),
        ({"custom_classes": "not a uri"}, "authn_context_class_ref", "absolute URI"),
        ({"digest_method": "md5"}, "digest_method", "Must be one of"),
        ({"map_email": ""}, "attribute_map", "at least one"),
        ({"idp_login_url": "javascript:alert(1)"}, "idp_login_url", "address of a page"),
        ({"sha1_reason": "old"}, "sha1_exception", "It takes a day and a reason"),
        ({"name_id_source": "\x00"}, "name_id_source", "cannot be stored"),
    ],
)
def test_a_fault_stands_at_its_field_and_no_input_is_lost(
    world: World, changes: dict[str, Any], field: str, words: str
) -> None:
    """By the page and while typing alike; the other changes stay in the form."""
    admin = tenant_client(world)
    fields = opened(admin)
    refused = saved(admin, fields, **{"map_phone": "mobile", **changes})
    assert refused.status_code == 422
    page = refused.get_data(as_text=True)
    fault = re.search(rf'data-fault-of="{field}"[^>]*>([^<]*)<', page)
    assert fault is not None
    assert words in html.unescape(fault[1])
    assert fields_of(page)["map_phone"] == ["mobile"]
    sent = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    typed = admin.post(f"{ATTRIBUTES}/check", data=sent).get_json()
    assert words in typed["errors"][field][0]
    assert world.api("GET", DRAFT).status_code == 404


def test_what_will_be_sent_follows_the_form(world: World) -> None:
    """Without a class the element is left out; weak algorithms are warned of."""
    admin = tenant_client(world)
    fields = opened(admin)
    sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
    sent = {name: value for name, value in fields.items() if name != "class"} | {"signature_method": sha1}
    found = admin.post(f"{ATTRIBUTES}/check", data=sent).get_json()
    assert "AuthnRequest" in found["preview"]
    assert "RequestedAuthnContext" not in found["preview"]
    assert "signature_method" in [item["field"] for item in found["warnings"]]


def test_the_second_of_two_sees_what_changed_and_keeps_their_input(world: World) -> None:
    """And what they did not touch is not undone."""
    first, second = tenant_client(world), tenant_client(world)
    both = opened(first), opened(second)
    assert saved(first, both[0], clock_skew_seconds="30").status_code == 303
    clash = saved(second, both[1], map_phone="mobile")
    assert clash.status_code == 409
    page = clash.get_data(as_text=True)
    assert "30 seconds" in text(clash)
    again = fields_of(page)
    assert (again["map_phone"], again["clock_skew_seconds"]) == (["mobile"], ["30"])
    assert saved(second, again).status_code == 303
    assert set(world.api("GET", DRAFT).get_json()["changes"]) == {"clock_skew_seconds", "attribute_map"}


def test_a_draft_is_tested_and_promoted(world: World) -> None:
    """From the button to the result: every check, every name that came, one click to map it, one to put it in force."""
    admin = tenant_client(world)
    draft(world, force_authn=True)
    assert "Test passed" not in text(admin.get(ATTRIBUTES))
    ready = do(admin, TEST, of="draft")
    way = re.search(r'href="([^"]+)" data-go', ready.get_data(as_text=True))
    assert way is not None
    started = admin.leave_by(admin.get(html.unescape(way[1]).removeprefix(world.acme.origin)))
    answered = admin.post_response(world.response(started), started.relay_state)
    assert answered.status_code == 303
    result = admin.get(answered.location.removeprefix(world.acme.origin))
    page = text(result)
    said = ("The test passed", "A new account would have been made", "ada@acme.test", "Lovelace", "It was not used before")
    assert all(words in page for words in said)
    mapped = do(admin, f"{answered.location.removeprefix(world.acme.origin)}/map", attribute="sn", field="username")
    assert mapped.status_code == 303
    assert world.api("GET", DRAFT).get_json()["settings"]["attribute_map"]["username"][0] == "sn"
    assert "another one by now" in text(admin.get(answered.location.removeprefix(world.acme.origin)))
    assert do(admin, f"{ATTRIBUTES}/promote", revision="2").status_code == 409
    assert do(admin, f"{ATTRIBUTES}/promote", revision="2", reason="short").status_code == 422
    assert do(admin, f"{ATTRIBUTES}/promote", revision="2", reason=WHY).status_code == 303
    assert world.api("GET", SETTINGS).get_json()["force_authn"] is True


def test_staff_come_back_to_the_app_host_and_see_no_values(world: World) -> None:
    """The browser goes to the tenant's host and back; values are for the browser that tested, there."""
    staff = staff_client(world)
    below = "/admin/tenants/acme/test-sign-in/main"
    ready = staff.post(below, data={"csrf_token": token_of(staff, "/admin/tenants/acme/authentication"), "of": "in_force"})
    way = re.search(r'href="([^"]+)" data-go', ready.get_data(as_text=True))
    assert way is not None
    at_acme = world.browser()
    started = at_acme.leave_by(at_acme.get(html.unescape(way[1]).removeprefix(world.acme.origin)))
    answered = at_acme.post_response(world.response(started), started.relay_state)
    assert answered.location.startswith(f"http://localhost:8000{below}/")
    page = text(staff.get(answered.location.removeprefix("http://localhost:8000")))
    assert "The test passed" in page
    assert "Lovelace" not in page


def test_versions_are_told_and_gone_back_to(world: World) -> None:
    """Who, when, how, what; and one click back."""
    admin = tenant_client(world)
    world.change_settings(clock_skew_seconds=30)
    page = text(admin.get(VERSIONS))
    for words in ("Version 2", "In force", "edited at once", "60 seconds", "30 seconds", "Go back to version 1"):
        assert words in page
    assert do(admin, f"{VERSIONS}/1/restore", reason="People could not sign in").status_code == 303
    assert world.api("GET", SETTINGS).get_json()["clock_skew_seconds"] == 60
    assert "People could not sign in" in text(admin.get(VERSIONS))
    assert do(admin, f"{VERSIONS}/99/restore").status_code == 404


def test_a_draft_is_thrown_away_or_brought_up_to_date(world: World) -> None:
    """By the revision that was seen."""
    admin = tenant_client(world)
    draft(world, force_authn=True)
    world.change_settings(clock_skew_seconds=30)
    assert "Out of date" in text(admin.get(ATTRIBUTES))
    assert do(admin, f"{ATTRIBUTES}/rebase", revision="1").status_code == 303
    assert do(admin, f"{ATTRIBUTES}/discard", revision="1").status_code == 409
    assert do(admin, f"{ATTRIBUTES}/discard", revision="2").status_code == 303
    assert world.api("GET", DRAFT).status_code == 404


def test_a_provider_is_connected_by_file_changed_switched_and_taken_away(world: World) -> None:
    """Each with what came of it."""
    admin, path = tenant_client(world), "/admin/authentication-connection"
    xml = ForgingIdP("https://second.acme.test/metadata").metadata_xml().encode()

    def send(address: str, **fields: Any) -> TestResponse:
        return admin.post(address, data={"csrf_token": token_of(admin, HOME), **fields}, content_type="multipart/form-data")

    tried = send(path, name="second", display_name="Second", act="check", metadata_file=(io.BytesIO(xml), "idp.xml"))
    assert "https://second.acme.test/metadata" in text(tried)
    assert admin.get(f"{HOME}/second").status_code == 404
    nothing = send(path, name="second", display_name="Second")
    assert (nothing.status_code, "Give the address" in text(nothing)) == (422, True)
    broken = send(path, name="second", display_name="Second", metadata_file=(io.BytesIO(b"<x"), "idp.xml"))
    assert (broken.status_code, "metadata_malformed" in text(broken)) == (422, True)
    made = send(path, name="second", display_name="Second", metadata_file=(io.BytesIO(xml), "idp.xml"))
    assert made.location == f"{HOME}/second"
    taken = send(path, name="second", display_name="Again", metadata_file=(io.BytesIO(xml), "idp.xml"))
    assert (taken.status_code, "of this name already" in text(taken)) == (422, True)
    assert send(f"{path}/second", display_name="Second login").status_code == 303
    assert "Second login" in text(admin.get(HOME))
    shown = admin.get(f"{HOME}/second").get_data(as_text=True)
    assert re.search(r'/second/switch"[^>]*>.*?name="enabled" value="false"', shown)
    for _ in range(2):  # two who press the same button, or one who presses it twice, want the same
        assert do(admin, f"{HOME}/second/switch", enabled="false").status_code == 303
        assert "Switched off" in text(admin.get(f"{HOME}/second"))
    assert do(admin, f"{HOME}/second/delete").status_code == 303
    assert admin.get(f"{HOME}/second").status_code == 404


def test_a_connection_is_tried_step_by_step(world: World) -> None:
    """The name that leads nowhere, the server that answers with an error, and the one that is good."""
    allow_loopback(world)
    admin, path = tenant_client(world), "/admin/authentication-connection/main"
    with metadata_server(world.acme.idp.metadata_xml()) as server:
        nowhere = "http://nowhere.invalid/metadata"
        for url, status, failed in (
            (server.url, 200, None),
            (server.url, 503, "The server answers"),
            (nowhere, 200, "leads to an address"),
            ("ftp://x", 200, "may be asked"),
        ):
            server.status = status
            form = {"csrf_token": token_of(admin, HOME), "act": "check", "display_name": "x", "metadata_url": url}
            page = admin.post(path, data=form).get_data(as_text=True)
            steps = re.findall(r'<li class="(passed|failed|waiting)"><span[^>]*></span><span>([^<]*)', page)
            wrong = [words for state, words in steps if state == "failed"]
            assert [failed in words for words in wrong if failed] == ([True] if failed else [])
            assert len(steps) == 6


def test_staff_name_a_file_on_the_server_and_the_customer_does_not(world: World, tmp_path: Path) -> None:
    """Below METADATA_DIRECTORY, where there is one; for anybody else the field is not there and not looked at."""
    xml = ForgingIdP("https://second.acme.test/metadata").metadata_xml()
    (tmp_path / "second.xml").write_text(xml)
    owner, admin = staff_client(world), tenant_client(world)
    path = "/admin/authentication-connection"
    assert 'name="metadata_path"' not in owner.get(f"/admin/tenants/acme{path[6:]}").get_data(as_text=True)
    allow_loopback(world, metadata_directory=tmp_path)
    assert 'name="metadata_path"' in owner.get(f"/admin/tenants/acme{path[6:]}").get_data(as_text=True)
    assert 'name="metadata_path"' not in admin.get(path).get_data(as_text=True)
    form = {"name": "second", "display_name": "Second", "metadata_path": "second.xml"}
    refused = do(admin, path, **form)
    assert (refused.status_code, "Give the address" in text(refused)) == (422, True)
    outside = do(owner, f"/admin/tenants/acme{path[6:]}", **{**form, "metadata_path": "../../etc/passwd"})
    assert (outside.status_code, "url_not_allowed" in text(outside)) == (422, True)
    assert do(owner, f"/admin/tenants/acme{path[6:]}", **form).status_code == 303
    shown = world.api("GET", "/tenants/acme/identity-providers/second").get_json()
    assert shown["entity_id"] == "https://second.acme.test/metadata"
    again = do(owner, f"/admin/tenants/acme{path[6:]}/second", display_name="Renamed", metadata_path="second.xml")
    assert again.status_code == 303
    assert "a file on the server" in text(owner.get("/admin/tenants/acme/authentication/second"))


def test_a_sync_within_the_minute_is_said_to_be_rate_limited(world: World) -> None:
    """In the words of the requirement."""
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml()) as server:
        body = {"display_name": "Company login", "metadata_url": server.url}
        assert world.api("PUT", "/tenants/acme/identity-providers/main", json=body).status_code == 200
        admin = tenant_client(world)
        do(admin, f"{HOME}/main/sync")
    assert "Not syncing at this moment: rate limited" in text(admin.get(f"{HOME}/main"))


def test_a_viewer_reads_and_is_offered_nothing_that_changes(world: World) -> None:
    """And is refused what was not offered."""
    draft(world, force_authn=True)
    world.change_settings(clock_skew_seconds=30)
    viewer = tenant_client(world, role="viewer")
    for path in (HOME, f"{HOME}/main", ATTRIBUTES, VERSIONS):
        page = viewer.get(path)
        assert page.status_code == 200
        main = page.get_data(as_text=True).partition("<main")[2].partition("</main>")[0]
        assert 'method="post"' not in main
    for path in (EDIT, TEST, "/admin/authentication-connection/main"):
        assert viewer.get(path).status_code == 403
    assert do(viewer, f"{ATTRIBUTES}/promote", reason=WHY).status_code == 403
    assert world.api("GET", DRAFT).status_code == 200


def test_long_and_strange_names_stay_names(world: World) -> None:
    """Ten thousand characters are refused kindly; markup and right-to-left letters are shown as they are."""
    admin = tenant_client(world)
    path = "/admin/authentication-connection/main"
    long = do(admin, path, display_name="x" * 10_000)
    assert long.status_code == 422
    assert do(admin, path, display_name="<b>כניסה</b> 🦊").status_code == 303
    page = admin.get(HOME).get_data(as_text=True)
    assert "&lt;b&gt;כניסה&lt;/b&gt; 🦊" in page


def test_metadata_is_decided_about_as_it_was_shown(world: World) -> None:
    """A form that names no version, or one that is not what waits, changes nothing; the one on the page does."""
    let_metadata_wait(world, world.acme)
    staff, path = staff_client(world), "/admin/tenants/acme/metadata/main/pending"
    page = staff.get(path).get_data(as_text=True)
    shown, token = (re.search(rf'name="{name}" value="([^"]+)"', page) for name in ("version", "csrf_token"))
    assert shown is not None
    assert token is not None
    before = world.rows()["metadata_version"]
    for decision in ("approve", "refuse"):
        for named in ({}, {"version": ""}, {"version": "00000000-0000-7000-8000-000000000000"}):
            staff.post(path, data={"csrf_token": token[1], "decision": decision, **named})
            assert world.rows()["metadata_version"] == before
    assert staff.post(path, data={"csrf_token": token[1], "decision": "approve", "version": shown[1]}).status_code == 303
    assert world.rows()["metadata_version"] != before
    assert world.api("GET", "/tenants/acme/identity-providers/main/pending").status_code == 409
