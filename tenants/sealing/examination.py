"""Flow: a chain is gone through from seal to seal, and what is not as it was sealed is named, the first one first (L2).

Memory holds a seal's events and no more, however long the chain is. Nothing is locked: events and seals that come meanwhile
are looked for in the order in which they move, on record, then waiting, then sealed, so that none is missed between.
"""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections.abc import Iterator, Sequence

from tenants.sealing.encoding import NOTHING_BEFORE
from tenants.sealing.finding import highest_sealed, sealed_among
from tenants.sealing.ledgers import Ledger
from tenants.sealing.records import event_ids, events_of, head_of, seal_at, seals_after, waiting_among, waiting_ids
from tenants.sealing.reports import NOT_VOUCHED, Fault, Finding, Report
from tenants.sealing.sealer import digest_of
from tenants.sealing.seals import UNREADABLE, Anchor, Seal, made_at
from tenants.sealing.signing import SealKeys, is_signed

CHUNK = 1_000
CHUNKS_OF_A_PART = 20
"""Where a part was asked for, so many thousands of events that wait are looked at; after an upgrade it can be millions."""
LATE_SECONDS = 3_600
"""How much later than its neighbours an event may come: transactions take seconds, clocks of nodes differ by less than that."""


def examine(
    ledger: Ledger,
    keys: SealKeys,
    *,
    since: Anchor | None = None,
    anchors: Sequence[Anchor] = (),
    most_seals: int | None = None,
    now: dt.datetime | None = None,
) -> Report:
    """Compare a chain's seals with each other and with the events on record.

    Args:
        since: where to begin: what was sealed up to there is taken as it stands. None: at the first seal.
        anchors: seals that the chain has to have; kept outside, they show that it was not cut off or made anew.
        most_seals: how many seals to look at; the report says where to go on. Of events that wait it then looks at some only.
        now: refusals whose seal is older than it promises may be gone.
    """
    most_chunks = CHUNKS_OF_A_PART if most_seals is not None else sys.maxsize
    sweep = _Sweep(ledger, keys, Report(ledger.chain), most_chunks, now or dt.datetime.now(dt.UTC))
    sweep.begin(since, (*anchors, since) if since else anchors)
    for seal in seals_after(ledger, sweep.number):
        if most_seals is not None and sweep.report.seals >= most_seals:
            sweep.report.next = sweep.last.anchor if sweep.last else None
            return sweep.report
        sweep.look_at(seal)
    sweep.end()
    return sweep.report


