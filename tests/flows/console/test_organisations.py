"""The console's organisations: the tree, settings with where they come from, refusals that say what to do, people moved."""

from __future__ import annotations

import re

from tests.flows.console.walking import token_of
from tests.support.browser import Browser
from tests.support.console import staff_client, tenant_client
from tests.support.organisations import accepted, chain, made, pass_test, put, set_access, setting, user_of
from tests.support.world import World

PAGE = "/admin/organisations"


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


def test_a_thousand_organisations_are_one_folded_page(world: World) -> None:
    """Small here; what is below stays folded from a size on, without a script."""
    for parent in chain(world, "A", "B"):
        for number in range(30):
            made(world, f"{number} below", parent)
    page = tenant_client(world).get(f"{PAGE}/").get_data(as_text=True)
    assert ("<details>" in page, "<details open>" in page, page.count('class="node"')) == (True, False, 63)
