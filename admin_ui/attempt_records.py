"""Records of attempts to sign in: who fails often waits, longer each time, and nobody is shut out for good.

Counted in the database, so that workers count together, and before anything is compared, so that many at once gain nothing.
An address that an account signed in from before is spared the account's own counter: strangers cannot shut its owner out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from admin_ui.models import StaffAttempt
from config.database import write
from config.statements import Prepared

LONGEST_WAIT = dt.timedelta(minutes=15)
FORGOTTEN_AFTER = dt.timedelta(hours=24)
FREE_FOR_BOTH = 5
"""Failures of one account from one address before the first wait of a second; each further one doubles it."""
FREE_FOR_ACCOUNT = 20
FREE_FOR_ADDRESS = 30
_ADD = Prepared(
    {
        "postgresql": postgresql.insert(StaffAttempt.__table__).on_conflict_do_nothing(),
        "sqlite": sqlite.insert(StaffAttempt.__table__).on_conflict_do_nothing(),
    }
)


@dataclass(frozen=True, slots=True)
class Counter:
    """One key that attempts are counted under, and how many failures cost nothing."""

    key: str
    free: int


def counters_of(what: str, account: str, address: str, *, known_address: bool) -> tuple[Counter, ...]:
    """What an attempt is counted under.

    Args:
        what: password or second_factor; each is guessed for itself.
        account: an id, or an address as it was typed: unknown ones are counted as known ones are.
    """
    who = hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()[:32]
    where = network_of(address)
    both = Counter(f"{what}:{who}:{where}", FREE_FOR_BOTH)
    if known_address:
        return (both,)
    return (both, Counter(f"{what}:{who}", FREE_FOR_ACCOUNT), Counter(f"{what}:@{where}", FREE_FOR_ADDRESS))


def network_of(address: str) -> str:
    """An address; of IPv6 the network of 64 bits, since whoever has one has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
    return str(parsed)


def count_attempt(counters: Sequence[Counter], now: dt.datetime) -> dt.timedelta:
    """Count one more, inside a transaction of its own; how long to wait where it comes too soon, which is not counted."""
    keys = sorted(counter.key for counter in counters)
    for key in keys:
        _ADD.write({"key": key, "failures": 0, "last_at": now})
    # Held in one order, so that two attempts follow each other and never wait for each other.
    held = sa.select(StaffAttempt.key, StaffAttempt.failures, StaffAttempt.last_at).where(StaffAttempt.key.in_(keys))
    found = {row.key: row for row in write(held.order_by(StaffAttempt.key).with_for_update())}
    waits = [_wait(counter, found[counter.key].failures, found[counter.key].last_at, now) for counter in counters]
    longest = max(waits)
    if longest > dt.timedelta():
        return longest
    for counter in counters:
        row = found[counter.key]
        failures = 0 if now - row.last_at > FORGOTTEN_AFTER else row.failures
        write(sa.update(StaffAttempt).where(StaffAttempt.key == counter.key).values(failures=failures + 1, last_at=now))
    return dt.timedelta()


def forget_attempts(counters: Sequence[Counter]) -> None:
    """After a sign-in, inside its transaction: what was counted for the account is forgotten; the address counts one less.

    In the order in which attempts hold them: who guesses at an account must not make its owner's sign-in wait for itself.
    """
    for counter in sorted(counters, key=lambda counter: counter.key):
        if ":@" in counter.key:
            statement = sa.update(StaffAttempt).where(StaffAttempt.key == counter.key, StaffAttempt.failures > 0)
            write(statement.values(failures=StaffAttempt.failures - 1))
        else:
            write(sa.delete(StaffAttempt).where(StaffAttempt.key == counter.key))


def _wait(counter: Counter, failures: int, last_at: dt.datetime, now: dt.datetime) -> dt.timedelta:
    beyond = failures - counter.free
    if beyond < 0 or now - last_at > FORGOTTEN_AFTER:
        return dt.timedelta()
    wait = min(dt.timedelta(seconds=2 ** min(beyond, 30)), LONGEST_WAIT)
    return max(dt.timedelta(), last_at + wait - now)
