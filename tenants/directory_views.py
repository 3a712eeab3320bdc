"""Directories as documents, and forms as what the flow takes; the password goes one way only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenants.directories.door import is_supported
from tenants.directories.examining import Examination
from tenants.directories.managing import DirectoryForm
from tenants.directories.records import ManagedDirectory
from tenants.directories.settings import directory_settings_of

_NO_SETTINGS = ("display_name", "enabled", "password", "organisation_id", "version")


def directory_form(body: Mapping[str, Any]) -> DirectoryForm:
    """What somebody wants, from the API's form.

    Raises:
        SettingsInvalid
    """
    settings = directory_settings_of({name: value for name, value in body.items() if name not in _NO_SETTINGS})
    own = {name: body[name] for name in _NO_SETTINGS if name in body}
    return DirectoryForm(settings=settings, **own)


def directory_document(directory: ManagedDirectory) -> dict[str, Any]:
    """A directory, never its password."""
    return {
        **directory_settings_of(directory.settings).to_document(),
        "name": directory.name,
        "display_name": directory.display_name,
        "enabled": directory.enabled,
        "supported": is_supported(),
        "has_password": directory.sealed_password is not None,
        "organisation_id": directory.organisation_id,
        "created_at": directory.created_at,
        "version": directory.version,
        "last_sync": {
            "at": directory.last_sync_at,
            "result": directory.last_sync_result,
            "code": directory.last_sync_code,
            "stage": directory.last_sync_stage,
            "cause": directory.last_sync_cause,
            "counts": directory.last_sync_counts,
            "last_success_at": directory.last_success_at,
            "next_at": directory.sync_due_at,
        },
    }


def examination_document(examination: Examination) -> dict[str, Any]:
    """How a test went."""
    return {
        "passed": examination.passed,
        "steps": [
            {"stage": step.stage.value, "passed": step.passed, "code": step.code, "detail": step.words}
            for step in examination.steps
        ],
        "samples": [
            {
                "dn": sample.dn,
                "subject": sample.subject,
                "profile": dict(sample.profile),
                "attributes": {name: list(values) for name, values in sample.attributes.items()},
            }
            for sample in examination.samples
        ],
    }
