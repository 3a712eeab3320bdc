"""Records: which seal holds an event; found by the bounds of its ids."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from config.database import read
from tenants.sealing.ledgers import Ledger
from tenants.sealing.records import SEALS_READ_AT_ONCE, seal_from
from tenants.sealing.seals import Seal

SEALS_REMEMBERED = 4


def highest_sealed(ledger: Ledger, number: int | None = None) -> str | None:
    """The highest id in any seal, or in those up to a number: an event below it came late, or from behind our back."""
    column = ledger.seals.c.last_id
    statement = sa.select(column).where(ledger.own(ledger.seals), column.is_not(None))
    if number is not None:
        statement = statement.where(ledger.seals.c.number <= number)
    return read(statement.order_by(column.desc()).limit(1)).scalar_one_or_none()


def seal_of(ledger: Ledger, event_id: str) -> Seal | None:
    """The seal that holds an event."""
    holding = (seal for seal in _seals_around(ledger, event_id, event_id) if any(leaf == event_id for leaf, _ in seal.leaves()))
    return next(holding, None)


def seals_of(ledger: Ledger, ids: Sequence[str]) -> dict[str, Seal]:
    """The seal of each of these events; one that is not sealed yet is left out. Neighbours mostly share one."""
    highest, found = highest_sealed(ledger), dict[str, Seal]()
    recent: deque[tuple[Seal, frozenset[str]]] = deque(maxlen=SEALS_REMEMBERED)
    for event_id in ids:
        if highest is None or event_id > highest:
            continue
        seal = next((seal for seal, members in recent if event_id in members), None)
        if seal is None and (seal := seal_of(ledger, event_id)) is not None:
            recent.append((seal, frozenset(leaf for leaf, _ in seal.leaves())))
        if seal is not None:
            found[event_id] = seal
    return found


def sealed_among(ledger: Ledger, ids: Sequence[str]) -> set[str]:
    """Those of these events that are in a seal."""
    missing, found = set(ids), set[str]()
    for seal in _seals_around(ledger, min(ids), max(ids)):
        found |= missing.intersection(leaf for leaf, _ in seal.leaves())
        if len(found) == len(missing):
            break
    return found


def _seals_around(ledger: Ledger, lowest: str, highest: str) -> Iterator[Seal]:
    """Seals whose ids reach into a range, a few in memory at a time. Most ids have one; late ones and late clocks, more."""
    seals = ledger.seals
    around = sa.select(seals).where(ledger.own(seals), seals.c.last_id >= lowest, seals.c.first_id <= highest)
    statement = around
    while True:
        rows = read(statement.order_by(seals.c.last_id, seals.c.number).limit(SEALS_READ_AT_ONCE)).all()
        yield from (seal_from(ledger, row) for row in rows)
        if len(rows) < SEALS_READ_AT_ONCE:
            return
        last = rows[-1]
        beside = sa.and_(seals.c.last_id == last.last_id, seals.c.number > last.number)
        statement = around.where(sa.or_(seals.c.last_id > last.last_id, beside))
