"""People are kept as their directory has them: who is gone or off there is switched off here, and nobody by mistake."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.database import read, transaction, write
from config.isolation import every_tenant
from identity.console_roles import console_role_of
from identity.directories.signing_in import EnteredByDirectory
from identity.directories.syncing import run_due_directory_syncs
from identity.models import SessionRow
from tenants.notices.models import Delivery
from tenants.setup_models import TenantRate
from tests.flows.directories.conftest import DirectoryWorld
from tests.flows.management.support import code_in
from tests.support.organisations import put, user_of
from tests.support.slapd import BASE, GROUPS, PEOPLE, start_slapd
from tests.support.world import World, utc_now

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TEAM = tuple(f"team{number}" for number in range(8))
RULES = "/tenants/acme/directories/main/placement-rules"
AD_OFF = "(userAccountControl:1.2.840.113556.1.4.803:=2)"


@pytest.fixture
def team(directories: DirectoryWorld) -> Iterator[dict[str, str]]:
    """Eight people who have signed in, by name their DN; the directory has only them below its base."""
    container = f"ou=team,{BASE}"
    slapd = directories.slapd
    with slapd._root() as root:
        root.add_s(container, [("objectClass", [b"organizationalUnit"]), ("ou", [b"team"])])
    dns = {name: slapd.add(name, container=container) for name in TEAM}
    directories.connect(base_dn=container, disabled_filter=AD_OFF)
    for name in TEAM:
        assert isinstance(directories.sign_in(name), EnteredByDirectory)
    yield dns
    with slapd._root() as root:
        for dn, _ in root.search_s(container, 2, "(objectClass=inetOrgPerson)", ["1.1"]):
            root.delete_s(dn)
        root.delete_s(container)


def active(directories: DirectoryWorld) -> set[str]:
    """Usernames of those who are active."""
    return {name for name, person in directories.people().items() if person["active"]}


def test_who_is_gone_or_off_there_is_switched_off_here(directories: DirectoryWorld, team: dict[str, str]) -> None:
    """Their sessions end, they stay off when they are back there, and others are brought up to date."""
    slapd = directories.slapd
    slapd.remove(team["team0"])
    slapd.change(team["team1"], userAccountControl="514")
    slapd.change(team["team2"], givenName="Renamed", mail="team2@elsewhere.test")
    slapd.change(team["team3"], mail="ada@acme.test")
    slapd.change(team["team4"], mail="team5@acme.test")
    came = directories.sync()
    assert (came["result"], came["code"]) == ("ok", None), came
    assert came["counts"] == {"entries": 7, "known": 8, "gone": 1, "disabled": 1, "changed": 2, "moved": 0}
    assert active(directories) == set(TEAM) - {"team0", "team1"}
    people = directories.people()
    assert people["team2"]["first_name"] == "Renamed"
    assert people["team2"]["email"] == "team2@acme.test", "an address of a domain that is nobody's is not taken"
    assert people["team3"]["email"] == "ada@acme.test"
    assert people["team4"]["email"] == "team4@acme.test", "an address that somebody else has stays theirs"
    switched_off = directories.events("user.deactivated")
    assert {event["actor"] for event in switched_off} == {"directory:main"}
    assert {event["detail"]["sessions_ended"] for event in switched_off} == {1}
    assert directories.sign_in("team1") == "sign_in_failed"
    slapd.change(team["team1"], userAccountControl="512")
    slapd.add("team0", container=team["team1"].partition(",")[2])
    assert directories.sync()["counts"]["gone"] == 0
    assert active(directories) == set(TEAM) - {"team0", "team1"}, "people come back by an administrator alone"
    assert directories.sign_in("team1") == "user_inactive"


@ON_SQLITE
def test_too_many_at_once_are_nobody(directories: DirectoryWorld, team: dict[str, str]) -> None:
    """More than the share, everybody, or a base that gives nobody: nothing is done, and it is told; a higher share lets it."""
    for name in ("team0", "team1", "team2"):
        directories.slapd.remove(team[name])
    held = directories.sync()
    assert (held["result"], held["code"]) == ("held", "too_many_gone")
    assert "3 of 8" in held["cause"]
    assert active(directories) == set(TEAM)
    assert [event["reason"] for event in directories.events("directory.sync_failed")] == ["too_many_gone"]
    for name in TEAM[3:]:
        directories.slapd.remove(team[name])
    settings = {"base_dn": team["team0"].partition(",")[2], "disabled_filter": AD_OFF}
    assert directories.put(**settings, max_gone_percent=100).status_code == 200
    assert directories.sync()["code"] == "nobody_found", "not even where all may go"
    directories.slapd.add("team7", container=settings["base_dn"])
    came = directories.sync()
    assert (came["result"], came["counts"]["gone"]) == ("ok", 8), "another entryUUID is another person"
    assert active(directories) == set()


@ON_SQLITE
def test_a_directory_that_ends_in_the_middle_costs_nobody_their_account(
    directories: DirectoryWorld, team: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is stopped after the first page; it was read page by page, and the next sync is soon."""
    own = start_slapd(tmp_path / "own", [f"person{number}" for number in range(5)])
    try:
        directories.slapd.remove(team["team0"])
        directories.connect(name="own", urls=[own.ldaps], ca_certificates=own.authority, base_dn=PEOPLE, sync_hours=1)
        monkeypatch.setattr("tenants.directories.door.PAGE_SIZE", 2)
        assert isinstance(directories.sign_in("person1"), EnteredByDirectory)
        answers: list[bool] = []

        def stop_after_one() -> bool:
            answers.append(True)
            if len(answers) == 3:
                own.stop()
            return False

        with directories.world.app.app_context():
            assert run_due_directory_syncs(directories.means, utc_now, ended=stop_after_one) == 1
        found = directories.world.api("GET", "/tenants/acme/directories/own").get_json()["last_sync"]
        assert (found["result"], found["stage"]) == ("failed", "search"), found
        assert found["code"] in ("broken_off", "timeout")
        assert dt.datetime.fromisoformat(found["next_at"]) < utc_now() + dt.timedelta(minutes=6)
        assert "person1" in active(directories)
        assert len(answers) >= 3
    finally:
        own.stop()


