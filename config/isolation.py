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
    """What is wrong with a statement's tenants, judged once for each text; None where nothing is.

    Each query in it has to compare `tenant_id` as often as it names tenants' tables, and one that stands by itself has to
    compare it with a value at least once: two tables that agree on a tenant do not say which.
    """
    nested, rest = [], _QUOTES.sub("", _LITERALS.sub("?", _COMMENTS.sub(" ", statement)))
    while found := _INNERMOST.search(rest):
        is_query = _QUERY.match(found[1]) is not None
        nested += [found[1]] if is_query else []
        rest = f"{rest[: found.start()]} {'' if is_query else found[1]} {rest[found.end() :]}"
    for queries, alone in ((nested, False), ([rest], True)):
        for query in (part for text in queries for part in _SET_OPERATION.split(text)):
            reached = [name for name in _tables_of(query) if name in scoped_tables()]
            inserted = _INSERTS.match(query) is not None
            conditions = " ".join(_CONDITIONS.findall(query))
            compared = len(_COMPARES.findall(conditions)) + inserted
            if len(reached) > compared or (reached and alone and not (inserted or _WITH_VALUE.search(conditions))):
                return f"{', '.join(sorted(set(reached)))} without a tenant: {statement[:200]}"
    return None


_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_LITERALS = re.compile(r"'(?:[^']|'')*'|%\(\w+\)s")
_QUOTES = re.compile(r'["`\[\]]')
_INNERMOST = re.compile(r"\(([^()]*)\)")
_QUERY = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_SET_OPERATION = re.compile(r"\b(?:UNION|EXCEPT|INTERSECT)\b", re.IGNORECASE)
_SOURCES = re.compile(
    r"\b(?:FROM|USING|UPDATE)\s+(.*?)(?=\b(?:WHERE|SET|GROUP|ORDER|HAVING|LIMIT|RETURNING|FROM|USING)\b|$)",
    re.IGNORECASE | re.DOTALL,
)
_NEXT_SOURCE = re.compile(r",|\bJOIN\b", re.IGNORECASE)
_NAME = re.compile(r"\s*(?:ONLY\s+)?(?:\w+\.)?(\w+)", re.IGNORECASE)
_INTO = re.compile(r"\bINTO\s+(?:\w+\.)?(\w+)", re.IGNORECASE)
_INSERTS = re.compile(r"\s*INSERT\b.*?\bINTO\s+[\w.]+\s[^?%:]*?\btenant_id\b", re.IGNORECASE | re.DOTALL)
_CONDITIONS = re.compile(r"\b(?:ON|WHERE)\b(.*?)(?=\b(?:GROUP|ORDER)\s+BY\b|\bRETURNING\b|$)", re.IGNORECASE | re.DOTALL)
_COMPARES = re.compile(r"\btenant_id\s*(?:=|IN\b)", re.IGNORECASE)
_WITH_VALUE = re.compile(r"\btenant_id\s*(?:=|IN\b)\s*(?:[?:%$_0-9]|CAST\b)", re.IGNORECASE)


def _tables_of(query: str) -> list[str]:
    """Names that a query, without its sub-queries and brackets, reads or writes rows of; one that it joins to itself, twice."""
    sources = [source for clause in _SOURCES.finditer(query) for source in _NEXT_SOURCE.split(clause[1])]
    names = [found[1] for source in sources if (found := _NAME.match(source))] + _INTO.findall(query)
    return [name.lower() for name in names]


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
