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
from tenants.connecting import ProviderRequest, draft_of, read_for
from tenants.console_roles import grant_role
from tenants.errors import NotFound
from tenants.idp_records import ManagedProvider, change_provider
from tenants.management_errors import FieldsInvalid, GrantExists, TooManyRoles
from tenants.metadata_intake import MetadataSource
from tenants.models import ONBOARDING
from tenants.onboarding.choices import choices_of, choose_product
from tenants.onboarding.errors import OnboardingFinished, StepsMissing
from tenants.onboarding.links import finish_links, named_admins
from tenants.onboarding.products import PRODUCTS, recognise
from tenants.onboarding.server_presets import GENERIC
from tenants.providers import change_saml_settings, save_provider
from tenants.roles import Role
from tenants.saml_settings import SAMLSettings
from tenants.settings_documents import settings_from_document
from tenants.tenant_records import ManagedTenant, activate_when_onboarding, bump_version, find_managed_tenant_by_id

PROVIDER_WORDS = "Company account"


def take_product(tenant: ManagedTenant, key: str, *, actor: str, now: dt.datetime) -> None:
    """Choose the product; an identity provider that is connected already gets its settings. The edge opens the transaction.

    Raises:
        OnboardingFinished. FieldsInvalid: there is no such product.
    """
    require_onboarding(tenant)
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
    """Connect the identity provider, switched off, and give a new one the settings of its product.

    Reads first; opens its own transaction then.

    Raises:
        MetadataRefused: with the code that says what is wrong; nothing was changed.
        OnboardingFinished: somebody activated the tenant while the metadata was fetched.
    """
    present = provider_of(tenant.id)
    name = present.name if present else PROVIDER_NAME
    words = present.display_name if present else _words_of(choices_of(tenant.id).product)
    wanted = ProviderRequest(name, words, source, enabled=False, chosen_entity_id=chosen_entity_id)
    read = read_for(tenant, wanted, present, settings, actor=actor, now=now)
    with transaction():
        require_onboarding(tenant)
        provider, _ = save_provider(tenant, draft_of(wanted, read, enabled=False), actor=actor, now=now)
        product = choices_of(tenant.id).product
        if product is None:
            product = (recognise(read.metadata) or GENERIC).key
            choose_product(tenant.id, product, actor=actor, now=now)
        if settings_from_document(provider.settings) == SAMLSettings():
            change_saml_settings(tenant, name, PRODUCTS[product].patch(), actor=actor, now=now)
        return provider


def take_attributes(tenant: ManagedTenant, patch: Mapping[str, Any], *, actor: str, now: dt.datetime) -> None:
    """Map attributes. The edge opens the transaction.

    Raises:
        OnboardingFinished. NotFound: no identity provider is connected. SettingsInvalid: with a sentence for each field.
    """
    require_onboarding(tenant)
    change_saml_settings(tenant, _connected(tenant).name, patch, actor=actor, now=now)


def require_onboarding(tenant: ManagedTenant) -> ManagedTenant:
    """The tenant as it is now, held until the end of the transaction: what a set-up link changes, it changes before the end.

    Raises:
        OnboardingFinished: it is active, suspended or deleted meanwhile.
    """
    present = find_managed_tenant_by_id(tenant.id) if bump_version(tenant.id) else None
    if present is None or present.state != ONBOARDING:
        raise OnboardingFinished("not onboarding")
    return present


def activate(tenant: ManagedTenant, *, reason: str | None = None, actor: str, now: dt.datetime) -> None:
    """Let people sign in, and end onboarding with every set-up link. The edge opens the transaction.

    Args:
        reason: staff's, for going without the tests and the proof of a domain; an identity provider there has to be.

    Raises:
        OnboardingFinished. NotFound: no identity provider is connected. StepsMissing: and no reason.
    """
    present = require_onboarding(tenant)
    missing = progress_of(present).missing
    if Step.METADATA in missing or (missing and not reason):
        raise StepsMissing(", ".join(missing), missing=[step.value for step in missing])
    provider = _connected(present)
    if not provider.enabled:
        change_provider(tenant.id, provider.id, {"enabled": True})
        changes: dict[str, Any] = {"enabled": {"from": False, "to": True}}
        record(tenant.id, EventType.IDENTITY_PROVIDER_CHANGED, at=now, actor=actor, idp=provider.name, changes=changes)
    activate_when_onboarding(tenant.id)
    granted, left_out = _grant_named(present, actor, now)
    detail: dict[str, Any] = {"idp": provider.name, "without": [step.value for step in missing], "why": reason}
    detail |= {"administrators": granted} if granted else {}
    detail |= {"administrators_left_out": left_out} if left_out else {}
    record(tenant.id, EventType.TENANT_ACTIVATED, at=now, actor=actor, **detail)
    finish_links(tenant.id, actor=actor, now=now)


def _grant_named(tenant: ManagedTenant, actor: str, now: dt.datetime) -> tuple[list[str], list[str]]:
    """Make those administrators whom staff named with a set-up link; and those who cannot be: at none of its domains."""
    granted, left_out = list[str](), list[str]()
    for email in named_admins(tenant.id):
        try:
            grant_role(tenant, email, Role.ADMIN, actor=actor, now=now)
        except GrantExists:
            continue
        except (FieldsInvalid, TooManyRoles):
            left_out.append(email)
        else:
            granted.append(email)
    return granted, left_out


def _words_of(product: str | None) -> str:
    """What people are shown of the identity provider, until somebody calls it otherwise."""
    return PRODUCTS[product].name if product and product != GENERIC.key else PROVIDER_WORDS


def _connected(tenant: ManagedTenant) -> ManagedProvider:
    provider = provider_of(tenant.id)
    if provider is None:
        raise NotFound("no identity provider is connected")
    return provider
