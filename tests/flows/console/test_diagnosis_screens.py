"""Screens of diagnosis: who sees and does what, what a click does to settings, and what strangers get (D1–D3, L2)."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from tests.attacks.support import on_sqlite
from tests.support.browser import Browser, code_of
from tests.support.console import staff_client, tenant_client
from tests.support.world import World

NO_CONTEXT = ("urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext", None)
DRAFT = "/tenants/acme/identity-providers/main/saml-settings/draft"
HOSTILE = '"><script>alert(1)</script>'


def csrf_of(browser: Browser, path: str = "/admin/attempts") -> str:
    """The token of this browser's forms."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', browser.get(path).get_data(as_text=True))
    assert found
    return found[1]


def newest(world: World, slug: str = "acme", code: str | None = None) -> str:
    """Id of a tenant's newest attempt."""
    query = f"?code={code}" if code else ""
    return str(world.api("GET", f"/tenants/{slug}/attempts{query}").get_json()["items"][0]["id"])


def test_one_click_makes_a_draft_and_nothing_else(world: World) -> None:
    """What holds stays as it is; the second click finds it there; it is audited like any other draft."""
    world.sign_in(world.browser(), status=NO_CONTEXT)
    path = f"/admin/attempts/{newest(world)}"
    browser = tenant_client(world)
    page = browser.get(path).get_data(as_text=True)
    assert "cannot sign people in by the method that we ask for" in page
    form = {"csrf_token": csrf_of(browser), "offer": "0"}
    for _ in range(2):
        answer = browser.post(f"{path}/draft", data=form)
        assert (answer.status_code, answer.location) == (303, "/admin/saml-attributes/main")
    assert world.api("GET", DRAFT).get_json()["settings"]["authn_context_class_ref"] == ""
    in_force = world.api("GET", "/tenants/acme/identity-providers/main/saml-settings").get_json()
    assert in_force["authn_context_class_ref"] != ""
    events = world.api("GET", "/tenants/acme/events?type=saml_settings.draft_saved").get_json()["items"]
    assert len(events) == 1


@on_sqlite
def test_other_clicks_lead_to_the_right_page(world: World) -> None:
    """To the person, to our values, to the domains."""
    world.sign_in(world.browser())
    ada = world.api("GET", "/tenants/acme/users").get_json()["items"][0]["id"]
    world.sign_in(world.browser(), name_id="another")
    world.sign_in(world.browser(), destination=world.acme.acs_url + "/")
    world.sign_in(world.browser(), attributes={"mail": ["ada@elsewhere.test"]})
    world.api("PATCH", f"/tenants/acme/users/{ada}", json={"active": False})
    world.sign_in(world.browser())
    browser = tenant_client(world)
    for code, address in (
        ("user_inactive", f"/admin/people/{ada}"),
        ("destination_mismatch", "/admin/service-provider"),
        ("email_domain_not_allowed", "/admin/domains"),
    ):
        page = browser.get(f"/admin/attempts/{newest(world, code=code)}").get_data(as_text=True)
        found = re.search(r'class="button main" href="([^"]+)"', page)
        assert found, code
        assert found[1].rstrip("/") == address
        assert browser.get(found[1]).status_code == 200


@on_sqlite
@pytest.mark.parametrize("offer", ["1", "-1", "", "x", "0; drop", "settings"])
def test_only_what_is_offered_can_be_taken(world: World, offer: str) -> None:
    """A form that asks for something else is refused, and one for an accepted attempt too."""
    world.sign_in(world.browser(), status=NO_CONTEXT)
    refused = newest(world)
    browser = tenant_client(world)
    token = csrf_of(browser)
    answer = browser.post(f"/admin/attempts/{refused}/draft", data={"csrf_token": token, "offer": offer})
    assert code_of(answer) == "not_found"
    answer = browser.post(f"/admin/attempts/{newest(world)}/draft", data={"csrf_token": token, "offer": "0"})
    assert code_of(answer) == "not_found"
    assert world.api("GET", DRAFT).status_code == 404


