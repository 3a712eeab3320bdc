"""Flow: what the outbox and the warnings keep, and for how long; and how much ends soon, for metrics."""

from __future__ import annotations

import datetime as dt

from config.database import transaction
from config.metrics import ENDING
from config.pacing import in_batches
from tenants.models import IdentityProvider
from tenants.notices.delivery_records import remove_old
from tenants.notices.notice_records import counts_within, remove_old_notices

DELIVERIES_KEPT = dt.timedelta(days=90)
NOTICES_KEPT = dt.timedelta(days=400)
BATCH = 500


def purge_notices(now: dt.datetime) -> int:
    """Remove deliveries that are over and warnings of ends that are long past, in small batches; how many."""
    def step() -> int:
        with transaction():
            return remove_old(now - DELIVERIES_KEPT, BATCH) + remove_old_notices(now - NOTICES_KEPT, BATCH)

    return in_batches(step, BATCH)


def count_endings(now: dt.datetime) -> None:
    """Tell metrics how much ends within each threshold, over all tenants."""
    columns = {"idp_certificate": IdentityProvider.certificate_ends_at, "metadata": IdentityProvider.valid_until}
    for subject, column in columns.items():
        for days, count in counts_within(column, now).items():
            ENDING.labels(subject, str(days)).set(count)
