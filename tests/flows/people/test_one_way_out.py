"""However somebody leaves or is moved, one function ends what they had; nothing else switches anybody off (P8, G1)."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import transaction, write
from config.isolation import every_tenant
from identity.deactivation import ENDINGS
from identity.models import SessionRow
from identity.overviews import tenant_overview
from identity.session_records import count_open
from tenants.organisations.records import organisations_of
from tenants.tenant_records import find_managed_tenant
from tests.flows.console.walking import token_of
from tests.flows.people.test_deactivation import id_of, open_everything, report, switch, upload
from tests.flows.people.test_devices import alive, signed_in
from tests.flows.placement.test_rules import rules
from tests.support.browser import code_of
from tests.support.console import staff_client
from tests.support.organisations import accepted, made, put, set_access, sign_in_by
from tests.support.world import World, utc_now

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [path for package in ("config", "tenants", "identity", "admin_ui") for path in (ROOT / package).rglob("*.py")]
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def events(world: World, event_type: str) -> list[dict[str, Any]]:
    """Acme's events of a type, newest first."""
    items = world.api("GET", f"/tenants/acme/events?type={event_type}").get_json()["items"]
    return list(items)


def test_nothing_else_switches_anybody_off() -> None:
    """One statement sets `active` to false, one function calls it; another module that did so would miss what ends with it."""
    named = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in SOURCES}
    # Of accounts of staff, the console's own switches off.
    people = {name: text for name, text in named.items() if name != "admin_ui/staff_records.py"}
    setting = {name for name, text in people.items() if re.search(r"\.values\([^)]*\bactive\s*=", text)}
    assert setting == {"identity/deactivation_records.py", "identity/people_records.py"}
    assert {name for name, text in named.items() if re.search(r"\bswitch_off\b", text)} == {
        "identity/deactivation_records.py",
        "identity/deactivation.py",
    }
    assert "active=True" in named["identity/people_records.py"]
    assert "active=False" not in named["identity/people_records.py"]


def by_api(world: World, user_id: str) -> None:
    """Switched off by a program."""
    switch(world, user_id, active=False)


def by_command(world: World, user_id: str) -> None:
    """By the command line."""
    assert world.app.test_cli_runner().invoke(args=["user", "deactivate", "acme", user_id]).exit_code == 0


def by_console(world: World, user_id: str) -> None:
    """By a page of people."""
    staff, page = staff_client(world), "/admin/tenants/acme/people/"
    fields = {"csrf_token": token_of(staff, page), "act": "deactivate", "id": user_id}
    answer = staff.post(f"{page}bulk", data=fields)
    assert answer.status_code == 303, answer.get_data(as_text=True)


def by_file(world: World, user_id: str) -> None:
    """By a line of a file."""
    assert upload(world, "email,active\nada@acme.test,no\n")["counts"]["changed"] == 1


def by_rule(world: World, user_id: str) -> None:
    """By what the identity provider says at the next sign-in."""
    rules(world, {"attribute": "mail", "values": ["ada@acme.test"], "active": False})
    assert code_of(world.sign_in(world.browser())) == "user_inactive"


@pytest.mark.parametrize("leave", [by_api, by_command, by_console, by_file, by_rule])
def test_all_ends_whoever_switches_somebody_off(world: World, leave: Any) -> None:
    """Everything of the table, on record with when, and one event that says what ended."""
    browser = signed_in(world)
    user_id = id_of(browser)
    open_everything(world, browser)
    leave(world, user_id)
    assert alive(browser) == [False]
    (end,) = report(world, user_id)["items"]
    assert end["ended"].keys() == ENDINGS.keys()
    assert all(end["ended"].values()), end
    (event,) = events(world, "user.deactivated")
    assert event["detail"]["ended"] == end["ended"]
    assert event["detail"]["user"] == user_id
    assert world.api("GET", "/tenants/acme/sessions").get_json()["items"] == []


def test_a_move_ends_what_the_new_place_does_not_know(world: World) -> None:
    """By an administrator and by a rule at sign-in alike: the session is over, is not listed, and its end is on record."""
    works, before, again, fresh = made(world, "Works"), world.browser(), world.browser(), world.browser()
    accepted(set_access(world, None, way="local", anyway=True))
    accepted(set_access(world, works, way="sso"))
    assert sign_in_by(world, world.acme.idp, "main", "ada", before).status_code == 303
    user_id = id_of(before)
    _become_local(world)
    assert alive(before) == [True]
    assert put(world, works, user_id) == 1
    assert alive(before) == [False]
    assert world.api("GET", "/tenants/acme/sessions").get_json()["items"] == []
    (ended,) = events(world, "sessions.ended")
    assert (ended["reason"], ended["detail"]) == ("moved", {"user": user_id, "organisation": works, "sessions_ended": 1})
    assert events(world, "user.moved")[0]["detail"]["sessions_ended"] == 1

    put(world, None, user_id)
    assert sign_in_by(world, world.acme.idp, "main", "ada", again).status_code == 303
    _become_local(world)
    rules(world, {"attribute": "mail", "values": ["ada@acme.test"], "organisation": works})
    assert alive(again) == [True]
    assert sign_in_by(world, world.acme.idp, "main", "ada", fresh).status_code == 303
    assert alive(again, fresh) == [False, True]
    ended = events(world, "sessions.ended")[0]
    assert (ended["actor"], ended["reason"], ended["detail"]["sessions_ended"]) == (user_id, "moved", 1)
    assert events(world, "user.placed")[0]["detail"]["sessions_ended"] == 1
    assert len(world.api("GET", "/tenants/acme/sessions").get_json()["items"]) == 1


@ON_SQLITE
def test_the_overview_counts_what_would_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what has been idle for too long, nor what came by a way that is none any more; and it says where it stopped."""
    browsers = [signed_in(world) for _ in range(3)]

    def shown() -> int:
        with world.app.app_context():
            tenant = find_managed_tenant("acme")
            assert tenant is not None
            return tenant_overview(tenant, utc_now()).sessions.count

    assert shown() == 3
    with world.app.app_context(), every_tenant(), transaction():
        first = sa.select(sa.func.min(SessionRow.id)).scalar_subquery()
        write(sa.update(SessionRow).where(SessionRow.id == first).values(seen_at=utc_now() - dt.timedelta(days=40)))
    assert shown() == 2 == sum(alive(*browsers))
    accepted(set_access(world, None, session_idle_seconds=300))
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(SessionRow).values(seen_at=utc_now() - dt.timedelta(seconds=301)))
    assert shown() == 0 == sum(alive(*browsers))
    with world.app.app_context():
        tenant = find_managed_tenant("acme")
        assert tenant is not None
        monkeypatch.setattr("identity.session_records.MAX_LOOKED_AT", 3)
        assert count_open(tenant, organisations_of(tenant.id), utc_now()).is_least


def _become_local(world: World) -> None:
    """Every session as if it had begun with a password here."""
    with world.app.app_context(), every_tenant(), transaction():
        write(sa.update(SessionRow).values(way="local", idp_id=None, name_id=None))
