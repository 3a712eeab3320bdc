"""Flow: how many refusals a tenant has on record: strangers cause them, so it is bounded, for all workers together.

What is left out is in the log and in the metrics, and the audit says once an hour that there was more.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time

from config.database import transaction
from config.throttle import Throttle
from tenants.audit import SIGN_IN, EventType, record
from tenants.errors import RateLimited
from tenants.rates import Rate, require_rate

EACH_MINUTE = Rate("recorded_refusals", per_minute=60, burst=120)
EACH_DAY = Rate("refusals of a day", per_minute=10_000 / 1440, burst=10_000)
"""A receipt is a few KiB that stay for 30 days, its event half of one that stays for 400: some gigabytes at worst."""
TOLD = Rate("refusals left out", per_minute=1 / 60, burst=1)
HERE = Throttle(per_minute=120, burst=240)
"""In this process: most of a flood never gets as far as the database."""
LEFT_OUT = "more was refused than is kept on record; the log has all of it"


def takes_one_more(tenant_id: int, now: dt.datetime) -> bool:
    """Count one more refusal that is to be recorded, in a transaction of its own; False: it is not."""
    if not HERE.lets_through(tenant_id, time.monotonic()):
        return False
    try:
        with transaction():
            require_rate(tenant_id, EACH_MINUTE, now)
            require_rate(tenant_id, EACH_DAY, now)
    except RateLimited:
        _tell(tenant_id, now)
        return False
    return True


def _tell(tenant_id: int, now: dt.datetime) -> None:
    with contextlib.suppress(RateLimited), transaction():
        require_rate(tenant_id, TOLD, now)
        record(tenant_id, EventType.SIGN_IN_REFUSED, at=now, actor=SIGN_IN, reason=RateLimited.code, cause=LEFT_OUT)
