"""Flow: staff find a person of any tenant by the whole e-mail address; that they looked is on record there."""

from __future__ import annotations

import datetime as dt

from identity.overview_records import FoundPerson, find_person_anywhere
from tenants.audit import EventType, record
from tenants.tenant_records import find_managed_tenant

MAX_ADDRESS = 254


def look_up_person(email: str, *, actor: str, now: dt.datetime) -> FoundPerson | None:
    """Whose address this is, letter case aside. The edge opens the transaction.

    A part of an address finds nobody: this is a way to help somebody who writes, and none to look around.
    """
    address = email.strip().lower()
    found = find_person_anywhere(address) if len(address) <= MAX_ADDRESS and "\x00" not in address else None
    tenant = find_managed_tenant(found.slug) if found else None
    if found is not None and tenant is not None:
        record(tenant.id, EventType.USER_LOOKED_UP, at=now, actor=actor, user=found.user_id)
    return found
