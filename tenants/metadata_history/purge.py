"""Records of metadata's versions that are kept for a time only: two years or fifty of each, whichever is more."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from config.database import transaction, write
from config.isolation import every_tenant
from config.pacing import in_batches
from tenants.metadata_models import DONE, TURNED_DOWN, MetadataReading, MetadataVersion
from tenants.models import IdentityProvider

KEPT_FOR = dt.timedelta(days=730)
KEPT_VERSIONS = 50
READINGS_KEPT_FOR = dt.timedelta(days=7)
BATCH = 200
"""Rows per transaction; each may hold megabytes."""

_later = MetadataVersion.__table__.alias("later")
_HIGHEST = (
    sa.select(sa.func.max(_later.c.number))
    .where(_later.c.tenant_id == MetadataVersion.tenant_id, _later.c.idp_id == MetadataVersion.idp_id)
    .scalar_subquery()
)
_IN_FORCE = (
    sa.select(IdentityProvider.id)
    .where(
        IdentityProvider.tenant_id == MetadataVersion.tenant_id,
        IdentityProvider.metadata_version_id == MetadataVersion.id,
    )
    .exists()
)
_OLD = (
    sa.select(MetadataVersion.tenant_id, MetadataVersion.id)
    .where(
        MetadataVersion.created_at < sa.bindparam("before"),
        MetadataVersion.state != "pending",
        sa.or_(MetadataVersion.number.is_(None), MetadataVersion.number <= _HIGHEST - KEPT_VERSIONS),
        ~_IN_FORCE,
    )
    .limit(BATCH)
    .with_for_update(skip_locked=True, of=MetadataVersion)
)
_OLD_READINGS = (
    sa.select(MetadataReading.tenant_id, MetadataReading.id)
    .where(MetadataReading.state.in_((DONE, TURNED_DOWN)), MetadataReading.created_at < sa.bindparam("before"))
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


def purge_metadata(now: dt.datetime) -> int:
    """Remove versions that are old and of which there are newer ones enough; never what is in force or waits.

    Returns:
        The number of rows removed.
    """
    versions = sa.delete(MetadataVersion).where(sa.tuple_(MetadataVersion.tenant_id, MetadataVersion.id).in_(_OLD))
    readings = sa.delete(MetadataReading).where(sa.tuple_(MetadataReading.tenant_id, MetadataReading.id).in_(_OLD_READINGS))
    return _in_batches(versions, now - KEPT_FOR) + _in_batches(readings, now - READINGS_KEPT_FOR)


def _in_batches(statement: sa.Delete, before: dt.datetime) -> int:
    def step() -> int:
        with every_tenant(), transaction():
            return write(statement, {"before": before}).rowcount

    return in_batches(step, BATCH)
