"""The tenant guard on the ORM session: a query of tenants' rows without its tenant is an error, not a leak.

Every table of a tenant maps a `TenantScoped` class. Inside `tenant_scope(id)` the session reads, changes and removes
that tenant's rows only; outside of any scope it refuses to touch such a table at all. Core statements on the sign-in
path name the tenant themselves, and the test suite checks each one that runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.orm import Mapped, mapped_column

from config.database import db

EVERY_TENANT = "every tenant"


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
    """Let this session work across tenants; only for staff's own functions, migrations and jobs."""
    with _scope(EVERY_TENANT):
        yield


@contextmanager
def _scope(scope: int | str) -> Iterator[None]:
    info = db.session().info
    before = info.get("tenant_scope")
    info["tenant_scope"] = scope
    try:
        yield
    finally:
        info["tenant_scope"] = before


def install_guard() -> None:
    """Attach the guard to every session of this process; a second call changes nothing."""
    if event.contains(orm.Session, "do_orm_execute", _guard_statement):
        return
    event.listen(orm.Session, "do_orm_execute", _guard_statement)
    for name in ("before_insert", "before_update", "before_delete"):
        event.listen(TenantScoped, name, _guard_row, propagate=True)


def _guard_statement(state: orm.ORMExecuteState) -> None:
    scoped = [mapper for mapper in state.all_mappers if issubclass(mapper.class_, TenantScoped)]
    scope = state.session.info.get("tenant_scope")
    if scope == EVERY_TENANT:
        return
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
    session = orm.object_session(row)
    scope = session.info.get("tenant_scope") if session else None
    if scope == EVERY_TENANT:
        return
    if scope is None:
        raise TenantViolation(f"{type(row).__name__} without a tenant")
    before = sa.inspect(row).attrs.tenant_id.history.deleted
    if row.tenant_id != scope or any(value not in (None, scope) for value in before or ()):
        raise TenantViolation(f"{type(row).__name__} of another tenant")
