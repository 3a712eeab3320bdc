"""Rows of single logout: our requests that wait for an answer, and the identity provider's that were obeyed."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime
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
    """A LogoutRequest that ended sessions: sent again, it would end later ones of the same person.

    `name_id_hash`, `session_indexes` and `issued_at` are whom it means and when it was written, `obeyed_at` when it came: an
    assertion that was written before, and arrives after it, opens nothing that lasts (SAML Core 3.7.3.1).
    """

    __tablename__ = "used_logout"
    __table_args__ = (
        _idp_key(),
        sa.Index("ix_used_logout_expires_at", "expires_at"),
        sa.Index("ix_used_logout_subject", "tenant_id", "idp_id", "name_id_hash"),
    )

    idp_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    request_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    name_id_hash: Mapped[str | None] = mapped_column(sa.String(64))
    session_indexes: Mapped[list[Any] | None] = mapped_column(JSON)
    issued_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    obeyed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
