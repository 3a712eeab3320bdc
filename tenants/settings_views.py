"""Documents that the management API and the command line show of drafts and versions of SAML settings."""

from __future__ import annotations

from typing import Any

from tenants.drafts import Draft
from tenants.settings_models import ACTIVE
from tenants.settings_versions import Version
from tenants.views import settings_document


def draft_document(draft: Draft) -> dict[str, Any]:
    """A draft as it is shown."""
    row = draft.row
    return {
        "revision": row.revision,
        "base": row.base,
        "outdated": draft.outdated,
        "tested": draft.tested,
        "tested_at": row.tested_at if row.tested else None,
        "changed_since_test": list(draft.changed_since_test),
        "test_id": row.trial_id,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "changed_at": row.changed_at,
        "changed_by": row.changed_by,
        "changes": dict(draft.changes),
        "settings": settings_document(draft.settings),
    }


def version_document(version: Version) -> dict[str, Any]:
    """A version as it is shown."""
    row = version.row
    return {
        "number": row.number,
        "in_force": row.state == ACTIVE,
        "origin": row.origin,
        "at": row.in_force_at,
        "by": row.in_force_by,
        "reason": row.reason,
        "restored": row.restored,
        "tested": row.tested,
        "test_id": row.trial_id,
        "changes": dict(version.changes),
        "settings": settings_document(version.settings),
    }
