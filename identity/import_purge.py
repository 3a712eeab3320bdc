"""Imports are kept for a time only: files and previews, which hold personal data, for a day; the rest for 30 days."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from config.database import transaction, write
from config.isolation import every_tenant
from config.purging import removed_in_batches
from identity.import_models import APPLYING, READY, REFUSED, WAITING, PeopleImport, PeopleImportLine

PREVIEW_LIFETIME = dt.timedelta(hours=24)
IMPORT_LIFETIME = dt.timedelta(days=30)
EXPIRED = "import_expired"
BATCH = 500

_KEY = (PeopleImportLine.tenant_id, PeopleImportLine.import_id, PeopleImportLine.line)
_ITS_IMPORT = sa.and_(PeopleImport.tenant_id == PeopleImportLine.tenant_id, PeopleImport.id == PeopleImportLine.import_id)


def purge_imports(now: dt.datetime) -> int:
    """Forget what has been kept long enough, of every tenant, and tell how many rows that were."""
    day_ago = PeopleImport.created_at < now - PREVIEW_LIFETIME
    with every_tenant():
        with transaction():
            nobody_has_it = sa.or_(PeopleImport.claimed_until.is_(None), PeopleImport.claimed_until < now)
            stale = sa.update(PeopleImport).where(
                day_ago,
                # One that cannot be applied is tried again and again: it, too, ends, and its personal data with it.
                sa.or_(PeopleImport.state.in_((WAITING, READY)), sa.and_(PeopleImport.state == APPLYING, nobody_has_it)),
            )
            over = {"work_requested_at": None, "claim": None, "claimed_until": None, "fingerprint": None, "file": None}
            write(stale.values(state=REFUSED, code=EXPIRED, cause="it was not applied within a day", **over))
        removed = _purge_lines(day_ago)
        with transaction():
            old = sa.delete(PeopleImport).where(PeopleImport.created_at < now - IMPORT_LIFETIME)
            return removed + write(old.where(PeopleImport.state != APPLYING)).rowcount


def _purge_lines(day_ago: sa.ColumnElement[bool]) -> int:
    old = sa.select(*_KEY).join(PeopleImport, _ITS_IMPORT).where(day_ago, PeopleImport.state != APPLYING).limit(BATCH)
    statement = sa.delete(PeopleImportLine).where(sa.tuple_(*_KEY).in_(old))
    return removed_in_batches(PeopleImportLine.__tablename__, lambda: write(statement).rowcount, BATCH)
