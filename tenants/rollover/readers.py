"""Flow: whoever fetches a tenant's metadata is noted, at most once an hour, and never at the fetch's expense (K2)."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence

import sqlalchemy as sa

from config.database import impatient
from tenants.errors import RateLimited
from tenants.key_models import MAX_ADDRESS, MAX_USER_AGENT
from tenants.rates import Rate, require_rate
from tenants.rollover.lately import Noted
from tenants.rollover.reader_records import add_reader, came_again, find_reader, has_room

NOTED_EVERY = dt.timedelta(hours=1)
NEW_READERS = Rate("new_readers", per_minute=2, burst=20)
"""For each tenant: anyone may come, and call himself another each time."""
FAILS = (sa.exc.SQLAlchemyError, RuntimeError)
"""Whatever a database does that is locked, full or gone: no reason to fail what was asked for."""


def note_reader(
    noted: Noted, tenant_id: int, user_agent: str, address: str, key_ids: Sequence[str], now: dt.datetime
) -> None:
    """Note who fetched, and which keys they saw.

    Where that would have to wait for a lock, or fails, nothing is noted: the next fetch is.
    """
    address, user_agent, shown = _short(address), _one_line(user_agent), tuple(key_ids)
    if not noted.readers.is_due((tenant_id, address, user_agent), shown, now, NOTED_EVERY):
        return
    try:
        known = find_reader(tenant_id, address, user_agent)
        if known is not None and known.key_ids == shown and now - known.last_at < NOTED_EVERY:
            return
        with impatient():
            if known is not None:
                came_again(tenant_id, known.id, shown, now)
            elif has_room(tenant_id, address, now):
                require_rate(tenant_id, NEW_READERS, now)
                add_reader(tenant_id, address, user_agent, shown, now)
    except (*FAILS, RateLimited):  # locked, too many, or two workers met the same one for the first time
        noted.readers.forget((tenant_id, address, user_agent))


def _one_line(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:MAX_USER_AGENT].strip()


def _short(address: str) -> str:
    """IPv6 by its network of 64 bits, of which a host has as many addresses as it likes."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed.packed[:8] + bytes(8), 64)))[:MAX_ADDRESS]
    return str(parsed)[:MAX_ADDRESS]
