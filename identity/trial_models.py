"""Rows of test sign-ins: a whole sign-in with settings that are not in force, which signs nobody in (A3)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped
from config.sealing import SEALED_BY_OTHERS

ACCEPTED, REFUSED = "accepted", "refused"


class TrialRow(TenantScoped, Model):
    """One test sign-in: prepared, begun by one browser, answered once.

    `settings` are those that it is judged by, as they were when it was prepared; `fingerprint` names them. `of_draft` says
    whether they are a draft's. `expected` is what whoever tests wants to see: a person who is accepted, or one who is
    refused. `ticket_hash` is the SHA-256 of what lets one browser begin it; `browser_hash` and `relay_state_hash` are those
    of its exchange. `asked_with` names the metadata and the keys that it was begun with (tenants.trust_marks). `outcome` tells
    of the person with values masked; `sealed_values` holds them as they came, and only the tester's own browser can open it.
    """

    __tablename__ = "sign_in_trial"
    __table_args__ = (
        sa.CheckConstraint(sa.column("expected").in_((ACCEPTED, REFUSED)), name="expected"),
        sa.ForeignKeyConstraint(["tenant_id", "idp_id"], ["identity_provider.tenant_id", "identity_provider.id"]),
        sa.Index("uq_sign_in_trial_ticket", "tenant_id", "ticket_hash", unique=True),
        sa.Index("ix_sign_in_trial_relay_state", "tenant_id", "relay_state_hash"),
        sa.Index("ix_sign_in_trial_idp", "tenant_id", "idp_id", "id"),
        sa.Index("ix_sign_in_trial_prepared_at", "prepared_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    idp_id: Mapped[str] = mapped_column(RowId)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    of_draft: Mapped[bool] = mapped_column()
    expected: Mapped[str] = mapped_column(sa.String(20))
    return_to: Mapped[str | None] = mapped_column(sa.String(2000))
    ticket_hash: Mapped[str] = mapped_column(sa.String(64))
    prepared_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    prepared_by: Mapped[str] = mapped_column(sa.String(200))
    begun_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    browser_hash: Mapped[str | None] = mapped_column(sa.String(64))
    relay_state_hash: Mapped[str | None] = mapped_column(sa.String(64))
    asked_with: Mapped[str | None] = mapped_column(sa.String(200))
    finished_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    code: Mapped[str | None] = mapped_column(sa.String(60))
    attempt_id: Mapped[str | None] = mapped_column(RowId)
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    sealed_values: Mapped[str | None] = mapped_column(sa.Text, info=dict(SEALED_BY_OTHERS))
