"""People are placed by what their identity provider says of them, on both databases (P6)."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.database import db, new_id, transaction
from config.isolation import every_tenant
from identity.models import Attempt, User
from tenants.access_tokens import make_tenant_token
from tenants.models import Tenant
from tenants.organisations.models import Organisation as OrganisationRow
from tenants.roles import Role
from tenants.tenant_records import find_managed_tenant
from tests.flows.management.support import code_in, token_for
from tests.flows.management.test_console_roles import principal
from tests.support.at_once import another_worker, at_once
from tests.support.browser import Browser, code_of
from tests.support.world import Organisation, World, utc_now

RULES = "/tenants/acme/identity-providers/main/placement-rules"
EVERYBODY = {"attribute": "mail", "values": ["ada@acme.test", "bob@acme.test"]}


def organisation(world: World, name: str, parent: str | None = None, whose: Organisation | None = None) -> str:
    """Make an organisation; its id."""
    organisation_id = new_id()
    with world.app.app_context(), every_tenant(), db.engine.begin() as connection:
        slug = (whose or world.acme).slug
        tenant_id = connection.execute(sa.select(Tenant.id).where(Tenant.slug == slug)).scalar_one()
        row = {"id": organisation_id, "parent_id": parent, "name": name, "name_key": name.lower(), "settings": {}}
        depth = 2 if parent else 1
        connection.execute(sa.insert(OrganisationRow).values(tenant_id=tenant_id, depth=depth, created_at=utc_now(), **row))
        connection.execute(sa.update(Tenant).where(Tenant.id == tenant_id).values(version=Tenant.version + 1))
    return organisation_id


def put(world: World, **document: Any) -> TestResponse:
    """Change acme's placement."""
    return world.api("PUT", RULES, json=document)


def rules(world: World, *listed: dict[str, Any], **document: Any) -> dict[str, Any]:
    """Put these rules in place."""
    answer = put(world, rules=list(listed), **document)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    state: dict[str, Any] = answer.get_json()
    return state


def come(world: World, who: str = "ada", **attributes: list[str]) -> tuple[Browser, TestResponse]:
    """Somebody signs in, of whom the identity provider says this."""
    browser = world.browser()
    told = {"mail": [f"{who}@acme.test"], **attributes}
    return browser, world.sign_in(browser, name_id=who, attributes=told)


def person(world: World, who: str = "ada") -> Any:
    """Somebody's row."""
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        columns = (User.id, User.organisation_id, User.active)
        return connection.execute(sa.select(*columns).where(User.email == f"{who}@acme.test")).one_or_none()


def events(world: World) -> list[dict[str, Any]]:
    """Acme's latest events."""
    items: list[dict[str, Any]] = world.api("GET", "/tenants/acme/events").get_json()["items"]
    return items


def test_people_belong_where_their_identity_provider_says(world: World) -> None:
    """By its own organisation at first, by the first rule that is met at every sign-in; who meets none stays where they are."""
    sales, europe = organisation(world, "Sales"), None
    europe = organisation(world, "Europe", sales)
    put(world, organisation=sales)
    come(world)
    assert person(world).organisation_id == sales
    rules(world, {"attribute": "c", "values": ["de", "at"], "organisation": europe}, EVERYBODY | {"organisation": sales})
    come(world, c=["xx", "at"])
    assert person(world).organisation_id == europe
    moved = next(event for event in events(world) if event["type"] == "user.placed")
    told = {"from": sales, "to": europe, "idp": "main", "rule": 1, "user": person(world).id, "sessions_ended": 0}
    assert moved["detail"] == told
    come(world, c=["AT"])
    assert person(world).organisation_id == sales, "values are compared exactly"
    rules(world)
    come(world, c=["at"])
    assert person(world).organisation_id == sales
    come(world, "bob")
    assert person(world, "bob").organisation_id == sales


def test_the_first_sign_in_alone_where_rules_are_not_followed(world: World) -> None:
    """Then an administrator's word stays; somebody new is placed all the same."""
    sales = organisation(world, "Sales")
    come(world)
    rules(world, EVERYBODY | {"organisation": sales}, follows=False)
    come(world)
    come(world, "bob")
    assert (person(world).organisation_id, person(world, "bob").organisation_id) == (None, sales)
    rules(world, EVERYBODY | {"organisation": "tenant"}, follows=True)
    come(world, "bob")
    assert person(world, "bob").organisation_id is None


