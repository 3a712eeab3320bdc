"""Flow: all chains of the service, those of tenants and the one of what staff do among themselves, and the jobs that seal."""

from __future__ import annotations

import datetime as dt
from typing import Any

from admin_ui.models import StaffSeal, UnsealedStaffEvent
from config.database import transaction
from config.logs import audit_log
from config.metrics import SEAL_LAG
from tenants.audit import EventType, record
from tenants.sealing.adoption import Adopted, adopt_chain
from tenants.sealing.errors import ChainBroken
from tenants.sealing.ledgers import Ledger, table_of
from tenants.sealing.records import waiting_ids
from tenants.sealing.renewal import renew_signature, renew_tenants_signatures
from tenants.sealing.sealer import SEAL_AFTER_SECONDS, age_of, seal_tenants, seal_whole, tell
from tenants.sealing.seals import SERVICE_CHAIN
from tenants.sealing.signing import SealKeys
from tenants.staff_audit import StaffEventType, record_staff
from tenants.staff_event_models import StaffEvent

STAFF_LEDGER = Ledger(
    SERVICE_CHAIN,
    table_of(StaffEvent),
    table_of(StaffSeal),
    table_of(UnsealedStaffEvent),
    ("id", "type", "at", "actor", "staff_id", "detail"),
)


def seal_events(keys: SealKeys, now: dt.datetime) -> None:
    """Seal what waits, everywhere; the job of that name. How far it is behind is a metric."""
    lag = seal_tenants(keys, now)
    first = waiting_ids(STAFF_LEDGER, 1)
    if first and age_of(first[0], now) >= SEAL_AFTER_SECONDS:
        seal_whole(STAFF_LEDGER, keys, now)
    left = waiting_ids(STAFF_LEDGER, 1)
    SEAL_LAG.set(max(lag, age_of(left[0], now) if left else 0.0, 0.0))


def adopt(ledger: Ledger, keys: SealKeys, reason: str, *, actor: str, now: dt.datetime) -> Adopted:
    """Let a chain go on behind its break: on record in the chain itself, and in the service's own, which is another one.

    Raises:
        NothingToAdopt
    """
    with transaction():
        adopted = adopt_chain(ledger, keys, now)
        former = {"former": str(adopted.former.anchor), "key": adopted.former.public_key, "cause": adopted.cause}
        detail: dict[str, Any] = {"seal": adopted.seal.number, "why": reason, **former}
        if ledger.chain != SERVICE_CHAIN:
            record(ledger.chain, EventType.CHAIN_ADOPTED, at=now, actor=actor, **detail)
        record_staff(StaffEventType.CHAIN_ADOPTED, at=now, actor=actor, chain=ledger.chain, **detail)
    tell(adopted.seal)
    return adopted


def renew_signatures(keys: SealKeys, now: dt.datetime) -> int:
    """Sign every chain with the present key, so that an older one can be given up; the job `seal_keys`.

    Returns:
        How many chains got a seal of the new key.
    """
    renewed = renew_tenants_signatures(keys, now)
    try:
        return renewed + renew_signature(STAFF_LEDGER, keys, now)
    except ChainBroken as error:
        audit_log.error("chain_broken", chain=SERVICE_CHAIN, cause=str(error))
        return renewed
