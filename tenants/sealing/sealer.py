"""Flow: what waits is sealed, a batch at a time. Nobody is waited for, and nobody waits for it (L2).

Everything slow comes before the transaction: reading, hashing, signing. The transaction adds one row, whose number decides
between two who seal at once, and takes the batch off the list of those that wait.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from config.database import transaction
from config.isolation import every_tenant
from config.logs import audit_log
from config.pacing import in_batches
from tenants.sealing.across import oldest_waiting
from tenants.sealing.encoding import NOTHING_BEFORE, event_digest, seal_digest
from tenants.sealing.errors import ChainBroken
from tenants.sealing.finding import highest_sealed, seal_of
from tenants.sealing.ledgers import Ledger, table_of, tenant_ledger
from tenants.sealing.models import UnsealedEvent
from tenants.sealing.records import UNREADABLE_ERRORS, EventRow, append_seal, events_of, head_of, stop_waiting, waiting_ids
from tenants.sealing.refusal_records import note_refusals
from tenants.sealing.seals import REFUSAL_DAYS, UNREADABLE, Leaf, Seal, is_id, kept_for, made_at, packed
from tenants.sealing.signing import NAME_CHARACTERS, SealKeys, is_signed

BATCH = 500
"""Events in a seal at most: some ten milliseconds of work, and one row of 24 KiB."""
SEAL_AFTER_SECONDS = 60
COMPANY = 100
PATIENCE_SECONDS = 600
"""An event waits for company: a minute where there are a hundred, ten where there are fewer. A seal costs some milliseconds
whatever is in it; a thousand tenants with a sign-in a minute each would pay that for every sign-in."""
RUN_SECONDS = 25.0
TENANTS_AT_ONCE = 1_000


def seal_tenants(keys: SealKeys, now: dt.datetime) -> float:
    """Seal what has waited long enough, at every tenant; the job of that name.

    Returns:
        The age of the oldest event that still waits, in seconds: the lag.
    """
    with every_tenant():
        due = oldest_waiting(table_of(UnsealedEvent), TENANTS_AT_ONCE)
    for tenant_id, oldest, count in due:
        if age_of(oldest, now) >= (SEAL_AFTER_SECONDS if count >= COMPANY else PATIENCE_SECONDS):
            seal_whole(tenant_ledger(tenant_id), keys, now)
    with every_tenant():
        left = oldest_waiting(table_of(UnsealedEvent), 1)
    return max((age_of(oldest, now) for _, oldest, _ in left), default=0.0)


def age_of(event_id: str, now: dt.datetime) -> float:
    """Seconds since an event's id was made; one that is none is as old as can be."""
    return now.timestamp() - (made_at(event_id) if is_id(event_id) else 0.0)


def seal_whole(ledger: Ledger, keys: SealKeys, now: dt.datetime) -> int:
    """Seal everything that waits in one chain, with pauses; a chain that is broken stays as it is, and is told.

    Returns:
        How many events were sealed.
    """
    try:
        return in_batches(lambda: seal_batch(ledger, keys, now), BATCH, seconds=RUN_SECONDS)
    except ChainBroken as error:
        audit_log.error("chain_broken", chain=ledger.chain, cause=str(error))
        return 0


def seal_batch(ledger: Ledger, keys: SealKeys, now: dt.datetime) -> int:
    """Seal the lowest of what waits, and tell how many those were; 0 where another worker was first.

    Raises:
        ChainBroken
    """
    head = trusted_head(ledger, keys)  # before what waits: another's seal between the two then takes our number
    ids = waiting_ids(ledger, BATCH)
    if not ids:
        return 0
    seals = _seals_of(ledger, keys, head, _unsealed(ledger, head, ids), now)
    try:
        with transaction():
            for seal in seals:
                _append(ledger, seal)
            stop_waiting(ledger, ids)
    except _Overtaken:
        return 0
    for seal in seals:
        tell(seal)
    return len(ids)


class _Overtaken(Exception):
    """Another worker has made a seal of this number; what was written goes back."""