def test_a_role_comes_from_the_first_rule_that_says_one(world: World) -> None:
    """It holds for the session whose sign-in met the rule, and goes with the rule; rules of the older kind go on working."""
    told = {"groups": ["staff", "it"]}
    state = rules(
        world,
        {"attribute": "groups", "values": ["guests"], "role": "none"},
        {"attribute": "groups", "values": ["it"], "role": "admin"},
        {"attribute": "groups", "values": ["staff"], "role": "viewer"},
    )
    admin, _ = come(world, **told)
    viewer, _ = come(world, "bob", groups=["staff"])
    nobody, _ = come(world, "eve", groups=["guests", "it", "staff"])
    held = [principal(world, browser) for browser in (admin, viewer, nobody)]
    assert [item and item.role.value for item in held] == ["admin", "viewer", None]
    roles = world.api("GET", f"/tenants/acme/users/{person(world).id}")
    assert roles.status_code in (200, 404)
    rules(world, *reversed(state["rules"]))
    assert principal(world, admin) is not None, "who has a role by a rule that stays keeps it"
    rules(world, state["rules"][0], state["rules"][2] | {"values": ["staff", "crew"]})
    assert (principal(world, admin), principal(world, viewer)) == (None, None)
    older = {"idp": "main", "attribute": "groups", "value": "it", "role": "viewer"}
    assert world.api("POST", "/tenants/acme/role-rules", json=older).status_code == 201
    rules(world, {"attribute": "groups", "values": ["it"], "role": "none"})
    again, _ = come(world, **told)
    held_again = principal(world, again)
    assert held_again is not None
    assert held_again.role.value == "viewer"


def test_a_rule_that_makes_inactive(world: World) -> None:
    """Refuses, ends sessions, and leaves nobody new behind; nothing but an administrator brings the person back."""
    browser, _ = come(world)
    rules(world, {"attribute": "status", "values": ["left"], "active": False, "role": "admin"})
    before = world.count("used_assertion")
    _, refused = come(world, status=["left"])
    assert (refused.status_code, code_of(refused)) == (403, "user_inactive")
    assert (person(world).active, world.count("used_assertion")) == (False, before)
    assert browser.get("/session").status_code == 401
    left = next(event for event in events(world) if event["type"] == "user.deactivated")
    assert (left["actor"], left["detail"]["rule"], left["detail"]["sessions_ended"]) == ("sign-in", 1, 1)
    receipt = world.api("GET", "/tenants/acme/attempts").get_json()["items"][0]
    assert receipt["code"] == "user_inactive"
    for attributes in ({}, {"status": ["left"]}, {"status": ["back"]}):
        assert code_of(come(world, **attributes)[1]) == "user_inactive"
    _, new = come(world, "bob", status=["left"])
    assert (code_of(new), person(world, "bob")) == ("user_inactive", None)
    rules(world, EVERYBODY | {"active": True}, {"attribute": "status", "values": ["left"], "active": False})
    assert code_of(come(world)[1]) == "user_inactive", "a rule never switches an account on"
    assert world.api("PATCH", f"/tenants/acme/users/{person(world).id}", json={"active": True}).status_code == 200
    assert come(world, status=["left"])[1].status_code == 303, "the first rule that says something decides"


def test_who_is_switched_off_by_a_rule_keeps_no_token(world: World) -> None:
    """Everything ends that ends with an account, wherever the word comes from: what they made in the console as well."""
    come(world)
    with world.app.app_context():
        acme = find_managed_tenant("acme")
        assert acme is not None
        hour = dt.timedelta(hours=1)
        with transaction():
            actor = f"user:{person(world).id}"
            made = make_tenant_token(acme, Role.ADMIN, label="own", lifetime=hour, actor=actor, now=utc_now())
    assert world.api("GET", "/tenants/acme", made.secret).status_code == 200
    rules(world, {"attribute": "status", "values": ["left"], "active": False})
    assert code_of(come(world, status=["left"])[1]) == "user_inactive"
    assert world.api("GET", "/tenants/acme", made.secret).status_code == 401
    left = next(event for event in events(world) if event["type"] == "user.deactivated")
    assert left["detail"]["ended"]["api_tokens"] == 1
    assert (left["detail"]["idp"], left["detail"]["rule"]) == ("main", 1)


def test_nobody_is_switched_off_by_a_message_that_would_not_sign_in(world: World) -> None:
    """Neither an old message used again, nor one that another browser brings, nor one of somebody else's request."""
    browser = world.browser()
    started = browser.start()
    used = world.response(started, name_id="ada", attributes={"mail": ["ada@acme.test"], "status": ["left"]})
    assert browser.post_response(used, started.relay_state).status_code == 303
    rules(world, {"attribute": "status", "values": ["left"], "active": False})
    assert code_of(browser.post_response(used, started.relay_state)) == "replayed"
    started = browser.start()
    fresh = world.response(started, name_id="ada", attributes={"mail": ["ada@acme.test"], "status": ["left"]})
    assert code_of(world.browser().post_response(fresh, started.relay_state)) == "login_state_lost"
    assert person(world).active
    assert code_of(browser.post_response(fresh, started.relay_state)) == "user_inactive"
    assert not person(world).active


