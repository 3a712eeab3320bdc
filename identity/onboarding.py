"""Flows: how far a tenant's onboarding is, told by facts alone; its steps; and its end, the activation (O1–O3).

Through a set-up link the identity provider is connected switched off, so nobody signs in before somebody activates it; a
test sign-in works all the same. No step is ever noted as done: each is looked up in what is there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from config.database import transaction
from config.settings import Settings
from identity.errors import EmailDomainNotAllowed, StatusNotSuccess, UserInactive, UserNotProvisioned
from identity.trial_models import ACCEPTED, REFUSED
from identity.trial_records import Trial, latest_trials
from tenants.audit import EventType, record
from tenants.connecting import ProviderRequest, connect
from tenants.domain_records import ClaimedDomain, claimed_domains
from tenants.errors import NotFound
from tenants.idp_metadata import metadata_from_document
from tenants.idp_records import ManagedProvider, change_provider, providers_of
from tenants.metadata_intake import MetadataSource
from tenants.models import ONBOARDING
from tenants.onboarding.choices import Choices, choices_of, choose_product
from tenants.onboarding.errors import OnboardingFinished, StepsMissing
from tenants.onboarding.links import finish_links
from tenants.onboarding.products import PRODUCTS, recognise
from tenants.onboarding.server_presets import GENERIC
from tenants.providers import change_saml_settings
from tenants.saml_settings import SAMLSettings, settings_from_document
from tenants.settings_changes import fingerprint_of
from tenants.tenant_records import ManagedTenant, activate_when_onboarding, bump_version, find_managed_tenant_by_id

PROVIDER_NAME = "main"
PROVIDER_WORDS = "Company account"
TRIALS_LOOKED_AT = 50
REFUSALS_OF_A_PERSON = frozenset(
    refusal.code for refusal in (EmailDomainNotAllowed, StatusNotSuccess, UserInactive, UserNotProvisioned)
)
"""What shows that somebody is kept out; a message that fails for another reason shows nothing about people."""


class Step(StrEnum):
    """The steps in order."""

    PRODUCT = "product"
    METADATA = "metadata"
    ATTRIBUTES = "attributes"
    DOMAINS = "domains"
    TEST = "test"
    REFUSAL_TEST = "refusal_test"
    ACTIVATION = "activation"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is there, as it was read for one look. `trials` are answered ones, newest first, that still say something."""

    tenant: ManagedTenant
    choices: Choices
    provider: ManagedProvider | None
    domains: tuple[ClaimedDomain, ...]
    trials: tuple[Trial, ...]

    @property
    def passed(self) -> Trial | None:
        """The newest test that would have let its person in."""
        return next((trial for trial in self.trials if trial.expected == ACCEPTED and trial.passed), None)

    @property
    def refused(self) -> Trial | None:
        """The newest second test in which a person was kept out, for being that person."""
        kept_out = (trial for trial in self.trials if trial.expected == REFUSED and trial.code in REFUSALS_OF_A_PERSON)
        return next(kept_out, None)


@dataclass(frozen=True, slots=True)
class StepState:
    """One step. `enough`: activation does not wait for it; `done`: nothing is left to do in it."""

    step: Step
    done: bool
    enough: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an onboarding is."""

    facts: Facts
    steps: tuple[StepState, ...]

    def of(self, step: Step) -> StepState:
        """One of the steps."""
        return next(state for state in self.steps if state.step is step)

    @property
    def missing(self) -> tuple[Step, ...]:
        """The steps that activation waits for."""
        return tuple(state.step for state in self.steps if not state.enough and state.step is not Step.ACTIVATION)

    @property
    def next(self) -> Step:
        """The step that is to be done now; the last one where nothing else is left.

        Attributes are looked at once a test has told which come: a product's usual names are right more often than not.
        """
        waiting = [step for step in self.missing if step is not Step.ATTRIBUTES or self.facts.trials]
        return waiting[0] if waiting else Step.ACTIVATION


def facts_of(tenant: ManagedTenant) -> Facts:
    """Read everything that a tenant's progress follows from."""
    provider = provider_of(tenant.id)
    trials = latest_trials(tenant.id, provider.id, TRIALS_LOOKED_AT) if provider else []
    telling = tuple(trial for trial in trials if provider and _still_tells(trial, provider))
    return Facts(tenant, choices_of(tenant.id), provider, tuple(claimed_domains(tenant.id)), telling)


def progress_of(tenant: ManagedTenant) -> Progress:
    """How far a tenant's onboarding is."""
    facts = facts_of(tenant)
    proven = [claimed for claimed in facts.domains if claimed.proof]
    email_arrives = any(trial.outcome.get("person", {}).get("email") for trial in facts.trials)
    active = tenant.state != ONBOARDING
    states = {
        Step.PRODUCT: (facts.choices.product is not None, facts.choices.product is not None or facts.provider is not None),
        Step.METADATA: (facts.provider is not None,) * 2,
        Step.ATTRIBUTES: (email_arrives,) * 2,
        Step.DOMAINS: (bool(proven) and len(proven) == len(facts.domains), bool(proven)),
        Step.TEST: (facts.passed is not None,) * 2,
        Step.REFUSAL_TEST: (facts.refused is not None or facts.choices.refusal_test_skipped is not None, True),
        Step.ACTIVATION: (active, active),
    }
    return Progress(facts, tuple(StepState(step, *states[step]) for step in Step))


def provider_of(tenant_id: int) -> ManagedProvider | None:
    """The identity provider that an onboarding is about: the one of its usual name, or else the first."""
    found = providers_of(tenant_id)
    return next((provider for provider in found if provider.name == PROVIDER_NAME), found[0] if found else None)


def take_product(tenant: ManagedTenant, key: str, *, actor: str, now: dt.datetime) -> None:
    """Choose the product; an identity provider that is connected already gets its settings. The edge opens the transaction.

    Raises:
        FieldsInvalid: there is no such product.
    """
    choose_product(tenant.id, key, actor=actor, now=now)
    provider = provider_of(tenant.id)
    if provider is not None:
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
    words = PRODUCTS[product].name if product and product != GENERIC.key else PROVIDER_WORDS
    display_name = present.display_name if present else words
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


def _connected(tenant: ManagedTenant) -> ManagedProvider:
    provider = provider_of(tenant.id)
    if provider is None:
        raise NotFound("no identity provider is connected")
    return provider


def _still_tells(trial: Trial, provider: ManagedProvider) -> bool:
    """Whether a test was made with the settings in force, and after the metadata came (row ids sort by time)."""
    settings = settings_from_document(provider.settings)
    return trial.fingerprint == fingerprint_of(settings) and trial.id > (provider.metadata_version_id or "")
