"""Audit events are sealed into a chain per tenant: all of them, once, however late they come and whoever seals (L2)."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys

import pytest
import sqlalchemy as sa

from admin_ui.audit_chains import STAFF_LEDGER, renew_signatures, seal_events
from config.database import db, new_id, transaction
from config.isolation import every_tenant
from tenants.sealing import examination, sealer
from tenants.sealing.examination import examine
from tenants.sealing.finding import seal_of
from tenants.sealing.ledgers import table_of, tenant_ledger
from tenants.sealing.models import UnsealedEvent
from tenants.sealing.records import among, head_of
from tenants.sealing.seals import Anchor, made_at
from tenants.sealing.signing import SealKeys
from tenants.staff_audit import StaffEventType, record_staff
from tests.support.at_once import at_once
from tests.support.tampering import (
    KEYS,
    Attacker,
    add_events,
    event_ids,
    faults,
    id_at,
    id_of,
    ledger_of,
    seal,
    verify,
)
from tests.support.world import SECRET_KEYS, World, utc_now


def test_what_waits_is_sealed_and_verified(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that a sign-in leaves, in batches; a second run finds nothing, and an untouched chain has no fault."""
    monkeypatch.setattr(sealer, "BATCH", 3)
    assert world.sign_in(world.browser()).status_code == 303
    add_events(world, 5)
    count = len(event_ids(world, ledger_of(world).chain))
    waiting = verify(world)
    assert (waiting.is_intact, waiting.events, waiting.waiting, waiting.head) == (True, 0, count, None)
    assert (seal(world), seal(world)) == (count, 0)
    report = verify(world)
    assert (faults(report), report.events, report.waiting, report.seals) == ([], count, 0, -(-count // 3))
    assert report.head is not None
    assert report.head.number == report.seals
    assert world.count("unsealed_event") == len(event_ids(world, ledger_of(world, "globex").chain))
    add_events(world, 1)
    seal(world)
    assert verify(world, since=report.head).events == 1
    assert faults(verify(world, anchors=[report.head])) == []


def test_an_event_that_was_committed_late_is_in_a_later_seal(world: World) -> None:
    """Its id is lower than those that are sealed already; nothing is missed, and the chain stays whole."""
    first, late, _ = new_id(), new_id(), add_events(world, 3)
    assert seal(world) > 0
    attacker, chain = Attacker(world), ledger_of(world).chain
    for event_id in (late, first):  # through the triggers, as a transaction that took its time
        attacker.insert(chain, event_id)
    assert verify(world).waiting == 2
    assert seal(world) == 2
    report = verify(world)
    assert (faults(report), report.waiting, report.seals) == ([], 0, 2)
    with world.app.app_context():
        found = seal_of(ledger_of(world), first)
        assert found is not None
        assert found.number == 2


def test_a_clock_that_is_ahead_hides_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node's clock is ten minutes fast: what others do meanwhile has lower ids, seal after seal, and is accounted for."""
    monkeypatch.setattr(sealer, "BATCH", 2)
    monkeypatch.setattr(examination, "CHUNK", 3)
    chain = ledger_of(world).chain
    for _ in range(3):
        Attacker(world).insert(chain, id_at(utc_now() + dt.timedelta(minutes=10)))
        add_events(world, 3)
        seal(world)
    assert faults(verify(world)) == []


def test_two_who_seal_at_once_make_one_chain(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number decides: whoever is second leaves it, and no event is sealed twice or never."""
    monkeypatch.setattr(sealer, "BATCH", 2)
    add_events(world, 20)
    ids = event_ids(world, ledger_of(world).chain)

    def run() -> int:
        sealed = 0
        while world.count("unsealed_event") > len(event_ids(world, ledger_of(world, "globex").chain)):
            sealed += seal(world)
        return sealed

    assert sum(at_once([run] * 3)) == len(ids)
    report = verify(world)
    assert (faults(report), report.events, report.waiting) == ([], len(ids), 0)


def test_what_was_sealed_before_is_not_sealed_again(world: World) -> None:
    """The list of those that wait can be written to by hand; an event that is in a seal is taken off it."""
    event_id = add_events(world, 2)[0]
    seal(world)
    Attacker(world).wait(ledger_of(world).chain, event_id)
    assert seal(world) == 1
    report = verify(world)
    assert (faults(report), report.seals, report.waiting) == ([], 1, 0)


def test_a_worker_that_is_killed_in_the_middle_leaves_all_or_nothing(world: World, database: str) -> None:
    """kill -9 between the seal and the list: the transaction is gone, and the next worker seals everything."""
    add_events(world, 3)
    with world.app.app_context():
        url, tenant_id = db.engine.url.render_as_string(hide_password=False), id_of("acme")
    program = (
        "import os, signal\n"
        "from tests.support.world import settings_for, utc_now\n"
        "from tests.support.tampering import KEYS\n"
        "from tenants.sealing import sealer\n"
        "from tenants.sealing.ledgers import tenant_ledger\n"
        "from wsgi import create_app\n"
        "def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        "sealer.stop_waiting = die\n"
        f"app = create_app(settings_for({url!r}))\n"
        f"with app.app_context(): sealer.seal_batch(tenant_ledger({tenant_id}), KEYS, utc_now())\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=os.getcwd(), capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert world.count("audit_seal") == 0
    assert seal(world) > 3
    assert faults(verify(world)) == [], database


def test_the_job_waits_for_company_and_tells_how_far_behind_it_is(world: World) -> None:
    """A hundred wait for a minute, a few for ten; staff's own events are in a chain of the service."""
    with world.app.app_context():
        with transaction():
            record_staff(StaffEventType.SIGNED_IN, at=utc_now(), actor="staff:1")
        now = dt.datetime.fromtimestamp(made_at(min(event_ids(world, 1))), dt.UTC)
        assert sealer.seal_tenants(KEYS, now) < sealer.SEAL_AFTER_SECONDS
        add_events(world, sealer.COMPANY)
        sealer.seal_tenants(KEYS, now + dt.timedelta(seconds=sealer.SEAL_AFTER_SECONDS))
        assert world.count("audit_seal") == 1  # acme's hundred
        seal_events(KEYS, now + dt.timedelta(minutes=20))
        assert world.count("audit_seal") == 2  # one for each tenant
        assert world.count("unsealed_event") == 0
        report = examine(STAFF_LEDGER, KEYS)
        assert (faults(report), report.events, report.waiting) == ([], 1, 0)


def test_a_new_key_signs_every_chain_and_the_old_one_can_go(world: World) -> None:
    """An empty seal of the new key vouches for all before it; without that, chains of the old key are nobody's."""
    add_events(world, 1)
    seal(world)
    with world.app.app_context(), transaction():
        record_staff(StaffEventType.SIGNED_IN, at=utc_now(), actor="staff:1")
    with world.app.app_context():
        sealer.seal_whole(STAFF_LEDGER, KEYS, utc_now())
    both, new = SealKeys({"new": b"n" * 32, **SECRET_KEYS}), SealKeys({"new": b"n" * 32})
    assert faults(verify(world, keys=both)) == []
    assert faults(verify(world, keys=new)) == [("seal_changed", 1, None)]
    with world.app.app_context():
        assert renew_signatures(both, utc_now()) == 2
        assert renew_signatures(both, utc_now()) == 0
        head = head_of(tenant_ledger(id_of("acme")))
        assert head is not None
        assert (head.number, head.count, head.key_name) == (2, 0, "new")
        assert faults(examine(STAFF_LEDGER, new)) == []
    add_events(world, 1)
    with world.app.app_context():
        assert sealer.seal_whole(tenant_ledger(id_of("acme")), new, utc_now()) == 1
    assert faults(verify(world, keys=new)) == []


def test_every_column_of_an_event_is_sealed() -> None:
    """A column that is not among the fields could be changed unseen."""
    ledger = tenant_ledger(1)
    assert {*ledger.fields, "tenant_id"} == {column.name for column in ledger.events.columns}
    assert {*STAFF_LEDGER.fields} == {column.name for column in STAFF_LEDGER.events.columns}


def test_the_end_of_a_tenant_takes_its_chain_and_no_other(world: World) -> None:
    """Chains know nothing of each other: when one is erased, the others verify as before."""
    for slug in ("acme", "globex"):
        add_events(world, 1, slug)
        seal(world, slug)
    acme = ledger_of(world).chain
    with world.app.app_context(), every_tenant(), db.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM email_address WHERE tenant_id = :id"), {"id": acme})
        for table in ("used_assertion", "session", "exchange", "users", "identity_provider", "tenant"):
            column = "id" if table == "tenant" else "tenant_id"
            connection.execute(sa.text(f"DELETE FROM {table} WHERE {column} = :id"), {"id": acme})
    assert world.count("audit_seal") == 1
    assert faults(verify(world, "globex")) == []


def test_an_anchor_of_a_longer_chain_shows_that_it_was_cut(world: World) -> None:
    """Seals and events of the end are gone together; nothing here can show that, an anchor kept outside does."""
    for _ in range(3):
        add_events(world, 1)
        seal(world)
    anchor = verify(world).head
    assert anchor is not None
    attacker = Attacker(world)
    attacker.drop_triggers()
    attacker.remove(event_ids(world, anchor.chain)[-1])
    attacker.remove_seals([3])
    assert faults(verify(world)) == []
    assert faults(verify(world, anchors=[anchor])) == [("seal_removed", 3, None)]
    assert faults(verify(world, since=anchor)) == [("seal_removed", 3, None)]
    attacker.wait(anchor.chain, *add_events(world, 1))
    seal(world)
    assert faults(verify(world, anchors=[anchor])) == [("seal_changed", 3, None)]
    assert faults(verify(world, anchors=[Anchor(anchor.chain, 1, "0" * 64)])) == [("seal_changed", 1, None)]


def test_a_batch_is_looked_up_within_its_span(world: World) -> None:
    """However many events a tenant has: of a list alone PostgreSQL without statistics expects all of them, and reads all."""
    ids = [new_id() for _ in range(3)]
    stored = [one.replace("-", "") for one in ids]
    with world.app.app_context():
        which = among(table_of(UnsealedEvent).c.event_id, [ids[1], ids[2], ids[0]])
        compiled = str(which.compile(db.engine, compile_kwargs={"literal_binds": True})).replace("-", "")
    assert f">= '{stored[0]}'" in compiled, compiled
    assert f"<= '{stored[2]}'" in compiled, compiled
    assert all(compiled.count(one) == times for one, times in zip(stored, (2, 1, 2), strict=True)), compiled
