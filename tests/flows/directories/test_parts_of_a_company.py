"""A directory of one part of a company, and the people of another: it neither signs them in nor carries them off."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest

from identity.directories import syncing
from identity.directories.signing_in import EnteredByDirectory
from identity.sessions import current_session
from tenants.directories.errors import DirectoryFault, Stage
from tenants.organisations.records import organisations_of
from tenants.records import find_tenant
from tests.flows.directories.conftest import DirectoryWorld
from tests.flows.management.support import code_in
from tests.support.organisations import accepted, made, patch, put, set_access, user_of
from tests.support.slapd import GROUPS
from tests.support.world import utc_now

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def sales(directories: DirectoryWorld) -> str:
    """Sales signs in by the directory, whose rules say of everybody that they are its people; the tenant says nothing."""
    organisation = made(directories.world, "Sales")
    assert directories.put(organisation_id=organisation).status_code == 201
    rule = {"attribute": "uid", "values": ["ada", "bob"], "organisation": organisation}
    accepted(directories.world.api("PUT", "/tenants/acme/directories/main/placement-rules", json={"rules": [rule]}))
    accepted(set_access(directories.world, organisation, way="ldap", directory="main"))
    return organisation


def entered(found: EnteredByDirectory | str) -> EnteredByDirectory:
    """Somebody has to be in."""
    assert isinstance(found, EnteredByDirectory), found
    return found


def is_alive(directories: DirectoryWorld, entry: EnteredByDirectory) -> bool:
    """Whether a session is taken."""
    with directories.world.app.app_context():
        acme = find_tenant("acme")
        assert acme is not None
        return current_session(acme, organisations_of(acme.id), entry.session.token, utc_now()) is not None


def test_rules_carry_nobody_out_of_another_part(directories: DirectoryWorld, sales: str) -> None:
    """Whoever was prepared for, or put into, a part that signs in otherwise stays there, at a sign-in and in a sync."""
    world = directories.world
    finance = made(world, "Finance")
    accepted(set_access(world, finance, identity_provider="main"))
    bob = accepted(world.api("POST", "/tenants/acme/users", json={"email": "bob@acme.test"}))["id"]
    put(world, finance, bob)
    before = world.rows()
    assert directories.sign_in("bob") == "sign_in_way_not_allowed"
    after = world.rows()
    for table in ("users", "session", "email_address"):
        assert after[table] == before[table], table
    ada = entered(directories.sign_in("ada"))
    assert ada.person.organisation_id == sales
    put(world, finance, ada.person.id)
    assert directories.sync()["counts"]["moved"] == 0
    assert user_of(world)["organisation_id"] == finance
    assert directories.sign_in("ada") == "sign_in_way_not_allowed"
    accepted(set_access(world, finance, identity_provider=None, way="ldap"))
    assert directories.sync()["counts"]["moved"] == 1, "where the directory counts as well its rules do"
    put(world, None, bob)
    assert entered(directories.sign_in("bob")).person.id == bob, "whom nobody has placed yet"


@ON_SQLITE
def test_directories_are_bounded(directories: DirectoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """In number, and in how many come and go in a day, since each that is taken away leaves a row."""
    monkeypatch.setattr("tenants.directories.managing.MAX_DIRECTORIES", 2)
    monkeypatch.setattr("tenants.directories.managing.MAX_MADE_A_DAY", 3)
    assert [directories.put(name=name).status_code for name in ("a", "b")] == [201, 201]
    assert code_in(directories.put(name="c")) == (409, "too_many")
    path = "/tenants/acme/directories"
    assert directories.world.api("DELETE", f"{path}/a").status_code == 204
    assert directories.put(name="c").status_code == 201
    assert directories.world.api("DELETE", f"{path}/b").status_code == 204
    assert code_in(directories.put(name="d")) == (409, "too_many")
    directories.set(created_at=utc_now() - dt.timedelta(days=1))
    assert directories.put(name="d").status_code == 201


@ON_SQLITE
def test_a_rule_that_leads_out_by_now_moves_nobody(directories: DirectoryWorld, sales: str) -> None:
    """It was within the directory's own organisation when it was saved, and has been moved in the tree since."""
    world = directories.world
    europe = made(world, "Europe", sales)
    rule = {"attribute": "uid", "values": ["ada"], "organisation": europe}
    accepted(world.api("PUT", "/tenants/acme/directories/main/placement-rules", json={"rules": [rule]}))
    assert accepted(patch(world, europe, parent_id=made(world, "Finance")))
    accepted(set_access(world, europe, way="ldap"))
    assert entered(directories.sign_in("ada")).person.organisation_id == sales


