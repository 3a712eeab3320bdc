"""Versions of SAML settings in the console: who changed what, when and why; and the way back (A3)."""

from __future__ import annotations

from functools import partial

from flask import Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui import settings_words
from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.rendering import notify, screen_url
from admin_ui.screen import page
from admin_ui.screens.authentication.provider_pages import ProviderPages
from config.database import transaction
from tenants.draft_errors import VersionInForce
from tenants.drafts import go_back
from tenants.paging import cursor_scope, number_of
from tenants.providers import require_provider
from tenants.roles import CONFIGURE, READ
from tenants.settings_changes import changes_between
from tenants.settings_documents import settings_from_document
from tenants.settings_versions import versions_of


class VersionsScreen(ProviderPages):
    """What is and was in force at one identity provider."""

    label, path, endpoint_name = "Versions", "/settings-versions", "settings_versions"
    icon = "history"

    @page("/<name>", READ)
    def history(self, asked: Asked, name: str) -> Response:
        """The list, newest first; each with what it changed, and what going back to it would change."""
        provider = require_provider(asked.tenant.id, name)
        scope = cursor_scope("console versions", asked.tenant.id, provider.id)
        found, following = self.versions_shown(partial(versions_of, provider), scope)
        present = settings_from_document(provider.settings)
        lines = [
            {
                "version": version,
                "changes": settings_words.change_rows(version.changes),
                "back": settings_words.change_rows(changes_between(present, version.settings)),
            }
            for version in found
        ]
        actors = actor_words(asked, (version.row.in_force_by for version in found))
        return self.render(
            "authentication/versions.html",
            asked,
            provider=provider,
            lines=lines,
            following=following,
            actors=actors,
            words=settings_words,
        )

    @page("/<name>/<number>/restore", CONFIGURE, methods=("POST",), fresh=True)
    def restore(self, asked: Asked, name: str, number: str) -> WerkzeugResponse:
        """Go back: the settings of that version hold at once, as a new one."""
        chosen = number_of(number)
        try:
            with transaction():
                go_back(asked.tenant, name, chosen, reason=request.form.get("reason"), actor=asked.actor, now=asked.now)
        except VersionInForce as refusal:
            notify(refusal.sentence, "warn")
        else:
            notify(f"The settings of version {number} are in force again.")
        return redirect(screen_url("settings_versions.history", asked, name=name), 303)
