"""Flows: a test sign-in, through the identity provider and the same checks as any other, that signs nobody in (A3).

Prepared by whoever may change the settings, begun by one browser, answered at the ACS (identity.trial_verdicts). The exchange
of a test can sign nobody in, and no other exchange counts as a test: `identity.judging` compares the two before anything is
believed.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.database import new_id, transaction
from identity.attempt_records import AttemptReceipt, find_attempt
from identity.errors import TestLinkInvalid
from identity.exchanges import add_exchange, hash_of
from identity.login import LoginOptions, LoginStart, prepare_login
from identity.trial_models import ACCEPTED, REFUSED
from identity.trial_outcome import open_values
from identity.trial_records import (
    TICKET_LIFETIME,
    Trial,
    add_trial,
    find_trial,
    find_trial_by_ticket,
    mark_begun,
)
from tenants.draft_errors import DraftMissing
from tenants.drafts import draft_of
from tenants.errors import IdentityProviderMissing, NotFound
from tenants.paging import is_row_id
from tenants.providers import require_provider
from tenants.records import TenantView
from tenants.settings_changes import fingerprint_of
from tenants.settings_documents import settings_from_document
from tenants.tenant_records import ManagedTenant
from tenants.trust import SAMLTrust
from tenants.trust_marks import mark_of_trust
from tenants.trusts import TrustCache

TEST_PATH = "/saml/test"
TICKET_BYTES = 32


@dataclass(frozen=True, slots=True)
class PreparedTrial:
    """A test that waits for a browser. `path` is on the tenant's host, and works once."""

    id: str
    path: str
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ShownTrial:
    """A test as somebody looks at it. `receipt` None: not answered, or too long ago; `values` None: not this browser's."""

    trial: Trial
    receipt: AttemptReceipt | None
    values: Mapping[str, Any] | None


def prepare_trial(
    tenant: ManagedTenant,
    name: str,
    *,
    of_draft: bool,
    actor: str,
    now: dt.datetime,
    expected: str = ACCEPTED,
    return_to: str | None = None,
) -> PreparedTrial:
    """Prepare a test of the draft, or of the settings in force, as they are now.

    Args:
        expected: ACCEPTED, or REFUSED for a person who must not come in; the identity provider is then asked for a new sign-in.
        return_to: where the browser goes with the result, with `{test}` for the test's id; our own page on the tenant's host
            where none is given.

    Raises:
        NotFound: no such identity provider. DraftMissing: it has no draft.
    """
    provider = require_provider(tenant.id, name)
    draft = draft_of(provider) if of_draft else None
    if of_draft and draft is None:
        raise DraftMissing(name)
    settings = draft.settings if draft else settings_from_document(provider.settings)
    trial_id, ticket = new_id(), secrets.token_urlsafe(TICKET_BYTES)
    add_trial(
        {
            "tenant_id": tenant.id,
            "id": trial_id,
            "idp_id": provider.id,
            "settings": settings.to_document(),
            "fingerprint": fingerprint_of(settings),
            "of_draft": of_draft,
            "expected": expected,
            "return_to": return_to.replace("{test}", trial_id) if return_to else None,
            "ticket_hash": hash_of(ticket),
            "prepared_at": now,
            "prepared_by": actor,
        }
    )
    return PreparedTrial(trial_id, f"{TEST_PATH}?ticket={ticket}", now + TICKET_LIFETIME)


def begin_trial(tenant: TenantView, trusts: TrustCache, ticket: str, browser: str, now: dt.datetime) -> LoginStart:
    """Send the browser that holds a ticket to the identity provider, as a sign-in with these settings would.

    Raises:
        TestLinkInvalid: used, too old, or never given out. IdentityProviderMissing, MetadataExpired.
    """
    trial = find_trial_by_ticket(tenant.id, hash_of(ticket), now)
    if trial is None:
        raise TestLinkInvalid("no test waits for this ticket")
    trust = tested_trust(tenant, trusts, trial)
    start = prepare_login(trust, LoginOptions(other_account=trial.expected == REFUSED), browser, now, trial_id=trial.id)
    exchange = start.exchange
    with transaction():
        hashes = {"browser_hash": exchange.browser_hash, "relay_state_hash": exchange.relay_state_hash}
        if not mark_begun(trial, **hashes, asked_with=mark_of_trust(trust), now=now):
            raise TestLinkInvalid("two browsers at once")
        add_exchange(exchange, now=now)
    return start


def trial_shown_to(tenant_id: int, trial_id: str, browser: str | None) -> ShownTrial:
    """A result for the browser that tested.

    Raises:
        NotFound: there is no such test, or another browser made it.
    """
    trial = find_trial(tenant_id, trial_id) if is_row_id(trial_id) else None
    if trial is None or browser is None or not secrets.compare_digest(hash_of(browser), trial.browser_hash or ""):
        raise NotFound("no such test of this browser")
    return shown_trial(trial, browser)


def shown_trial(trial: Trial, browser: str | None) -> ShownTrial:
    """A result with its receipt, and with the values as they came where this browser may see them."""
    found = find_attempt(trial.tenant_id, trial.attempt_id) if trial.attempt_id else None
    return ShownTrial(trial, found, open_values(trial.sealed_values, browser, sealing_place(trial)))


def require_trial(tenant_id: int, trial_id: str) -> Trial:
    """One of the tenant's tests, or NotFound."""
    trial = find_trial(tenant_id, trial_id)
    if trial is None:
        raise NotFound("no such test")
    return trial


def tested_trust(tenant: TenantView, trusts: TrustCache, trial: Trial) -> SAMLTrust:
    """What a test is asked with and judged by: the identity provider as it is now, with the test's own settings.

    Raises:
        IdentityProviderMissing: it was taken away.
    """
    trust = trusts.trial_trust(tenant, trial.idp_id, settings_from_document(trial.settings))
    if trust is None:
        raise IdentityProviderMissing("the identity provider that is tested was taken away")
    return trust


def sealing_place(trial: Trial) -> str:
    """Where the values of a test are sealed to: its own row."""
    return f"trial:{trial.tenant_id}:{trial.id}"
