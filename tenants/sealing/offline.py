"""Flow: an export is verified by itself, without a database: its events against the seals in it, seals against each other.

An export is JSONL, newest first. The line of a seal comes before the first event that it holds, so memory holds the few seals
whose events are still coming.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from tenants.sealing.encoding import NOTHING_BEFORE, event_digest
from tenants.sealing.reports import NOT_VOUCHED, Fault, Finding, Report
from tenants.sealing.seals import Anchor, Seal, packed
from tenants.sealing.signing import is_signed

SEALED_BESIDES = frozenset({"seal", "chain"})
"""Members of an event's line that say where it is sealed."""
MOST_OVER = 64
"""Seals that are open although their events may be gone: memory does not grow with what was removed."""
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(slots=True)
class _Chain:
    """What a file says about one chain."""

    report: Report
    open: dict[int, dict[str, bytes]] = field(default_factory=dict)
    links: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    """Number -> hash, hash of the one before, public key."""
    over: deque[int] = field(default_factory=deque)
    """Seals that are open, and whose events may be gone: they may never close."""
    adopted: list[Anchor] = field(default_factory=list)
    """The seals that adopting ones go on from."""


def examine_export(
    lines: Iterable[str],
    trusted_keys: Set[str],
    *,
    anchors: Sequence[Anchor] = (),
    is_partial: bool = False,
    now: dt.datetime | None = None,
) -> list[Report]:
    """Go through an export, and give a report for each chain in it.

    Args:
        trusted_keys: public keys, in hexadecimal; the newest seal has to be signed by one of them.
        is_partial: the export holds what a filter let through: events of a seal, and seals, may be missing.
        now: refusals whose seal is older than it promises may be missing, too.
    """
    moment = now or dt.datetime.now(dt.UTC)
    chains = {anchor.chain: _Chain(Report(anchor.chain)) for anchor in anchors}
    for number, line in enumerate(lines, 1):
        try:
            document = json.loads(line)
            seal = document.get("seal")
            chain_id = int(seal["chain"] if isinstance(seal, dict) else document["chain"])
            chain = chains.setdefault(chain_id, _Chain(Report(chain_id)))
            if isinstance(seal, dict):
                _take_seal(chain, _seal_of(seal), moment)
            else:
                _take_event(chain, document)
        except MALFORMED:
            odd = Finding(Fault.EVENT_CHANGED, None, None, f"line {number} is no event and no seal of an export with seals")
            (next(iter(chains.values()), None) or chains.setdefault(0, _Chain(Report(0)))).report.add(odd)
    if not chains:
        chains[0] = _Chain(Report(0))
        chains[0].report.add(Finding(Fault.EVENT_REMOVED, None, None, "the file is empty"))
    for chain in chains.values():
        _close(chain, trusted_keys, anchors, is_partial=is_partial)
    return [chain.report for chain in chains.values()]


def _seal_of(document: Mapping[str, Any]) -> Seal:
    leaves = [(str(event_id), bytes.fromhex(digest)) for event_id, digest in document["events"]]
    return Seal(
        **{name: document[name] for name in ("chain", "number", "previous", "key_name", "hash", "signature")},
        public_key=document["key"],
        sealed_at=dt.datetime.fromisoformat(document["sealed_at"]),
        events=packed(leaves),
    )


def _take_seal(chain: _Chain, seal: Seal, now: dt.datetime) -> None:
    is_whole = seal.is_well_formed and seal.computed_hash() == seal.hash
    if not is_whole or not is_signed(seal.public_key, seal.hash, seal.signature) or seal.number in chain.links:
        chain.report.add(Finding(Fault.SEAL_CHANGED, seal.number, None, "it is not what was hashed and signed"))
    chain.links[seal.number] = (seal.hash, seal.previous, seal.public_key)
    if seal.adopts:
        chain.adopted.append(Anchor(seal.chain, seal.number - 1, seal.previous))
    if seal.count:
        chain.open[seal.number] = dict(seal.leaves())
        if seal.may_be_removed(now):
            chain.over.append(seal.number)
            if len(chain.over) > MOST_OVER:
                _let_go(chain, chain.over.popleft())
    chain.report.seals += 1


def _let_go(chain: _Chain, number: int) -> None:
    """What is missing of a seal that is over was removed; its neighbours' events come next, and none of its own."""
    chain.report.removed += len(chain.open.pop(number, ()))


def _take_event(chain: _Chain, document: Mapping[str, Any]) -> None:
    event_id, number = document["id"], document["seal"]
    if number is None:
        chain.report.waiting += 1
        return
    chain.report.events += 1
    fields = {name: value for name, value in document.items() if name not in SEALED_BESIDES}
    fields["at"] = dt.datetime.fromisoformat(fields["at"])
    leaves = chain.open.get(number, {})
    digest = leaves.pop(event_id, None)
    if digest is None:
        chain.report.add(Finding(Fault.EVENT_ADDED, number, event_id, "the seal that it names does not hold it"))
    elif digest != event_digest(chain.report.chain, fields):
        chain.report.add(Finding(Fault.EVENT_CHANGED, number, event_id, "it is not what was sealed"))
    if not leaves:
        chain.open.pop(number, None)


def _close(chain: _Chain, trusted_keys: Set[str], anchors: Sequence[Anchor], *, is_partial: bool) -> None:
    report, links = chain.report, chain.links
    for number in chain.over:
        _let_go(chain, number)
    for number in sorted(() if is_partial else chain.open):
        for event_id in sorted(chain.open[number]):
            report.add(Finding(Fault.EVENT_REMOVED, number, event_id, "the seal holds it, and the file does not"))
    for number in sorted(links):
        before = links[number - 1][0] if number - 1 in links else NOTHING_BEFORE if number == 1 else None
        if before is None and not is_partial:
            report.add(Finding(Fault.SEAL_REMOVED, number - 1, None, "it is not in the file"))
        if before is not None and links[number][1] != before:
            report.add(Finding(Fault.SEAL_CHANGED, max(number - 1, 1), None, f"seal {number} was made after another one"))
    for adopted in chain.adopted:
        if adopted not in anchors:
            report.add(Finding(Fault.CHAIN_ADOPTED, adopted.number + 1, None, NOT_VOUCHED))
    for anchor in (anchor for anchor in anchors if anchor.chain == report.chain):
        if anchor.number not in links and not is_partial:
            report.add(Finding(Fault.SEAL_REMOVED, anchor.number, None, "the anchor names it, and it is not in the file"))
        elif anchor.number in links and links[anchor.number][0] != anchor.hash:
            report.add(Finding(Fault.SEAL_CHANGED, anchor.number, None, "the anchor names another one"))
    if links:
        newest = max(links)
        report.head = Anchor(report.chain, newest, links[newest][0])
        if links[newest][2] not in trusted_keys:
            report.add(Finding(Fault.SEAL_CHANGED, newest, None, "signed by a key that is not trusted here"))
