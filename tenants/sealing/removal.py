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
from tenants.sealing.ledgers import tenant_ledger
from tenants.sealing.records import seal_at
from tenants.sealing.refusal_records import DueSeal, forget_seal, remove_events, seals_over


def remove_refusals(now: dt.datetime) -> int:
    """Remove the events of seals that are over, one seal in a transaction, with rests; how many seals that were."""

    def step() -> int:
        with every_tenant():
            due = seals_over(now, 1)
        for one in due:
            _remove(one, now)
        return len(due)

    return in_batches(step, 1)


def _remove(one: DueSeal, now: dt.datetime) -> None:
    """Of one seal: at most as many rows as a seal holds."""
    ledger = tenant_ledger(one.tenant_id)
    seal, removed = seal_at(ledger, one.number), 0
    with transaction():
        # What the row says is not believed: it can be written by hand, and a seal cannot.
        if seal is not None and seal.may_be_removed(now) and seal.computed_hash() == seal.hash:
            removed = remove_events(ledger, seal)
        forget_seal(ledger, one.number)
    ROWS_REMOVED.labels(ledger.events.name).inc(removed)
    audit_log.info("refusals_removed", chain=ledger.chain, seal=one.number, events=removed)
