"""Records of SAML settings' versions. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import new_id, read, savepoint, write
from tenants.settings_models import ACTIVE, DRAFT, FORMER, SettingsVersion


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version of an identity provider's SAML settings, or its draft. See tenants.settings_models."""

    tenant_id: int
    id: str
    idp_id: str
    number: int | None
    state: str
    origin: str | None
    settings: Mapping[str, Any]
    fingerprint: str
    base: int | None
    restored: int | None
    revision: int
    edits: Sequence[Mapping[str, Any]]
    created_at: dt.datetime
    created_by: str
    changed_at: dt.datetime
    changed_by: str
    tested_at: dt.datetime | None
    tested_fingerprint: str | None
    tested_with: str | None
    trial_id: str | None
    in_force_at: dt.datetime | None
    in_force_by: str | None
    reason: str | None

    @property
    def tested(self) -> bool:
        """Whether exactly these settings have passed a test sign-in, whatever it ran with."""
        return self.tested_fingerprint == self.fingerprint


_COLUMNS = tuple(getattr(SettingsVersion, name) for name in VersionRow.__dataclass_fields__)
_OF_PROVIDER = (
    SettingsVersion.tenant_id == sa.bindparam("of_tenant"),
    SettingsVersion.idp_id == sa.bindparam("of_idp"),
)
_IN_STATE = sa.select(*_COLUMNS).where(*_OF_PROVIDER, SettingsVersion.state == sa.bindparam("of_state"))
_BY_NUMBER = sa.select(*_COLUMNS).where(*_OF_PROVIDER, SettingsVersion.number == sa.bindparam("of_number"))
_HIGHEST = sa.select(sa.func.max(SettingsVersion.number)).where(*_OF_PROVIDER)


def find_draft(tenant_id: int, idp_id: str) -> VersionRow | None:
    """The one draft of an identity provider's settings."""
    return _one(_IN_STATE, tenant_id, idp_id, of_state=DRAFT)


def find_in_force(tenant_id: int, idp_id: str) -> VersionRow | None:
    """The version in force; every identity provider has one from its first moment on."""
    return _one(_IN_STATE, tenant_id, idp_id, of_state=ACTIVE)


def find_version(tenant_id: int, idp_id: str, number: int) -> VersionRow | None:
    """A version by its number, in force or former."""
    return _one(_BY_NUMBER, tenant_id, idp_id, of_number=number)


def page_of_versions(tenant_id: int, idp_id: str, before: int | None, limit: int) -> list[VersionRow]:
    """What is and was in force, newest first, from behind the version `before` on."""
    statement = sa.select(*_COLUMNS).where(*_OF_PROVIDER, SettingsVersion.number.is_not(None))
    if before is not None:
        statement = statement.where(SettingsVersion.number < before)
    statement = statement.order_by(SettingsVersion.number.desc()).limit(limit)
    return [_version_of(row) for row in read(statement, {"of_tenant": tenant_id, "of_idp": idp_id})]


def add_draft(tenant_id: int, idp_id: str, values: Mapping[str, Any]) -> bool:
    """Begin the draft; False where somebody began one a moment ago."""
    try:
        with savepoint():
            _add(tenant_id, idp_id, {**values, "state": DRAFT})
    except sa.exc.IntegrityError:
        return False
    return True


def change_draft(draft: VersionRow, values: Mapping[str, Any]) -> bool:
    """Edit the draft as it was read; False where it was edited or went away meanwhile (a compare-and-set)."""
    statement = _this_revision(sa.update(SettingsVersion), draft).values(**values, revision=draft.revision + 1)
    return write(statement).rowcount == 1


def remove_draft(draft: VersionRow) -> bool:
    """Throw the draft away as it was read; False where it was edited or went away meanwhile."""
    return write(_this_revision(sa.delete(SettingsVersion), draft)).rowcount == 1


def drop_draft(tenant_id: int, idp_id: str) -> None:
    """Remove the draft, where there is one, together with what it was made for."""
    write(
        sa.delete(SettingsVersion).where(
            SettingsVersion.tenant_id == tenant_id, SettingsVersion.idp_id == idp_id, SettingsVersion.state == DRAFT
        )
    )


def note_trial(
    tenant_id: int, idp_id: str, fingerprint: str, trial_id: str, now: dt.datetime, *, passed_with: str | None
) -> bool:
    """Note how a test sign-in of the draft went; False where the draft is another one by now.

    Args:
        passed_with: the mark of what it ran with (tenants.trust_marks); None where it did not pass.
    """
    statement = sa.update(SettingsVersion).where(
        SettingsVersion.tenant_id == tenant_id,
        SettingsVersion.idp_id == idp_id,
        SettingsVersion.state == DRAFT,
        SettingsVersion.fingerprint == fingerprint,
    )
    if passed_with is not None:
        passed = {"tested_at": now, "tested_fingerprint": fingerprint, "tested_with": passed_with}
        return write(statement.values(**passed, trial_id=trial_id)).rowcount == 1
    return write(statement.values(trial_id=trial_id)).rowcount == 1


def put_version_in_force(tenant_id: int, idp_id: str, values: Mapping[str, Any]) -> int:
    """Add a version as the one in force, and give its number. The caller holds the tenant's row (`bump_version`)."""
    number = (read(_HIGHEST, {"of_tenant": tenant_id, "of_idp": idp_id}).scalar_one() or 0) + 1
    former = sa.update(SettingsVersion).where(
        SettingsVersion.tenant_id == tenant_id, SettingsVersion.idp_id == idp_id, SettingsVersion.state == ACTIVE
    )
    write(former.values(state=FORMER))
    _add(tenant_id, idp_id, {**values, "state": ACTIVE, "number": number})
    return number


def _this_revision(statement: Any, draft: VersionRow) -> Any:
    return statement.where(
        SettingsVersion.tenant_id == draft.tenant_id,
        SettingsVersion.id == draft.id,
        SettingsVersion.state == DRAFT,
        SettingsVersion.revision == draft.revision,
    )


def _add(tenant_id: int, idp_id: str, values: Mapping[str, Any]) -> None:
    whole = {"edits": [], "revision": 1, **values, "tenant_id": tenant_id, "idp_id": idp_id, "id": new_id()}
    write(sa.insert(SettingsVersion.__table__).values(**whole))


def _one(statement: sa.Select[Any], tenant_id: int, idp_id: str, **more: Any) -> VersionRow | None:
    row = read(statement, {"of_tenant": tenant_id, "of_idp": idp_id, **more}).one_or_none()
    return _version_of(row) if row else None


def _version_of(row: sa.Row[Any]) -> VersionRow:
    return VersionRow(**row._mapping)
