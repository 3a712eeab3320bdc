"""Metadata over time in the console: what waits for a decision, every version with what it changed, and the way back (M6)."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.rendering import notify, screen_url
from admin_ui.screen import page
from admin_ui.screens.authentication.provider_pages import ProviderPages
from config.database import transaction
from tenants.idp_metadata import metadata_from_document
from tenants.management_errors import EntityIDTaken
from tenants.metadata_errors import MetadataOutOfDate
from tenants.metadata_history.changes import changes_between
from tenants.metadata_history.decisions import approve, go_back, refuse
from tenants.metadata_history.errors import MetadataInForce, NothingPending, PendingChanged
from tenants.metadata_history.taking import pending_version
from tenants.metadata_history.versions import version_of, version_xml, versions_of
from tenants.paging import cursor_scope, number_of
from tenants.providers import require_provider
from tenants.roles import CONFIGURE, READ

MAX_XML_SHOWN = 200_000
"""Characters of a document on the page; the rest is for the file."""
APPROVE = "approve"
CODE_WORDS = {
    "entity_id_changed": "The entity ID is another one, so this may be another identity provider. Whomever it calls by a "
    "name that the former one used gets into that person's account. Ask them, by another way, whether it is theirs.",
    "endpoint_host_changed": "People would be sent to a host that was not known before, or without encryption.",
    "address_unprotected": "Another address at a known host came over http, where anybody on the way can put one in. One host "
    "may have sign-in pages of many companies. Ask them, by another way, whether it is theirs. With an https address, or a "
    "pinned signing certificate, such changes are taken by themselves.",
    "signing_key_unprotected": "A new key came over http, where anybody on the way can put one in. Ask them, by another way, "
    "whether it is theirs. With an https address, or a pinned signing certificate, new keys are taken by themselves.",
    "signing_keys_replaced": "None of its keys was known before. Ask them, by another way than this, whether that is right.",
    "rolled_back": "You went back from this, and its source still says it.",
}
SOURCE_WORDS = {"xml": "a file that was given", "url": "its address", "path": "a file on the server", "mdq": "a query service"}
_TOLD = (NothingPending, PendingChanged, MetadataInForce, MetadataOutOfDate, EntityIDTaken)


class MetadataScreen(ProviderPages):
    """What is and was in force at one identity provider, and what waits."""

    label, path, endpoint_name = "Metadata", "/metadata", "metadata"
    icon = "history"

    @page("/<name>", READ)
    def history(self, asked: Asked, name: str) -> Response:
        """The list, newest first; each with what it changed, and what going back to it would change."""
        provider = require_provider(asked.tenant.id, name)
        scope = cursor_scope("console metadata", asked.tenant.id, provider.id)
        found, following = self.versions_shown(partial(versions_of, provider), scope)
        present = metadata_from_document(provider.metadata_document)
        lines = [
            {
                "version": version,
                "changes": _rows(version.changes or ()),
                "back": _rows(changes_between(present, version.metadata)) if version.metadata else None,
            }
            for version in found
        ]
        actors = {*(version.row.created_by for version in found), *(version.row.decided_by for version in found)}
        return self.render(
            "authentication/metadata.html",
            asked,
            provider=provider,
            lines=lines,
            following=following,
            actors=actor_words(asked, actors),
            source_words=SOURCE_WORDS,
        )

    @page("/<name>/version/<number>", READ)
    def version(self, asked: Asked, name: str, number: str) -> Response:
        """One version as it came."""
        provider = require_provider(asked.tenant.id, name)
        found = version_of(provider, number_of(number))
        xml = version_xml(provider, found.row).decode("utf-8", "replace")
        return self.render(
            "authentication/metadata_xml.html",
            asked,
            provider=provider,
            number=found.row.number,
            sha256=found.row.sha256,
            xml=xml[:MAX_XML_SHOWN],
            cut=len(xml) > MAX_XML_SHOWN,
        )

    @page("/<name>/version/<number>/restore", CONFIGURE, methods=("POST",), fresh=True)
    def restore(self, asked: Asked, name: str, number: str) -> WerkzeugResponse:
        """Go back: what that version says holds at once, as a new one."""
        try:
            with transaction():
                go_back(asked.tenant, name, number_of(number), reason=_reason(), actor=asked.actor, now=asked.now)
        except _TOLD as refusal:
            notify(refusal.sentence, "warn")
        else:
            notify(f"What version {number} says is in force again. What was left returns only if somebody approves of it.")
        return redirect(screen_url("metadata.history", asked, name=name), 303)

    @page("/<name>/pending", READ)
    def pending(self, asked: Asked, name: str) -> Response:
        """What a fetch found and did not take: what it would change, and the decision."""
        provider = require_provider(asked.tenant.id, name)
        waiting = pending_version(provider)
        changes = []
        if waiting is not None:
            present, found = map(metadata_from_document, (provider.metadata_document, waiting.document))
            changes = _rows(changes_between(present, found))
        xml = version_xml(provider, waiting).decode("utf-8", "replace") if waiting else ""
        return self.render(
            "authentication/metadata_pending.html",
            asked,
            provider=provider,
            waiting=waiting,
            changes=changes,
            words=CODE_WORDS.get(waiting.pending_code or "", "") if waiting else "",
            xml=xml[:MAX_XML_SHOWN],
        )

    @page("/<name>/pending", CONFIGURE, methods=("POST",), fresh=True)
    def decide(self, asked: Asked, name: str) -> WerkzeugResponse:
        """Approve or refuse exactly what was shown."""
        approved = request.form.get("decision") == APPROVE
        facts: dict[str, Any] = {"version_id": request.form.get("version", ""), "reason": _reason()}
        try:
            with transaction():
                (approve if approved else refuse)(asked.tenant, name, **facts, actor=asked.actor, now=asked.now)
        except _TOLD as refusal:
            notify(refusal.sentence, "warn")
            ended = isinstance(refusal, NothingPending)
            return redirect(screen_url("metadata.history" if ended else "metadata.pending", asked, name=name), 303)
        notify("It is in force." if approved else "It was refused, and is not asked again until the source says otherwise.")
        return redirect(screen_url("authentication.show", asked, name=name), 303)


def _rows(changes: Any) -> list[tuple[str, str, str]]:
    return [(change.label, change.before, change.after) for change in changes]


def _reason() -> str | None:
    return request.form.get("reason")
