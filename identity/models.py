"""Rows of people and of their way in: exchanges, used assertions, users, sessions, attempts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from config.database import JSON, Model, RowId, UTCDateTime, new_id
from config.isolation import TenantScoped
from identity.people_keys import keys_of

SESSION_WAYS = ("sso", "ldap", "local", "break_glass")
"""How somebody can have come in: an organisation's ways, and the one for when those are down (G2, G4)."""


def ordered_text(length: int) -> sa.String:
    """Text that both databases sort and compare alike: by code points, whatever language the database is set to."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _key(name: str) -> Callable[[sa.engine.default.DefaultExecutionContext], str]:
    """A key column's value from the other columns of the row that is added."""
    return lambda context: keys_of(context.get_current_parameters())[name]  # type: ignore[no-untyped-call]


def _idp_key() -> sa.ForeignKeyConstraint:
    """A row of one tenant cannot name another tenant's identity provider, whatever the code does.

    No cascade: an identity provider's row is never removed while people, sessions or used assertions are known by it.
    """
    return sa.ForeignKeyConstraint(["tenant_id", "idp_id"], ["identity_provider.tenant_id", "identity_provider.id"])


def _user_key() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", "user_id"], ["users.tenant_id", "users.id"], ondelete="CASCADE")


class ExchangeRow(TenantScoped, Model):
    """A request that we sent and wait for the answer of. `used_at` closes it; a job removes it when it has expired.

    One with a `trial_id` belongs to a test sign-in: its answer signs nobody in. `fresh`: a new sign-in was demanded.
    """

    __tablename__ = "exchange"
    __table_args__ = (
        _idp_key(),
        sa.Index("ix_exchange_expires_at", "expires_at"),
        sa.Index(
            "ix_exchange_relay_state",
            "tenant_id",
            "relay_state_hash",
            sqlite_where=sa.text("NOT solicited"),
            postgresql_where=sa.text("NOT solicited"),
        ),
    )

    request_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    idp_id: Mapped[str] = mapped_column(RowId)
    browser_hash: Mapped[str] = mapped_column(sa.String(64))
    relay_state_hash: Mapped[str] = mapped_column(sa.String(64))
    target: Mapped[str] = mapped_column(sa.String(2000))
    authn_context_classes: Mapped[list[Any]] = mapped_column(JSON, default=list)
    solicited: Mapped[bool] = mapped_column(default=True)
    fresh: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    trial_id: Mapped[str | None] = mapped_column(RowId)


class UsedAssertion(TenantScoped, Model):
    """An assertion that signed somebody in: never again while it could still be valid (V11)."""

    __tablename__ = "used_assertion"
    __table_args__ = (_idp_key(), sa.Index("ix_used_assertion_expires_at", "expires_at"))

    idp_id: Mapped[str] = mapped_column(RowId, primary_key=True, sort_order=-1)
    assertion_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)


