"""Flow: refused attempts are removed from the audit when their time is over; their seals stay, and say that they may be gone.

Strangers can cause them as often as they like, so they are not kept for ever as everything else is. What may go was decided
when it was sealed, and signed: a seal that says `kept-400-days` holds refusals alone. So whoever verifies the chain needs no
list of what was removed, and nobody can pass off anything else as removed, not even with the database's own account.
"""

from __future__ import annotations

import datetime as dt

from config.database import transaction
from config.isolation import every_tenant
from config.logs import audit_log
from config.metrics import ROWS_REMOVED
from config.pacing import in_batches
from tenants.sealing.ledgers import Ledger, tenant_ledger
from tenants.sealing.records import seal_at
from tenants.sealing.refusal_records import DueSeal, forget_seal, remove_events, seals_over
from tenants.sealing.seals import Seal
from tenants.sealing.signing import SealKeys, is_signed


def remove_refusals(keys: SealKeys, now: dt.datetime) -> int:
    """Remove the events of seals that are over, one seal in a transaction, with rests; how many seals that were."""

    def step() -> int:
        with every_tenant():
            due = seals_over(now, 1)
        for one in due:
            _remove(one, keys, now)
        return len(due)

    return in_batches(step, 1)


def _remove(one: DueSeal, keys: SealKeys, now: dt.datetime) -> None:
    """Of one seal: at most as many rows as a seal holds."""
    ledger = tenant_ledger(one.tenant_id)
    seal, removed = seal_at(ledger, one.number), 0
    fault = _fault_of(ledger, seal, keys, now)
    with transaction():
        if seal is not None and fault is None:
            removed = remove_events(ledger, seal)
        forget_seal(ledger, one.number)
    ROWS_REMOVED.labels(ledger.events.name).inc(removed)
    if fault is None:
        audit_log.info("refusals_removed", chain=ledger.chain, seal=one.number, events=removed)
    else:
        audit_log.error("refusals_kept", chain=ledger.chain, seal=one.number, cause=fault)


def _fault_of(ledger: Ledger, seal: Seal | None, keys: SealKeys, now: dt.datetime) -> str | None:
    """Why a row's seal lets nothing be removed. The row is not believed: it can be written by hand, and a seal cannot.

    A key may have been given up in 400 days; what it signed is vouched for by the chain that goes on from it. Here one link is
    looked at and not all of them: who can write a chain anew is found by its verification, and by whoever keeps an anchor.
    """
    if seal is None:
        return "there is no such seal"
    if not seal.may_be_removed(now):
        return "it does not say that its events may be gone by now"
    if seal.computed_hash() != seal.hash or not is_signed(seal.public_key, seal.hash, seal.signature):
        return "it is not what was hashed and signed"
    if not keys.are_ours(seal.public_key):
        following = seal_at(ledger, seal.number + 1)
        if following is None or following.previous != seal.hash:
            return "signed by a key that is not ours, and nothing goes on from it"
    return None