@ON_SQLITE
def test_more_people_than_a_search_gives_are_read_page_by_page(
    directories: DirectoryWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server with a limit of ten entries has thirty, and none of them is taken for gone; without pages, it is told."""
    own = start_slapd(tmp_path / "own", [f"person{number}" for number in range(30)], size_limit=10)
    try:
        monkeypatch.setattr("tenants.directories.door.PAGE_SIZE", 7)
        directories.connect(name="own", urls=[own.ldaps], ca_certificates=own.authority)
        for name in ("person3", "person29"):
            assert isinstance(directories.sign_in(name), EnteredByDirectory)
        came = directories.sync("own")
        assert (came["result"], came["counts"]) == (
            "ok",
            {"entries": 30, "known": 2, "gone": 0, "disabled": 0, "changed": 0, "moved": 0},
        ), came
    finally:
        own.stop()


def test_a_due_sync_is_done_once(directories: DirectoryWorld, world: World) -> None:
    """By whoever is first: a second worker finds nothing, the claim's rest, and a lost claim writes nothing."""
    directories.connect(sync_hours=24)
    assert directories.run() == 1
    assert directories.run() == 0
    found = world.api("GET", "/tenants/acme/directories/main").get_json()["last_sync"]
    assert found["result"] == "ok"
    due = dt.datetime.fromisoformat(found["next_at"])
    assert utc_now() + dt.timedelta(hours=21) < due < utc_now() + dt.timedelta(hours=24, minutes=1)
    queued = [world.api("POST", "/tenants/acme/directories/main/sync").status_code for _ in range(2)]
    assert queued == [202, 429]
    directories.set(sync_claimed_until=utc_now() + dt.timedelta(minutes=1))
    assert directories.run() == 0
    assert world.api("PATCH", "/tenants/acme", json={"state": "suspended"}).status_code == 200
    directories.set(sync_claimed_until=None)
    assert directories.run() == 0, "a suspended tenant's directory is left alone"


def test_rules_place_people_and_a_sync_moves_them(directories: DirectoryWorld, team: dict[str, str]) -> None:
    """By an attribute and by a group, at sign-in and by a sync, tried before on what a sync has read; never out of bounds."""
    world, slapd, container = directories.world, directories.slapd, team["team0"].partition(",")[2]
    sales = directories.add_organisation("Sales", {})
    research = directories.add_organisation("Research", {})
    other = directories.add_organisation("By single sign-on", {"way": "sso"})
    seller_rule = {"attribute": "employeeType", "values": ["seller"], "organisation": sales, "role": "viewer"}
    rules = [seller_rule, {"attribute": "groups", "values": ["researchers"], "organisation": research}]
    settings = {"base_dn": container, "group_filter": "(member={dn})", "group_base_dn": GROUPS}
    assert directories.put(**settings, rule_attributes=["employeeType", "groups"]).status_code == 200
    slapd.change(team["team1"], employeeType="seller")
    group = slapd.add_group("researchers", [team["team2"], team["team1"]])
    try:
        assert _preview(world, rules)["not_known"] == len(TEAM), "nothing was read yet"
        assert directories.sync()["counts"]["moved"] == 0
        seen = _preview(world, rules)
        assert (seen["looked_at"], seen["not_known"], seen["moves"], seen["role_changes"]) == (len(TEAM), 0, 2, 1)
        placed = world.api("PUT", RULES, json={"rules": rules})
        assert placed.status_code == 200, placed.get_data(as_text=True)
        seller = directories.sign_in("team1")
        assert isinstance(seller, EnteredByDirectory)
        assert seller.person.organisation_id == sales, "the first rule that is met counts"
        assert _role(directories, seller) == "viewer"
        assert directories.sync()["counts"]["moved"] == 1
        slapd.change(team["team1"], employeeType="researcher")
        assert directories.sync()["counts"]["moved"] == 1
        assert directories.sync()["counts"]["moved"] == 0
        events = directories.events("user.placed")
        assert [(event["detail"]["to"], event["actor"]) for event in events][:2] == [
            (research, "directory:main"),
            (research, "directory:main"),
        ]
        put(world, other, user_of(world, "team1@acme.test")["id"])
        assert directories.sync()["counts"]["moved"] == 0, "a rule takes nobody out of where the directory is not heard"
        assert directories.sign_in("team1") == "sign_in_way_not_allowed"
        assert world.api("PUT", RULES, json={"rules": []}).status_code == 200
        assert _role(directories, seller) is None, "a role goes with its rule"
    finally:
        slapd.remove(group)


def test_a_sync_that_moves_people_ends_what_their_new_place_does_not_know(
    directories: DirectoryWorld, team: dict[str, str]
) -> None:
    """Who came by the directory and belongs to local accounts now has no session left, on record with the cause."""
    world, slapd, container = directories.world, directories.slapd, team["team0"].partition(",")[2]
    works = directories.add_organisation("Works", {"way": "local"})
    assert directories.put(base_dn=container).status_code == 200
    rule = {"attribute": "employeeType", "values": ["worker"], "organisation": works}
    assert world.api("PUT", RULES, json={"rules": [rule]}).status_code == 200
    slapd.change(team["team3"], employeeType="worker")
    sessions = world.api("GET", "/tenants/acme/sessions").get_json()["items"]
    assert len(sessions) == len(TEAM)
    assert directories.sync()["counts"]["moved"] == 1
    left = {item["email"] for item in world.api("GET", "/tenants/acme/sessions").get_json()["items"]}
    assert left == {f"{name}@acme.test" for name in TEAM if name != "team3"}
    moved = directories.people()["team3"]["id"]
    (ended,) = directories.events("sessions.ended")
    assert (ended["actor"], ended["reason"]) == ("directory:main", "moved")
    assert ended["detail"] == {"user": moved, "organisation": works, "sessions_ended": 1}
    assert directories.events("user.placed")[0]["detail"]["sessions_ended"] == 1
    with world.app.app_context(), every_tenant():
        rows = read(sa.select(SessionRow.user_id).where(SessionRow.ended_at.is_(None)))
        assert moved not in {row.user_id for row in rows}


@ON_SQLITE
def test_a_held_sync_is_told_by_mail_and_webhook_once_a_day(directories: DirectoryWorld, team: dict[str, str]) -> None:
    """To the tenant's contacts and to staff's, with what was counted; an ordinary failure is not, nor is the next one held."""
    world = directories.world
    settings = dataclasses.replace(directories.settings, smtp_url="smtp://127.0.0.1:1")
    world.app.extensions["vestibule_settings"] = settings
    for path in ("/tenants/acme/notifications", "/notifications"):
        assert world.api("POST", f"{path}/contacts", json={"email": "noc@acme.test"}).status_code == 201
        hook = {"url": "https://hooks.example.test/in"}
        assert world.api("POST", f"{path}/webhooks", json=hook).status_code == 201
    for name in TEAM:
        directories.slapd.remove(team[name])
    assert directories.sync()["result"] == "held"
    assert (world.count("delivery"), world.count("service_delivery")) == (2, 2)
    with world.app.app_context(), every_tenant():
        assert {row.event for row in read(sa.select(Delivery.event))} == {"directory.sync_held"}
    directories.set(sync_asked_at=None)
    assert directories.sync()["result"] == "held"
    assert (world.count("delivery"), world.count("service_delivery")) == (2, 2), "not at each of them"
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(TenantRate).values(full_at=0))
    directories.set(sync_asked_at=None)
    assert directories.sync()["result"] == "held"
    assert (world.count("delivery"), world.count("service_delivery")) == (4, 4), "once a day"


