"""A chain whose key is lost goes on behind a break that stays visible; deleted tenants' chains are verified, too (L2)."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from click.testing import Result

from admin_ui.audit_chains import adopt
from admin_ui.staff_events import staff_events
from config.database import Base
from tenants.sealing.adoption import adopt_chain
from tenants.sealing.errors import NothingToAdopt
from tenants.sealing.examination import examine
from tenants.sealing.offline import examine_export
from tenants.sealing.records import head_of
from tenants.sealing.sealer import next_seal, seal_whole
from tenants.sealing.seals import Seal
from tenants.sealing.signing import SealKeys
from tests.flows.management.support import code_in, events_of
from tests.support.at_once import at_once
from tests.support.tampering import KEYS, Attacker, add_events, event_ids, faults, ledger_of, seal, verify
from tests.support.world import World, utc_now

LOST = SealKeys({"lost": b"l" * 32})


def run(world: World, *args: str, exit_code: int = 0) -> Result:
    """One command of `vestibule audit`."""
    result = world.app.test_cli_runner().invoke(args=["audit", *args])
    assert result.exit_code == exit_code, result.output
    return result


@pytest.fixture
def orphan(world: World) -> Seal:
    """The newest seal of acme, of a key that SECRET_KEYS does not have any more."""
    ledger = ledger_of(world)
    with world.app.app_context():
        assert seal_whole(ledger, LOST, utc_now()) > 0
        head = head_of(ledger)
    assert head is not None
    return head


def test_a_chain_whose_key_is_lost_goes_on_and_says_so_for_ever(world: World, orphan: Seal) -> None:
    """Nothing is sealed before; then all is, with the break in every verification, in both audits and in the log's anchor."""
    add_events(world, 2)
    assert seal(world) == 0
    assert faults(verify(world)) == [("seal_changed", 1, None)]
    told = run(world, "adopt", "acme", "--reason", "  The vault burnt down. ").stdout
    assert f"adopted as it stands: {orphan.anchor}" in told
    (since,) = re.findall(r"--from (v1_\d+_2_[0-9a-f]{64})", told)
    assert seal(world) == 3  # two that waited, and the event of the adoption
    assert faults(verify(world)) == [("chain_adopted", 2, None)]
    assert "BROKEN, 1 faults" in run(world, "verify", "acme", exit_code=1).stdout
    assert "acme: intact" in run(world, "verify", "acme", "--from", since).stdout
    assert "acme: intact" in run(world, "verify", "acme", "--anchor", str(orphan.anchor)).stdout
    (event,) = [event for event in events_of(world) if event["type"] == "audit_chain.adopted"]
    assert (event["detail"]["why"], event["detail"]["former"]) == ("The vault burnt down.", str(orphan.anchor))
    with world.app.app_context():
        (of_service,) = staff_events(None, 10)
    assert (of_service.type, of_service.detail["chain"]) == ("audit_chain.adopted", orphan.chain)
    answer = world.api("POST", "/tenants/acme/events/verify", json={}).get_json()
    assert [item["fault"] for item in answer["findings"]] == ["chain_adopted"]
    assert "There is nothing to adopt" in run(world, "adopt", "acme", "--reason", "again", exit_code=2).stderr


def test_a_history_that_an_attacker_made_is_not_vouched_for(world: World) -> None:
    """All made anew under a key of their own: adopted, it is reported by each verification; the genuine anchor disproves it."""
    add_events(world, 3)
    seal(world)
    genuine = verify(world).head
    assert genuine is not None
    attacker, forger, ledger = Attacker(world), SealKeys({"test": b"f" * 32}), ledger_of(world)
    attacker.drop_triggers()
    attacker.remove(event_ids(world, genuine.chain)[-1])
    attacker.remove_seals([1])
    attacker.wait(genuine.chain, *event_ids(world, genuine.chain))
    with world.app.app_context():
        assert seal_whole(ledger, forger, utc_now()) > 0
    run(world, "adopt", "acme", "--reason", "We believed that the key was lost")
    attacker.wait(genuine.chain, event_ids(world, genuine.chain)[-1])  # what the trigger does
    assert faults(verify(world)) == [("chain_adopted", 2, None)]
    assert faults(verify(world, anchors=[genuine])) == [("seal_changed", 1, None), ("chain_adopted", 2, None)]
    with world.app.app_context():  # nor can they make it look like a change of keys: that takes our key
        unmarked = next_seal(ledger, forger, head_of(ledger), [], utc_now())
    seals = Base.metadata.tables["audit_seal"]
    plain = {"key_name": "test", "hash": unmarked.hash, "signature": unmarked.signature}
    attacker.execute(sa.update(seals).where(seals.c.number == 2).values(**plain))
    assert ("seal_changed", 2, None) in faults(verify(world))


