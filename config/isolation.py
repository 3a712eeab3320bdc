"""The tenant guard: a query of tenants' rows without its tenant is an error, not a leak.

Every table of a tenant maps a `TenantScoped` class. Two lines of defence:

- the ORM: inside `tenant_scope(id)` the session reads, changes and removes that tenant's rows only; outside of any scope
  it refuses to touch such a table at all;
- the database connection: a statement of whatever origin that reaches for such a table and does not compare its
  `tenant_id` is refused before it is sent. Each text is judged once.

What works across tenants on purpose (staff's lists, jobs, migrations) says so: `every_tenant()`.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Base, db

EVERY_TENANT = "every tenant"
_across = threading.local()


class TenantViolation(RuntimeError):
    """Code that reached for a row without its tenant; a bug, never a user's error."""


class TenantScoped:
    """Mixin of every table whose rows belong to one tenant. `tenant_id` is the first column of its primary key."""

    tenant_id: Mapped[int] = mapped_column(sa.ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True, sort_order=-2)


@contextmanager
def tenant_scope(tenant_id: int) -> Iterator[None]:
    """Let this session see and change the rows of one tenant."""
    with _scope(int(tenant_id)):
        yield


@contextmanager
def every_tenant() -> Iterator[None]:
    """Let this thread work across tenants; only for staff's own functions, migrations and jobs."""
    _across.depth = getattr(_across, "depth", 0) + 1
    try:
        yield
    finally:
        _across.depth -= 1


def _works_across() -> bool:
    return getattr(_across, "depth", 0) > 0


@contextmanager
def _scope(scope: int) -> Iterator[None]:
    info = db.session().info
    before = info.get("tenant_scope")
    info["tenant_scope"] = scope
    try:
        yield
    finally:
        info["tenant_scope"] = before


def install_guard() -> None:
    """Attach the guard to every session and connection of this process; a second call changes nothing."""
    if event.contains(orm.Session, "do_orm_execute", _guard_orm_statement):
        return
    event.listen(orm.Session, "do_orm_execute", _guard_orm_statement)
    event.listen(sa.Engine, "before_cursor_execute", _guard_sql)
    for name in ("before_insert", "before_update", "before_delete"):
        event.listen(TenantScoped, name, _guard_row, propagate=True)


def _guard_sql(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    """Refuse SQL text that names a tenant's table and compares no tenant."""
    if not _works_across() and (violation := violation_of(statement)):
        raise TenantViolation(violation)


@functools.lru_cache(maxsize=2048)
def violation_of(statement: str) -> str | None:
    """What is wrong with a statement's tenants, judged once for each text; None where nothing is."""
    reached = {match[1].lower() for match in _REACHES.finditer(statement)} & scoped_tables()
    if not reached:
        return None
    if statement.lstrip()[:6].upper() == "INSERT" and "tenant_id" in statement.partition("(")[2].partition(")")[0]:
        return None
    for table in reached:
        where = re.split(r"\bWHERE\b", statement, maxsplit=1, flags=re.IGNORECASE)[1:]
        if not where or not _COMPARES.search(where[0]):
            return f"{table} without a tenant: {statement[:200]}"
    return None


_REACHES = re.compile(r'\b(?:FROM|JOIN|UPDATE|INTO)\s+"?(\w+)"?', re.IGNORECASE)
_COMPARES = re.compile(r'\btenant_id"?\s*(?:=|IN\b)', re.IGNORECASE)


def scoped_tables() -> frozenset[str]:
    """Names of all tables whose rows belong to one tenant."""
    return _scoped_tables(len(Base.metadata.tables))


@functools.lru_cache(maxsize=4)
def _scoped_tables(_count: int) -> frozenset[str]:
    scoped = (mapper.local_table for mapper in Base.registry.mappers if issubclass(mapper.class_, TenantScoped))
    return frozenset(table.name for table in scoped if isinstance(table, sa.Table))


def _guard_orm_statement(state: orm.ORMExecuteState) -> None:
    scoped = [mapper for mapper in state.all_mappers if issubclass(mapper.class_, TenantScoped)]
    if _works_across():
        return
    scope = state.session.info.get("tenant_scope")
    if scope is None:
        if scoped:
            raise TenantViolation(f"{scoped[0].class_.__name__} without a tenant")
        return
    if state.is_insert:
        if scoped:
            raise TenantViolation("bulk insert through the ORM: add rows, or write Core with the tenant")
        return
    state.statement = state.statement.options(
        orm.with_loader_criteria(
            TenantScoped, lambda cls: cls.tenant_id == scope, include_aliases=True, track_closure_variables=True
        )
    )


def _guard_row(_mapper: Any, _connection: Any, row: TenantScoped) -> None:
    if _works_across():
        return
    session = orm.object_session(row)
    scope = session.info.get("tenant_scope") if session else None
    if scope is None:
        raise TenantViolation(f"{type(row).__name__} without a tenant")
    before = sa.inspect(row).attrs.tenant_id.history.deleted
    if row.tenant_id != scope or any(value not in (None, scope) for value in before or ()):
        raise TenantViolation(f"{type(row).__name__} of another tenant")
