"""Rows of SAML settings' versions: what is in force, what was, and the draft of what shall be (A3)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped

DRAFT, ACTIVE, FORMER = "draft", "active", "former"
ORIGINS = ("connected", "edited", "promoted", "forced", "restored")
"""How a version came into force: with its identity provider, by an edit that held at once, from a draft that had passed its
test or one that had not, or as a former version's return."""


def _only_one(state: str) -> sa.Index:
    """One draft, and one version in force, for each identity provider."""
    of_state = sa.text(f"state = '{state}'")
    name = f"uq_saml_settings_version_{state}"
    return sa.Index(name, "tenant_id", "idp_id", unique=True, sqlite_where=of_state, postgresql_where=of_state)


class SettingsVersion(TenantScoped, Model):
    """Settings of one identity provider. A draft has no number until it is in force; what was in force stays for ever.

    `base` is the number that was in force when this one was made from it. `revision` goes up with each edit of a draft: the
    second of two people who edit is told. `edits` holds who changed what at which revision, for as long as it is a draft.
    `tested_fingerprint` names the very settings that a test sign-in passed with, `tested_with` the metadata and the keys
    (tenants.trust_marks).
    """

    __tablename__ = "saml_settings_version"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_((DRAFT, ACTIVE, FORMER)), name="state"),
        sa.CheckConstraint("(state = 'draft') = (number IS NULL)", name="number"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"], ["identity_provider.tenant_id", "identity_provider.id"], ondelete="CASCADE"
        ),
        sa.UniqueConstraint("tenant_id", "idp_id", "number"),
        _only_one(DRAFT),
        _only_one(ACTIVE),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    idp_id: Mapped[str] = mapped_column(RowId)
    number: Mapped[int | None] = mapped_column()
    state: Mapped[str] = mapped_column(sa.String(20))
    origin: Mapped[str | None] = mapped_column(sa.String(20))
    settings: Mapped[dict[str, Any]] = mapped_column(JSON)
    fingerprint: Mapped[str] = mapped_column(sa.String(64))
    base: Mapped[int | None] = mapped_column()
    restored: Mapped[int | None] = mapped_column()
    revision: Mapped[int] = mapped_column(default=1)
    edits: Mapped[list[Any]] = mapped_column(JSON, default=list)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    created_by: Mapped[str] = mapped_column(sa.String(200))
    changed_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    changed_by: Mapped[str] = mapped_column(sa.String(200))
    tested_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    tested_fingerprint: Mapped[str | None] = mapped_column(sa.String(64))
    tested_with: Mapped[str | None] = mapped_column(sa.String(200))
    trial_id: Mapped[str | None] = mapped_column(RowId)
    in_force_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    in_force_by: Mapped[str | None] = mapped_column(sa.String(200))
    reason: Mapped[str | None] = mapped_column(sa.String(500))
