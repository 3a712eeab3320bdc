"""Whatever somebody with the database's own account does to sealed events is named, the first of it first (L2)."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.database import new_id
from tenants.sealing import examination, sealer
from tenants.sealing.encoding import event_digest
from tenants.sealing.seals import Seal, packed
from tenants.sealing.signing import SealKeys
from tests.support.tampering import Attacker, add_events, event_ids, faults, id_at, id_between, id_of, seal, verify
from tests.support.world import World, utc_now

FIXTURE_IS_SHARED = HealthCheck.function_scoped_fixture
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
STORABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "type": TEXT,
    "reason": st.one_of(st.none(), TEXT),
    "actor": TEXT,
    "at": st.datetimes(min_value=utc_now().replace(year=2020, tzinfo=None), timezones=st.just(dt.UTC)),
    "detail": st.dictionaries(TEXT, STORABLE, max_size=3),
}
SEAL_FIELDS = ("previous", "hash", "count", "first_id", "events", "sealed_at", "key_name", "public_key", "signature")


@pytest.fixture
def sealed(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Acme with seals of three events each, globex with one of its own; triggers dropped, as somebody would."""
    monkeypatch.setattr(sealer, "BATCH", 3)
    monkeypatch.setattr(examination, "CHUNK", 4)
    add_events(world, 12, note="ünï")
    seal(world)
    add_events(world, 2, "globex")
    seal(world, "globex")
    Attacker(world).drop_triggers()
    return world


