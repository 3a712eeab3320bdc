"""Records of test sign-ins. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read, write
from identity.models import User
from identity.trial_models import ACCEPTED, TrialRow
from tenants.models import IdentityProvider

TICKET_LIFETIME = dt.timedelta(minutes=10)
"""How long a prepared test waits for a browser to begin it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A test sign-in. See identity.trial_models; `idp` is the name of its identity provider."""

    tenant_id: int
    id: str
    idp_id: str
    idp: str
    settings: Mapping[str, Any]
    fingerprint: str
    of_draft: bool
    expected: str
    return_to: str | None
    prepared_at: dt.datetime
    prepared_by: str
    begun_at: dt.datetime | None
    browser_hash: str | None
    asked_with: str | None
    finished_at: dt.datetime | None
    code: str | None
    attempt_id: str | None
    outcome: Mapping[str, Any]
    sealed_values: str | None

    @property
    def passed(self) -> bool:
        """Whether the person would have been signed in."""
        return self.finished_at is not None and self.code is None

    @property
    def as_expected(self) -> bool:
        """Whether it went as whoever tested wanted it: let in, or kept out."""
        return self.finished_at is not None and self.passed == (self.expected == ACCEPTED)


_COLUMNS = tuple(
    IdentityProvider.name.label("idp") if name == "idp" else getattr(TrialRow, name) for name in Trial.__dataclass_fields__
)
_ITS_PROVIDER = sa.and_(IdentityProvider.tenant_id == TrialRow.tenant_id, IdentityProvider.id == TrialRow.idp_id)
_OF_TENANT = sa.select(*_COLUMNS).join(IdentityProvider, _ITS_PROVIDER).where(TrialRow.tenant_id == sa.bindparam("of_tenant"))


def add_trial(values: Mapping[str, Any]) -> None:
    """Prepare a test sign-in."""
    write(sa.insert(TrialRow.__table__).values(outcome={}, **values))


def find_trial(tenant_id: int, trial_id: str) -> Trial | None:
    """A tenant's test sign-in by its row."""
    return _one(_OF_TENANT.where(TrialRow.id == trial_id), tenant_id)


def find_trial_by_ticket(tenant_id: int, ticket_hash: str, now: dt.datetime) -> Trial | None:
    """The one that a browser may begin."""
    waiting = (TrialRow.ticket_hash == ticket_hash, TrialRow.begun_at.is_(None), TrialRow.prepared_at > now - TICKET_LIFETIME)
    return _one(_OF_TENANT.where(*waiting), tenant_id)


def find_trial_by_relay_state(tenant_id: int, relay_state_hash: str, browser_hash: str) -> Trial | None:
    """The one that this browser is in the middle of, by the RelayState that its answer brought."""
    under_way = (
        TrialRow.relay_state_hash == relay_state_hash,
        TrialRow.browser_hash == browser_hash,
        TrialRow.finished_at.is_(None),
    )
    return _one(_OF_TENANT.where(*under_way), tenant_id)


def latest_trials(tenant_id: int, idp_id: str, limit: int) -> list[Trial]:
    """The last tests of an identity provider that were answered, newest first."""
    statement = _OF_TENANT.where(TrialRow.idp_id == idp_id, TrialRow.finished_at.is_not(None))
    return [_trial_of(row) for row in read(statement.order_by(TrialRow.id.desc()).limit(limit), {"of_tenant": tenant_id})]


def has_passed(tenant_id: int, idp_id: str, fingerprint: str, since: dt.datetime) -> bool:
    """Whether somebody who was to be let in would have been, by a test of exactly these settings that was begun since then."""
    statement = sa.select(TrialRow.id).where(
        TrialRow.tenant_id == tenant_id,
        TrialRow.idp_id == idp_id,
        TrialRow.fingerprint == fingerprint,
        TrialRow.expected == ACCEPTED,
        TrialRow.begun_at >= since,
        TrialRow.finished_at.is_not(None),
        TrialRow.code.is_(None),
    )
    return read(statement.limit(1)).first() is not None


def mark_begun(trial: Trial, *, browser_hash: str, relay_state_hash: str, asked_with: str, now: dt.datetime) -> bool:
    """Let one browser begin it; False where another did so before (a compare-and-set)."""
    statement = sa.update(TrialRow).where(
        TrialRow.tenant_id == trial.tenant_id, TrialRow.id == trial.id, TrialRow.begun_at.is_(None)
    )
    values = {"browser_hash": browser_hash, "relay_state_hash": relay_state_hash, "asked_with": asked_with}
    return write(statement.values(**values, begun_at=now)).rowcount == 1


def mark_finished(trial: Trial, values: Mapping[str, Any]) -> bool:
    """Keep how it went; False where it was answered before: the first answer counts."""
    statement = sa.update(TrialRow).where(
        TrialRow.tenant_id == trial.tenant_id, TrialRow.id == trial.id, TrialRow.finished_at.is_(None)
    )
    return write(statement.values(**values)).rowcount == 1


def note_attempt(trial: Trial, attempt_id: str) -> None:
    """Say where the receipt is."""
    statement = sa.update(TrialRow).where(TrialRow.tenant_id == trial.tenant_id, TrialRow.id == trial.id)
    write(statement.values(attempt_id=attempt_id))


def was_made(tenant_id: int, user_id: str, now: dt.datetime) -> bool:
    """Whether the person's row came into being at this very moment."""
    statement = sa.select(User.created_at).where(User.tenant_id == tenant_id, User.id == user_id)
    created_at: dt.datetime | None = read(statement).scalar_one_or_none()
    return created_at == now


def _one(statement: sa.Select[Any], tenant_id: int) -> Trial | None:
    row = read(statement, {"of_tenant": tenant_id}).one_or_none()
    return _trial_of(row) if row else None


def _trial_of(row: sa.Row[Any]) -> Trial:
    return Trial(**row._mapping)
