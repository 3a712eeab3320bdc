"""Flows: what a draft needs before it is put in force: a test that still proves something, or a reason (A3).

A test proves that sign-ins work with these settings, at the identity provider as its metadata was then, and with our own
keys of then. Where any of them is another one by now, it proves nothing.
"""

from __future__ import annotations

from tenants.draft_errors import DraftOutdated, DraftTestOutdated, DraftUntested
from tenants.idp_metadata import metadata_from_document, public_keys_of
from tenants.idp_records import ManagedProvider
from tenants.management_errors import FieldsInvalid
from tenants.records import service_provider_keys
from tenants.service_provider import certificate_der
from tenants.settings_changes import changes_between
from tenants.settings_documents import settings_from_document
from tenants.settings_versions import MIN_REASON, optional_reason
from tenants.trust_marks import differing, mark_of
from tenants.version_records import VersionRow, find_in_force, find_version


def changed_since_test(provider: ManagedProvider, row: VersionRow) -> tuple[str, ...]:
    """What is another one than when exactly these settings passed their test; nothing where they have passed none."""
    return differing(row.tested_with, _present_mark(provider)) if row.tested else ()


def require_promotable(provider: ManagedProvider, row: VersionRow) -> None:
    """Let a draft be put in force without a reason.

    Raises:
        DraftOutdated, DraftUntested, DraftTestOutdated
    """
    present = find_in_force(provider.tenant_id, provider.id)
    if present is not None and present.number != row.base:
        base = find_version(provider.tenant_id, provider.id, row.base) if row.base is not None else None
        now_in_force = settings_from_document(provider.settings)
        changes = changes_between(settings_from_document(base.settings), now_in_force) if base else {}
        raise DraftOutdated(provider.name, base=row.base, present=present.number, changes=changes)
    if not row.tested:
        raise DraftUntested(provider.name)
    changed = changed_since_test(provider, row)
    if changed:
        raise DraftTestOutdated(provider.name, changed=list(changed))


def reason_of(text: str | None) -> str | None:
    """A reason takes the place of a test, so it has to say something; None where none was given."""
    if text is None:
        return None
    words = optional_reason(text) or ""
    if len(words) < MIN_REASON:
        raise FieldsInvalid("reason", errors={"reason": [f"Say in at least {MIN_REASON} characters why this goes without."]})
    return words


def _present_mark(provider: ManagedProvider) -> str:
    metadata = metadata_from_document(provider.metadata_document)
    active = {key.use: key for key in service_provider_keys(provider.tenant_id) if key.state == "active"}
    own_certificate = certificate_der(active["signing"].certificate)
    return mark_of(metadata.entity_id, metadata.sso, public_keys_of(metadata), own_certificate, active["encryption"].id)
