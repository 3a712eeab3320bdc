"""The console's organisations: the tree, settings with where they come from, refusals that say what to do, people moved."""

from __future__ import annotations

import re

from tests.flows.console.walking import token_of
from tests.support.browser import Browser
from tests.support.console import staff_client, tenant_client
from tests.support.organisations import (
    accepted,
    chain,
    connect_directory,
    connect_other,
    fill_organisations,
    made,
    pass_test,
    put,
    set_access,
    setting,
    sign_in_by,
    user_of,
)
from tests.support.world import World

PAGE = "/admin/organisations"
LARGEST_PAGE = 64 * 1024
"""Characters of a page, however many organisations there are."""


def post(browser: Browser, path: str, **form: str) -> tuple[int, str]:
    """Send a form; the status, and the page or where it leads."""
    answer = browser.post(path, data={**form, "csrf_token": token_of(browser, f"{PAGE}/")})
    return answer.status_code, answer.headers.get("Location") or answer.get_data(as_text=True)


def text_of(browser: Browser, path: str) -> str:
    """A page's words, without its tags."""
    answer = browser.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status}"
    return " ".join(re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True)).split())


def test_a_tree_is_made_renamed_moved_and_removed(world: World) -> None:
    """Each with its fault beside the field; what is inside is told, and moves up if somebody says so."""
    admin = tenant_client(world)
    assert "No organisations yet" in text_of(admin, f"{PAGE}/")
    status, where = post(admin, f"{PAGE}/new", name="Sales <b>", parent="tenant")
    sales = where.rpartition("/")[2]
    assert (status, "Sales &lt;b&gt;" in admin.get(where).get_data(as_text=True)) == (303, True)
    assert post(admin, f"{PAGE}/new", name="EMEA", parent=sales)[0] == 303
    status, page = post(admin, f"{PAGE}/new", name="sales <B>", parent="tenant")
    assert (status, 'aria-invalid="true"' in page, "of this name in the same place" in page) == (409, True, True)
    status, page = post(admin, f"{PAGE}/new", name="North", parent="0" * 36)
    assert (status, "no such organisation any more" in page) == (422, True)
    emea = accepted(world.api("GET", f"/tenants/acme/organisations?parent={sales}"))["items"][0]["id"]
    status, page = post(admin, f"{PAGE}/{sales}/place", name="Sales", parent=emea)
    assert (status, "cannot stand below itself" in page) == (409, True)
    assert post(admin, f"{PAGE}/{sales}/place", name="Sales")[0] == 303
    assert post(admin, f"{PAGE}/{emea}/place", name="Europe", parent="tenant")[0] == 303
    assert "Sales 0 people Europe" not in text_of(admin, f"{PAGE}/")
    assert post(admin, f"{PAGE}/{emea}/place", parent=sales)[0] == 303
    world.sign_in(world.browser())
    put(world, sales, user_of(world)["id"])
    assert "Sales 1 person" in text_of(admin, f"{PAGE}/")
    status, page = post(admin, f"{PAGE}/{sales}/remove")
    assert (status, "1 person, 1 organisation" in page) == (409, True)
    assert post(admin, f"{PAGE}/{sales}/remove", contents="to_parent") == (303, f"{PAGE}/tenant")
    assert user_of(world)["organisation_id"] is None
    assert "Europe" in text_of(admin, f"{PAGE}/?q=EUR")
    assert "Nothing matches" in text_of(admin, f"{PAGE}/?q=sales")


