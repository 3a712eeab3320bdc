"""Set-up pages: what to enter at the identity provider, its metadata, and its attributes."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.rendering import notify
from admin_ui.setup.rendering import address_of, step_page
from admin_ui.setup.visit import Visit, visited
from config.database import transaction
from identity.browsers import LOGIN_COOKIE
from identity.onboarding import take_attributes, take_metadata
from identity.setup_progress import Facts, Step, progress_of
from identity.trials import shown_trial
from tenants import web
from tenants.errors import RateLimited, Refusal, SettingsInvalid
from tenants.idp_metadata import metadata_from_document
from tenants.management_errors import FieldsInvalid
from tenants.metadata_errors import MAX_METADATA_BYTES, EntityChoiceRequired, EntityIDChanged, EntityNotFound, MetadataRefused
from tenants.metadata_intake import MetadataSource, SourceKind
from tenants.onboarding.presets import OurSide, filled
from tenants.onboarding.products import PRODUCTS, recognise, wrong_choice
from tenants.onboarding.server_presets import GENERIC
from tenants.rates import Rate, require_rate
from tenants.records import service_provider_keys
from tenants.saml_settings import PROFILE_FIELDS
from tenants.service_provider import service_provider_of
from tenants.settings_documents import settings_from_document

FIELD_WORDS = {
    "username": "User name",
    "email": "E-mail address",
    "first_name": "First name",
    "last_name": "Last name",
    "phone": "Phone",
}
EVERY_FIELD = {"email": FIELD_WORDS["email"], **FIELD_WORDS, "subject": "Who it is"}
"""In the order that they are offered in for a name that came: the required one first, and last what people are known by."""
FETCHES = Rate("setup_fetch", per_minute=12, burst=12)
"""For each tenant: each one may take 10 seconds of a thread."""

pages = Blueprint("setup_connecting", __name__, url_prefix="/setup")


@pages.get("/connect")
@visited
def connect(visit: Visit) -> WerkzeugResponse:
    """Our values for their side, and their metadata for ours."""
    return _connect_page(visit, {})


@pages.post("/connect")
@visited
def connected(visit: Visit) -> WerkzeugResponse:
    """Check the metadata on the spot and connect; what was refused changes nothing, and what was typed stays."""
    shown = _submitted()
    try:
        if web.settings().rate_limits:
            with transaction():
                require_rate(visit.tenant.id, FETCHES, visit.now)
        chosen = shown["entity_id"] or None
        take_metadata(
            visit.tenant, _source_of(shown), web.settings(), chosen_entity_id=chosen, actor=visit.actor, now=visit.now
        )
    except (MetadataRefused, FieldsInvalid, RateLimited) as refusal:
        return _connect_page(visit, shown, refusal)
    return redirect(address_of(Step.METADATA), 303)


@pages.get("/attributes")
@visited
def attributes(visit: Visit) -> WerkzeugResponse:
    """Which attribute fills which field, beside the names that really came."""
    return _attributes_page(visit)


@pages.post("/attributes")
@visited
def map_attributes(visit: Visit) -> WerkzeugResponse:
    """Save the whole map, or put one name that came in front of a field's others."""
    facts = progress_of(visit.tenant).facts
    patch = _one_click(facts) if "attribute" in request.form else _whole_map()
    try:
        with transaction():
            take_attributes(visit.tenant, patch, actor=visit.actor, now=visit.now)
    except SettingsInvalid as refusal:
        return _attributes_page(visit, refusal.detail.get("errors", {}))
    notify("Saved. Test the sign-in again: a test counts for the attributes that it was made with.")
    return redirect(address_of(Step.ATTRIBUTES), 303)


