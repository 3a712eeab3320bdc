"""SAML attributes of an identity provider: what is in force, its draft, and what will be sent (A2, A3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui import settings_words
from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.forms import GENERAL, errors_of
from admin_ui.rendering import json_answer, notify
from admin_ui.screen import page
from admin_ui.screens.authentication.provider_pages import ProviderPages
from admin_ui.settings_form import SettingsForm, read_settings_form, revision_of, seen_text
from config.database import transaction
from identity.preview import RequestPreview, preview_of
from identity.trial_records import latest_trials
from tenants import web
from tenants.draft_errors import DraftChanged, DraftWithoutChange
from tenants.drafts import Draft, discard_draft, draft_of, promote_draft, rebase_draft, save_draft
from tenants.errors import Refusal
from tenants.idp_records import ManagedProvider
from tenants.providers import require_provider
from tenants.roles import CONFIGURE, READ
from tenants.saml_settings import PROFILE_FIELDS, SAMLSettings
from tenants.settings_documents import settings_from_document
from tenants.settings_versions import MIN_REASON
from tenants.settings_warnings import warnings_of

TESTS_SHOWN = 5
CLASH = "Somebody else changed the draft while you were editing. Nothing was lost: your input is still here."


class SAMLAttributesScreen(ProviderPages):
    """The settings of one identity provider. It is reached from there, and has no place of its own in the menu."""

    label, path, endpoint_name = "SAML attributes", "/saml-attributes", "saml_attributes"
    icon = "sliders"

    @page("/<name>", READ)
    def show(self, asked: Asked, name: str) -> Response:
        """What is in force, and the draft beside it."""
        return self._overview(asked, require_provider(asked.tenant.id, name))

    @page("/<name>/edit", CONFIGURE)
    def edit(self, asked: Asked, name: str) -> Response:
        """The form: of the draft, or of what is in force where there is none."""
        provider = require_provider(asked.tenant.id, name)
        draft = draft_of(provider)
        settings = draft.settings if draft else settings_from_document(provider.settings)
        return self._form(asked, provider, settings, settings.to_document(), draft)

    @page("/<name>/edit", CONFIGURE, methods=("POST",))
    def save(self, asked: Asked, name: str) -> Response | WerkzeugResponse:
        """Save what was changed as a draft."""
        provider = require_provider(asked.tenant.id, name)
        draft = draft_of(provider)
        present = draft.settings if draft else settings_from_document(provider.settings)
        form = read_settings_form(request.form, present)
        if form.settings is None:
            return self._form(asked, provider, present, form.document, draft, errors=form.errors, seen=_seen_again(present))
        try:
            with transaction():
                save_draft(
                    asked.tenant,
                    name,
                    form.patch,
                    revision=revision_of(request.form),
                    actor=asked.actor,
                    now=asked.now,
                )
        except DraftChanged as refusal:
            return self._after_clash(asked, provider, form, refusal)
        except DraftWithoutChange:
            notify("Nothing was changed, so there is no draft.", "warn")
            return self.see_other("show", asked, name=name)
        notify("The draft was saved. Nothing of it holds until it is promoted.")
        return self.see_other("show", asked, name=name)

    @page("/<name>/check", CONFIGURE, methods=("POST",))
    def check(self, asked: Asked, name: str) -> Response:
        """What the server says about the form while it is filled in, and the request that it makes."""
        provider = require_provider(asked.tenant.id, name)
        draft = draft_of(provider)
        present = draft.settings if draft else settings_from_document(provider.settings)
        form = read_settings_form(request.form, present)
        if form.settings is None:
            return json_answer({"errors": {key: list(found) for key, found in form.errors.items()}})
        preview = _preview(asked, provider, form.settings)
        return json_answer(
            {
                "errors": {},
                "warnings": [{"field": item.field, "sentence": item.sentence} for item in warnings_of(form.settings)],
                "preview": preview.xml or preview.sent if preview else "",
            }
        )

    @page("/<name>/discard", CONFIGURE, methods=("POST",))
    def discard(self, asked: Asked, name: str) -> WerkzeugResponse:
        """Throw the draft away."""
        with transaction():
            discard_draft(asked.tenant, name, revision=revision_of(request.form), actor=asked.actor, now=asked.now)
        notify("The draft was thrown away.")
        return self.see_other("show", asked, name=name)

    @page("/<name>/rebase", CONFIGURE, methods=("POST",))
    def rebase(self, asked: Asked, name: str) -> WerkzeugResponse:
        """Bring the draft up to date with what came into force meanwhile."""
        with transaction():
            rebase_draft(asked.tenant, name, revision=revision_of(request.form), actor=asked.actor, now=asked.now)
        notify("The draft is up to date. Test it again before it is promoted.")
        return self.see_other("show", asked, name=name)

    @page("/<name>/promote", CONFIGURE, methods=("POST",), fresh=True)
    def promote(self, asked: Asked, name: str) -> Response | WerkzeugResponse:
        """Put the draft in force: tested, or with a reason."""
        reason = request.form.get("reason") if "reason" in request.form else None
        try:
            with transaction():
                promote_draft(
                    asked.tenant,
                    name,
                    reason=reason,
                    revision=revision_of(request.form),
                    actor=asked.actor,
                    now=asked.now,
                )
        except Refusal as refusal:
            provider = require_provider(asked.tenant.id, name)
            return self._overview(asked, provider, errors=errors_of(refusal), reason=reason or "", status=refusal.status)
        notify("The draft is in force: it holds from the next sign-in on.")
        return self.see_other("show", asked, name=name)

    def _overview(
        self,
        asked: Asked,
        provider: ManagedProvider,
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        reason: str = "",
        status: int = 200,
    ) -> Response:
        settings, draft = settings_from_document(provider.settings), draft_of(provider)
        trials = latest_trials(asked.tenant.id, provider.id, TESTS_SHOWN)
        actors = [*(trial.prepared_by for trial in trials), draft.row.changed_by if draft else None]
        shown = draft.settings if draft else settings
        return self.render(
            "authentication/attributes.html",
            asked,
            status=status,
            provider=provider,
            document=settings.to_document(),
            draft=draft,
            changes=settings_words.change_rows(draft.changes) if draft else [],
            changed=draft.changes if draft else {},
            warnings=warnings_of(shown),
            preview=_preview(asked, provider, shown),
            trials=trials,
            actors=actor_words(asked, actors),
            errors=errors or {},
            reason=reason,
            min_reason=MIN_REASON,
            words=settings_words,
        )

    def _after_clash(self, asked: Asked, provider: ManagedProvider, form: SettingsForm, refusal: DraftChanged) -> Response:
        """Show the form again on top of what is there now: the other one's changes, and this one's input where it differs."""
        draft = draft_of(provider)
        present = draft.settings if draft else settings_from_document(provider.settings)
        document = {**present.to_document(), **{name: form.document[name] for name in form.patch}}
        theirs = settings_words.change_rows(refusal.detail.get("changes") or {})
        by = refusal.detail.get("changed_by")
        return self._form(
            asked,
            provider,
            present,
            document,
            draft,
            errors={GENERAL: [CLASH]},
            theirs=theirs,
            by=actor_words(asked, [by])[by] if by else None,
            status=409,
        )

    def _form(
        self,
        asked: Asked,
        provider: ManagedProvider,
        present: SAMLSettings,
        document: Mapping[str, Any],
        draft: Draft | None,
        *,
        errors: Mapping[str, Sequence[str]] | None = None,
        theirs: Sequence[tuple[str, str, str]] = (),
        by: str | None = None,
        seen: str | None = None,
        status: int | None = None,
    ) -> Response:
        in_drawer = request.headers.get("X-Fragment") == "drawer"
        return self.render(
            "authentication/edit_drawer.html" if in_drawer else "authentication/edit.html",
            asked,
            status=status or (422 if errors else 200),
            provider=provider,
            document=document,
            revision=draft.row.revision if draft else 0,
            seen=seen or seen_text(present),
            errors=errors or {},
            theirs=theirs,
            by=by,
            warnings={item.field: item.sentence for item in warnings_of(present)},
            preview=_preview(asked, provider, present),
            words=settings_words,
            fields=PROFILE_FIELDS,
        )


def _preview(asked: Asked, provider: ManagedProvider, settings: SAMLSettings) -> RequestPreview | None:
    """What would be sent; None where the metadata names no place to send it to."""
    trust = web.trusts().trial_trust(asked.tenant, provider.id, settings)
    try:
        return preview_of(trust, asked.now) if trust else None
    except Refusal:
        return None


def _seen_again(present: SAMLSettings) -> str:
    """With faults the form goes on from where it was opened, so that a later save still knows what was changed."""
    return request.form.get("seen") or seen_text(present)
