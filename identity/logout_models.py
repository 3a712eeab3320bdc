"""Rows of single logout: our requests that wait for an answer, and the identity provider's that were obeyed."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime
from config.isolation import TenantScoped


def _idp_key() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", "idp_id"], ["identity_provider.tenant_id", "identity_provider.id"])


class LogoutExchangeRow(TenantScoped, Model):
    """A LogoutRequest for one session that has ended here. `used_at` closes it; a job removes it when it has expired."""

    __tablename__ = "logout_exchange"
    __table_args__ = (_idp_key(), sa.Index("ix_logout_exchange_expires_at", "expires_at"))

    request_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    idp_id: Mapped[str] = mapped_column(RowId)
    session_id: Mapped[str] = mapped_column(RowId)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class UsedLogout(TenantScoped, Model):
    """A LogoutRequest that ended sessions: sent again, it would end later ones of the same person."""

    __tablename__ = "used_logout"
    __table_args__ = (_idp_key(), sa.Index("ix_used_logout_expires_at", "expires_at"))

    idp_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    request_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