def _connect_page(visit: Visit, shown: Mapping[str, str], refusal: Refusal | None = None) -> WerkzeugResponse:
    progress = progress_of(visit.tenant)
    facts = progress.facts
    preset = PRODUCTS[facts.choices.product or GENERIC.key]
    side = service_provider_of(visit.tenant.origin)
    found = metadata_from_document(facts.provider.metadata_document) if facts.provider else None
    choices: Sequence[str] = ()
    if isinstance(refusal, EntityChoiceRequired | EntityNotFound):
        choices = refusal.detail.get("entity_ids", ())
    elif isinstance(refusal, EntityIDChanged):
        choices = (refusal.detail["entity_id"],)
    return step_page(
        "connect.html",
        visit.view,
        progress,
        Step.METADATA,
        status=refusal.status if refusal else 200,
        preset=preset,
        instructions=filled(preset.instructions, OurSide(side.entity_id, side.acs_url, side.metadata_url, side.slo_url)),
        certificates=_certificates_of(visit.tenant.id),
        found=found,
        recognised=recognise(found) if found else None,
        wrong=wrong_choice(preset, found) if found else None,
        refusal=refusal,
        cause=refusal.cause if isinstance(refusal, MetadataRefused) else "",
        choices=choices,
        shown={"metadata_url": "", "metadata_xml": "", "entity_id": "", **shown},
    )


def _certificates_of(tenant_id: int) -> list[tuple[str, str]]:
    """What our keys are for, and their certificates, for products that take them by hand."""
    return [(key.use, key.certificate.strip()) for key in service_provider_keys(tenant_id) if key.state == "active"]


def _submitted() -> dict[str, str]:
    """What the form holds; a file's text takes the place of pasted text."""
    shown = {name: request.form.get(name, "").strip() for name in ("metadata_url", "metadata_xml", "entity_id")}
    file = request.files.get("metadata_file")
    text = _text_of(file.read(MAX_METADATA_BYTES + 1)) if file else ""
    return {**shown, "metadata_xml": text or shown["metadata_xml"]}


def _text_of(octets: bytes) -> str:
    """A file as text. Windows saves in UTF-16 what PowerShell or an editor called Unicode, and marks it."""
    marked = octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return octets.decode("utf-16" if marked else "utf-8", "replace")


def _source_of(shown: Mapping[str, str]) -> MetadataSource:
    given = [
        MetadataSource(kind, shown[name])
        for kind, name in ((SourceKind.XML, "metadata_xml"), (SourceKind.URL, "metadata_url"))
        if shown[name]
    ]
    if not given:
        raise FieldsInvalid("no metadata", errors={"metadata_url": ["Give the address of the metadata, or the file."]})
    return given[0]


def _attributes_page(visit: Visit, errors: Mapping[str, str] | None = None) -> WerkzeugResponse:
    progress = progress_of(visit.tenant)
    facts = progress.facts
    settings = settings_from_document(facts.provider.settings) if facts.provider else None
    return step_page(
        "attributes.html",
        visit.view,
        progress,
        Step.ATTRIBUTES,
        status=422 if errors else 200,
        settings=settings,
        fields=FIELD_WORDS,
        every_field=EVERY_FIELD,
        received=received_of(facts),
        errors=errors or {},
        typed=request.form if errors else {},
    )


def received_of(facts: Facts) -> list[dict[str, Any]]:
    """The attributes of the newest test that brought any: names, values, fields that they fill.

    Values come as they were in the browser that tested, for as long as its login cookie lives; masked in any other.
    """
    for trial in facts.trials:
        if trial.outcome.get("attributes"):
            values = shown_trial(trial, request.cookies.get(LOGIN_COOKIE)).values or {}
            whole = values.get("attributes", {})
            return [{**item, "values": whole.get(item["name"], item["values"])} for item in trial.outcome["attributes"]]
    return []


def _whole_map() -> dict[str, Any]:
    names = {
        field: [part.strip() for part in request.form.get(field, "").replace("\n", ",").split(",") if part.strip()]
        for field in PROFILE_FIELDS
    }
    return {"attribute_map": names, "name_id_source": request.form.get("subject", "").strip()}


def _one_click(facts: Facts) -> dict[str, Any]:
    """One name that came, for one field: it goes before those that were there."""
    name, field = request.form.get("attribute", ""), request.form.get("field", "")
    if field == "subject":
        return {"name_id_source": name}
    if field not in PROFILE_FIELDS or facts.provider is None:
        raise SettingsInvalid("no such field", errors={"attribute_map": "There is no such field."})
    present = getattr(settings_from_document(facts.provider.settings).attribute_map, field)
    return {"attribute_map": {field: [name, *(other for other in present if other != name)][:10]}}
