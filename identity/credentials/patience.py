"""Patience with guesses: what an attempt is counted under, and how long the next one has to wait.

Who fails often waits, longer each time, and nobody is shut out for good. An address that an account signed in from before is
spared the account's own counter: strangers cannot shut its owner out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

from config.networks import network_of

LONGEST_WAIT = dt.timedelta(minutes=15)
FORGOTTEN_AFTER = dt.timedelta(hours=24)
FREE_FOR_BOTH = 5
"""Failures of one account from one address before the first wait of a second; each further one doubles it."""
FREE_FOR_ACCOUNT = 20
FREE_FOR_ADDRESS = 30


@dataclass(frozen=True, slots=True)
class Counter:
    """One key that attempts are counted under, and how many failures cost nothing."""

    key: str
    free: int

    @property
    def of_address(self) -> bool:
        """Whether it counts an address alone, whoever is guessed at from there."""
        return ":@" in self.key


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


def wait_of(counter: Counter, failures: int, last_at: dt.datetime, now: dt.datetime) -> dt.timedelta:
    """How long until the next attempt that is looked at; nothing where it may come now."""
    beyond = failures - counter.free
    if beyond < 0 or now - last_at > FORGOTTEN_AFTER:
        return dt.timedelta()
    wait = min(dt.timedelta(seconds=2 ** min(beyond, 30)), LONGEST_WAIT)
    return max(dt.timedelta(), last_at + wait - now)