def test_somebody_is_added_to_an_organisation(world: World) -> None:
    """The field is there where there are organisations; one that went meanwhile is told beside it, and nobody is added."""
    admin, people = tenant_client(world), "/admin/people"
    assert "Belongs to" not in text_of(admin, f"{people}/new")
    sales = made(world, "Sales")
    assert "Belongs to Acme as a whole Sales" in text_of(admin, f"{people}/new")
    assert post(admin, f"{people}/new", email="tim@acme.test", organisation_id=sales)[0] == 303
    assert post(admin, f"{people}/new", email="kim@acme.test", organisation_id="")[0] == 303
    status, page = post(admin, f"{people}/new", email="eve@acme.test", organisation_id=made(world, "Other", slug="globex"))
    assert (status, "There is no such organisation" in page, "eve@acme.test" in page) == (422, True, True)
    found = accepted(world.api("GET", "/tenants/acme/users"))["items"]
    places = {person["email"]: person["organisation_id"] for person in found if not person["email"].startswith("admin")}
    assert places == {"tim@acme.test": sales, "kim@acme.test": None}


def test_settings_are_shown_with_where_they_come_from_and_taken_back(world: World) -> None:
    """Only what somebody changed is saved, so a page that was open for long sets nobody's changes back."""
    sales, emea = chain(world, "Sales", "EMEA")
    admin = tenant_client(world)
    path = f"{PAGE}/{sales}/settings"
    form = {"way": "local", "was_way": "", "session_idle_seconds": "", "was_session_idle_seconds": ""}
    assert post(admin, path, **form, provider_name=" Sales login ", was_provider_name="")[0] == 303
    assert "Way to sign in Local accounts own otherwise Single sign-on" in text_of(admin, f"{PAGE}/{sales}")
    assert "Way to sign in Local accounts inherited from Sales" in text_of(admin, f"{PAGE}/{emea}")
    accepted(set_access(world, sales, session_idle_seconds=3600))
    assert post(admin, path, **(form | {"was_way": "local", "way": "sso"}))[0] == 303
    kept = setting(world, sales, "session_idle_seconds")
    assert (kept["value"], kept["own"]) == (3600, True), "somebody else's change stays"
    assert post(admin, path, session_idle_seconds="", was_session_idle_seconds="3600")[0] == 303
    assert "ends after 8 hours inherited from" in text_of(admin, f"{PAGE}/{sales}")
    assert setting(world, sales, "way")["value"] == "sso", "what was not sent stays"
    status, page = post(admin, path, session_idle_seconds="1", was_session_idle_seconds="")
    assert (status, "session_idle_seconds-fault" in page, 'aria-invalid="true"' in page) == (422, True, True)
    status, page = post(admin, path, identity_provider="nobody", was_identity_provider="")
    assert (status, "no identity provider of this name" in page) == (422, True)
    assert post(admin, f"{PAGE}/tenant/settings", session_idle_seconds="3600", was_session_idle_seconds="28800")[0] == 303
    assert setting(world, None, "session_idle_seconds")["value"] == 3600


