"""Flows: somebody whom a rule makes inactive loses access, in a transaction of its own (P6, P8)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from config.database import transaction
from identity.people_records import end_open_sessions, set_active
from tenants.audit import EventType, record
from tenants.placement_rules import Placement
from tenants.trust import SAMLTrust


def deactivate_by_rule(trust: SAMLTrust, user_id: str | None, placement: Placement, now: dt.datetime) -> None:
    """Switch the account off whose sign-in was refused by a rule. The refusal has rolled everything else back.

    No rule switches it on again; an administrator does.

    Args:
        user_id: None where the person has no account, and now gets none.
    """
    if user_id is None:
        return
    with transaction():
        if set_active(trust.tenant_id, user_id, False):
            ended = end_open_sessions(trust.tenant_id, now, user_id=user_id)
            detail: dict[str, Any] = {"user": user_id, "idp": trust.idp_name, "rule": placement.active_rule}
            detail["sessions_ended"] = ended
            record(trust.tenant_id, EventType.USER_DEACTIVATED, at=now, actor="sign-in", **detail)