def test_a_rule_ends_access_at_sign_in_and_by_a_sync(directories: DirectoryWorld, team: dict[str, str]) -> None:
    """Whoever is known is switched off and everything of theirs ends; whoever is not gets no account."""
    world, slapd, container = directories.world, directories.slapd, team["team0"].partition(",")[2]
    assert directories.put(base_dn=container, max_gone_percent=100).status_code == 200
    fresh = slapd.add("fresh", container=container)
    rule = {"attribute": "employeeType", "values": ["left"], "active": False}
    assert world.api("PUT", RULES, json={"rules": [rule]}).status_code == 200
    for dn in (team["team1"], team["team2"], fresh):
        slapd.change(dn, employeeType="left")
    assert directories.sign_in("team1") == "user_inactive"
    assert directories.sign_in("fresh") == "user_inactive"
    people = {item["email"]: item["active"] for item in world.api("GET", "/tenants/acme/users").get_json()["items"]}
    assert (people["team1@acme.test"], people["team2@acme.test"], "fresh@acme.test" in people) == (False, True, False)
    assert directories.sync()["counts"]["disabled"] == 1
    assert user_of(world, "team2@acme.test")["active"] is False
    event = next(item for item in directories.events("user.deactivated") if "rule" in item["detail"])
    assert (event["detail"]["directory"], event["detail"]["rule"], event["actor"]) == ("main", 1, "sign-in")


