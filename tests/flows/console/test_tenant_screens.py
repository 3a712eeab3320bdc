"""Staff's screens of tenants: found, looked at, changed, suspended, deleted; and what a tenant's own people may of it."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from admin_ui.models import ConsoleSession
from config.database import db
from config.isolation import every_tenant
from tests.flows.console.walking import token_of
from tests.flows.management.support import events_of
from tests.support.browser import Browser
from tests.support.console import staff_client, tenant_client
from tests.support.world import World, utc_now

LIST = "/admin/tenants/"
ACME = "/admin/tenants/acme"
NAMES = ("Österreich AG", "österreich zwei", "ZEBRA", "alpha", "شركة النور", "🦊 & <b>Söhne</b>", "=HYPERLINK(1)")


def _make(world: World, number: int = 60) -> None:
    for index in range(number):
        name = NAMES[index] if index < len(NAMES) else f"Customer {index:03}"
        made = world.api(
            "POST", "/tenants", json={"slug": f"c{index:03}", "name": name, "email_domains": [f"c{index:03}.example"]}
        )
        assert made.status_code == 201


def _slugs(page: TestResponse) -> list[str]:
    return re.findall(r'<td data-column="MyDomain"><code>([a-z0-9-]+)</code></td>', page.get_data(as_text=True))


def _post(browser: Browser, path: str, **fields: Any) -> TestResponse:
    return browser.post(path, data={"csrf_token": token_of(browser, "/admin/"), **fields})


def _text(answer: TestResponse) -> str:
    return html.unescape(answer.get_data(as_text=True))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_pages_in_every_order_show_each_tenant_once(world: World) -> None:
    """Forward through all pages by each column and both directions: nobody is missed, nobody comes twice."""
    _make(world)
    owner = staff_client(world)
    for sort in ("name", "-name", "slug", "-slug", "created", "-created"):
        address, seen = f"{LIST}?sort={sort}", list[str]()
        while address:
            page = owner.get(address)
            assert page.status_code == 200
            seen += _slugs(page)
            following = re.search(r'rel="next" href="([^"]+)"', page.get_data(as_text=True))
            address = html.unescape(following[1]) if following else ""
        assert len(seen) == len(set(seen)) == 62, sort
        if sort.endswith("slug"):
            assert seen == sorted(seen, reverse=sort.startswith("-"))


def test_search_finds_by_name_address_and_domain_whatever_the_case(world: World) -> None:
    """Accents and case aside; what is none of a pattern's business is taken as it is."""
    _make(world, len(NAMES))
    owner = staff_client(world)
    for words, found in (
        ("österREICH", {"c000", "c001"}),
        ("osterreich", {"c000", "c001"}),
        ("النور", {"c004"}),
        ("c003.exa", {"c003"}),
        ("glob", {"globex"}),
        ("%", set()),
        ("_", set()),
        ("<b>", {"c005"}),
        ("' OR 1=1 --", set()),
        ("x" * 10_000, set()),
        ("\x00", None),
    ):
        page = owner.get(LIST, query_string={"q": words})
        assert page.status_code == 200, words
        if found is not None:
            assert set(_slugs(page)) == found, words


def test_filters_and_counts(world: World) -> None:
    """By state, by a whole domain, by age; together too. What was made up is refused in words."""
    world.api("PATCH", "/tenants/globex", json={"state": "suspended"})
    owner = staff_client(world)
    assert _slugs(owner.get(LIST + "?state=suspended")) == ["globex"]
    assert _slugs(owner.get(LIST + "?domain=ACME.test")) == ["acme"]
    assert _slugs(owner.get(LIST + "?domain=cme.test")) == []
    tomorrow = (utc_now() + dt.timedelta(days=1)).date().isoformat()
    assert _slugs(owner.get(LIST + f"?since={tomorrow}")) == []
    assert "2 tenants" in _text(owner.get(LIST))
    assert "1 tenant<" in _text(owner.get(LIST + "?state=active"))
    for query in ("sort=password", "state=gone", "since=yesterday", "cursor=abc"):
        assert owner.get(f"{LIST}?{query}").status_code in (400, 422), query


def test_exports_hold_what_the_list_shows_and_no_formula(world: World) -> None:
    """CSV and JSONL, all pages, with the filter that is on."""
    _make(world, len(NAMES))
    owner = staff_client(world)
    answer = owner.get("/admin/tenants/export?form=csv&q=c00")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert {row["mydomain"] for row in rows} == {f"c{index:03}" for index in range(len(NAMES))}
    assert next(row["name"] for row in rows if row["mydomain"] == "c006") == "'=HYPERLINK(1)"
    lines = owner.get("/admin/tenants/export?form=jsonl").data.decode().splitlines()
    assert {json.loads(line)["mydomain"] for line in lines} >= {"acme", "globex"}
    assert owner.get("/admin/tenants/export?form=exe").status_code == 400


def test_name_and_session_times_are_saved_and_on_record(world: World) -> None:
    """By an administrator of the tenant, too; what does not fit is told at its field, and what was typed stays."""
    for browser, base in ((staff_client(world), ACME), (tenant_client(world), "/admin")):
        fields = {"session_idle_seconds": "3600", "session_absolute_seconds": "86400"}
        bad = _post(browser, base + "/general/save", name="x" * 201, **fields)
        assert bad.status_code == 422
        assert "x" * 201 in _text(bad)
        wrong = fields | {"session_idle_seconds": "86400", "session_absolute_seconds": "3600"}
        assert "idle for longer than it may last" in _text(_post(browser, base + "/general/save", name="Acme", **wrong))
        for value in ("", "a day", "-1", "1e9", "3600.5"):
            answer = _post(browser, base + "/general/save", name="A", **fields | {"session_idle_seconds": value})
            assert answer.status_code == 422, value
        saved = _post(browser, base + "/general/save", name=f"Acme von {base}", **fields)
        assert saved.status_code == 303, _text(saved)
        shown = world.api("GET", "/tenants/acme").get_json()
        assert (shown["name"], shown["session_idle_seconds"]) == (f"Acme von {base}", 3600)
    actors = {event["actor"].partition(":")[0] for event in events_of(world) if event["type"] == "tenant.changed"}
    assert {"staff", "user"} <= actors


