"""Audit events by API and command line: filters, and exports that hold everything and no formula (L2)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from urllib.parse import quote

import pytest

from config.database import transaction
from tenants import event_records
from tenants.audit import EventType, record
from tenants.records import find_tenant
from tests.attacks.support import on_sqlite
from tests.flows.management.support import code_in, token_for
from tests.support.world import World, utc_now

EVENTS = "/tenants/acme/events"


def add_events(world: World, count: int, actor: str, **detail: str) -> None:
    """Events of somebody."""
    with world.app.app_context(), transaction():
        tenant = find_tenant("acme")
        assert tenant is not None
        for _ in range(count):
            record(tenant.id, EventType.TENANT_CHANGED, at=utc_now(), actor=actor, **detail)


def types_of(world: World, query: str) -> list[str]:
    """Types of the events that a query finds, page by page."""
    found, path = [], f"{EVENTS}?limit=2&{query}"
    while path:
        answer = world.api("GET", path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        page = answer.get_json()
        found += [item["type"] for item in page["items"]]
        path = (page["next"] or "").removeprefix("/api/v1")
    return found


def test_events_are_found_by_type_actor_and_time(world: World) -> None:
    """Each alone and together."""
    add_events(world, 3, "cli:bob")
    world.sign_in(world.browser())
    assert types_of(world, "actor=cli:bob") == ["tenant.changed"] * 3
    assert types_of(world, "type=user.created") == ["user.created"]
    assert types_of(world, "type=tenant.changed&actor=cli:bob") == ["tenant.changed"] * 3
    assert types_of(world, "type=user.created&actor=cli:bob") == []
    everything = types_of(world, "")
    assert set(everything) >= {"tenant.created", "identity_provider.created", "session.opened"}
    soon, long_ago = (quote((utc_now() + dt.timedelta(days=days)).isoformat()) for days in (1, -1))
    assert types_of(world, f"since={long_ago}&until={soon}") == everything
    assert types_of(world, f"since={soon}") == types_of(world, f"until={long_ago}") == []


@on_sqlite
@pytest.mark.parametrize("query", ["type=A", "type=x..y", "since=now", "actor=" + "a" * 300, "actor=%00", "colour=red"])
def test_a_filter_that_cannot_be_is_refused(world: World, query: str) -> None:
    """With the name of the field, in lists and exports alike."""
    for path in (EVENTS, f"{EVENTS}.csv", f"{EVENTS}.jsonl"):
        assert code_in(world.api("GET", f"{path}?{query}")) == (422, "validation_failed")


def test_an_export_holds_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches smaller than the whole: no event is missing, none is there twice, the newest comes first."""
    monkeypatch.setattr(event_records, "EXPORT_BATCH", 4)
    add_events(world, 21, "cli:bob", note="ünï")
    lines = world.api("GET", f"{EVENTS}.jsonl").get_data(as_text=True).splitlines()
    exported = [json.loads(line) for line in lines]
    listed = world.api("GET", f"{EVENTS}?limit=200").get_json()["items"]
    assert [item["id"] for item in exported] == [item["id"] for item in listed]
    assert (exported[0]["type"], exported[0]["detail"]) == ("events.exported", {"form": "jsonl"})
    answer = world.api("GET", f"{EVENTS}.csv?actor=cli:bob")
    assert answer.mimetype == "text/csv"
    assert 'filename="acme-events.csv"' in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"), newline="")))
    assert [json.loads(row["detail"]) for row in rows] == [{"note": "ünï"}] * 21


def test_no_cell_of_an_export_is_a_formula(world: World) -> None:
    """Whoever chose the name of an actor chose a text."""
    add_events(world, 1, "=HYPERLINK(1)")
    text = world.api("GET", f"{EVENTS}.csv").get_data(as_text=True).removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert "'=HYPERLINK(1)" in [row["actor"] for row in rows]


@on_sqlite
def test_nobody_exports_another_tenants_events(world: World) -> None:
    """Viewers may take what they may read."""
    assert world.api("GET", f"{EVENTS}.csv", token_for(world, "viewer", "acme")).status_code == 200
    for path in (EVENTS, f"{EVENTS}.csv", f"{EVENTS}.jsonl"):
        assert code_in(world.api("GET", path, token_for(world, "admin", "globex"))) == (404, "not_found")


@on_sqlite
def test_the_command_line_exports_the_same(world: World) -> None:
    """To standard output, by filter."""
    run = world.app.test_cli_runner().invoke
    add_events(world, 2, "cli:bob")
    exported = run(args=["events", "export", "acme", "--actor", "cli:bob"]).output
    assert [json.loads(line)["actor"] for line in exported.splitlines()] == ["cli:bob"] * 2
    assert run(args=["events", "export", "acme", "--format", "csv", "--type", "tenant.created"]).output.count("\n") == 2
    assert len(json.loads(run(args=["events", "list", "acme", "--type", "tenant.changed"]).output)) == 2
    assert run(args=["events", "list", "acme", "--since", "never"]).exit_code == 2
