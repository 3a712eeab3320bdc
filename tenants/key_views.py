"""A tenant's own keys, and who reads them, as documents."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from tenants.rollover.products import product_of
from tenants.rollover.reader_records import Reader
from tenants.rollover.timeline import Rollover, Standing


def key_document(standing: Standing) -> dict[str, Any]:
    """One key."""
    key = standing.key
    certificate = x509.load_pem_x509_certificate(key.certificate.encode())
    public = certificate.public_key()
    return {
        "id": key.id,
        "use": key.use,
        "state": key.state,
        "imported": key.imported,
        "certificate": key.certificate,
        "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        "bits": public.key_size if isinstance(public, rsa.RSAPublicKey) else 0,
        "ends_at": key.ends_at,
        "created_at": key.created_at,
        "promoted_at": key.promoted_at,
        "replaced_at": key.replaced_at,
        "retire_at": key.retire_at,
        "retired_at": key.retired_at,
        "erased": key.is_erased,
        "seen_by": standing.seen_by,
        "seen_by_familiar": standing.seen_by_familiar,
        "used_by": [{"idp": user.idp, "last_at": user.last_at} for user in standing.users],
        "still_used_by": list(standing.still_used_by),
        "can_come_back": standing.can_come_back,
    }


def rollover_document(rollover: Rollover) -> dict[str, Any]:
    """What to do next, and what to beware of."""
    return {"use": rollover.use, "advice": rollover.advice, "warnings": list(rollover.warnings)}


def reader_document(reader: Reader) -> dict[str, Any]:
    """One reader of the metadata."""
    return {
        "user_agent": reader.user_agent,
        "address": reader.address,
        "product": product_of(reader.user_agent),
        "first_at": reader.first_at,
        "last_at": reader.last_at,
        "keys_seen": list(reader.key_ids),
    }
