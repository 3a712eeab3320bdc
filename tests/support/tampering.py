"""Somebody who can write to the database: no triggers, no guard, no code of ours between them and the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import Base, db, new_id, transaction
from config.isolation import every_tenant
from tenants.audit import EventType, record
from tenants.records import find_tenant
from tenants.sealing.examination import examine
from tenants.sealing.ledgers import Ledger, tenant_ledger
from tenants.sealing.reports import Report
from tenants.sealing.sealer import seal_whole
from tenants.sealing.signing import SealKeys
from tests.support.world import SECRET_KEYS, World, utc_now

TABLES = ("audit_event", "audit_seal", "unsealed_event")
KEYS = SealKeys(SECRET_KEYS)


def add_events(world: World, count: int, slug: str = "acme", **detail: Any) -> list[str]:
    """Events of somebody, through the product; their ids."""
    with world.app.app_context():
        tenant_id = id_of(slug)
        before = set(event_ids(world, tenant_id))
        for _ in range(count):
            with transaction():
                record(tenant_id, EventType.TENANT_CHANGED, at=utc_now(), actor="cli:bob", reason=None, **detail)
        return sorted(set(event_ids(world, tenant_id)) - before)


def id_of(slug: str) -> int:
    """A tenant's id."""
    tenant = find_tenant(slug)
    assert tenant is not None
    return tenant.id


def event_ids(world: World, tenant_id: int) -> list[str]:
    """Of all its events, in order."""
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        table = Base.metadata.tables["audit_event"]
        rows = connection.execute(sa.select(table.c.id).where(table.c.tenant_id == tenant_id).order_by(table.c.id))
        return [row[0] for row in rows]


def seal(world: World, slug: str = "acme", now: dt.datetime | None = None) -> int:
    """Seal what waits at a tenant."""
    with world.app.app_context():
        return seal_whole(tenant_ledger(id_of(slug)), KEYS, now or utc_now())


def verify(world: World, slug: str = "acme", **options: Any) -> Report:
    """Verify a tenant's chain."""
    with world.app.app_context():
        return examine(tenant_ledger(id_of(slug)), options.pop("keys", KEYS), **options)


def ledger_of(world: World, slug: str = "acme") -> Ledger:
    """A tenant's chain."""
    with world.app.app_context():
        return tenant_ledger(id_of(slug))


def faults(report: Report) -> list[tuple[str, int | None, str | None]]:
    """What a report found: fault, seal, event."""
    return [(finding.fault.value, finding.seal, finding.event_id) for finding in report.findings]


@dataclass(frozen=True)
class Attacker:
    """Holds the database's own account."""

    world: World

    def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Run a statement as it is; rows, where it gives some."""
        with self._connection() as connection:
            result = connection.execute(sa.text(statement) if isinstance(statement, str) else statement, parameters)
            return result.all() if result.returns_rows else None

    def drop_triggers(self) -> None:
        """Nothing refuses any more, and no event is put on the list of those that wait."""
        with self._connection() as connection:
            if connection.dialect.name == "postgresql":
                for table in TABLES:
                    connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
                return
            for (name,) in connection.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                connection.execute(sa.text(f"DROP TRIGGER {name}"))

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """What is in the tables of audit."""
        with self._connection() as connection:
            return {
                name: [dict(row._mapping) for row in connection.execute(sa.select(Base.metadata.tables[name]))]
                for name in TABLES
            }

    def put_back(self, rows: dict[str, list[dict[str, Any]]]) -> None:
        """Make the tables what they were."""
        with self._connection() as connection:
            for name in TABLES:
                connection.execute(sa.delete(Base.metadata.tables[name]))
                if rows[name]:
                    connection.execute(sa.insert(Base.metadata.tables[name]), rows[name])

    def change(self, event_id: str, **values: Any) -> None:
        """Set columns of an event."""
        table = Base.metadata.tables["audit_event"]
        self.execute(sa.update(table).where(table.c.id == event_id).values(**values))

    def remove(self, *ids: str) -> None:
        """Remove events."""
        table = Base.metadata.tables["audit_event"]
        self.execute(sa.delete(table).where(table.c.id.in_(ids)))

    def insert(self, tenant_id: int, event_id: str | None = None, **values: Any) -> str:
        """Add an event."""
        event_id = event_id or new_id()
        row = {"tenant_id": tenant_id, "id": event_id, "type": "tenant.changed", "at": utc_now(), "actor": "cli:bob"}
        self.execute(sa.insert(Base.metadata.tables["audit_event"]).values(**row, **({"detail": {}} | values)))
        return event_id

    def wait(self, tenant_id: int, *ids: str) -> None:
        """Put events on the list of those that are to be sealed."""
        rows = [{"tenant_id": tenant_id, "event_id": event_id} for event_id in ids]
        self.execute(sa.insert(Base.metadata.tables["unsealed_event"]), rows)

    def change_seal(self, number: int, **values: Any) -> None:
        """Set columns of one of acme's seals."""
        table = Base.metadata.tables["audit_seal"]
        self.execute(sa.update(table).where(table.c.number == number).values(**values))

    def remove_seals(self, numbers: Sequence[int]) -> None:
        """Remove seals of every tenant with these numbers."""
        table = Base.metadata.tables["audit_seal"]
        self.execute(sa.delete(table).where(table.c.number.in_(numbers)))

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        with self.world.app.app_context(), every_tenant():
            engine = sa.create_engine(db.engine.url)
            with engine.begin() as connection:
                yield connection
            engine.dispose()


def id_between(lower: str, higher: str) -> str:
    """An id between two others."""
    number = (int(lower.replace("-", ""), 16) + int(higher.replace("-", ""), 16)) // 2
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def id_at(moment: dt.datetime) -> str:
    """An id as it would have been made at another time."""
    fresh = new_id()
    text = f"{int(moment.timestamp() * 1000):012x}"
    return f"{text[:8]}-{text[8:]}{fresh[13:]}"
