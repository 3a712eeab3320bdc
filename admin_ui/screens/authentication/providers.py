"""Identity management, Authentication: a tenant's identity providers, and what is known of each."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.authentication.metadata import CODE_WORDS
from config.database import transaction
from identity.count_models import ACCEPTED
from identity.tallies import Tally, tallies_of
from tenants.drafts import draft_of
from tenants.errors import RateLimited
from tenants.idp_metadata import metadata_from_document
from tenants.idp_records import ManagedProvider, providers_of
from tenants.management_errors import FieldsInvalid
from tenants.metadata_history.versions import refused_of
from tenants.metadata_signature import read_signer
from tenants.metadata_sync import queue_sync
from tenants.providers import change_provider_facts, delete_provider, require_provider
from tenants.refresh.schedule import SYNC_HOURS
from tenants.roles import ASSIST, CONFIGURE, READ
from tenants.service_provider import service_provider_of
from tenants.settings_documents import settings_from_document
from tenants.settings_warnings import warnings_of
from tenants.sync_intervals import change_sync_hours, next_sync_of, service_sync_hours
from tenants.trust import IdPMetadata
from tenants.wiring import end_sessions

LOOKED_BACK = dt.timedelta(days=99)
SOON = 30
NOT_SYNCING = "Not syncing at this moment: rate limited. Once a minute is enough; try again in {seconds} seconds."


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """An identity provider in the list. `days_left` until its last signing certificate ends; below 0: it has."""

    provider: ManagedProvider
    metadata: IdPMetadata
    days_left: int
    last_words: str
    accepted_today: int
    refused_today: int
    has_draft: bool


class AuthenticationScreen(TenantScreen):
    """Identity providers: who they are, how they do, what they can do."""

    label, path, endpoint_name = "Authentication", "/authentication", "authentication"
    icon, group = "shield", "Identity management"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """All of them, by name."""
        tallies = tallies_of(asked.tenant.id, _day(asked.now - LOOKED_BACK))
        lines = [_line(provider, tallies, asked.now) for provider in providers_of(asked.tenant.id)]
        return self.render("authentication/list.html", asked, lines=lines, own=_own(asked), soon=SOON)

    @page("/<name>", READ)
    def show(self, asked: Asked, name: str) -> Response:
        """One of them: facts, endpoints, certificates, warnings, and our own values for its administrators."""
        provider = require_provider(asked.tenant.id, name)
        tallies = tallies_of(asked.tenant.id, _day(asked.now - LOOKED_BACK))
        settings = settings_from_document(provider.settings)
        refused = refused_of(provider)
        return self.render(
            "authentication/provider.html",
            asked,
            refused=refused,
            actors=actor_words(asked, [refused.by] if refused else []),
            code_words=CODE_WORDS,
            line=_line(provider, tallies, asked.now),
            provider=provider,
            signer=read_signer(provider.metadata_signing_certificate) if provider.metadata_signing_certificate else None,
            certificates=_certificates(metadata_from_document(provider.metadata_document), asked.now),
            settings=settings,
            warnings=warnings_of(settings),
            own=_own(asked),
            soon=SOON,
            next_sync=next_sync_of(provider),
            service_hours=service_sync_hours(),
            interval=SYNC_HOURS,
            now=asked.now,
        )

    @page("/<name>/sync", ASSIST, methods=("POST",))
    def sync(self, asked: Asked, name: str) -> WerkzeugResponse:
        """Have the metadata fetched now; at most once a minute (M2)."""
        try:
            with transaction():
                queue_sync(asked.tenant, require_provider(asked.tenant.id, name), asked.now)
        except RateLimited as refusal:
            notify(NOT_SYNCING.format(seconds=refusal.detail.get("retry_after", 60)), "warn")
        else:
            notify("The metadata is being fetched; how it went shows here in a few seconds.")
        return self.see_other("show", asked, name=name)

    @page("/<name>/refresh", CONFIGURE, methods=("POST",))
    def refresh(self, asked: Asked, name: str) -> WerkzeugResponse:
        """How often its metadata is fetched again: by an interval of its own, or the service's."""
        typed = request.form.get("sync_hours", "").strip()
        hours = None if not typed else int(typed) if re.fullmatch("[0-9]{1,4}", typed) else 0
        try:
            with transaction():
                change_sync_hours(asked.tenant, name, hours, actor=asked.actor, now=asked.now)
        except FieldsInvalid as refusal:
            notify(" ".join(sentence for found in refusal.detail["errors"].values() for sentence in found), "warn")
        else:
            notify("The interval was changed. It holds at once.")
        return self.see_other("show", asked, name=name)

    @page("/<name>/switch", CONFIGURE, methods=("POST",), fresh=True)
    def switch(self, asked: Asked, name: str) -> WerkzeugResponse:
        """Let it sign people in, or not, as the button said: two who press the same one want the same."""
        wanted = request.form.get("enabled") == "true"
        with transaction():
            changed = change_provider_facts(asked.tenant, name, enabled=wanted, actor=asked.actor, now=asked.now)
        now_on = "People can sign in through it." if changed.enabled else "Nobody signs in through it any more; sessions go on."
        notify(f"{changed.display_name}: {now_on}")
        return self.see_other("show", asked, name=name)

    @page("/<name>/delete", CONFIGURE, methods=("POST",), fresh=True)
    def delete(self, asked: Asked, name: str) -> WerkzeugResponse:
        """Take it away: its sessions end, its people stay and are known again if it comes back."""
        with transaction():
            delete_provider(asked.tenant, name, actor=asked.actor, now=asked.now, end_sessions=end_sessions())
        notify("The identity provider was taken away, and its sessions have ended. Its people stay.")
        return self.see_other("index", asked)


def _line(provider: ManagedProvider, tallies: Sequence[Tally], now: dt.datetime) -> ProviderLine:
    own = [tally for tally in tallies if tally.idp_id == provider.id]
    today = [tally for tally in own if tally.at >= _day(now)]
    accepted = [tally.at for tally in own if tally.code == ACCEPTED]
    metadata = metadata_from_document(provider.metadata_document)
    last = max(item.not_after for item in metadata.signing_certificates)
    return ProviderLine(
        provider=provider,
        metadata=metadata,
        days_left=(last - now).days,
        last_words=_day_words(max(accepted, default=None), now),
        accepted_today=sum(tally.count for tally in today if tally.code == ACCEPTED),
        refused_today=sum(tally.count for tally in today if tally.code != ACCEPTED),
        has_draft=draft_of(provider) is not None,
    )


def _day_words(last: dt.datetime | None, now: dt.datetime) -> str:
    """Sign-ins are counted by the day."""
    if last is None:
        return f"none in {LOOKED_BACK.days} days"
    days = (_day(now) - _day(last)).days
    return ("today", "yesterday")[days] if days < 2 else f"{days} days ago"


def _certificates(metadata: IdPMetadata, now: dt.datetime) -> list[Mapping[str, Any]]:
    return [
        {"sha256": item.sha256, "not_before": item.not_before, "not_after": item.not_after, "days": (item.not_after - now).days}
        for item in metadata.signing_certificates
    ]


def _own(asked: Asked) -> Mapping[str, str]:
    """Our side: what the customer's IT enters at the identity provider."""
    return asdict(service_provider_of(asked.tenant.origin))


def _day(moment: dt.datetime) -> dt.datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
