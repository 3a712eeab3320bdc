"""Flows and records of what is chosen while a tenant is set up: its product, and that the second test is left out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read, savepoint, write
from tenants.audit import EventType, record
from tenants.management_errors import FieldsInvalid
from tenants.onboarding.products import require_product
from tenants.setup_models import Onboarding

MAX_WORDS = 500


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen; None where nothing was."""

    product: str | None = None
    refusal_test_skipped: str | None = None


_FIND = sa.select(Onboarding.product, Onboarding.refusal_test_skipped).where(Onboarding.tenant_id == sa.bindparam("of_tenant"))


def choices_of(tenant_id: int) -> Choices:
    """What was chosen for this tenant."""
    row = read(_FIND, {"of_tenant": tenant_id}).one_or_none()
    return Choices(row.product, row.refusal_test_skipped) if row else Choices()


def choose_product(tenant_id: int, key: str, *, actor: str, now: dt.datetime) -> None:
    """Say which product the identity provider is. The edge opens the transaction.

    Raises:
        FieldsInvalid: there is none of this key.
    """
    product = require_product(key)
    before = choices_of(tenant_id).product
    if before != product.key:
        _keep(tenant_id, {"product": product.key}, now)
        changes: dict[str, Any] = {"product": {"from": before, "to": product.key}}
        record(tenant_id, EventType.ONBOARDING_CHANGED, at=now, actor=actor, changes=changes)


def skip_refusal_test(tenant_id: int, words: str, *, actor: str, now: dt.datetime) -> None:
    """Leave the second test out, with a word why. The edge opens the transaction.

    Raises:
        FieldsInvalid: no word, or too many.
    """
    reason = " ".join(words.split())
    if not 0 < len(reason) <= MAX_WORDS or not reason.isprintable():
        raise FieldsInvalid("words", errors={"reason": [f"Say why in 1 to {MAX_WORDS} printable characters."]})
    before = choices_of(tenant_id).refusal_test_skipped
    _keep(tenant_id, {"refusal_test_skipped": reason}, now)
    changes: dict[str, Any] = {"refusal_test_skipped": {"from": before, "to": reason}}
    record(tenant_id, EventType.ONBOARDING_CHANGED, at=now, actor=actor, changes=changes)


def _keep(tenant_id: int, values: dict[str, Any], now: dt.datetime) -> None:
    """Two at once: the second one changes the row that the first one made."""
    ours = sa.update(Onboarding).where(Onboarding.tenant_id == tenant_id).values(**values, changed_at=now)
    if write(ours).rowcount == 1:
        return
    try:
        with savepoint():
            write(sa.insert(Onboarding.__table__).values(tenant_id=tenant_id, **values, changed_at=now))
    except sa.exc.IntegrityError:
        write(ours)
