"""Where an identity provider's metadata comes from: connected, changed, tried step by step (M1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of
from admin_ui.rendering import notify, screen_url
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.authentication.sources import (
    FIELDS,
    is_unchanged,
    may_name_files,
    signer_of,
    source_given,
    source_shown,
)
from config.database import transaction
from tenants.connecting import ProviderRequest, connect
from tenants.errors import NotFound, Refusal
from tenants.idp_records import ManagedProvider, find_provider
from tenants.management_errors import FieldsInvalid
from tenants.metadata_check import SourceCheck, check_source, refused_check
from tenants.metadata_errors import MAX_METADATA_BYTES, MetadataRefused, ReadingGoesOn, SignerInvalid
from tenants.metadata_intake import MetadataSource, SourceKind, source_of
from tenants.metadata_signature import read_signer
from tenants.providers import change_provider_facts, require_provider, require_provider_name, require_seen
from tenants.roles import CONFIGURE
from tenants.service_provider import service_provider_of
from tenants.wiring import settings

MAX_BODY = MAX_METADATA_BYTES + 64 * 1024
CHECK = "check"
NO_SOURCE = "Give the address of the metadata, or a file with it."


class ConnectionScreen(TenantScreen):
    """The form of an identity provider's connection. It is reached from the list, and has no place in the menu."""

    label, path, endpoint_name, part_of = "Connection", "/authentication-connection", "connection", "authentication"
    icon = "link"

    @page("/", CONFIGURE, fresh=True)
    def index(self, asked: Asked) -> Response:
        """Connect another one."""
        return self._form(asked, None, {"name": "", "display_name": ""})

    @page("/", CONFIGURE, methods=("POST",), max_body=MAX_BODY, fresh=True)
    def create(self, asked: Asked) -> Response | WerkzeugResponse:
        """Connect it, or try its source only."""
        return self._taken(asked, None)

    @page("/<name>", CONFIGURE, fresh=True)
    def edit(self, asked: Asked, name: str) -> Response:
        """Another source, another name for people."""
        provider = require_provider(asked.tenant.id, name)
        return self._form(asked, provider, {"name": name, "display_name": provider.display_name, **source_shown(provider)})

    @page("/<name>", CONFIGURE, methods=("POST",), max_body=MAX_BODY, fresh=True)
    def save(self, asked: Asked, name: str) -> Response | WerkzeugResponse:
        """Save it, or try its source only."""
        return self._taken(asked, require_provider(asked.tenant.id, name))

    def _taken(self, asked: Asked, provider: ManagedProvider | None) -> Response | WerkzeugResponse:
        form = request.form
        shown = {key: form.get(key, "") for key in (*FIELDS, "version")}
        if provider is not None:  # a pin goes only where somebody empties its field
            shown["signer"] = form.get("signer", provider.metadata_signing_certificate or "")
        name = provider.name if provider else shown["name"].strip()
        try:
            require_seen(provider, form.get("version") if provider else None)
            source = source_given(asked, provider)
            if form.get("act") == CHECK:
                return self._form(asked, provider, shown, check=_checked(asked, provider, source))
            if provider is None:
                _require_free(asked, name)
            saved = _save(asked, provider, name, shown, source)
        except ReadingGoesOn as going:
            notify(going.sentence)
            return redirect(screen_url("authentication.index", asked), 303)
        except SignerInvalid as refusal:
            return self._form(asked, provider, shown, errors={"signer": [f"{refusal.sentence} {refusal.cause}."]}, status=422)
        except MetadataRefused as refusal:
            check = refused_check(source, refusal) if source else None
            return self._form(asked, provider, shown, refusal=refusal, check=check, status=422)
        except Refusal as refusal:
            if isinstance(refusal, NotFound):
                raise
            return self._form(asked, provider, shown, errors=_errors(refusal), status=422)
        notify(f"{saved.display_name} is connected." if provider is None else "The connection was saved.")
        return redirect(screen_url("authentication.show", asked, name=saved.name), 303)

    def _form(
        self,
        asked: Asked,
        provider: ManagedProvider | None,
        shown: Mapping[str, str],
        *,
        errors: Mapping[str, Any] | None = None,
        refusal: MetadataRefused | None = None,
        check: SourceCheck | None = None,
        status: int = 200,
    ) -> Response:
        refusal = refusal or (check.refusal if check else None)
        entity_ids = refusal.detail.get("entity_ids", ()) if refusal else ()
        return self.render(
            "authentication/connection.html",
            asked,
            status=status,
            provider=provider,
            shown={**dict.fromkeys((*FIELDS, "version"), ""), **shown},
            server_files=may_name_files(asked),
            signer=signer_of(provider),
            errors=errors or {},
            refusal=refusal,
            check=check,
            entity_choices=[("", "Choose one"), *((item, item) for item in entity_ids)],
            own=service_provider_of(asked.tenant.origin),
        )


def _checked(asked: Asked, provider: ManagedProvider | None, source: MetadataSource | None) -> SourceCheck:
    """Try the source that was given, or the one that is there."""
    if source is None and provider is not None:
        source = source_of(provider)
    if source is None:
        raise FieldsInvalid("metadata source", errors={"metadata_url": [NO_SOURCE]})
    if request.form.get("allow_aggregate") and source.kind is not SourceKind.XML:
        raise FieldsInvalid("list", errors={"allow_aggregate": ["A list is read by the worker: save to try it."]})
    pem = request.form.get("signer", "").strip()
    source = replace(source, signer=read_signer(pem) if pem else None, aggregate=False)
    pinned, chosen = provider.entity_id if provider else None, request.form.get("entity_id", "").strip() or None
    return check_source(source, asked.tenant, settings(), asked.now, pinned=pinned, chosen=chosen)


def _save(
    asked: Asked, provider: ManagedProvider | None, name: str, shown: Mapping[str, str], source: MetadataSource | None
) -> ManagedProvider:
    if provider is not None and is_unchanged(provider, source, shown):
        with transaction():
            return change_provider_facts(
                asked.tenant,
                provider.name,
                display_name=shown["display_name"],
                version=request.form.get("version"),
                actor=asked.actor,
                now=asked.now,
            )
    if source is None and provider is not None:
        source = source_of(provider)
    if source is None:
        raise FieldsInvalid("metadata source", errors={"metadata_url": [NO_SOURCE]})
    wanted = ProviderRequest(
        name,
        shown["display_name"],
        source,
        chosen_entity_id=shown["entity_id"].strip() or None,
        signer_pem=shown["signer"].strip(),
        allow_aggregate=bool(shown["allow_aggregate"]),
        version=request.form.get("version") if provider else None,
    )
    return connect(asked.tenant, wanted, settings(), actor=asked.actor, now=asked.now)[0]


def _require_free(asked: Asked, name: str) -> None:
    if find_provider(asked.tenant.id, require_provider_name(name)) is not None:
        raise FieldsInvalid("name", errors={"name": ["There is an identity provider of this name already."]})


def _errors(refusal: Refusal) -> Mapping[str, Any]:
    if refusal.code == "name_invalid":
        return {"name": [refusal.sentence]}
    return errors_of(refusal)
