"""Refused attempts have seals of their own and go after 400 days: the chain stays whole, and nothing else may go (L2)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json

import pytest
import sqlalchemy as sa

from config.database import Base, transaction, write
from config.isolation import every_tenant
from identity import refusal_budget
from identity.refusal_budget import LEFT_OUT, takes_one_more
from tenants.audit import EventType, record
from tenants.rates import Rate
from tenants.sealing.offline import examine_export
from tenants.sealing.records import seal_at
from tenants.sealing.removal import remove_refusals
from tenants.sealing.seals import REFUSAL_DAYS, Seal
from tenants.sealing.signing import SealKeys
from tests.flows.management.support import events_of
from tests.support.logout import request_parts, request_xml, signed_query
from tests.support.saml_xml import STATUS
from tests.support.tampering import KEYS, Attacker, add_events, event_ids, faults, id_of, ledger_of, seal, verify
from tests.support.world import World, utc_now

DAY = dt.timedelta(days=1)
LATER = dt.timedelta(days=REFUSAL_DAYS, hours=1)


def refuse(world: World, count: int) -> list[str]:
    """Refused sign-ins; their ids."""
    with world.app.app_context():
        tenant_id = id_of("acme")
        before = set(event_ids(world, tenant_id))
        for _ in range(count):
            with transaction():
                record(tenant_id, EventType.SIGN_IN_REFUSED, at=utc_now(), actor="sign-in", reason="expired")
        return sorted(set(event_ids(world, tenant_id)) - before)


def remove(world: World, now: dt.datetime, keys: SealKeys = KEYS) -> int:
    """What the job does."""
    with world.app.app_context():
        return remove_refusals(keys, now)


def delete(world: World, event_id: str) -> None:
    """By a mistake of ours: refused."""
    events = Base.metadata.tables["audit_event"]
    with (
        world.app.app_context(),
        every_tenant(),
        pytest.raises(sa.exc.DatabaseError, match="only ever added"),
        transaction(),
    ):
        write(sa.delete(events).where(events.c.id == event_id))


def export(world: World) -> list[str]:
    """All of acme's events, with their seals."""
    result = world.app.test_cli_runner().invoke(args=["events", "export", "acme", "--format", "sealed"])
    return list(result.stdout.splitlines())



def test_what_is_kept_for_400_days_speaks_of_nobody(world: World) -> None:
    """What the identity provider says of somebody, or a parser quotes, is in the receipt of 30 days, and not in the audit."""
    jane = "jane.doe@acme.test"
    words = f"AADSTS50105: the user '{jane}' (Jane Doe) is not assigned to a role"
    browser = world.browser()
    started = browser.start()
    answer = world.response(started, status=(f"{STATUS}Responder", f"{STATUS}RequestDenied", words))
    assert browser.post_response(answer, started.relay_state).status_code == 403
    told = world.api("GET", "/tenants/acme/events", query_string={"type": "sign_in.refused"}).get_json()["items"][0]
    assert told["detail"]["cause"] == f"The identity provider reports success: {STATUS}Responder, {STATUS}RequestDenied"
    attempt = world.api("GET", "/tenants/acme/attempts", query_string={"reference": told["detail"]["reference"]}).get_json()
    assert jane in attempt["items"][0]["cause"]
    leaving = request_xml(request_parts(world.acme)).replace("<saml:NameID", f"<saml:NameID {jane!r}", 1)
    assert browser.get("/saml/slo?" + signed_query(leaving, world.acme.idp.key)).status_code in (400, 403)
    told = world.api("GET", "/tenants/acme/events", query_string={"type": "logout.refused"}).get_json()["items"][0]
    assert "jane" not in json.dumps(told).lower()


def test_refusals_go_when_their_time_is_over_and_the_chain_stays_whole(world: World) -> None:
    """Sealed apart from what stays, in the same moment; gone after 400 days; verified before and after, by itself as well."""
    tenant_id, trusted = id_of_acme(world), frozenset(KEYS.public.values())
    stays = add_events(world, 3)
    mixed = refuse(world, 2)
    stays += add_events(world, 2)
    mixed += refuse(world, 2)
    seal(world)
    seals = world.api("GET", "/tenants/acme/events/seals").get_json()["items"]
    names = {item["key_name"]: item["count"] for item in seals}
    assert names["kept-400-days:test"] == 4
    assert faults(verify(world)) == []
    assert remove(world, utc_now() + 399 * DAY) == 0
    assert remove(world, utc_now() + LATER) == 1
    left = set(event_ids(world, tenant_id))
    assert left.isdisjoint(mixed)
    assert left >= set(stays)
    assert faults(verify(world)) == [("event_removed", 2, event_id) for event_id in mixed], "not before its time"
    report = verify(world, now=utc_now() + LATER)
    assert (faults(report), report.removed) == ([], 4)
    (offline,) = examine_export(export(world), trusted, now=utc_now() + LATER)
    assert (faults(offline), offline.removed) == ([], 4)
    (early,) = examine_export(export(world), trusted)
    assert {fault for fault, *_ in faults(early)} == {"event_removed"}
    assert world.count("refusal_seal") == 0
    add_events(world, 1)
    refuse(world, 1)
    seal(world, now=utc_now() + LATER)
    assert faults(verify(world, now=utc_now() + LATER)) == []