def test_what_can_go_on_is_not_adopted_and_two_at_once_adopt_it_once(world: World, orphan: Seal) -> None:
    """A chain of ours, one without seals, a chain that is not there; a damaged newest seal is a break as well."""
    seal(world, "globex")
    for args in (("adopt", "globex"), ("adopt", "--staff")):
        assert "nothing to adopt" in run(world, *args, "--reason", "x", exit_code=2).stderr
    for args in (("adopt",), ("adopt", "--chain", "99"), ("adopt", "acme", "--staff"), ("verify", "--chain", "99")):
        run(world, *args, *(["--reason", "x"] if args[0] == "adopt" else []), exit_code=2)
    run(world, "adopt", "acme", "--reason", " ", exit_code=2)
    assert world.count("audit_seal") == 2

    ledger = ledger_of(world)

    def adopt_it() -> bool:
        with world.app.app_context():
            try:
                adopt(ledger, KEYS, "x", actor="cli:bob", now=utc_now())
            except NothingToAdopt:
                return False
        return True

    assert sorted(at_once([adopt_it, adopt_it])) == [False, True]
    assert world.count("audit_seal") == 3
    seal(world)
    seals = Base.metadata.tables["audit_seal"]
    attacker = Attacker(world)
    attacker.drop_triggers()
    attacker.execute(sa.update(seals).where(seals.c.tenant_id == orphan.chain, seals.c.number == 3).values(hash="0" * 64))
    add_events(world, 1)
    assert seal(world) == 0
    run(world, "adopt", "acme", "--reason", "Somebody changed the newest seal")
    found = [fault for fault, number, _ in faults(verify(world)) if number]
    assert found == ["chain_adopted", "seal_changed", "chain_adopted"]


def test_one_command_adopts_all_chains_of_a_lost_key(world: World, orphan: Seal) -> None:
    """Those that cannot go on, and no other; with anchors, only those whose newest seal is one of them."""
    add_events(world, 1, "globex")
    other = ledger_of(world, "globex")
    with world.app.app_context():
        assert seal_whole(other, LOST, utc_now()) > 0
        theirs = head_of(other)
    assert theirs is not None
    for args in (("adopt", "--all", "acme"), ("adopt", "--all", "--staff")):
        assert "for all chains" in run(world, *args, "--reason", "x", exit_code=2).stderr
    told = run(world, "adopt", "--all", "--anchor", str(orphan.anchor), "--reason", "The vault burnt down").stdout
    assert "acme: goes on with seal 2" in told
    assert f"globex: left alone, its newest seal {theirs.anchor} is none of the anchors" in told
    assert "1 adopted." in told
    told = run(world, "adopt", "--all", "--reason", "The vault burnt down").stdout
    assert "globex: goes on with seal 2" in told
    assert "acme" not in told
    assert "1 adopted." in told
    assert "0 adopted." in run(world, "adopt", "--all", "--reason", "again").stdout
    assert (seal(world), seal(world, "globex")) == (1, 1)


def test_an_export_says_what_was_adopted(world: World, orphan: Seal) -> None:
    """By itself, with no database; the anchor of what was adopted takes the finding away."""
    run(world, "adopt", "acme", "--reason", "x")
    seal(world)
    exported = world.app.test_cli_runner().invoke(args=["events", "export", "acme", "--format", "sealed"]).stdout
    trusted = frozenset(KEYS.public.values())
    (report,) = examine_export(exported.splitlines(), trusted)
    assert faults(report) == [("chain_adopted", 2, None)]
    (report,) = examine_export(exported.splitlines(), trusted, anchors=[orphan.anchor])
    assert faults(report) == []


def test_chains_of_deleted_tenants_are_verified_and_missing_ones_missed(world: World) -> None:
    """By number, since another tenant may be called so; a change there shows, and so does a chain that is wholly gone."""
    add_events(world, 2, "globex")
    seal(world, "globex")
    ledger, anchor = ledger_of(world, "globex"), verify(world, "globex").head
    assert world.api("DELETE", "/tenants/globex").status_code in (200, 204)
    with world.app.app_context():
        seal_whole(ledger, KEYS, utc_now())
    name = f"chain {ledger.chain} (deleted)"
    assert f"{name}: intact" in run(world, "verify").stdout
    assert f"\t{name}\n" in run(world, "anchors").stdout
    attacker = Attacker(world)
    attacker.drop_triggers()
    attacker.change(event_ids(world, ledger.chain)[0], actor="nobody")
    for args in ((), ("--chain", str(ledger.chain))):
        assert f"{name}: BROKEN" in run(world, "verify", *args, exit_code=1).stdout
    assert "globex" not in run(world, "verify", exit_code=1).stdout
    gone = f"v1_99_3_{'a' * 64}"
    told = run(world, "verify", "--anchor", gone, exit_code=1).stdout
    assert "chain 99: BROKEN" in told
    assert "chain 99: BROKEN" in run(world, "verify", "--from", gone, exit_code=1).stdout
    assert anchor is not None
    with world.app.app_context(), pytest.raises(NothingToAdopt):
        adopt_chain(ledger, KEYS, utc_now())
    assert code_in(world.api("GET", "/tenants/globex/events"))[0] == 404
    with world.app.app_context():
        assert examine(ledger, KEYS, anchors=[anchor]).faults == 1
