"""The document that the management API and the command line show of a test sign-in."""

from __future__ import annotations

from typing import Any

from identity.trials import ShownTrial


def trial_document(shown: ShownTrial) -> dict[str, Any]:
    """A test sign-in as it is shown."""
    trial = shown.trial
    return {
        "id": trial.id,
        "draft": trial.of_draft,
        "expected": trial.expected,
        "prepared_at": trial.prepared_at,
        "prepared_by": trial.prepared_by,
        "begun_at": trial.begun_at,
        "finished_at": trial.finished_at,
        "passed": trial.passed,
        "as_expected": trial.as_expected,
        "code": trial.code,
        "attempt_id": trial.attempt_id,
        "would": trial.outcome.get("would"),
        "attributes": trial.outcome.get("attributes", []),
        "person": trial.outcome.get("person", {}),
        "checks": shown.receipt.receipt["checks"] if shown.receipt else [],
    }
