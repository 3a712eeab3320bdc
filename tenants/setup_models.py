"""Rows of onboarding: set-up links, what was chosen through them, challenges that prove e-mail domains; and rates."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped


class SetupLink(TenantScoped, Model):
    """A link for a customer's IT people. Hashes alone are kept: of its token, and of its browser's secret."""

    __tablename__ = "setup_link"
    __table_args__ = (
        sa.Index("uq_setup_link_token", "tenant_id", "token_hash", unique=True),
        sa.Index("uq_setup_link_claim", "tenant_id", "claim_hash", unique=True),
        sa.Index("ix_setup_link_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    token_hash: Mapped[str] = mapped_column(sa.String(64))
    email: Mapped[str] = mapped_column(sa.String(254))
    created_by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    claimed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    claim_hash: Mapped[str | None] = mapped_column(sa.String(64))
    completed_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    names_admin: Mapped[bool] = mapped_column(default=False)
    """Whether staff want its person to be the tenant's first administrator."""


class Onboarding(TenantScoped, Model):
    """What somebody chose during a tenant's onboarding. How far it is stands nowhere: that is derived from facts."""

    __tablename__ = "onboarding"

    product: Mapped[str | None] = mapped_column(sa.String(40))
    refusal_test_skipped: Mapped[str | None] = mapped_column(sa.String(500))
    changed_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class DomainChallenge(TenantScoped, Model):
    """What a tenant is to publish in DNS to prove an e-mail domain, and how the last look-up went.

    A tenant may hold one for a domain that another tenant merely claims: whoever proves it gets it.
    """

    __tablename__ = "domain_challenge"

    domain: Mapped[str] = mapped_column(sa.String(253), primary_key=True, sort_order=-1)
    token: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    checked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    outcome: Mapped[str | None] = mapped_column(sa.String(60))


class TenantRate(TenantScoped, Model):
    """How often a tenant did something costly of late: `full_at` is when, in Unix time, all of it may be done again."""

    __tablename__ = "tenant_rate"

    what: Mapped[str] = mapped_column(sa.String(40), primary_key=True, sort_order=-1)
    full_at: Mapped[float] = mapped_column(sa.Float)


class VisitorRate(Model):
    """How often strangers from one network did something of late; `full_at` as in TenantRate."""

    __tablename__ = "visitor_rate"
    __table_args__ = (sa.Index("ix_visitor_rate_full_at", "full_at"),)

    network: Mapped[str] = mapped_column(sa.String(45), primary_key=True)
    what: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    full_at: Mapped[float] = mapped_column(sa.Float)
