"""Rows of tenants. Global tables are keyed by what is unique in the whole service: a MyDomain, an e-mail domain."""

from __future__ import annotations

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped
from config.sealing import SealedTo

ONBOARDING, ACTIVE, SUSPENDED, DELETED = "onboarding", "active", "suspended", "deleted"
STATES = (ONBOARDING, ACTIVE, SUSPENDED, DELETED)
KEY_STATES = ("next", "active", "retiring", "retired")
NAME_KEY = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")
"""Sorted by code points on both databases."""
LOOK_AT_ONCE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""`next_notice_at` of what has not been looked at yet, or has changed since."""
NULLABLE_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Tenant(Model):
    """A customer organisation.

    `version` goes up with every change that a sign-in is judged by (metadata, settings, keys, domains, state): caches on
    all workers are keyed by it. `name_key` is the name as lists search and sort it. `origin` is the canonical address that
    entity ID and ACS URL were built from. `access` is what it says for all its organisations about signing in (G1).
    """

    __tablename__ = "tenant"
    __table_args__ = (sa.CheckConstraint(sa.column("state").in_(STATES), name="state"),)

    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    slug: Mapped[str] = mapped_column(sa.String(63), unique=True)
    name: Mapped[str] = mapped_column(sa.String(200))
    name_key: Mapped[str] = mapped_column(NAME_KEY, default="", server_default="")
    state: Mapped[str] = mapped_column(sa.String(20), default=ACTIVE)
    version: Mapped[int] = mapped_column(default=1)
    origin: Mapped[str] = mapped_column(sa.String(300))
    brand_colour: Mapped[str] = mapped_column(sa.String(7), default="#2f5bea")
    logo: Mapped[str | None] = mapped_column(sa.String(40))
    session_idle_seconds: Mapped[int] = mapped_column(default=8 * 3600)
    session_absolute_seconds: Mapped[int] = mapped_column(default=24 * 3600)
    access: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    deleted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    erased_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class MyDomain(Model):
    """Every label that leads to a tenant: the present one, and former ones that keep working (T1)."""

    __tablename__ = "my_domain"

    slug: Mapped[str] = mapped_column(sa.String(63), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(sa.ForeignKey("tenant.id", ondelete="CASCADE"), index=True)
    current: Mapped[bool] = mapped_column(default=True)


class EmailDomain(Model):
    """An e-mail domain, owned by one tenant in the whole service. Only a proven one counts (T6)."""

    __tablename__ = "email_domain"

    domain: Mapped[str] = mapped_column(sa.String(253), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(sa.ForeignKey("tenant.id", ondelete="CASCADE"), index=True)
    proof: Mapped[str | None] = mapped_column(sa.String(20))
    reason: Mapped[str | None] = mapped_column(sa.String(500))
    proven_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


_FETCHED = "deleted_at IS NULL AND (metadata_url IS NOT NULL OR metadata_path IS NOT NULL)"


def _where_fetched(column: str, condition: str) -> sa.Index:
    """An index of identity providers whose metadata can be fetched again."""
    rows = sa.text(f"{_FETCHED} AND {condition}")
    return sa.Index(f"ix_identity_provider_{column}", column, sqlite_where=rows, postgresql_where=rows)


def _unique_while_connected(column: str) -> sa.Index:
    """Unique among a tenant's identity providers that are not deleted."""
    connected = sa.text("deleted_at IS NULL")
    return sa.Index(
        f"uq_identity_provider_{column}", "tenant_id", column, unique=True, sqlite_where=connected, postgresql_where=connected
    )


