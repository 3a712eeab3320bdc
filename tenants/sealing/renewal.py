"""Flow: after a change of keys every chain gets a seal of the new one, so that the old one can be given up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from config.database import transaction
from config.isolation import every_tenant
from config.logs import audit_log
from tenants.models import Tenant
from tenants.sealing.across import chain_heads
from tenants.sealing.errors import ChainBroken
from tenants.sealing.ledgers import Ledger, table_of, tenant_ledger
from tenants.sealing.models import AuditSeal
from tenants.sealing.records import append_seal
from tenants.sealing.sealer import TENANTS_AT_ONCE, next_seal, tell, trusted_head
from tenants.sealing.signing import SealKeys


def renew_signature(ledger: Ledger, keys: SealKeys, now: dt.datetime) -> bool:
    """Put an empty seal of the present key on a chain whose newest seal is of an older one, which can then be given up.

    Raises:
        ChainBroken
    """
    head = trusted_head(ledger, keys)
    if head is None or head.public_key == keys.active:
        return False
    seal = next_seal(ledger, keys, head, [], now)
    with transaction():
        added = append_seal(ledger, seal)
    if added:
        tell(seal)
    return added


def renew_tenants_signatures(keys: SealKeys, now: dt.datetime) -> int:
    """The same for all tenants whose newest seal is of an older key; how many those were."""
    renewed, after = 0, 0
    while True:
        with every_tenant():
            heads = chain_heads(table_of(AuditSeal), table_of(Tenant), after, TENANTS_AT_ONCE)
        for tenant_id, public_key in heads:
            if public_key not in (None, keys.active):
                ledger = tenant_ledger(tenant_id)
                renewed += _or_told(ledger, lambda ledger=ledger: renew_signature(ledger, keys, now))  # type: ignore[misc]
        if len(heads) < TENANTS_AT_ONCE:
            return renewed
        after = heads[-1][0]


def _or_told(ledger: Ledger, renew: Callable[[], bool]) -> bool:
    try:
        return renew()
    except ChainBroken as error:
        audit_log.error("chain_broken", chain=ledger.chain, cause=str(error))
        return False