class _Sweep:
    """Where the examination stands: the seal before, the highest id so far, and whether seals are known to be gone."""

    def __init__(self, ledger: Ledger, keys: SealKeys, report: Report, most_chunks: int, now: dt.datetime) -> None:
        self._ledger, self._keys, self.report, self._most_chunks, self._now = ledger, keys, report, most_chunks, now
        self.number = 0
        self.last: Seal | None = None
        self._previous = NOTHING_BEFORE
        self._highest: str | None = None
        self._before: tuple[Seal | None, str | None] = (None, None)
        self._doubted = False
        self._cut = False
        self._anchored: frozenset[Anchor] = frozenset()

    def begin(self, since: Anchor | None, anchors: Sequence[Anchor]) -> None:
        """Look for the seals that the chain has to have, and go to where it begins."""
        head, self._anchored = head_of(self._ledger), frozenset(anchors)
        for anchor in anchors:
            found = seal_at(self._ledger, anchor.number)
            if found is None:
                self._cut = self._cut or head is None or anchor.number > head.number
                self._say(Fault.SEAL_REMOVED, anchor.number, cause="the anchor names it, and it is gone")
            elif found.hash != anchor.hash:
                self._say(Fault.SEAL_CHANGED, anchor.number, cause="the anchor names another one: the chain was made anew")
        if since is not None:
            self.number, self._previous = since.number, since.hash
            self._highest = highest_sealed(self._ledger, since.number)

    def look_at(self, seal: Seal) -> None:
        """One seal: its place in the chain, itself, and its events."""
        if self.last is None or self.last.sealed_at != seal.sealed_at:  # several of one run are none of them late
            self._before = (self.last, self._highest)
        is_whole = self._look_at_seal(seal)
        findings = [*self._of_leaves(seal), *self._of_range(seal, is_doubtful=self._doubted or not is_whole)]
        for finding in sorted(findings, key=lambda finding: finding.event_id or ""):
            self.report.add(finding)
        self.report.seals += 1
        self.report.events += seal.count
        self._doubted = not is_whole
        self.number, self._previous, self.last = seal.number, seal.hash, seal
        self._highest = max(filter(None, (self._highest, seal.last_id)), default=None)

    def end(self) -> None:
        """Behind the newest seal: what waits may, and nothing else."""
        last = self.last or (head_of(self._ledger) if self.number else None)
        if last is not None:
            self.report.head = last.anchor
            if not self._keys.are_ours(last.public_key):
                self._say(Fault.SEAL_CHANGED, last.number, cause=f"signed by a key that is not ours, {last.key_name!r}")
        self._before = (self.last, self._highest)
        for finding in self._of_unsealed():
            self.report.add(finding)

    def _look_at_seal(self, seal: Seal) -> bool:
        missing = range(self.number + 1, seal.number)
        if missing:
            self._doubted = True
            several = f" to {missing[-1]}" if len(missing) > 1 else ""
            self._say(Fault.SEAL_REMOVED, missing[0], cause=f"seal {missing[0]}{several}: gone from the middle of the chain")
        elif seal.previous != self._previous and not self._doubted:
            self._say(Fault.SEAL_CHANGED, self.number or seal.number, cause=f"seal {seal.number} was made after another one")
        if seal.adopts and Anchor(seal.chain, seal.number - 1, seal.previous) not in self._anchored:
            self._say(Fault.CHAIN_ADOPTED, seal.number, cause=NOT_VOUCHED)
        if seal.is_well_formed and seal.computed_hash() == seal.hash and is_signed(seal.public_key, seal.hash, seal.signature):
            return True
        self._say(Fault.SEAL_CHANGED, seal.number, cause="it is not what was hashed and signed")
        return False

    def _of_leaves(self, seal: Seal) -> Iterator[Finding]:
        """Events that the seal holds: on record, and as they were."""
        leaves = list(seal.leaves())
        rows = events_of(self._ledger, [event_id for event_id, _ in leaves])
        for event_id, digest in leaves:
            row = rows.get(event_id)
            if row is None:
                if seal.may_be_removed(self._now) and digest != UNREADABLE:
                    self.report.removed += 1
                    continue
                early = "before it was sealed" if digest == UNREADABLE else "after it was sealed"
                yield Finding(Fault.EVENT_REMOVED, seal.number, event_id, f"it was on record, and was removed {early}")
            elif digest == UNREADABLE or digest_of(self._ledger, row) != digest:
                yield Finding(Fault.EVENT_CHANGED, seal.number, event_id, "it is not what was sealed")
            elif self._came_late(event_id):
                yield Finding(Fault.EVENT_ADDED, seal.number, event_id, TOO_LATE)

    def _came_late(self, event_id: str) -> bool:
        """Whether the seal before should have held it: it was not on record then, long after the time in its id."""
        last, highest = self._before
        if last is None or highest is None or event_id > highest:
            return False
        return last.sealed_at.timestamp() - made_at(event_id) > LATE_SECONDS

    def _of_range(self, seal: Seal, *, is_doubtful: bool) -> Iterator[Finding]:
        """Events on record among the ids that this seal is the first to reach: in a seal each of them."""
        if seal.last_id is None or (self._highest is not None and seal.last_id <= self._highest):
            return
        own = {event_id for event_id, _ in seal.leaves()}
        for ids in self._chunks(until=seal.last_id):
            others = [event_id for event_id in ids if event_id not in own]
            if not is_doubtful:  # events of a seal that is gone are in none, and were not added
                yield from self._unaccounted(others)

    def _of_unsealed(self) -> Iterator[Finding]:
        for ids in itertools.islice(self._chunks(until=None), self._most_chunks):
            if not self._cut:
                yield from self._unaccounted(ids)
        yield from self._of_waiting()

    def _of_waiting(self) -> Iterator[Finding]:
        """Those that wait are on record, and did not come from long ago."""
        above: str | None = None
        for _ in range(self._most_chunks):
            waiting = waiting_ids(self._ledger, CHUNK, above=above)
            if not waiting:
                return
            here = events_of(self._ledger, waiting)
            self.report.waiting += len(here)
            for event_id in sorted(filter(self._came_late, here)):
                yield Finding(Fault.EVENT_ADDED, None, event_id, TOO_LATE)
            gone = [event_id for event_id in waiting if event_id not in here]
            for event_id in sorted(set(gone) & waiting_among(self._ledger, gone) if gone else ()):
                yield Finding(Fault.EVENT_REMOVED, None, event_id, "it was on record, and was removed before it was sealed")
            above = waiting[-1]

    def _unaccounted(self, ids: Sequence[str]) -> Iterator[Finding]:
        """Those of these events on record that neither wait nor are sealed; asked in the order in which they move."""
        rest = sorted(set(ids) - waiting_among(self._ledger, ids)) if ids else []
        for event_id in sorted(set(rest) - sealed_among(self._ledger, rest)) if rest else ():
            yield Finding(Fault.EVENT_ADDED, None, event_id, UNKNOWN)

    def _chunks(self, *, until: str | None) -> Iterator[list[str]]:
        above = self._highest
        while ids := event_ids(self._ledger, CHUNK, above=above, until=until):
            yield ids
            above = ids[-1]

    def _say(self, fault: Fault, seal: int, *, cause: str) -> None:
        self.report.add(Finding(fault, seal, None, cause))


UNKNOWN = "it is in no seal and does not wait for one: added behind our back, or its seal was cut off from the end"
TOO_LATE = "it was not on record an hour after the time in its id: added behind our back, or by a node whose clock is wrong"