class IdentityProvider(TenantScoped, Model):
    """A tenant's SAML identity provider: where its metadata comes from, the accepted form of it, and the SAML settings.

    A deleted one stays as a row with `deleted_at`: people are who they are by (tenant, identity provider, subject), so
    they neither go with it nor lose their identity. When the same entity ID is connected again, its row comes back.
    `valid_until` is that of the metadata in force; `next_notice_at` is when the next warning of an end may be due (K3).
    `metadata_signing_certificate` is the PEM of whom metadata has to be signed by. `pending` is what a fetch found and did
    not take because somebody has to look at it first; `metadata_held` is what was refused, or left by going back. By a
    metadata query service (`metadata_mdq`), `metadata_url` is where it tells about this one. A sync in the queue has
    `sync_requested_at`; whoever fetches holds `sync_claim` until `sync_claimed_until`. By schedule one is due when the
    service's interval has passed since `fresh_from`, which is jittered, or at `sync_due_at`, which holds what is this
    row's alone: its own interval (`sync_hours`), what its metadata says, or the next try after `sync_failures` of them.
    `organisation_id` is where its people belong unless a rule says otherwise (P6); `placement_follows`: rules move them with
    every sign-in. `email_domains` are those of the tenant's that it speaks for; none: all of them.
    """

    __tablename__ = "identity_provider"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["tenant_id", "organisation_id"],
            ["organisation.tenant_id", "organisation.id"],
            name="fk_identity_provider_tenant_id_organisation_id_organisation",
        ),
        _unique_while_connected("name"),
        _unique_while_connected("entity_id"),
        sa.Index(
            "ix_identity_provider_sync_requested_at",
            "sync_requested_at",
            sqlite_where=sa.text("sync_requested_at IS NOT NULL"),
            postgresql_where=sa.text("sync_requested_at IS NOT NULL"),
        ),
        _where_fetched("fresh_from", "sync_hours IS NULL AND sync_failures = 0"),
        _where_fetched("sync_due_at", "sync_due_at IS NOT NULL"),
        sa.Index("ix_identity_provider_certificate_ends_at", "certificate_ends_at"),
        sa.Index("ix_identity_provider_valid_until", "valid_until"),
        sa.Index("ix_identity_provider_next_notice_at", "next_notice_at"),
        sa.Index(
            "ix_identity_provider_failed",
            "tenant_id",
            sqlite_where=sa.text("last_sync_result = 'failed'"),
            postgresql_where=sa.text("last_sync_result = 'failed'"),
        ),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    name: Mapped[str] = mapped_column(sa.String(63))
    display_name: Mapped[str] = mapped_column(sa.String(200))
    enabled: Mapped[bool] = mapped_column(default=True)
    entity_id: Mapped[str] = mapped_column(sa.String(1024))
    metadata_url: Mapped[str | None] = mapped_column(sa.String(2000))
    metadata_path: Mapped[str | None] = mapped_column(sa.String(500))
    metadata_mdq: Mapped[str | None] = mapped_column(sa.String(2000))
    metadata_signing_certificate: Mapped[str | None] = mapped_column(sa.Text)
    allow_aggregate: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    metadata_version_id: Mapped[str | None] = mapped_column(RowId)
    metadata_held: Mapped[dict[str, Any] | None] = mapped_column(NULLABLE_JSON)
    metadata_document: Mapped[dict[str, Any]] = mapped_column("metadata", JSON, default=dict)
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    etag: Mapped[str | None] = mapped_column(sa.String(300))
    last_modified: Mapped[str | None] = mapped_column(sa.String(100))
    sync_requested_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    last_sync_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    last_sync_result: Mapped[str | None] = mapped_column(sa.String(20))
    last_sync_code: Mapped[str | None] = mapped_column(sa.String(60))
    last_sync_stage: Mapped[str | None] = mapped_column(sa.String(10))
    last_sync_cause: Mapped[str | None] = mapped_column(sa.String(500))
    last_success_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sync_hours: Mapped[int | None] = mapped_column(sa.Integer)
    sync_reason: Mapped[str | None] = mapped_column(sa.String(20))
    sync_asked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    key_asked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    fresh_from: Mapped[dt.datetime] = mapped_column(UTCDateTime, server_default=sa.text("'1970-01-01 00:00:00'"))
    sync_due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sync_failures: Mapped[int] = mapped_column(default=0, server_default="0")
    sync_claim: Mapped[str | None] = mapped_column(RowId)
    sync_claimed_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    pending: Mapped[dict[str, Any] | None] = mapped_column(NULLABLE_JSON)
    deleted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    certificate_ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    valid_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    next_notice_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime, default=LOOK_AT_ONCE)
    organisation_id: Mapped[str | None] = mapped_column(RowId)
    placement_follows: Mapped[bool] = mapped_column(default=True, server_default=sa.true())
    email_domains: Mapped[list[Any]] = mapped_column(JSON, default=list, server_default="[]")


def _one_in_state(state: str) -> sa.Index:
    """At most one key of each use is in this state."""
    rows = sa.text(f"state = '{state}'")
    return sa.Index(
        f"uq_service_provider_key_{state}", "tenant_id", "use", unique=True, sqlite_where=rows, postgresql_where=rows
    )


def _where_unerased(column: str) -> sa.Index:
    """An index of keys that a job will have to do with."""
    rows = sa.text(f"{column} IS NOT NULL AND sealed_private_key IS NOT NULL")
    return sa.Index(f"ix_service_provider_key_{column}", column, sqlite_where=rows, postgresql_where=rows)


