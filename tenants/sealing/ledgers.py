"""Where a chain is kept: the tables of its events, of its seals, and of the events that wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import Base
from tenants.audit import REFUSALS
from tenants.models import AuditEvent
from tenants.sealing.models import AuditSeal, UnsealedEvent


@dataclass(frozen=True, slots=True)
class Ledger:
    """One chain. `fields` are those of an event that are sealed: all of them, or one could be changed unseen.

    `passing`: types of events that have seals of their own, and are removed after REFUSAL_DAYS.
    """

    chain: int
    events: sa.Table
    seals: sa.Table
    waiting: sa.Table
    fields: tuple[str, ...]
    passing: frozenset[str] = frozenset()

    def own(self, table: sa.Table) -> sa.ColumnElement[bool]:
        """Rows of a table that are this chain's; a table without tenants holds one chain alone."""
        return table.c.tenant_id == self.chain if "tenant_id" in table.c else sa.true()

    def keyed(self, table: sa.Table) -> dict[str, Any]:
        """What a row of this chain has in common with all others of it."""
        return {"tenant_id": self.chain} if "tenant_id" in table.c else {}


def table_of(row: type[Base]) -> sa.Table:
    """The table of a kind of rows."""
    table = sa.inspect(row).local_table
    assert isinstance(table, sa.Table)
    return table


FIELDS = ("id", "type", "reason", "at", "actor", "detail")
_EVENTS, _SEALS, _WAITING = table_of(AuditEvent), table_of(AuditSeal), table_of(UnsealedEvent)


def tenant_ledger(tenant_id: int) -> Ledger:
    """A tenant's chain."""
    return Ledger(tenant_id, _EVENTS, _SEALS, _WAITING, FIELDS, REFUSALS)
