"""Test sign-ins in the console: begun, looked at, and what came mapped with one click (A3)."""

from __future__ import annotations

from flask import Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui import settings_words
from admin_ui.asked import Asked
from admin_ui.rendering import notify, screen_url
from admin_ui.screen import page
from admin_ui.screens.authentication.provider_pages import ProviderPages
from config.database import transaction
from identity.browsers import LOGIN_COOKIE
from identity.pages import WOULD
from identity.trial_models import ACCEPTED, REFUSED
from identity.trial_records import Trial
from identity.trials import prepare_trial, require_trial, shown_trial
from tenants import web
from tenants.draft_errors import DraftChanged, DraftWithoutChange
from tenants.drafts import draft_of, save_draft
from tenants.errors import NotFound
from tenants.management_errors import FieldsInvalid
from tenants.paging import is_row_id
from tenants.providers import require_provider
from tenants.roles import ASSIST, CONFIGURE, READ
from tenants.saml_settings import PROFILE_FIELDS
from tenants.settings_documents import settings_from_document

SUBJECT = "subject"
IN_FORCE = "in_force"
MAPPED = ("subject", *PROFILE_FIELDS)


class TrialsScreen(ProviderPages):
    """Test sign-ins of one identity provider."""

    label, path, endpoint_name = "Test sign-in", "/test-sign-in", "trials"
    icon = "play"

    @page("/<name>", ASSIST)
    def start(self, asked: Asked, name: str) -> Response:
        """What a test is, and the ways to begin one; whoever comes to prove what is in force finds that chosen."""
        provider, in_force = require_provider(asked.tenant.id, name), request.args.get("of") == IN_FORCE
        return self.render(
            "authentication/test.html", asked, provider=provider, draft=draft_of(provider), in_force=in_force, address=None
        )

    @page("/<name>", ASSIST, methods=("POST",))
    def begin(self, asked: Asked, name: str) -> Response:
        """Prepare a test, and show the way to the identity provider."""
        provider, of_draft = require_provider(asked.tenant.id, name), request.form.get("of") != IN_FORCE
        expected = REFUSED if request.form.get("expected") == REFUSED else ACCEPTED
        back = f"{_origin(asked)}{self.url_of('start', asked, name=name)}/{{test}}"
        with transaction():
            prepared = prepare_trial(
                asked.tenant,
                name,
                of_draft=of_draft,
                expected=expected,
                return_to=back,
                actor=asked.actor,
                now=asked.now,
            )
        address = web.settings().tenant_origin(asked.tenant.slug) + prepared.path
        return self.render(
            "authentication/test.html", asked, provider=provider, draft=draft_of(provider), address=address, of_draft=of_draft
        )

    @page("/<name>/<trial_id>", READ)
    def show(self, asked: Asked, name: str, trial_id: str) -> Response:
        """The result: every check, what came, and the person that would be made."""
        trial = _trial(asked, name, trial_id)
        provider = require_provider(asked.tenant.id, name)
        shown = shown_trial(trial, request.cookies.get(LOGIN_COOKIE))
        draft = draft_of(provider)
        return self.render(
            "authentication/result.html",
            asked,
            provider=provider,
            trial=trial,
            settings=settings_from_document(trial.settings),
            receipt=shown.receipt,
            values=shown.values or {},
            would=WOULD.get(trial.outcome.get("would") or "", ""),
            draft=draft,
            is_this_draft=draft is not None and draft.row.fingerprint == trial.fingerprint,
            own_page=f"{web.settings().tenant_origin(asked.tenant.slug)}/saml/test/{trial.id}" if asked.of_staff else "",
            words=settings_words,
            mapped=MAPPED,
        )

    @page("/<name>/<trial_id>/map", CONFIGURE, methods=("POST",))
    def map(self, asked: Asked, name: str, trial_id: str) -> WerkzeugResponse:
        """Let an attribute that came fill a field: a change of the draft."""
        trial = _trial(asked, name, trial_id)
        attribute, field = request.form.get("attribute", ""), request.form.get("field", "")
        came = [item["name"] for item in trial.outcome.get("attributes", ())]
        if attribute not in came or field not in MAPPED:
            raise FieldsInvalid("mapping", errors={"attribute": ["This attribute did not come, or there is no such field."]})
        provider = require_provider(asked.tenant.id, name)
        draft = draft_of(provider)
        present = draft.settings if draft else settings_from_document(provider.settings)
        patch: dict[str, object] = {"name_id_source": attribute}
        if field != SUBJECT:
            others = [known for known in getattr(present.attribute_map, field) if known != attribute]
            patch = {"attribute_map": {field: [attribute, *others]}}
        try:
            with transaction():
                save_draft(
                    asked.tenant,
                    name,
                    patch,
                    revision=draft.row.revision if draft else 0,
                    actor=asked.actor,
                    now=asked.now,
                )
        except (DraftChanged, DraftWithoutChange) as refusal:
            notify(refusal.sentence, "warn")
        else:
            notify(f"{attribute} now comes first for {settings_words.FIELD_WORDS[field].lower()}, in the draft. Test it again.")
        return redirect(screen_url("trials.show", asked, name=name, trial_id=trial_id), 303)


def _trial(asked: Asked, name: str, trial_id: str) -> Trial:
    trial = require_trial(asked.tenant.id, trial_id) if is_row_id(trial_id) else None
    if trial is None or trial.idp != name:
        raise NotFound("no such test")
    return trial


def _origin(asked: Asked) -> str:
    """Where the console is: addresses are kept ones, never the request's own."""
    return web.settings().app_url if asked.of_staff else web.settings().tenant_origin(asked.tenant.slug)
