"""Documents that the management API and the command line show of metadata's versions and of lists that are read."""

from __future__ import annotations

from typing import Any

from tenants.metadata_history.changes import documents_of
from tenants.metadata_history.versions import Version
from tenants.metadata_signature import read_signer
from tenants.reading_records import Reading


def metadata_version_document(version: Version) -> dict[str, Any]:
    """A version as it is shown."""
    row = version.row
    return {
        "number": row.number,
        "in_force": version.in_force,
        "entity_id": version.metadata.entity_id if version.metadata else None,
        "source": row.source,
        "sha256": row.sha256,
        "at": row.created_at,
        "by": row.created_by,
        "approved_at": row.decided_at,
        "approved_by": row.decided_by,
        "reason": row.reason,
        "restored": row.restored,
        "changes": None if version.changes is None else documents_of(version.changes),
    }


def reading_document(reading: Reading) -> dict[str, Any]:
    """A reading as it is shown."""
    names = ("id", "name", "state", "code", "cause", "created_at", "created_by", "finished_at")
    return {name: getattr(reading, name) for name in names}


def signer_document(pem: str | None) -> dict[str, Any] | None:
    """The certificate that metadata has to be signed by, as it is shown."""
    if pem is None:
        return None
    signer = read_signer(pem)
    dates = {"not_before": signer.certificate.not_before, "not_after": signer.certificate.not_after}
    return {"sha256": signer.certificate.sha256, "subject": signer.subject, **dates, "pem": signer.pem}
