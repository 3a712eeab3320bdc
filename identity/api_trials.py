"""Edges of the management API for test sign-ins, and for what will be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import Flask

from config.database import transaction
from identity.preview import preview_of
from identity.trial_schemas import WORDS, PreviewQuery, PreviewView, TrialPrepared, TrialStart, TrialView
from identity.trials import prepare_trial, require_trial, shown_trial
from identity.trials_view import trial_document
from tenants import web
from tenants.api_auth import caller, now
from tenants.api_blueprint import ManagementBlueprint, api_of
from tenants.drafts import require_draft
from tenants.errors import NotFound
from tenants.paging import is_row_id
from tenants.providers import require_provider
from tenants.roles import ASSIST, READ
from tenants.settings_documents import settings_from_document
from tenants.tenant_records import ManagedTenant

SETTINGS = "/tenants/<slug>/identity-providers/<name>/saml-settings"
TESTS = f"{SETTINGS}/tests"

trials_api = ManagementBlueprint("api_trials", __name__, description="Test sign-ins")


def install_trials_api(app: Flask) -> None:
    """Put these operations into the application."""
    api_of(app).register_blueprint(trials_api)


def _require_provider(tenant: ManagedTenant, name: str) -> None:
    require_provider(tenant.id, name)


@trials_api.operation("GET", f"{SETTINGS}/preview", READ, query=PreviewQuery, answers={200: PreviewView}, refuses=(409,))
def get_preview(query: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Show the authentication request that the settings in force make, or the draft."""
    provider = require_provider(tenant.id, name)
    of_draft = WORDS[query["draft"]]
    settings = require_draft(tenant.id, name).settings if of_draft else settings_from_document(provider.settings)
    trust = web.trusts().trial_trust(tenant, provider.id, settings)
    if trust is None:
        raise NotFound("no such identity provider")
    return asdict(preview_of(trust, now()))


@trials_api.operation("POST", TESTS, ASSIST, body=TrialStart, answers={201: TrialPrepared}, exists=_require_provider)
def post_test(body: Mapping[str, Any], tenant: ManagedTenant, name: str) -> dict[str, Any]:
    """Prepare a test sign-in. Whoever opens `url` signs in at the identity provider; nobody is signed in here."""
    with transaction():
        prepared = prepare_trial(
            tenant, name, of_draft=body["draft"], expected=body["expected"], actor=caller().actor, now=now()
        )
    url = web.settings().tenant_origin(tenant.slug) + prepared.path
    return {"id": prepared.id, "url": url, "expires_at": prepared.expires_at}


@trials_api.operation("GET", f"{TESTS}/<trial_id>", READ, answers={200: TrialView})
def get_test(tenant: ManagedTenant, name: str, trial_id: str) -> dict[str, Any]:
    """Show how a test sign-in went: every check, the attributes that came, the person that would be made."""
    provider = require_provider(tenant.id, name)
    trial = require_trial(tenant.id, trial_id) if is_row_id(trial_id) else None
    if trial is None or trial.idp_id != provider.id:
        raise NotFound("no such test")
    return trial_document(shown_trial(trial, None))
