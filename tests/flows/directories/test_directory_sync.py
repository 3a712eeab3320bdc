"""People are kept as their directory has them: who is gone or off there is switched off here, and nobody by mistake."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity.directories.signing_in import EnteredByDirectory
from identity.directories.syncing import run_due_directory_syncs
from tests.flows.directories.conftest import DirectoryWorld
from tests.support.slapd import BASE, GROUPS, PEOPLE, start_slapd
from tests.support.world import World, utc_now

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TEAM = tuple(f"team{number}" for number in range(8))
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

        keys = directories.world.app.extensions["vestibule_keys"]
        with directories.world.app.app_context():
            assert run_due_directory_syncs(directories.settings, keys, utc_now, ended=stop_after_one) == 1
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
    """By an attribute and by a group, at sign-in and by a sync; nobody is led out of the directory's own organisation."""
    world, slapd, container = directories.world, directories.slapd, team["team0"].partition(",")[2]
    sales = directories.add_organisation("Sales", {})
    research = directories.add_organisation("Research", {})
    rules = [
        {"attribute": "employeeType", "value": "seller", "organisation_id": sales},
        {"attribute": "groups", "value": "researchers", "organisation_id": research},
    ]
    settings = {"base_dn": container, "placement": rules, "group_filter": "(member={dn})", "group_base_dn": GROUPS}
    assert directories.put(**settings).status_code == 200
    slapd.change(team["team1"], employeeType="seller")
    group = slapd.add_group("researchers", [team["team2"], team["team1"]])
    try:
        seller = directories.sign_in("team1")
        assert isinstance(seller, EnteredByDirectory)
        assert seller.person.organisation_id == sales, "the first rule that is met counts"
        assert directories.sync()["counts"]["moved"] == 1
        researcher = directories.sign_in("team2")
        assert isinstance(researcher, EnteredByDirectory)
        assert researcher.person.organisation_id == research
        slapd.change(team["team1"], employeeType="researcher")
        assert directories.sync()["counts"]["moved"] == 1
        assert directories.sync()["counts"]["moved"] == 0
        placed = directories.events("user.placed")
        assert [(event["detail"]["to"], event["actor"]) for event in placed][:2] == [
            (research, "directory:main"),
            (research, "directory:main"),
        ]
        foreign = world.api("PUT", "/tenants/acme/directories/main", json=world_body(directories, settings, sales))
        assert list(foreign.get_json()["errors"]) == ["placement"], foreign.get_json()
    finally:
        slapd.remove(group)


def world_body(directories: DirectoryWorld, settings: dict[str, object], organisation_id: str) -> dict[str, object]:
    """A directory of one organisation, with rules that lead to another."""
    good = {**directories.slapd.settings(), "display_name": "Company directory", "password": "service-password"}
    return good | settings | {"organisation_id": organisation_id}