class ServiceProviderKey(TenantScoped, Model):
    """One of a tenant's own key pairs; the private half is sealed to this row. Several may be published (K1, K2).

    `ends_at` is when the certificate ends. A key comes as `next`; promoted (`promoted_at`) it is `active`; once another
    one was promoted in its place (`replaced_at`) it is `retiring` until `retire_at`, then `retired`, and some time after
    `retired_at` its private half is erased: `sealed_private_key` is NULL from `erased_at` on, and nothing brings it back.
    """

    __tablename__ = "service_provider_key"
    __table_args__ = (
        sa.CheckConstraint(sa.column("use").in_(("signing", "encryption")), name="use"),
        sa.CheckConstraint(sa.column("state").in_(KEY_STATES), name="state"),
        _one_in_state("next"),
        _one_in_state("active"),
        sa.Index("ix_service_provider_key_ends_at", "ends_at"),
        _where_unerased("retire_at"),
        _where_unerased("retired_at"),
        sa.Index("ix_service_provider_key_next_notice_at", "next_notice_at"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    use: Mapped[str] = mapped_column(sa.String(20))
    state: Mapped[str] = mapped_column(sa.String(20), default="active")
    certificate: Mapped[str] = mapped_column(sa.Text)
    ends_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    sealed_private_key: Mapped[str | None] = mapped_column(sa.Text, info=SealedTo("sp_key", "tenant_id", "id").as_info())
    imported: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    next_notice_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime, default=LOOK_AT_ONCE)
    promoted_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    replaced_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    retire_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    retired_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    erased_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class OwnPublicKey(Model):
    """Whose a key pair is, in the whole service, for ever: by the SHA-256 of its public half (SubjectPublicKeyInfo)."""

    __tablename__ = "own_public_key"

    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(sa.ForeignKey("tenant.id", ondelete="CASCADE"), index=True)


class AuditEvent(TenantScoped, Model):
    """What happened, for ever: triggers in the database refuse change and removal while the tenant exists."""

    __tablename__ = "audit_event"
    __table_args__ = (
        sa.Index("ix_audit_event_type", "tenant_id", "type", "id"),
        sa.Index("ix_audit_event_actor", "tenant_id", "actor", "id", "type"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    type: Mapped[str] = mapped_column(sa.String(60))
    reason: Mapped[str | None] = mapped_column(sa.String(60))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    actor: Mapped[str] = mapped_column(sa.String(200))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class APIToken(Model):
    """A bearer token of the management API, stored as SHA-256. `tenant_id` is empty for staff's own.

    `made_under`: the role of the person who made it at the console, by where it came from: it ends with that role.
    """

    __tablename__ = "api_token"
    __table_args__ = (
        sa.CheckConstraint(sa.column("role").in_(("staff", "support", "admin", "viewer")), name="role"),
        sa.CheckConstraint("(role IN ('admin', 'viewer')) = (tenant_id IS NOT NULL)", name="scope"),
        sa.Index("ix_api_token_expires_at", "expires_at"),
    )

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    public_id: Mapped[str] = mapped_column(sa.String(16), unique=True)
    role: Mapped[str] = mapped_column(sa.String(20))
    tenant_id: Mapped[int | None] = mapped_column(sa.ForeignKey("tenant.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = mapped_column(sa.String(200), default="")
    made_by: Mapped[str | None] = mapped_column(sa.String(200))
    made_under: Mapped[str | None] = mapped_column(sa.String(60))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


class ConsoleGrant(TenantScoped, Model):
    """A role in the tenant's console, named for whoever of its people has this e-mail address (A1)."""

    __tablename__ = "console_grant"
    __table_args__ = (
        sa.CheckConstraint(sa.column("role").in_(("admin", "viewer")), name="role"),
        sa.UniqueConstraint("tenant_id", "email"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    email: Mapped[str] = mapped_column(sa.String(254))
    role: Mapped[str] = mapped_column(sa.String(20))
    granted_by: Mapped[str] = mapped_column(sa.String(200))
    granted_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class RoleRule(TenantScoped, Model):
    """A role in the tenant's console for everybody whose verified attribute has this value at sign-in (A1)."""

    __tablename__ = "role_rule"
    __table_args__ = (
        sa.CheckConstraint(sa.column("role").in_(("admin", "viewer")), name="role"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "idp_id"], ["identity_provider.tenant_id", "identity_provider.id"], ondelete="CASCADE"
        ),
        sa.UniqueConstraint("tenant_id", "idp_id", "attribute", "value"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    idp_id: Mapped[str] = mapped_column(RowId)
    attribute: Mapped[str] = mapped_column(sa.String(256))
    value: Mapped[str] = mapped_column(sa.String(256))
    role: Mapped[str] = mapped_column(sa.String(20))
    created_by: Mapped[str] = mapped_column(sa.String(200))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