def _examples(count: int, database: str) -> settings:
    return settings(max_examples=count if database == "sqlite" else count // 4, suppress_health_check=[FIXTURE_IS_SHARED])


def test_any_change_of_any_field_is_named(sealed: World, database: str) -> None:
    """The event itself, and nothing else; what was put back is as it was."""
    attacker, rows = Attacker(sealed), Attacker(sealed).rows()
    ids = [row["id"] for row in rows["audit_event"] if row["tenant_id"] == 1]
    before = {row["id"]: row for row in rows["audit_event"]}

    @_examples(60, database)
    @given(st.sampled_from(ids), st.sampled_from(sorted(CHANGES)).flatmap(lambda name: st.tuples(st.just(name), CHANGES[name])))
    def run(event_id: str, change: tuple[str, Any]) -> None:
        name, value = change
        attacker.change(event_id, **{name: value})
        found = faults(verify(sealed))
        attacker.change(event_id, **{name: before[event_id][name]})
        assert [(fault, named) for fault, _, named in found] == (
            [("event_changed", event_id)] if value != before[event_id][name] else []
        )

    run()
    assert faults(verify(sealed)) == []


def test_every_kind_of_tampering_is_told_apart(sealed: World, database: str) -> None:
    """Several at once, in any order: the first fault of the report is the first in the chain, and each has its kind."""
    attacker, rows = Attacker(sealed), Attacker(sealed).rows()
    ids = sorted(row["id"] for row in rows["audit_event"] if row["tenant_id"] == 1)

    @_examples(60, database)
    @given(
        st.lists(
            st.tuples(st.sampled_from(range(len(ids) - 1)), st.sampled_from("cramb")),
            min_size=1,
            max_size=3,
            unique_by=lambda item: item[0],
        )
    )
    def run(deeds: list[tuple[int, str]]) -> None:
        expected = set()
        for place, deed in deeds:
            event_id, beside = ids[place], id_between(ids[place], ids[place + 1])
            if deed == "c":
                attacker.change(event_id, actor="nobody")
                expected.add(("event_changed", event_id))
            elif deed == "r":
                attacker.remove(event_id)
                expected.add(("event_removed", event_id))
            elif deed == "a":
                attacker.insert(1, beside)
                expected.add(("event_added", beside))
            elif deed == "m":  # another id: the one is gone, the other is new
                attacker.change(event_id, id=beside)
                expected |= {("event_removed", event_id), ("event_added", beside)}
            else:  # to another tenant
                attacker.change(event_id, tenant_id=2)
                expected.add(("event_removed", event_id))
        report = verify(sealed)
        foreign = {named for _, _, named in faults(verify(sealed, "globex"))}
        attacker.put_back(rows)
        found = [(fault, named) for fault, _, named in faults(report)]
        assert set(found) == expected
        assert found[0][1] == min(named for _, named in expected)
        assert foreign == {ids[place] for place, deed in deeds if deed == "b"}

    run()
    assert faults(verify(sealed)) == faults(verify(sealed, "globex")) == []


def test_any_change_of_a_seal_is_named(sealed: World, database: str) -> None:
    """Each field of it; one that is gone, and two that changed places."""
    attacker, rows = Attacker(sealed), Attacker(sealed).rows()
    seals = sorted((row for row in rows["audit_seal"] if row["tenant_id"] == 1), key=lambda row: row["number"])
    values: dict[str, Any] = {
        **dict.fromkeys(("previous", "hash", "public_key"), "f" * 64),
        "signature": "f" * 128,
        "count": 7,
        "first_id": new_id(),
        "key_name": "other",
        "sealed_at": utc_now(),
        "events": b"short",
    }
    for number in range(1, len(seals) + 1):
        for name in SEAL_FIELDS:
            attacker.execute(f"UPDATE audit_seal SET number = number WHERE number = {number}")
            _change(attacker, number, **{name: values[name]})
            assert ("seal_changed", number, None) in faults(verify(sealed)), name
            attacker.put_back(rows)
        if number < len(seals):
            attacker.remove_seals([number])
            assert faults(verify(sealed)) == [("seal_removed", number, None)], database
            attacker.put_back(rows)
    for old, new in ((2, 90), (3, 2), (90, 3)):
        attacker.execute(f"UPDATE audit_seal SET number = {new} WHERE tenant_id = 1 AND number = {old}")
    assert ("seal_changed", 2, None) in faults(verify(sealed))
    attacker.put_back(rows)
    attacker.execute("DELETE FROM audit_seal WHERE tenant_id = 1")
    assert {fault for fault, _, _ in faults(verify(sealed))} == {"event_added"}


def _change(attacker: Attacker, number: int, **values: Any) -> None:
    """Of acme's seal; the other tenant has one of the same number."""
    rows = attacker.rows()
    (row,) = (row for row in rows["audit_seal"] if (row["tenant_id"], row["number"]) == (1, number))
    row.update(values)
    attacker.put_back(rows)


def test_a_chain_made_anew_without_our_key_is_no_chain_of_ours(sealed: World) -> None:
    """Somebody changes an event and makes every digest, hash and signature anew: it is the key that they lack."""
    attacker, keys = Attacker(sealed), SealKeys({"test": b"x" * 32})
    attacker.change(event_ids(sealed, 1)[4], actor="nobody")
    rows = attacker.rows()
    events = {row["id"]: row for row in rows["audit_event"]}
    previous = "0" * 64
    for row in sorted((row for row in rows["audit_seal"] if row["tenant_id"] == 1), key=lambda row: row["number"]):
        fields = ("number", "sealed_at", "key_name", "hash", "signature")
        old = Seal(
            chain=1, previous=previous, public_key=keys.active, events=row["events"], **{name: row[name] for name in fields}
        )
        ids = [event_id for event_id, _ in old.leaves()]
        named = ("id", "type", "reason", "at", "actor", "detail")
        leaves = [(event_id, event_digest(1, {name: events[event_id][name] for name in named})) for event_id in ids]
        row |= {"events": packed(leaves), "previous": previous, "public_key": keys.active}
        made = Seal(
            chain=1, previous=previous, public_key=keys.active, events=row["events"], **{name: row[name] for name in fields}
        )
        row |= {"hash": made.computed_hash(), "signature": keys.sign(made.computed_hash())}
        previous = row["hash"]
    attacker.put_back(rows)
    last = max(row["number"] for row in rows["audit_seal"] if row["tenant_id"] == 1)
    assert faults(verify(sealed)) == [("seal_changed", last, None)]
    attacker.wait(1, *add_events(sealed, 1))
    assert seal(sealed) == 0, "nothing genuine is put on top of it"


def test_what_is_dated_back_is_named(sealed: World) -> None:
    """An event of yesterday that the triggers put on the list: it waits, is sealed, and is told all the same."""
    attacker = Attacker(sealed)
    event_id = attacker.insert(1, id_at(utc_now() - dt.timedelta(days=1)))
    attacker.wait(1, event_id)
    assert faults(verify(sealed)) == [("event_added", None, event_id)]
    assert seal(sealed) == 1
    assert [(fault, named) for fault, _, named in faults(verify(sealed))] == [("event_added", event_id)]


def test_what_was_removed_before_it_was_sealed_leaves_its_place(sealed: World) -> None:
    """The list says that it was there; so does the seal that is made then."""
    attacker = Attacker(sealed)
    (event_id,) = add_events(sealed, 1)
    attacker.wait(1, event_id)
    attacker.remove(event_id)
    assert faults(verify(sealed)) == [("event_removed", None, event_id)]
    seal(sealed)
    assert [(fault, named) for fault, _, named in faults(verify(sealed))] == [("event_removed", event_id)]


@pytest.mark.parametrize("database", ["sqlite"])
def test_what_cannot_be_read_is_changed(sealed: World) -> None:
    """SQLite takes anything in any column: no JSON, no time, no id. It is told, and stops nobody who verifies or seals."""
    attacker, rows = Attacker(sealed), Attacker(sealed).rows()
    event_id = random.Random(1).choice(event_ids(sealed, 1))
    for column, value in (("detail", "{"), ("detail", "[" * 5_000), ("at", "yesterday"), ("at", 7), ("detail", b"\xff")):
        _write_raw(attacker, column, value, event_id)
        assert [(fault, named) for fault, _, named in faults(verify(sealed))] == [("event_changed", event_id)], (column, value)
        attacker.put_back(rows)
    _write_raw(attacker, "id", "zz", event_id)
    assert {(fault, named) for fault, _, named in faults(verify(sealed))} == {
        ("event_removed", event_id),
        ("event_added", "zz"),
    }
    attacker.put_back(rows)
    (unsealed,) = add_events(sealed, 1)
    attacker.wait(1, unsealed)
    _write_raw(attacker, "detail", "{", unsealed)
    assert seal(sealed) == 1
    assert [(fault, named) for fault, _, named in faults(verify(sealed))] == [("event_changed", unsealed)]


def _write_raw(attacker: Attacker, column: str, value: Any, event_id: str) -> None:
    stored = event_id.replace("-", "")
    attacker.execute(f"UPDATE audit_event SET {column} = :value WHERE id = :id", {"value": value, "id": stored})


def test_id_of_acme_is_what_the_tests_take_it_for(world: World) -> None:
    """One and two."""
    with world.app.app_context():
        assert (id_of("acme"), id_of("globex")) == (1, 2)
