"""Values: what an examination of a chain found."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from tenants.sealing.seals import Anchor

MAX_FINDINGS = 100
"""Findings that a report names; of those behind them it tells how many there are."""


class Fault(StrEnum):
    """What is not as it was. Stable words."""

    EVENT_CHANGED = "event_changed"
    EVENT_REMOVED = "event_removed"
    EVENT_ADDED = "event_added"
    SEAL_CHANGED = "seal_changed"
    SEAL_REMOVED = "seal_removed"
    CHAIN_ADOPTED = "chain_adopted"


NOT_VOUCHED = "what came before is taken as it stands: nobody had the key of its newest seal. An anchor of that one shows more"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `seal` is the seal that shows it, None where no seal has the event; `cause` says why it is one."""

    fault: Fault
    seal: int | None
    event_id: str | None
    cause: str


@dataclass(slots=True)
class Report:
    """What was gone through, and what was found, in the order of the chain.

    `head` is the newest seal, `next` where to go on when only a part was asked for. `waiting` events are in no seal yet;
    `removed` ones were refused attempts that are not kept for longer, as their seals say.
    """

    chain: int
    findings: list[Finding] = field(default_factory=list)
    faults: int = 0
    seals: int = 0
    events: int = 0
    waiting: int = 0
    removed: int = 0
    head: Anchor | None = None
    next: Anchor | None = None

    @property
    def is_intact(self) -> bool:
        """Whether everything that was gone through is as it was sealed."""
        return self.faults == 0

    def add(self, finding: Finding) -> None:
        """Note a finding; memory holds the first ones."""
        self.faults += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