def test_rules_that_no_directory_can_follow_are_refused(directories: DirectoryWorld) -> None:
    """Secrets are nobody's to read; domains are the tenant's; nothing leads out of the directory's own organisation."""
    world = directories.world
    sales, research = directories.add_organisation("Sales", {}), directories.add_organisation("Research", {})
    assert directories.put(organisation_id=sales).status_code in (200, 201)
    good = {"attribute": "ou", "values": ["x"], "organisation": sales}
    for wrong in ({"attribute": "userPassword"}, {"attribute": "no name"}, {"organisation": research}, {"values": []}):
        assert code_in(world.api("PUT", RULES, json={"rules": [good | wrong]})) == (422, "validation_failed"), wrong
    assert code_in(world.api("PUT", RULES, json={"email_domains": ["acme.test"]})) == (422, "validation_failed")
    assert world.api("PUT", RULES, json={"rules": [good]}).status_code == 200
    moved = directories.put(organisation_id=research)
    assert list(moved.get_json()["errors"]) == ["organisation_id"], "its rules would lead out of it"
    assert world.api("DELETE", "/tenants/acme/directories/main").status_code == 204
    assert directories.put().status_code == 201
    assert world.api("GET", RULES).get_json()["rules"] == [], "rules go with their directory"


def _preview(world: World, rules: list[dict[str, object]]) -> dict[str, int]:
    found: dict[str, int] = world.api("POST", f"{RULES}/preview", json={"rules": rules}).get_json()
    return found


def _role(directories: DirectoryWorld, entered: EnteredByDirectory) -> str | None:
    with directories.world.app.app_context():
        held = console_role_of(entered.person.tenant_id, entered.person.id, entered.session.id)
    return held.role.value if held and held.role else None