class User(TenantScoped, Model):
    """A person at a tenant. Identity is (tenant, identity provider or directory, subject); never the e-mail (P2).

    `organisation_id` is empty for whoever belongs to the tenant as a whole (G1).

    A username is one person's among those without a subject: they are joined by it, and sign in by it here. Whoever comes
    from an identity provider or directory is known by a subject, and two of these may call people the same.

    The `…_key` columns are `identity.people_keys.keys_of` the names. One index holds all that lists of people search, filter
    and sort by: 100,000 entries of it are read in a few milliseconds where as many rows would take a fifth of a second.
    """

    __tablename__ = "users"
    __table_args__ = (
        _idp_key(),
        sa.ForeignKeyConstraint(
            ["tenant_id", "organisation_id"],
            ["organisation.tenant_id", "organisation.id"],
            name="fk_users_tenant_id_organisation_id_organisation",
        ),
        sa.Index(
            "ix_users_organisation_id",
            *("tenant_id", "organisation_id", "id"),
            sqlite_where=sa.text("organisation_id IS NOT NULL"),
            postgresql_where=sa.text("organisation_id IS NOT NULL"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "directory_id"],
            ["directory.tenant_id", "directory.id"],
            name="fk_users_tenant_id_directory_id_directory",
        ),
        sa.UniqueConstraint("tenant_id", "idp_id", "subject"),
        sa.UniqueConstraint("tenant_id", "directory_id", "subject", name="uq_users_tenant_id_directory_id_subject"),
        sa.Index("ix_users_username", "tenant_id", "username"),
        sa.Index(
            "uq_users_prepared_username",
            *("tenant_id", "username"),
            unique=True,
            sqlite_where=sa.text("subject IS NULL"),
            postgresql_where=sa.text("subject IS NULL"),
        ),
        sa.Index(
            "ix_users_prepared",
            "tenant_id",
            "email",
            sqlite_where=sa.text("subject IS NULL"),
            postgresql_where=sa.text("subject IS NULL"),
        ),
        sa.Index(
            "ix_users_listed",
            *("tenant_id", "name_key", "id", "email", "username_key", "search_key", "last_login_at", "active", "idp_id"),
        ),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    idp_id: Mapped[str | None] = mapped_column(RowId)
    subject: Mapped[str | None] = mapped_column(sa.String(1024))
    name_id: Mapped[str | None] = mapped_column(sa.String(1024))
    username: Mapped[str | None] = mapped_column(sa.String(320))
    email: Mapped[str] = mapped_column(ordered_text(254))
    first_name: Mapped[str | None] = mapped_column(sa.String(200))
    last_name: Mapped[str | None] = mapped_column(sa.String(200))
    phone: Mapped[str | None] = mapped_column(sa.String(60))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    last_login_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    name_key: Mapped[str] = mapped_column(ordered_text(121), default=_key("name_key"))
    username_key: Mapped[str] = mapped_column(ordered_text(60), default=_key("username_key"))
    search_key: Mapped[str] = mapped_column(ordered_text(243), default=_key("search_key"))
    organisation_id: Mapped[str | None] = mapped_column(RowId)
    directory_id: Mapped[str | None] = mapped_column(RowId)


class EmailAddress(Model):
    """An e-mail address belongs to one person in the whole service (P3): a small table, keyed by what is unique."""

    __tablename__ = "email_address"
    __table_args__ = (_user_key(), sa.UniqueConstraint("tenant_id", "user_id"))

    email: Mapped[str] = mapped_column(sa.String(254), primary_key=True)
    tenant_id: Mapped[int] = mapped_column(sa.ForeignKey("tenant.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(RowId)


class SessionRow(TenantScoped, Model):
    """A signed-in browser; the cookie's token is kept as SHA-256. `seen_at` moves, `expires_at` does not.

    `client` is what an application on a person's device calls itself: its session has a bearer token and no cookie.
    `way` is how they came in; what belongs to SAML (`idp_id`, `name_id`, …) is there where that was by SSO alone.
    `proved_at`: when its person proved who they are, where that was asked for: a password typed here, or a new sign-in that
    the identity provider vouches for (ForceAuthn, AuthnInstant); None where it may only have remembered them.
    `role_rule_id` is the rule for the tenant's console that the attributes of this sign-in met; whether there still is such
    a rule is looked up with each request there; `placement_rule_id` is the one of placement that said a role.
    """

    __tablename__ = "session"
    __table_args__ = (
        _user_key(),
        _idp_key(),
        sa.CheckConstraint(sa.column("way").in_(SESSION_WAYS), name="way"),
        sa.CheckConstraint("way <> 'sso' OR (idp_id IS NOT NULL AND name_id IS NOT NULL)", name="sso"),
        sa.Index("ix_session_user", "tenant_id", "user_id"),
        sa.Index("ix_session_name_id", "tenant_id", "idp_id", "name_id"),
        sa.Index("ix_session_expires_at", "expires_at"),
        sa.Index("uq_session_id", "tenant_id", "id", unique=True),
        sa.Index(
            "ix_session_open",
            *("tenant_id", "expires_at", "id"),
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    token_hash: Mapped[str] = mapped_column(sa.String(64), primary_key=True, sort_order=-1)
    id: Mapped[str] = mapped_column(RowId, default=new_id)
    user_id: Mapped[str] = mapped_column(RowId)
    way: Mapped[str] = mapped_column(sa.String(20), default="sso", server_default="sso")
    idp_id: Mapped[str | None] = mapped_column(RowId)
    name_id: Mapped[str | None] = mapped_column(sa.String(1024))
    name_id_format: Mapped[str] = mapped_column(sa.String(256))
    name_qualifier: Mapped[str | None] = mapped_column(sa.String(1024))
    sp_name_qualifier: Mapped[str | None] = mapped_column(sa.String(1024))
    session_index: Mapped[str | None] = mapped_column(sa.String(256))
    authn_context: Mapped[str] = mapped_column(sa.String(256))
    role_rule_id: Mapped[str | None] = mapped_column(RowId)
    client: Mapped[str | None] = mapped_column(sa.String(60))
    placement_rule_id: Mapped[str | None] = mapped_column(RowId)
    user_agent: Mapped[str] = mapped_column(sa.String(300))
    address: Mapped[str] = mapped_column(sa.String(45))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    proved_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    seen_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)


def _attempts_where(name: str, condition: str, *columns: str) -> sa.Index:
    """An index of those attempts alone that one filter of the list shows; the others cost it nothing."""
    where = sa.text(condition)
    return sa.Index(name, "tenant_id", *columns, sqlite_where=where, postgresql_where=where)


class Attempt(TenantScoped, Model):
    """The receipt of one attempt to sign in, kept 30 days (D1). `xml` has personal values masked.

    `fingerprints`: of the values that came with one that was accepted (identity.placement.fingerprints), to try rules on.

    One with a `trial_id` was a test sign-in: nobody was signed in, whatever `code` says. `counted`: statistics have it, or
    never will.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        sa.Index("ix_attempt_at", "at"),
        sa.Index("ix_attempt_reference", "tenant_id", "reference", "id"),
        sa.Index(
            "ix_attempt_not_counted",
            "tenant_id",
            "id",
            sqlite_where=sa.text("NOT counted"),
            postgresql_where=sa.text("NOT counted"),
        ),
        sa.Index("ix_attempt_code", "tenant_id", "code", "id"),
        _attempts_where("ix_attempt_refused", "code IS NOT NULL", "id"),
        _attempts_where("ix_attempt_user", "user_id IS NOT NULL", "user_id", "id"),
        _attempts_where("ix_attempt_trial", "trial_id IS NOT NULL", "id"),
    )

    id: Mapped[str] = mapped_column(RowId, primary_key=True, default=new_id, sort_order=-1)
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    reference: Mapped[str] = mapped_column(sa.String(32))
    code: Mapped[str | None] = mapped_column(sa.String(60))
    cause: Mapped[str] = mapped_column(sa.String(500), default="")
    idp_id: Mapped[str | None] = mapped_column(RowId)
    user_id: Mapped[str | None] = mapped_column(RowId)
    trial_id: Mapped[str | None] = mapped_column(RowId)
    receipt: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    xml: Mapped[str] = mapped_column(sa.Text, default="")
    fingerprints: Mapped[str | None] = mapped_column(sa.Text)
    counted: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