def test_a_chosen_identity_provider_that_went_stays_chosen(world: World) -> None:
    """Saving another setting does not let everybody in by any of the others."""
    sales = made(world, "Sales")
    accepted(set_access(world, sales, identity_provider="main"))
    admin = tenant_client(world)
    body = {"display_name": "Company login", "metadata_xml": world.acme.idp.metadata_xml(), "enabled": False}
    accepted(world.api("PUT", "/tenants/acme/identity-providers/main", json=body))
    page = admin.get(f"{PAGE}/{sales}/settings").get_data(as_text=True)
    assert 'name="was_identity_provider" value="main"' in page
    assert '<option value="main" selected>' in page
    sent = {"identity_provider": "main", "was_identity_provider": "main", "provider_name": "Sales", "was_provider_name": ""}
    assert post(admin, f"{PAGE}/{sales}/settings", **sent)[0] == 303
    assert setting(world, sales, "identity_provider")["value"] == "main"
    assert "is switched off, so nobody comes in" in text_of(admin, f"{PAGE}/{sales}")
    assert world.api("DELETE", "/tenants/acme/identity-providers/main").status_code == 204
    staff = staff_client(world)
    of_staff = f"/admin/tenants/acme/organisations/{sales}"
    assert "Identity provider one that was deleted own" in text_of(staff, of_staff)
    page = staff.get(f"{of_staff}/settings").get_data(as_text=True)
    assert '<option value="~" selected>' in page
    token = token_of(staff, of_staff)
    sent |= {"identity_provider": "~", "was_identity_provider": "~", "provider_name": "", "was_provider_name": "Sales"}
    answer = staff.post(f"{of_staff}/settings", data={**sent, "csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, of_staff)
    assert setting(world, sales, "identity_provider")["own"] is True
    assert setting(world, sales, "provider_name")["own"] is False


def test_requiring_sso_says_what_to_test_and_whom_it_locks_out(world: World) -> None:
    """A link to each test; then how many people, and a box that says so anyway."""
    works = made(world, "Works")
    admin = tenant_client(world)
    world.api("POST", "/tenants/acme/users", json={"email": "eve@acme.test"})
    put(world, works, user_of(world, "eve@acme.test")["id"])
    accepted(set_access(world, works, way="local"))
    require = {"sso_required": "yes", "was_sso_required": ""}
    status, page = post(admin, f"{PAGE}/{works}/settings", **require)
    assert (status, "/test-sign-in/main" in page, '<option value="yes" selected>' in page) == (409, True, True)
    pass_test(world)
    status, page = post(admin, f"{PAGE}/{works}/settings", **require)
    assert (status, "This locks out 1 person" in page, 'name="anyway"' in page) == (409, True, True)
    assert setting(world, works, "sso_required")["value"] is False
    assert post(admin, f"{PAGE}/{works}/settings", **require, anyway="true")[0] == 303
    assert setting(world, works, "sso_required")["value"] is True


def test_people_are_found_by_organisation_and_moved(world: World) -> None:
    """The list, its filter and file, and the form on the person's page; none of it where there are no organisations."""
    admin = tenant_client(world)
    assert 'name="organisation"' not in admin.get("/admin/people/").get_data(as_text=True)
    sales = made(world, "Sales")
    world.sign_in(world.browser())
    ada = user_of(world)["id"]
    assert "Have them belong elsewhere" in text_of(admin, f"/admin/people/{ada}")
    assert post(admin, f"/admin/people/{ada}/organisation", organisation=sales)[0] == 303
    assert user_of(world)["organisation_id"] == sales
    for found, which in ((True, sales), (False, "none")):
        listed = admin.get(f"/admin/people/?organisation={which}").get_data(as_text=True)
        assert ("ada@acme.test" in listed) is found
        file = admin.get(f"/admin/people/export?form=csv&organisation={which}").get_data(as_text=True)
        assert ("ada@acme.test" in file) is found
    assert post(admin, f"/admin/people/{ada}/organisation", organisation="0" * 36)[0] == 303
    assert "no such organisation any more" in text_of(admin, f"/admin/people/{ada}")
    assert user_of(world)["organisation_id"] == sales
    assert post(admin, f"/admin/people/{ada}/organisation", organisation="tenant")[0] == 303
    assert user_of(world)["organisation_id"] is None


def test_viewers_read_and_change_nothing(world: World) -> None:
    """No form, no button, and a form that is sent all the same is refused."""
    sales = made(world, "Sales")
    viewer = tenant_client(world, role="viewer")
    accepted(set_access(world, sales, way="local", anyway=True))
    for path in (f"{PAGE}/", f"{PAGE}/tenant", f"{PAGE}/{sales}"):
        page = viewer.get(path).get_data(as_text=True)
        assert not re.search(r'<form[^>]*method="post"[^>]*organisations', page), path
        assert "/test-sign-in/" not in page, "a page that is not for them"
    assert viewer.get(f"{PAGE}/{sales}/settings").status_code == 403
    assert post(viewer, f"{PAGE}/{sales}/settings", way="sso", was_way="local")[0] == 403


def test_a_large_tree_opens_by_links_and_takes_paths(world: World) -> None:
    """A level at a time, a hundred on a page, without a script; who is to be put somewhere is put there by its path."""
    ids = fill_organisations(world.app, 1, 101)
    admin = tenant_client(world)
    first = admin.get(f"{PAGE}/").get_data(as_text=True)
    assert (first.count('class="node"'), "1 to 100 of 101" in first, "9 organisations below" in first) == (101, True, True)
    assert len(first) < LARGEST_PAGE
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    assert admin.get(following[1].replace("&amp;", "&")).get_data(as_text=True).count('class="node"') == 2
    opened = text_of(admin, f"{PAGE}/?open={ids[4][8]}")
    assert "Works 004 0 people 9 organisations below Level 1 of 4" in opened
    assert "Level 9 of 4" in opened
    assert "Works 005" not in opened
    assert "Works 004" in text_of(admin, f"{PAGE}/?q=ks%20004")
    assert len(admin.get(f"{PAGE}/?q=level").get_data(as_text=True)) < LARGEST_PAGE, "909 are found"
    for foreign in ("?open=nothing", "?start=1e3", f"?open={'0' * 36}", "?start=12345"):
        assert admin.get(f"{PAGE}/{foreign}").status_code == 404, foreign
    shown = text_of(admin, f"{PAGE}/tenant")
    assert "All 101 in the tree" in shown
    form = admin.get(f"{PAGE}/{ids[4][1]}/place").get_data(as_text=True)
    assert 'name="parent" type="text" value="Works 004"' in form
    assert len(form) < LARGEST_PAGE
    assert post(admin, f"{PAGE}/{ids[4][1]}/place", name="Moved", parent="works 005/level 1 of 5/Nowhere")[0] == 422
    assert post(admin, f"{PAGE}/{ids[4][1]}/place", name="Moved", parent="/")[0] == 303
    assert "Moved" in text_of(admin, f"{PAGE}/{ids[4][9]}")
    people = admin.get("/admin/people/?organisation=moved").get_data(as_text=True)
    assert ('name="organisation" value="moved"' in people, len(people) < LARGEST_PAGE) == (True, True)
    assert admin.get("/admin/people/?organisation=nowhere").status_code == 422
    assert "Its names from the top" in text_of(admin, "/admin/people/new")
    status, page = post(admin, "/admin/people/new", email="tim@acme.test", organisation_id="nowhere/at all")
    assert (status, 'value="nowhere/at all"' in page, "none of this path" in page) == (422, True, True)
    assert post(admin, "/admin/people/new", email="tim@acme.test", organisation_id="works 005/level 1 of 5")[0] == 303
    assert user_of(world, "tim@acme.test")["organisation_id"] == ids[5][1]


def test_in_a_large_tree_a_directory_keeps_its_organisation(world: World) -> None:
    """Its form holds the path: saved as it is, it changes nothing; a path that leads nowhere saves nothing."""
    ids = fill_organisations(world.app, 1, 101)
    connect_directory(world, organisation_id=ids[4][0])
    admin, page, path = tenant_client(world), "/admin/directories/company", "/tenants/acme/directories/company"
    assert "Works 004" in text_of(admin, page)
    shown = admin.get(f"{page}/edit").get_data(as_text=True)
    assert 'name="organisation_id" type="text" value="Works 004"' in shown
    assert len(shown) < LARGEST_PAGE
    form = {"display_name": "Company", "urls": "ldaps://ldap.acme.test", "base_dn": "dc=acme", "enabled": "on"}
    form |= {"user_filter": "(uid={username})", "map_username": "uid", "map_email": "mail"}
    assert post(admin, f"{page}/edit", **form, organisation_id="Works 004")[0] == 303
    assert accepted(world.api("GET", path))["organisation_id"] == ids[4][0]
    status, refused = post(admin, f"{page}/edit", **form, organisation_id="nowhere")
    assert (status, "none of this path" in refused) == (422, True)
    assert accepted(world.api("GET", path))["organisation_id"] == ids[4][0]


def test_picked_people_move_and_each_is_accounted_for(world: World) -> None:
    """Asked where to, then told who moved, who did not and why, and who has no way in there; nobody of another tenant."""
    admin, viewer = tenant_client(world), tenant_client(world, role="viewer")
    other = connect_other(world)
    sales, finance = made(world, "Sales"), made(world, "Finance")
    accepted(set_access(world, finance, identity_provider="other"))
    ada, bob = world.browser(), world.browser()
    sign_in_by(world, world.acme.idp, "main", "ada", ada)
    sign_in_by(world, other, "other", "bob", bob)
    world.api("POST", "/tenants/acme/users", json={"email": "cleo@acme.test"})
    world.sign_in(world.browser(world.globex), world.globex)
    theirs = accepted(world.api("GET", "/tenants/globex/users"))["items"][0]["id"]
    ids = {name: user_of(world, f"{name}@acme.test")["id"] for name in ("ada", "bob", "cleo")}
    put(world, finance, ids["cleo"])
    page = admin.get("/admin/people/").get_data(as_text=True)
    assert 'value="move"' in page
    token = token_of(admin, "/admin/people/")
    picked = {"csrf_token": token, "id": [*ids.values(), theirs]}
    asked = admin.post("/admin/people/bulk", data={**picked, "act": "move"}).get_data(as_text=True)
    assert ("Move 3 people" in asked, theirs in asked, "now in <bdi>Finance" in asked) == (True, False, True)
    assert user_of(world)["organisation_id"] is None, "nothing has changed yet"
    again = admin.post("/admin/people/move", data={**picked, "organisation": "0" * 36})
    assert (again.status_code, "no such organisation" in again.get_data(as_text=True)) == (422, True)
    answer = admin.post("/admin/people/move", data={**picked, "organisation": finance})
    told = " ".join(re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True)).split())
    assert "2 of 4 people moved" in told
    assert "ada@acme.test moved from Acme as a whole 1 none there" in told
    assert "bob@acme.test moved from Acme as a whole 0 open" in told
    assert "cleo@acme.test not moved belonged there already" in told
    assert f"{theirs} not moved nobody here has this id any more" in told
    assert (ada.get("/session").status_code, bob.get("/session").status_code) == (401, 200)
    assert accepted(world.api("GET", "/tenants/globex/users"))["items"][0]["organisation_id"] is None
    for client, role in ((viewer, "viewer"), (staff_client(world, "support"), "support")):
        base = "/admin" if role == "viewer" else "/admin/tenants/acme"
        form = {"csrf_token": token_of(client, f"{base}/people/"), "id": [ids["ada"]], "organisation": sales}
        assert client.post(f"{base}/people/move", data=form).status_code == 403, role
        assert client.post(f"{base}/people/bulk", data={**form, "act": "move"}).status_code in (403, 404), role
        assert 'value="move"' not in client.get(f"{base}/people/").get_data(as_text=True), role
    many = {"csrf_token": token, "id": [ids["ada"]] * 201, "organisation": sales}
    assert admin.post("/admin/people/move", data=many).status_code == 404


def test_a_rule_that_leads_there_is_named_and_linked(world: World) -> None:
    """Nothing is removed; the page leads to the rule. A test of what is in force opens with that chosen."""
    sales = made(world, "Sales")
    rule = {"attribute": "mail", "values": ["ada@acme.test"], "organisation": sales}
    accepted(world.api("PUT", "/tenants/acme/identity-providers/main/placement-rules", json={"rules": [rule]}))
    admin = tenant_client(world)
    status, page = post(admin, f"{PAGE}/{sales}/remove", contents="to_parent")
    assert (status, "Rule 1 of <bdi>main</bdi>" in page, "/authentication-placement/main" in page) == (409, True, True)
    drafted = world.api("PATCH", "/tenants/acme/identity-providers/main/saml-settings/draft", json={"clock_skew_seconds": 30})
    assert drafted.status_code == 200
    leads = re.search(r'href="([^"]*test-sign-in/main[^"]*)"', admin.get(f"{PAGE}/{sales}").get_data(as_text=True))
    assert leads is not None
    assert re.search(r'value="in_force"[^>]* checked', admin.get(leads[1]).get_data(as_text=True))