def test_after_a_long_pause_neither_kind_is_late_beside_the_other(world: World) -> None:
    """Events of hours that waited: one run seals them all, and none was added behind anybody's back."""
    add_events(world, 1)
    seal(world, now=utc_now() - DAY)
    add_events(world, 2)
    refuse(world, 2)
    add_events(world, 1)
    seal(world, now=utc_now() + 5 * dt.timedelta(hours=1))
    assert faults(verify(world)) == []


def test_nothing_else_can_be_passed_off_as_removed(world: World) -> None:
    """Not an event that is kept for ever, not with a row that says so, not by a seal's name, not by an early removal."""
    stays, goes = add_events(world, 2), refuse(world, 2)
    seal(world)
    attacker, now = Attacker(world), utc_now() + LATER
    table = Base.metadata.tables["refusal_seal"]
    delete(world, stays[0])
    attacker.execute(sa.update(table).values(number=1, remove_at=utc_now(), first_id=min(stays), last_id=max(goes)))
    assert remove(world, now) == 1
    assert set(event_ids(world, id_of_acme(world))) >= {*stays, *goes}, "what a seal does not say is not done"
    delete(world, goes[0])
    attacker.drop_triggers()
    attacker.remove(goes[0], stays[0])
    assert sorted(faults(verify(world, now=now))) == [("event_removed", 1, stays[0])]
    assert sorted(faults(verify(world))) == sorted([("event_removed", 1, stays[0]), ("event_removed", 2, goes[0])])
    attacker.change_seal(1, key_name="kept-1-days:test")
    assert ("seal_changed", 1, None) in faults(verify(world, now=now))


@pytest.mark.parametrize("signed_by", ["nobody", "another key"])
def test_a_seal_that_was_written_by_hand_lets_nothing_go(world: World, signed_by: str) -> None:
    """Made to look 400 days old, hashed rightly, and signed by nobody or by whoever wrote it: the events stay."""
    goes = refuse(world, 2)
    seal(world)
    attacker, others = Attacker(world), SealKeys({"test": b"x" * 32})
    attacker.drop_triggers()
    with world.app.app_context():
        forged = dataclasses.replace(_seal_of_refusals(world), sealed_at=utc_now() - LATER)
    if signed_by == "another key":
        forged = dataclasses.replace(forged, public_key=others.active)
    digest = forged.computed_hash()
    signature = others.sign(digest) if signed_by == "another key" else forged.signature
    values = {"sealed_at": forged.sealed_at, "public_key": forged.public_key, "hash": digest, "signature": signature}
    attacker.change_seal(forged.number, **values)
    attacker.execute(sa.update(Base.metadata.tables["refusal_seal"]).values(remove_at=utc_now()))
    add_events(world, 1)
    seal(world)
    assert remove(world, utc_now()) == 1
    assert set(event_ids(world, id_of_acme(world))) >= set(goes)
    assert world.count("refusal_seal") == 0, "it is not looked at again and again"


def test_a_key_that_was_given_up_since_still_lets_refusals_go(world: World) -> None:
    """As long as the chain goes on from its seal."""
    first, present = refuse(world, 1), SealKeys({"later": b"y" * 32})
    seal(world)
    assert remove(world, utc_now() + LATER, present) == 1
    assert set(event_ids(world, id_of_acme(world))) >= set(first), "nothing goes on from it"
    second = refuse(world, 1)
    seal(world)
    add_events(world, 1)
    seal(world)
    assert remove(world, utc_now() + LATER, present) == 1
    assert set(event_ids(world, id_of_acme(world))).isdisjoint(second)


def _seal_of_refusals(world: World) -> Seal:
    ledger = ledger_of(world)
    found = [seal_at(ledger, number) for number in range(1, 10)]
    (only,) = [one for one in found if one is not None and one.kept_days]
    return only


def test_a_flood_of_refusals_is_bounded_for_all_workers_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process has its own bound, and all share one; the day has another; and the audit says that there was more."""
    now, tenant_id = utc_now(), id_of_acme(world)

    def flood(count: int, at: dt.datetime) -> int:
        monkeypatch.setattr(refusal_budget, "HERE", type(refusal_budget.HERE)(per_minute=120, burst=240))
        with world.app.app_context():
            return sum(takes_one_more(tenant_id, at) for _ in range(count))

    monkeypatch.setattr(refusal_budget, "EACH_MINUTE", Rate("refusals", per_minute=60, burst=5))
    monkeypatch.setattr(refusal_budget, "EACH_DAY", Rate("refusals of a day", per_minute=1, burst=8))
    assert flood(20, now) == 5
    assert flood(20, now) == 0, "another worker"
    (told,) = [event for event in events_of(world) if event["reason"] == "rate_limited"]
    assert (told["type"], told["detail"]["cause"]) == ("sign_in.refused", LEFT_OUT)
    assert flood(20, now + dt.timedelta(seconds=10)) == 3, "the day's"
    assert flood(20, now + dt.timedelta(seconds=70)) == 1
    assert len([event for event in events_of(world) if event["reason"] == "rate_limited"]) == 1, "once an hour"
    assert flood(5, now + dt.timedelta(minutes=61)) == 5
    assert flood(10, now + dt.timedelta(minutes=61)) == 0
    assert len([event for event in events_of(world) if event["reason"] == "rate_limited"]) == 2
    assert json.dumps(told)


def id_of_acme(world: World) -> int:
    """Acme's id."""
    with world.app.app_context():
        return id_of("acme")