def _append(ledger: Ledger, seal: Seal) -> None:
    if not append_seal(ledger, seal):
        raise _Overtaken
    if seal.kept_days is not None:
        note_refusals(ledger, seal, now=seal.sealed_at)


def _seals_of(ledger: Ledger, keys: SealKeys, head: Seal | None, ids: Sequence[str], now: dt.datetime) -> list[Seal]:
    """The seals that come next: of what is kept for ever, and of refusals, whose events go some day while their seal stays.

    Both say the same time: neither is late beside the other (tenants.sealing.examination).
    """
    rows = events_of(ledger, ids)
    fields = {event_id: row.fields for event_id, row in rows.items() if row.fields is not None}
    passing = {event_id for event_id, own in fields.items() if own["type"] in ledger.passing}
    made: list[Seal] = []
    for mark, some in (("", set(ids) - passing), (kept_for(REFUSAL_DAYS), passing)):
        if some:
            leaves = [(event_id, digest_of(ledger, rows.get(event_id))) for event_id in sorted(some)]
            made.append(next_seal(ledger, keys, made[-1] if made else head, leaves, now, mark=mark))
    return made


def trusted_head(ledger: Ledger, keys: SealKeys) -> Seal | None:
    """The newest seal, if it is whole and ours: a forged chain must not get a genuine seal on top."""
    head = head_of(ledger)
    if head is None:
        return None
    if not keys.are_ours(head.public_key):
        raise ChainBroken(f"seal {head.number} was signed by a key that SECRET_KEYS does not have, {head.key_name!r}")
    if head.computed_hash() != head.hash or not is_signed(head.public_key, head.hash, head.signature):
        raise ChainBroken(f"seal {head.number} was changed")
    return head


def _unsealed(ledger: Ledger, head: Seal | None, ids: Sequence[str]) -> list[str]:
    """Those that are in no seal. Who waits is in none; but that list can be written to by hand, and once sealed is enough.

    Another worker's seal behind the head does not count here: it has the number that ours would have.
    """
    number = head.number if head else 0
    highest = highest_sealed(ledger, number)
    late = {event_id for event_id in ids if highest is not None and event_id <= highest}
    again = {event_id for event_id in late if (seal := seal_of(ledger, event_id)) is not None and seal.number <= number}
    odd = {event_id for event_id in ids if not is_id(event_id)}
    if again or odd:
        audit_log.error("waiting_list_changed", chain=ledger.chain, sealed_before=len(again), malformed=len(odd))
    return [event_id for event_id in ids if event_id not in again | odd]


def digest_of(ledger: Ledger, row: EventRow | None) -> bytes:
    """An event's digest; one that is gone or cannot be read has one that no event can have."""
    if row is None or row.fields is None:
        return UNREADABLE
    try:
        return event_digest(ledger.chain, row.fields)
    except UNREADABLE_ERRORS:
        return UNREADABLE


def next_seal(
    ledger: Ledger, keys: SealKeys, head: Seal | None, leaves: Sequence[Leaf], now: dt.datetime, *, mark: str = ""
) -> Seal:
    """The seal that comes next, signed.

    Args:
        mark: what it says of itself, before the name of the key: that nobody vouches for the one before it (ADOPTS), or
            for how long its events are kept.
    """
    unsigned = Seal(
        chain=ledger.chain,
        number=head.number + 1 if head else 1,
        previous=head.hash if head else NOTHING_BEFORE,
        sealed_at=now,
        key_name=f"{mark}{keys.active_name}"[:NAME_CHARACTERS],
        public_key=keys.active,
        events=packed(leaves),
        hash="",
        signature="",
    )
    digest = seal_digest(unsigned.header(), unsigned.leaves()).hex()
    return Seal(
        **{name: getattr(unsigned, name) for name in Seal.__dataclass_fields__ if name not in ("hash", "signature")},
        hash=digest,
        signature=keys.sign(digest),
    )


def tell(seal: Seal) -> None:
    """A line of the log for each seal: whoever collects logs elsewhere has anchors that the database's owner cannot reach."""
    audit_log.info("sealed", anchor=str(seal.anchor), events=seal.count)