def test_another_mydomain_leads_to_the_same_tenant(world: World) -> None:
    """The former address goes on, entity ID and ACS URL stay, and the page moves along."""
    owner = staff_client(world)
    before = world.api("GET", "/tenants/acme").get_json()["sp"]
    for slug, status in (("globex", 409), ("www", 409), ("-x-", 422), ("a", 422), ("", 422)):
        refused = _post(owner, ACME + "/general/mydomain", slug=slug)
        assert refused.status_code == status, slug
        assert "<details open>" in refused.get_data(as_text=True)
    moved = _post(owner, ACME + "/general/mydomain", slug="Acme-Works")
    assert moved.status_code == 303
    assert urlsplit(moved.location).path == "/admin/tenants/acme-works/general/"
    assert owner.get(moved.location).status_code == 200
    assert world.api("GET", "/tenants/acme-works").get_json()["sp"] == before
    assert owner.get(ACME + "/general/").status_code == 404


def test_suspending_ends_sessions_and_activating_opens_again(world: World) -> None:
    """At once; a state that there is not changes nothing."""
    person = world.browser()
    world.sign_in(person)
    owner = staff_client(world)
    for state in ("", "deleted", "onboarding"):
        assert _post(owner, ACME + "/general/state", state=state).status_code == 422
    assert _post(owner, ACME + "/general/state", state="suspended").status_code == 303
    assert person.get("/session").status_code == 403
    assert _post(owner, ACME + "/general/state", state="active").status_code == 303
    assert person.get("/session").status_code == 401


def test_deleting_takes_the_name_and_a_fresh_sign_in(world: World) -> None:
    """A wrong name deletes nothing; neither does an open laptop; then it is gone, and its people with it."""
    owner = staff_client(world)
    path = ACME + "/general/delete"
    assert "Type the name of the tenant" in _text(owner.get(path))
    for name in ("", "acme", "Globex", "Acme\x00"):
        assert _post(owner, path, name=name).status_code == 422
    _age(world, dt.timedelta(minutes=16))
    late = _post(owner, path, name="Acme")
    assert late.status_code == 403
    assert "Sign in again" in _text(late)
    assert world.api("GET", "/tenants/acme").status_code == 200
    _age(world, dt.timedelta(0))
    gone = _post(owner, path, name=" Acme ")
    assert gone.status_code == 303
    assert urlsplit(gone.location).path == LIST
    assert "Acme is deleted." in _text(owner.get(gone.location))
    assert world.api("GET", "/tenants/acme").status_code == 404


def _age(world: World, by: dt.timedelta) -> None:
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        connection.execute(sa.update(ConsoleSession).values(authenticated_at=utc_now() - by))


@pytest.mark.parametrize("path", ["/general/mydomain", "/general/state", "/general/delete"])
def test_what_is_staffs_is_not_the_tenants(world: World, path: str) -> None:
    """An administrator is refused MyDomain, state and deletion; support may look and no more."""
    before = world.rows()
    admin, support = tenant_client(world), staff_client(world, "support")
    before = world.rows()
    for browser, base in ((admin, "/admin"), (support, ACME)):
        assert _post(browser, base + path, slug="other", state="suspended", name="Acme").status_code == 403
        shown = _text(browser.get(base + "/general/"))
        assert "Delete this tenant" not in shown
        assert "Change the MyDomain" not in shown
    assert world.rows() == before


def test_our_side_is_shown_without_the_private_halves(world: World) -> None:
    """Names, addresses and certificates to copy; for viewers too."""
    for browser, base in ((staff_client(world, "support"), ACME), (tenant_client(world, role="viewer"), "/admin")):
        page = _text(browser.get(base + "/service-provider/"))
        assert world.acme.entity_id in page
        assert world.acme.acs_url in page
        assert page.count("BEGIN CERTIFICATE") == 2
        assert "PRIVATE" not in page
        assert "v1.test." not in page


def test_search_over_the_service(world: World) -> None:
    """Tenants by any part; a person by the whole address alone, and that is on record at the tenant."""
    world.sign_in(world.browser())
    owner = staff_client(world, "support")
    assert "Globex" in _text(owner.get("/admin/search/?q=glo"))
    assert "Person" not in _text(owner.get("/admin/search/?q=ada@acme"))
    assert not [event for event in events_of(world) if event["type"] == "user.looked_up"]
    for words in ("ada@acme.test", " ADA@Acme.test "):
        page = _text(owner.get("/admin/search/", query_string={"q": words}))
        assert "That you looked is on record there." in page
    assert len([event for event in events_of(world) if event["type"] == "user.looked_up"]) == 2
    assert not [event for event in events_of(world, "globex") if event["type"] == "user.looked_up"]
    for words in ("", "@", "\x00@acme.test", "x" * 5000 + "@acme.test", "<script>alert(1)</script>", "🦊@\u202e.test"):
        answer = owner.get("/admin/search/", query_string={"q": words})
        assert answer.status_code == 200
        assert "<script>alert" not in answer.get_data(as_text=True)
    assert tenant_client(world).get("/admin/search/?q=globex").status_code in (403, 404)
