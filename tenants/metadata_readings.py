"""Flow: `vestibule worker` reads the sources that are too large for web workers, and saves them for whoever asked."""

from __future__ import annotations

import datetime as dt

from config.database import DATABASE_ERRORS, transaction
from config.isolation import every_tenant
from config.logs import metadata_log
from config.settings import Settings
from tenants.connecting import ProviderRequest, draft_of, enabled_of, read_for
from tenants.errors import Refusal
from tenants.idp_records import find_provider
from tenants.metadata_errors import MetadataInvalid, ReadingFailed
from tenants.metadata_models import DONE, TURNED_DOWN
from tenants.providers import save_provider
from tenants.reading_records import (
    MAX_ATTEMPTS,
    STALE_AFTER,
    Reading,
    claim_reading,
    find_reading,
    finish_reading,
    readings_due,
)
from tenants.tenant_records import find_managed_tenant_by_id

MAX_PER_RUN = 4


def run_due_readings(settings: Settings, now: dt.datetime) -> int:
    """Read what waits, and tell how many that was; cheap when nothing waits."""
    with every_tenant():
        waiting = readings_due(now, MAX_PER_RUN)
    return sum(run_reading(tenant_id, reading_id, settings, now) for tenant_id, reading_id in waiting)


def run_reading(tenant_id: int, reading_id: str, settings: Settings, now: dt.datetime) -> bool:
    """Read one that waits; False where another worker has it."""
    with transaction():
        reading = claim_reading(tenant_id, reading_id, now)
    if reading is None:
        return False
    try:
        _read(reading, settings, now)
    except DATABASE_ERRORS:
        raise  # nothing can be noted now: its lease ends, and it is taken up once more
    except Refusal as refusal:
        _turn_down(reading, refusal, now)
    except Exception as error:
        # A document that breaks a library is answered at once, and does not keep the others of this run waiting.
        metadata_log.error("reading_broken", tenant_id=tenant_id, idp=reading.name, exc_info=error)
        _turn_down(reading, MetadataInvalid(f"it cannot be read ({type(error).__name__})"), now)
    told = find_reading(tenant_id, reading_id)
    metadata_log.info("reading", tenant_id=tenant_id, idp=reading.name, state=told.state if told else None)
    return True


def _turn_down(reading: Reading, refusal: Refusal, now: dt.datetime) -> None:
    with transaction():
        detail = dict(refusal.detail)
        finish_reading(reading, TURNED_DOWN, now, code=refusal.code, cause=refusal.cause[:2000], detail=detail)


def _read(reading: Reading, settings: Settings, now: dt.datetime) -> None:
    """Read and save in one transaction with the end of the reading: there is nothing between connected and not."""
    tenant = find_managed_tenant_by_id(reading.tenant_id)
    if tenant is None:
        raise ReadingFailed("the tenant was deleted meanwhile")
    if reading.attempts > MAX_ATTEMPTS:
        raise ReadingFailed("the workers that took it up ended before it was read; it may need more memory than they have")
    if reading.attempts == 1 and reading.created_at < now - STALE_AFTER:
        raise ReadingFailed("whoever asked had gone before a worker was there")
    wanted = ProviderRequest.from_document(dict(reading.request))
    present = find_provider(tenant.id, wanted.name)
    read = read_for(tenant, wanted, present, settings, actor=reading.created_by, now=now, in_web=False)
    with transaction():
        draft = draft_of(wanted, read, enabled_of(wanted, present))
        _, is_new = save_provider(tenant, draft, actor=reading.created_by, now=now)
        if not finish_reading(reading, DONE, now, is_new=is_new):
            raise ReadingFailed("another worker has taken it up")