def test_who_may_do_what(world: World) -> None:
    """A viewer reads and neither pastes nor drafts; support pastes and drafts nothing; without a form's token nothing goes."""
    world.sign_in(world.browser(), status=NO_CONTEXT)
    attempt = newest(world)
    viewer, support, admin = tenant_client(world, role="viewer"), staff_client(world, "support"), tenant_client(world)
    for browser, root in ((viewer, "/admin"), (support, "/admin/tenants/acme")):
        exports = ("/attempts/export?form=csv", "/attempts/export?form=jsonl&result=refused", "/audit-log/export?form=csv")
        for path in ("/attempts", f"/attempts/{attempt}", "/audit-log", *exports):
            assert browser.get(root + path).status_code == 200, path
        assert "Leave the class blank" not in browser.get(f"{root}/attempts/{attempt}").get_data(as_text=True)
        token = csrf_of(browser, f"{root}/attempts")
        answer = browser.post(f"{root}/attempts/{attempt}/draft", data={"csrf_token": token, "offer": "0"})
        assert answer.status_code == 403
    assert viewer.get("/admin/attempts/export?form=xml").status_code == 404
    assert viewer.get("/admin/paste").status_code == 403
    assert support.get("/admin/tenants/acme/paste").status_code == 200
    assert admin.post(f"/admin/attempts/{attempt}/draft", data={"offer": "0"}).status_code == 400
    assert admin.post("/admin/paste", data={"saml_response": "x"}).status_code == 400
    assert world.api("GET", DRAFT).status_code == 404


@on_sqlite
def test_another_tenants_attempts_are_not_there(world: World) -> None:
    """By address, in the list, by search, in the log and in its export."""
    world.sign_in(world.browser(world.globex), world.globex, attributes={})
    theirs = world.api("GET", "/tenants/globex/attempts").get_json()["items"][0]
    browser = tenant_client(world)
    for path in (f"/admin/attempts/{theirs['id']}", f"/admin/tenants/globex/attempts/{theirs['id']}", "/admin/attempts/1"):
        assert browser.get(path).status_code == 404, path
    answer = browser.post(f"/admin/attempts/{theirs['id']}/draft", data={"csrf_token": csrf_of(browser), "offer": "0"})
    assert answer.status_code == 404
    for path in (f"/admin/attempts?q={theirs['reference']}", "/admin/attempts?q=ada@globex.test", "/admin/audit-log?q=nobody"):
        assert "Nothing matches" in browser.get(path).get_data(as_text=True), path
    export = browser.get("/admin/audit-log/export?form=jsonl").get_data(as_text=True)
    assert theirs["reference"] not in export


@on_sqlite
@pytest.mark.parametrize(
    "query",
    ["code=nonsense", "result=x", "test=maybe", "since=yesterday", "until=2026-13-01", "cursor=abc", "sort=cause"],
)
def test_a_list_that_cannot_be_is_refused(world: World, query: str) -> None:
    """Whoever changed the address is told so; it is no fault of ours."""
    browser = tenant_client(world)
    assert browser.get(f"/admin/attempts?{query}").status_code in (400, 422)


@on_sqlite
@pytest.mark.parametrize("query", ["until=9999-12-31", "since=0001-01-01", "q=%00", "q=" + "x" * 5_000, "q=%E2%80%AE@", "q=@"])
def test_a_strange_search_finds_nothing_and_breaks_nothing(world: World, query: str) -> None:
    """The last and the first day that there are, and texts that nobody is called."""
    browser = tenant_client(world)
    for path in ("/admin/attempts", "/admin/audit-log"):
        assert browser.get(f"{path}?{query}").status_code in (200, 400)


def test_a_search_finds_by_reference_person_and_filter(world: World) -> None:
    """As support searches."""
    browser = tenant_client(world)
    world.sign_in(world.browser(), attributes={})
    world.sign_in(world.browser())
    reference = world.api("GET", "/tenants/acme/attempts?result=refused").get_json()["items"][0]["reference"]
    for query, there, not_there in (
        (f"q={reference.upper()}", "attribute_missing", "ada@acme.test</bdi>"),
        ("q=ADA@acme.test", "ada@acme.test", ">attribute_missing</span>"),
        ("result=refused", ">attribute_missing</span>", "ada@acme.test</bdi>"),
        ("code=attribute_missing&result=refused", ">attribute_missing</span>", "ada@acme.test</bdi>"),
    ):
        page = browser.get(f"/admin/attempts?{query}").get_data(as_text=True)
        assert there in page, query
        assert not_there not in page, query