def test_an_identity_provider_for_some_domains(world: World) -> None:
    """It signs in nobody whose address is at another one; only the tenant's own proven domains can be named."""
    world.api("PATCH", "/tenants/acme", json={"email_domains": ["acme.test", "beta.test"]})
    assert put(world, email_domains=["beta.test", "BETA.test"]).get_json()["email_domains"] == ["beta.test"]
    assert code_of(come(world)[1]) == "email_domain_not_allowed"
    for domain in ("globex.test", "nowhere.test", "x", ""):
        assert put(world, email_domains=[domain]).status_code == 422
    put(world, email_domains=[])
    assert come(world)[1].status_code == 303


FAULTY: tuple[tuple[dict[str, Any], str], ...] = (
    ({"attribute": "a", "values": ["b"]}, "rules.1"),
    ({"attribute": " ", "values": ["b"], "role": "admin"}, "rules"),
    ({"attribute": "a", "values": [], "role": "admin"}, "rules"),
    ({"attribute": "a", "values": [" "], "role": "admin"}, "rules"),
    ({"attribute": "a", "values": ["b"], "role": "staff"}, "rules"),
    ({"attribute": "a", "values": ["b"], "active": "no"}, "rules"),
    ({"attribute": "a", "values": ["b"], "organisation": "1"}, "rules.1"),
    ({"attribute": "a", "values": ["b"] * 60, "role": "admin"}, "rules"),
    ({"attribute": "a" * 300, "values": ["b"], "role": "admin"}, "rules"),
    ({"attribute": "a", "values": ["b"], "role": "admin", "more": 1}, "rules"),
)


def test_what_is_no_rule(world: World) -> None:
    """Is refused with its number, and changes nothing."""
    much = [{"attribute": "a", "values": [f"{n:03}" + "x" * 250 for n in range(50)], "role": "viewer"}]
    assert put(world, rules=much * 5).status_code == 200
    refused = put(world, rules=much * 6)
    assert (refused.status_code, list(refused.get_json()["errors"])) == (422, ["rules"]), "each change is whole in the audit"
    assert max(len(str(event["detail"])) for event in events(world)) < 100_000
    rules(world)
    for rule, field in FAULTY:
        answer = put(world, rules=[rule])
        assert code_in(answer)[0] == 422, rule
        assert any(name.startswith(field) for name in answer.get_json()["errors"]), answer.get_json()
    assert world.count("placement_rule") == 0


def test_who_may_and_where(world: World) -> None:
    """Administrators and the owner change rules; others read them; nobody another tenant's, nor into another tenant's tree."""
    theirs, ours = organisation(world, "Theirs", whose=world.globex), organisation(world, "Ours")
    below, beside = organisation(world, "Below", ours), organisation(world, "Beside")
    body = {"rules": [EVERYBODY | {"role": "admin"}]}
    for role, status in (("viewer", 403), ("support", 403), ("admin", 200), ("staff", 200)):
        token = token_for(world, role, "acme") if role in ("viewer", "admin") else token_for(world, role)
        assert world.api("PUT", RULES, token, json=body).status_code == status, role
        assert world.api("POST", f"{RULES}/preview", token, json=body).status_code == status, role
        assert world.api("GET", RULES, token).status_code == 200
    foreign = token_for(world, "admin", "globex")
    for method, path in (("GET", RULES), ("PUT", RULES), ("POST", f"{RULES}/preview")):
        assert world.api(method, path, foreign, json=None if method == "GET" else body).status_code == 404
    for document in ({"organisation": theirs}, {"rules": [EVERYBODY | {"organisation": theirs}]}):
        assert code_in(put(world, **document))[0] == 422
    inside = [EVERYBODY | {"organisation": one} for one in (ours, below)]
    assert put(world, organisation=ours, rules=inside).status_code == 200
    for outside in (beside, "tenant"):
        assert code_in(put(world, rules=[EVERYBODY | {"organisation": outside}]))[0] == 422
    assert code_in(put(world, organisation=beside))[0] == 422, "the rules that there are would lead out of it"