@pytest.mark.parametrize("said", [{"identity_provider": "main"}, {"way": "local"}, {"way": "ldap", "directory": "other"}])
@ON_SQLITE
def test_nobody_is_carried_off_where_the_tenant_says_how_all_come(
    directories: DirectoryWorld, sales: str, said: dict[str, str]
) -> None:
    """People of no organisation are the tenant's: another identity provider's, another directory's, or local ones."""
    assert sales
    assert directories.put(name="other", base_dn=GROUPS).status_code == 201
    accepted(set_access(directories.world, None, **said))
    accepted(directories.world.api("POST", "/tenants/acme/users", json={"email": "bob@acme.test"}))
    assert directories.sign_in("bob") == "sign_in_way_not_allowed"
    assert user_of(directories.world, "bob@acme.test")["last_login_at"] is None


def test_another_directory_ends_what_the_former_one_began(directories: DirectoryWorld, sales: str) -> None:
    """Whoever changes it is told whom that locks out, and the sessions are over, on lists as well."""
    world = directories.world
    ada = entered(directories.sign_in("ada"))
    assert is_alive(directories, ada)
    assert directories.put(name="other", enabled=False).status_code == 201
    assert code_in(set_access(world, sales, directory="other")) == (422, "validation_failed"), "one that is switched off"
    assert directories.put(name="other").status_code == 200
    assert code_in(set_access(world, sales, directory="other")) == (409, "people_locked_out")
    assert is_alive(directories, ada)
    assert accepted(set_access(world, sales, directory="other", anyway=True))
    assert not is_alive(directories, ada)
    (changed,) = [event for event in directories.events("access.changed") if event["detail"]["sessions_ended"]]
    assert changed["detail"]["sessions_ended"] == 1
    accepted(set_access(world, sales, directory="main"))
    again = entered(directories.sign_in("ada"))
    elsewhere = made(world, "Elsewhere")
    accepted(set_access(world, elsewhere, way="ldap", directory="other"))
    put(world, elsewhere, ada.person.id)
    assert not is_alive(directories, again)
    assert accepted(world.api("GET", "/tenants/acme/sessions"))["items"] == []


@ON_SQLITE
def test_slow_directories_of_one_tenant_hold_no_other_up(
    directories: DirectoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of a tenant is read at a time, beside those of others; one that breaks costs the others nothing."""
    for name in ("one", "two", "three"):
        assert directories.put(name=name, sync_hours=1).status_code == 201
    assert directories.put(directories.world.globex, name="theirs", sync_hours=1).status_code == 201
    theirs, order = threading.Event(), list[str]()
    broken = RuntimeError("not foreseen")

    def read(trust: Any, *_: Any) -> Any:
        if trust.name == "theirs":
            theirs.set()
            return {}, 1
        assert theirs.wait(60), "globex's is read while one of acme's is slow"
        order.append(trust.name)
        if trust.name == "two":
            raise broken
        raise DirectoryFault(Stage.SEARCH, "timeout", "slow")

    monkeypatch.setattr(syncing, "read_everybody", read)
    with pytest.raises(RuntimeError) as raised:
        directories.run()
    assert raised.value is broken
    assert sorted(order) == ["one", "three", "two"]
    results = {}
    for slug, name in (("acme", "one"), ("acme", "two"), ("acme", "three"), ("globex", "theirs")):
        shown = directories.world.api("GET", f"/tenants/{slug}/directories/{name}").get_json()["last_sync"]
        results[name] = shown["result"]
    assert results == {"one": "failed", "two": None, "three": "failed", "theirs": "ok"}


@ON_SQLITE
def test_a_change_takes_a_sync_under_way_its_claim(directories: DirectoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read by a filter that an administrator has mended since switches nobody off."""
    directories.connect(sync_hours=1)
    entered(directories.sign_in("ada"))

    read = list[str]()

    def read_slowly(trust: Any, *_: Any) -> Any:
        read.append(trust.settings.user_filter)
        if len(read) == 2:
            raise DirectoryFault(Stage.SEARCH, "timeout", "slow")
        mended = {"sync_hours": 1, "user_filter": "(cn={username})"}
        assert directories.put(**mended).status_code == 200
        return {}, 5

    monkeypatch.setattr(syncing, "read_everybody", read_slowly)
    directories.set(sync_due_at=utc_now() - dt.timedelta(minutes=1))
    assert directories.run() == 2
    assert directories.people()["ada"]["active"]
    assert read[1] == "(cn={username})", "it is read anew, as it is to be now"
