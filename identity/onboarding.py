"""Flows: the steps of an onboarding, and its end, the activation (O2).

Through a set-up link the identity provider is connected switched off, so nobody signs in before somebody activates it; a
test sign-in works all the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from config.database import transaction
from config.settings import Settings
from identity.setup_progress import PROVIDER_NAME, Step, progress_of, provider_of
from tenants.audit import EventType, record
from tenants.connecting import ProviderRequest, connect
from tenants.errors import NotFound
from tenants.idp_metadata import metadata_from_document
from tenants.idp_records import ManagedProvider, change_provider
from tenants.metadata_intake import MetadataSource
from tenants.models import ONBOARDING
from tenants.onboarding.choices import choices_of, choose_product
from tenants.onboarding.errors import OnboardingFinished, StepsMissing
from tenants.onboarding.links import finish_links
from tenants.onboarding.products import PRODUCTS, recognise
from tenants.onboarding.server_presets import GENERIC
from tenants.providers import change_saml_settings
from tenants.saml_settings import SAMLSettings, settings_from_document
from tenants.tenant_records import ManagedTenant, activate_when_onboarding, bump_version, find_managed_tenant_by_id

PROVIDER_WORDS = "Company account"


def take_product(tenant: ManagedTenant, key: str, *, actor: str, now: dt.datetime) -> None:
    """Choose the product; an identity provider that is connected already gets its settings. The edge opens the transaction.

    Raises:
        FieldsInvalid: there is no such product.
    """
    before = choices_of(tenant.id).product
    choose_product(tenant.id, key, actor=actor, now=now)
    provider = provider_of(tenant.id)
    if provider is None:
        return
    if provider.display_name == _words_of(before):
        change_provider(tenant.id, provider.id, {"display_name": _words_of(key)})
    change_saml_settings(tenant, provider.name, PRODUCTS[key].patch(), actor=actor, now=now)


def take_metadata(
    tenant: ManagedTenant,
    source: MetadataSource,
    settings: Settings,
    *,
    chosen_entity_id: str | None,
    actor: str,
    now: dt.datetime,
) -> ManagedProvider:
    """Connect the identity provider, switched off, and give it the settings of its product. Opens its own transactions.

    Raises:
        MetadataRefused: with the code that says what is wrong; nothing was changed.
    """
    present, product = provider_of(tenant.id), choices_of(tenant.id).product
    name = present.name if present else PROVIDER_NAME
    display_name = present.display_name if present else _words_of(product)
    request = ProviderRequest(name, display_name, source, enabled=False, chosen_entity_id=chosen_entity_id)
    provider, _ = connect(tenant, request, settings, actor=actor, now=now)
    preset = PRODUCTS[product] if product else recognise(metadata_from_document(provider.metadata_document)) or GENERIC
    with transaction():
        if product is None:
            choose_product(tenant.id, preset.key, actor=actor, now=now)
        if settings_from_document(provider.settings) == SAMLSettings():
            change_saml_settings(tenant, name, preset.patch(), actor=actor, now=now)
    return provider


def take_attributes(tenant: ManagedTenant, patch: Mapping[str, Any], *, actor: str, now: dt.datetime) -> None:
    """Map attributes. The edge opens the transaction.

    Raises:
        NotFound: no identity provider is connected. SettingsInvalid: with a sentence for each field.
    """
    change_saml_settings(tenant, _connected(tenant).name, patch, actor=actor, now=now)


def activate(tenant: ManagedTenant, *, reason: str | None = None, actor: str, now: dt.datetime) -> None:
    """Let people sign in, and end onboarding with every set-up link. The edge opens the transaction.

    Args:
        reason: staff's, for going without the tests and the proof of a domain; an identity provider there has to be.

    Raises:
        OnboardingFinished. NotFound: no identity provider is connected. StepsMissing: and no reason.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    present = find_managed_tenant_by_id(tenant.id)
    if present is None or present.state != ONBOARDING:
        raise OnboardingFinished("not onboarding")
    missing = progress_of(present).missing
    if Step.METADATA in missing or (missing and not reason):
        raise StepsMissing(", ".join(missing), missing=[step.value for step in missing])
    provider = _connected(present)
    if not provider.enabled:
        change_provider(tenant.id, provider.id, {"enabled": True})
        changes: dict[str, Any] = {"enabled": {"from": False, "to": True}}
        record(tenant.id, EventType.IDENTITY_PROVIDER_CHANGED, at=now, actor=actor, idp=provider.name, changes=changes)
    activate_when_onboarding(tenant.id)
    detail: dict[str, Any] = {"idp": provider.name, "without": [step.value for step in missing], "why": reason}
    record(tenant.id, EventType.TENANT_ACTIVATED, at=now, actor=actor, **detail)
    finish_links(tenant.id, actor=actor, now=now)


def _words_of(product: str | None) -> str:
    """What people are shown of the identity provider, until somebody calls it otherwise."""
    return PRODUCTS[product].name if product and product != GENERIC.key else PROVIDER_WORDS


def _connected(tenant: ManagedTenant) -> ManagedProvider:
    provider = provider_of(tenant.id)
    if provider is None:
        raise NotFound("no identity provider is connected")
    return provider
