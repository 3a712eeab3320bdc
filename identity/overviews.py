"""Flows: what staff see first of the service, and what a tenant's people see first of their tenant; in few statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from identity.overview_records import PeopleNumbers, new_people, people_numbers
from identity.session_records import OpenCount, count_open
from identity.setup_progress import Step, progress_of
from identity.statistics import DAY, DAYS, SignInStatistics, day_of, service_statistics, tenant_statistics
from identity.tallies import FailingTenant, failing_tenants
from tenants.drafts import draft_of
from tenants.idp_records import ManagedProvider, providers_of
from tenants.models import ONBOARDING
from tenants.organisations.records import organisations_of
from tenants.overview_records import (
    EndingCertificate,
    FailedSync,
    ending_certificates,
    ending_own_keys,
    failed_syncs,
    stalled_onboardings,
    tenants_by_state,
)
from tenants.tenant_records import ManagedTenant, find_managed_tenant

LISTED = 8
"""Entries of each list; what needs attention is worked off from the top."""
ENDS_WITHIN = dt.timedelta(days=60)
STALLS_AFTER = dt.timedelta(days=7)
FAILING_DAYS = 2


@dataclass(frozen=True, slots=True)
class StalledOnboarding:
    """A customer whose set-up has stood still, and the step that it waits for."""

    slug: str
    tenant: str
    created_at: dt.datetime
    waits_for: Step


@dataclass(frozen=True, slots=True)
class ServiceOverview:
    """The service at a glance, for staff."""

    states: Mapping[str, int]
    sign_ins: SignInStatistics
    certificates: Sequence[EndingCertificate]
    syncs: Sequence[FailedSync]
    onboardings: Sequence[StalledOnboarding]
    failing: Sequence[FailingTenant]


@dataclass(frozen=True, slots=True)
class ProviderGlance:
    """An identity provider at a glance. `certificate_days` None: not known; negative: it has ended."""

    provider: ManagedProvider
    certificate_days: int | None
    has_draft: bool
    accepted: int
    refused: int


@dataclass(frozen=True, slots=True)
class TenantOverview:
    """A tenant at a glance, for its own people and for staff. `waits_for` None: its onboarding is over."""

    sign_ins: SignInStatistics
    providers: Sequence[ProviderGlance]
    own_keys: Sequence[EndingCertificate]
    people: PeopleNumbers
    newcomers: Sequence[tuple[dt.date, int]]
    sessions: OpenCount
    waits_for: Step | None

    @property
    def new_people(self) -> int:
        """How many people came in 30 days."""
        return sum(count for _, count in self.newcomers)


def service_overview(now: dt.datetime) -> ServiceOverview:
    """What staff see first."""
    certificates = [*ending_certificates(now, ENDS_WITHIN, LISTED), *ending_own_keys(now, ENDS_WITHIN, LISTED)]
    return ServiceOverview(
        states=tenants_by_state(),
        sign_ins=service_statistics(now),
        certificates=sorted(certificates, key=lambda item: item.ends_at)[:LISTED],
        syncs=failed_syncs(LISTED),
        onboardings=_stalled(now),
        failing=failing_tenants([day_of(now) - age * DAY for age in range(FAILING_DAYS)], LISTED),
    )


def tenant_overview(tenant: ManagedTenant, now: dt.datetime) -> TenantOverview:
    """What a tenant's people see first."""
    sign_ins = tenant_statistics(tenant.id, now)
    return TenantOverview(
        sign_ins=sign_ins,
        providers=[_glance(provider, sign_ins, now) for provider in providers_of(tenant.id)],
        own_keys=ending_own_keys(now, ENDS_WITHIN, LISTED, tenant_id=tenant.id),
        people=people_numbers(tenant.id, now),
        newcomers=new_people(tenant.id, day_of(now) - (DAYS - 1) * DAY),
        sessions=count_open(tenant, organisations_of(tenant.id), now),
        waits_for=progress_of(tenant).next if tenant.state == ONBOARDING else None,
    )


def days_until(moment: dt.datetime, now: dt.datetime) -> int:
    """Whole days that are left; negative where it is over."""
    return (moment - now) // DAY


def _glance(provider: ManagedProvider, sign_ins: SignInStatistics, now: dt.datetime) -> ProviderGlance:
    bar = next((bar for idp_id, bar in sign_ins.providers if idp_id == provider.id), None)
    ends = provider.certificate_ends_at
    return ProviderGlance(
        provider=provider,
        certificate_days=days_until(ends, now) if ends else None,
        has_draft=draft_of(provider) is not None,
        accepted=bar.accepted if bar else 0,
        refused=bar.refused if bar else 0,
    )


def _stalled(now: dt.datetime) -> list[StalledOnboarding]:
    found = []
    for item in stalled_onboardings(now - STALLS_AFTER, LISTED):
        tenant = find_managed_tenant(item.slug)
        if tenant is not None:
            found.append(StalledOnboarding(item.slug, item.tenant, item.created_at, progress_of(tenant).next))
    return found
