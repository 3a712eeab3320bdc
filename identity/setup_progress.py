"""How far a tenant's onboarding is, told by facts alone (O3).

No step is ever noted as done: each is looked up in what is there, so whoever looks sees the same, and anybody can go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from identity.errors import EmailDomainNotAllowed, StatusNotSuccess, UserInactive, UserNotProvisioned
from identity.trial_models import ACCEPTED, REFUSED
from identity.trial_records import Trial, latest_trials
from tenants.domain_records import ClaimedDomain, claimed_domains
from tenants.idp_records import ManagedProvider, providers_of
from tenants.models import ONBOARDING
from tenants.onboarding.choices import Choices, choices_of
from tenants.settings_changes import fingerprint_of
from tenants.settings_documents import settings_from_document
from tenants.tenant_records import ManagedTenant

PROVIDER_NAME = "main"
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


def _still_tells(trial: Trial, provider: ManagedProvider) -> bool:
    """Whether a test was made with the settings in force, and after the metadata came (row ids sort by time)."""
    settings = settings_from_document(provider.settings)
    return trial.fingerprint == fingerprint_of(settings) and trial.id > (provider.metadata_version_id or "")