def test_rules_go_with_their_identity_provider(world: World) -> None:
    """Connected again, it has none; and a rule of one never counts for what another one says."""
    second = {"display_name": "Second", "metadata_xml": world.globex.idp.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/second", json=second).status_code == 201
    rules(world, {"attribute": "groups", "values": ["it"], "role": "admin"})
    browser = world.browser()
    started = browser.start(idp="second")
    told = {"mail": ["ada@acme.test"], "groups": ["it"]}
    parts = {"sp_entity_id": world.acme.entity_id, "acs_url": world.acme.acs_url, "attributes": told}
    assert browser.post_response(world.response(started, world.globex, **parts), started.relay_state).status_code == 303
    assert principal(world, browser) is None
    assert world.api("DELETE", "/tenants/acme/identity-providers/main").status_code == 204
    assert world.count("placement_rule") == 0
    again = {"display_name": "Again", "metadata_xml": world.acme.idp.metadata_xml()}
    assert world.api("PUT", "/tenants/acme/identity-providers/main", json=again).status_code == 201
    assert world.api("GET", RULES).get_json()["rules"] == []


def test_two_who_change_rules_at_once(world: World) -> None:
    """One list is there in the end, whole; whoever names what they saw is told that somebody was first."""
    lists = [[{"attribute": name, "values": [str(n)], "role": "viewer"} for n in range(20)] for name in ("a", "b")]
    with another_worker(world.app) as other:
        twin = World(other, world.acme, world.globex, world.staff_token)
        both = ((world, lists[0]), (twin, lists[1]))
        answers = at_once([lambda one=one, listed=listed: put(one, rules=listed) for one, listed in both])  # type: ignore[misc]
    assert [answer.status_code for answer in answers] == [200, 200]
    state = world.api("GET", RULES).get_json()
    assert {rule["attribute"] for rule in state["rules"]} in ({"a"}, {"b"})
    assert [rule["values"] for rule in state["rules"]] == [[str(n)] for n in range(20)]
    assert put(world, version=state["version"], rules=[]).status_code == 200
    assert code_in(put(world, version=state["version"], rules=[])) == (409, "placement_changed")


def test_what_rules_would_do(world: World) -> None:
    """Who would move, whose role would change, who would lose access; from fingerprints alone, and nothing changes."""
    sales = organisation(world, "Sales")
    come(world, groups=["old"])
    come(world, groups=["it"])
    come(world, "bob", status=["left"], groups=["x"] * 3)
    come(world, "eve")
    document = {
        "rules": [
            {"attribute": "status", "values": ["left"], "active": False},
            {"attribute": "groups", "values": ["it"], "role": "admin", "organisation": sales},
            {"attribute": "groups", "values": ["old"], "role": "viewer"},
        ]
    }
    before = world.rows()
    foreseen = world.api("POST", f"{RULES}/preview", json=document).get_json()
    counts = {name: foreseen[name] for name in ("looked_at", "not_known", "moves", "role_changes", "deactivations")}
    assert counts == {"looked_at": 3, "not_known": 0, "moves": 1, "role_changes": 1, "deactivations": 1}
    bob, ada = foreseen["people"]
    assert (bob["email"], bob["active_before"], bob["active_after"]) == ("bob@acme.test", True, False)
    assert (ada["organisation_name_before"], ada["organisation_name_after"], ada["role_after"]) == ("Acme", "Sales", "admin")
    assert world.rows() == before
    kept = fingerprints(world)
    assert len(kept) == 4
    assert not any(word in text for text in kept for word in ("left", "acme", "groups"))
    rules(world, *document["rules"])
    assert world.api("POST", f"{RULES}/preview", json=document).get_json()["role_changes"] == 0
    _, refused = come(world, "bob", status=["left"])
    assert code_of(refused) == "user_inactive"
    again = world.api("POST", f"{RULES}/preview", json={"rules": []}).get_json()
    assert (again["deactivations"], again["role_changes"]) == (0, 1)


def test_commands(world: World) -> None:
    """`vestibule placement` shows, changes and foresees by the same flows; what is no document is said."""
    runner = world.app.test_cli_runner()
    shown = json.loads(runner.invoke(args=["placement", "show", "acme", "main"]).output)
    shown["rules"] = [EVERYBODY | {"role": "viewer"}]
    assert '"people": []' in runner.invoke(args=["placement", "preview", "acme", "main", "-"], input=json.dumps(shown)).output
    done = runner.invoke(args=["placement", "set", "acme", "main", "-"], input=json.dumps(shown))
    assert json.loads(done.output)["rules"][0]["role"] == "viewer"
    stale = runner.invoke(args=["placement", "set", "acme", "main", "-"], input=json.dumps(shown))
    assert (stale.exit_code, "placement_changed" in stale.stderr) == (2, True)
    for text in ("x", "[]"):
        assert runner.invoke(args=["placement", "set", "acme", "main", "-"], input=text).exit_code == 2


def fingerprints(world: World) -> list[str]:
    """What is kept of what came."""
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return [text for text in connection.execute(sa.select(Attempt.fingerprints)).scalars() if text]
