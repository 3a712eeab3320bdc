"""Rows of statistics: how often people signed in or were refused. Counted by a job, never by a sign-in."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime
from config.isolation import TenantScoped

NO_PROVIDER = "00000000-0000-0000-0000-000000000000"
"""In place of an identity provider: what was refused before it was known whose it claimed to be."""
ACCEPTED = ""
"""In place of a refusal's code."""
REFUSED = sa.text("code <> ''")


class SignInCount(TenantScoped, Model):
    """Attempts of one tenant on one day (its beginning in UTC), by identity provider and outcome."""

    __tablename__ = "sign_in_count"
    __table_args__ = (
        sa.Index("ix_sign_in_count_day", "day"),
        sa.Index("ix_sign_in_count_highest", "day", "count", "tenant_id", sqlite_where=REFUSED, postgresql_where=REFUSED),
    )

    day: Mapped[dt.datetime] = mapped_column(UTCDateTime, primary_key=True, sort_order=-1)
    idp_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    code: Mapped[str] = mapped_column(sa.String(60), primary_key=True, sort_order=-1)
    count: Mapped[int]


class SignInHour(TenantScoped, Model):
    """Attempts of one tenant in one hour; for the last days only."""

    __tablename__ = "sign_in_hour"
    __table_args__ = (sa.Index("ix_sign_in_hour_hour", "hour"),)

    hour: Mapped[dt.datetime] = mapped_column(UTCDateTime, primary_key=True, sort_order=-1)
    accepted: Mapped[int]
    refused: Mapped[int]


class ServiceSignInHour(Model):
    """Attempts of all tenants together in one hour, by outcome: about nobody in particular."""

    __tablename__ = "service_sign_in_hour"

    hour: Mapped[dt.datetime] = mapped_column(UTCDateTime, primary_key=True)
    code: Mapped[str] = mapped_column(sa.String(60), primary_key=True)
    count: Mapped[int]
