"""An address that somebody typed, on its way between two of our pages: sealed, so that no URL, log or history shows it.

It is for one tenant's pages and for a few minutes, and gives no right to anything: an identity provider may fill it in.
"""

from __future__ import annotations

import datetime as dt
import json

from config.sealing import KeyRing, SealBroken
from tenants.email_domains import normalise_email

HINT_PARAMETER = "hint"
HINT_LIFETIME = dt.timedelta(minutes=5)
MAX_SEALED = 700
"""Characters of a sealed hint: 254 of an address, its time, and what sealing adds."""


def seal_hint(keys: KeyRing, tenant_id: int, email: str, now: dt.datetime) -> str:
    """The address as a URL of this tenant's may carry it."""
    document = json.dumps([email, int(now.timestamp())])
    return keys.seal(document.encode(), _place(tenant_id))


def open_hint(keys: KeyRing, tenant_id: int, sealed: str, now: dt.datetime) -> str | None:
    """The address, or None where there is none, where it is too old, or another tenant's."""
    if not 0 < len(sealed) <= MAX_SEALED:
        return None
    try:
        email, at = json.loads(keys.open(sealed, _place(tenant_id)))
    except SealBroken:
        return None
    if not 0 <= now.timestamp() - at <= HINT_LIFETIME.total_seconds():
        return None
    return normalise_email(email)


def _place(tenant_id: int) -> str:
    return f"login_hint:{tenant_id}"
