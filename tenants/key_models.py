"""Rows about a tenant's own keys: who has read them in its metadata, and who was heard to use them (K2)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped

MAX_USER_AGENT = 200
MAX_ADDRESS = 45
"""An IPv4-mapped IPv6 address in full, the longest of all."""


class MetadataReader(TenantScoped, Model):
    """Somebody who fetched the tenant's metadata, as they called themselves and from where; `key_ids` is what they saw last."""

    __tablename__ = "metadata_reader"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "address", "user_agent", name="uq_metadata_reader_tenant_id_address_user_agent"),
        sa.Index("ix_metadata_reader_last_at", "last_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    address: Mapped[str] = mapped_column(sa.String(MAX_ADDRESS))
    user_agent: Mapped[str] = mapped_column(sa.String(MAX_USER_AGENT))
    first_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    key_ids: Mapped[list[Any]] = mapped_column(JSON)


class OwnKeyUse(TenantScoped, Model):
    """An identity provider encrypted to this key in a sign-in that was accepted; `last_at` is true to the day."""

    __tablename__ = "own_key_use"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["service_provider_key.tenant_id", "service_provider_key.id"],
            name="fk_own_key_use_tenant_id_key_id_service_provider_key",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"],
            ["identity_provider.tenant_id", "identity_provider.id"],
            name="fk_own_key_use_tenant_id_idp_id_identity_provider",
            ondelete="CASCADE",
        ),
    )

    key_id: Mapped[str] = mapped_column(RowId, primary_key=True)
    idp_id: Mapped[str] = mapped_column(RowId, primary_key=True)
    first_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    last_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