def test_what_a_message_says_stays_text(world: World) -> None:
    """Names of attributes, audiences, statuses and what is pasted: nothing of it is markup."""
    browser = tenant_client(world)
    world.sign_in(world.browser(), attributes={HOSTILE: ["x"]})
    world.sign_in(world.browser(), audiences=[[HOSTILE]])
    world.sign_in(world.browser(), status=(NO_CONTEXT[0], None, HOSTILE))
    token = csrf_of(browser)
    for item in world.api("GET", "/tenants/acme/attempts?result=refused").get_json()["items"]:
        assert "<script>alert" not in browser.get(f"/admin/attempts/{item['id']}").get_data(as_text=True)
    for pasted in (HOSTILE, base64.b64encode(world.response(world.browser().start(), audiences=[[HOSTILE]])).decode()):
        answer = browser.post("/admin/paste", data={"csrf_token": token, "saml_response": pasted})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.get_data(as_text=True)
    too_long = browser.post("/admin/paste", data={"csrf_token": token, "saml_response": "A" * (512 * 1024 + 1)})
    assert too_long.status_code == 422
    assert browser.post("/admin/paste", data={"csrf_token": token, "saml_response": ""}).status_code == 422


@on_sqlite
def test_a_pasted_response_leads_to_where_it_is_mended(world: World) -> None:
    """Settings to their form, everything else to its page; nobody is linked, and no draft made, by what was pasted."""
    world.sign_in(world.browser())
    ada = world.api("GET", "/tenants/acme/users").get_json()["items"][0]["id"]
    admin, support = tenant_client(world), staff_client(world, "support")

    def ways(browser: Browser, root: str, **parts: Any) -> list[str]:
        asked = world.browser().start()
        pasted = base64.b64encode(world.response(asked, **parts)).decode()
        form = {"csrf_token": csrf_of(browser, f"{root}/attempts"), "saml_response": pasted}
        shown = browser.post(f"{root}/paste", data=form).get_data(as_text=True)
        offered = shown.partition('class="advice-ways">')[2].partition("</section>")[0]
        assert "<form" not in offered
        return re.findall(r'class="button(?: main)?" href="([^"]+)"', offered)

    assert ways(admin, "/admin", status=NO_CONTEXT) == ["/admin/saml-attributes/main/edit"]
    assert admin.get("/admin/saml-attributes/main/edit").status_code == 200
    assert ways(support, "/admin/tenants/acme", status=NO_CONTEXT) == [], "who may not change settings"
    assert ways(admin, "/admin", destination=world.acme.acs_url + "/") == ["/admin/service-provider/"]
    world.api("PATCH", f"/tenants/acme/users/{ada}", json={"active": False})
    assert ways(admin, "/admin") == [f"/admin/people/{ada}"]
    assert world.api("GET", DRAFT).status_code == 404


def test_a_pasted_response_leaves_no_attempt(world: World) -> None:
    """And signs in afterwards as if nobody had looked."""
    browser, visitor = tenant_client(world), world.browser()
    started = visitor.start()
    message = world.response(started)
    before = world.count("attempt"), world.count("audit_event"), world.rows()
    data = {"csrf_token": csrf_of(browser), "saml_response": message.decode()}
    page = browser.post("/admin/paste", data=data).get_data(as_text=True)
    assert "It would be accepted" in page
    after = world.count("attempt"), world.count("audit_event")
    assert after == before[:2]
    assert {name: rows for name, rows in world.rows().items() if name != "session"} == {
        name: rows for name, rows in before[2].items() if name != "session"
    }
    assert visitor.post_response(message, started.relay_state).status_code == 303
