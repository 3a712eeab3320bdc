"""Records of attempts: the receipt of every sign-in, good or bad, for those who mend it (D1)."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from config.database import new_id
from config.statements import Prepared
from identity.checks import Receipt
from identity.models import Attempt

RECEIPT_LIFETIME = dt.timedelta(days=30)
MAX_CAUSE = 500

_INSERT = Prepared(sa.insert(Attempt.__table__))


def keep_receipt(
    tenant_id: int,
    receipt: Receipt,
    *,
    reference: str,
    now: dt.datetime,
    masked_xml: str,
    code: str | None = None,
    cause: str = "",
    idp_id: str | None = None,
    user_id: str | None = None,
    trial_id: str | None = None,
    fingerprints: str | None = None,
) -> str:
    """Store what was checked. `code` is None for a sign-in that was accepted. `reference` is what the person was shown."""
    attempt_id = new_id()
    _INSERT.insert(
        {
            "tenant_id": tenant_id,
            "id": attempt_id,
            "at": now,
            "reference": reference,
            "code": code,
            "cause": cause.replace("\x00", "")[:MAX_CAUSE],
            "idp_id": idp_id,
            "user_id": user_id,
            "trial_id": trial_id,
            "receipt": receipt.to_document(),
            "xml": masked_xml.replace("\x00", ""),
            "fingerprints": fingerprints,
            "counted": trial_id is not None,
        }
    )
    return attempt_id
