"""Flows: a test sign-in, through the identity provider and the same checks as any other, that signs nobody in (A3).

Prepared by whoever may change the settings, begun by one browser, answered at the ACS. What it would have done to people is
done in a savepoint and taken back, so a test foresees exactly what a sign-in does. The exchange of a test can sign nobody
in, and no other exchange counts as a test: `identity.judging` compares the two before anything is believed.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.database import new_id, savepoint, transaction
from identity.acs import MAX_REFUSED_XML, Arrival, use_once
from identity.assertion import Assertion, Exchange
from identity.attempt_records import AttemptReceipt, find_attempt
from identity.attempts import keep_receipt
from identity.checks import BROWSER, Receipt
from identity.errors import TestLinkInvalid
from identity.exchanges import add_exchange, find_exchange, find_exchange_by_relay_state, hash_of
from identity.judging import Judged, judge_response
from identity.login import LoginOptions, LoginStart, prepare_login
from identity.profile import NAME_ID, profile_of
from identity.provisioning import find_person, provision
from identity.saml.response import read_response, verify_response
from identity.survey import Survey
from identity.trial_models import ACCEPTED, REFUSED
from identity.trial_outcome import Received, masked_outcome, open_values, seal_values
from identity.trial_records import (
    TICKET_LIFETIME,
    Trial,
    add_trial,
    find_trial,
    find_trial_by_relay_state,
    find_trial_by_ticket,
    mark_begun,
    mark_finished,
    note_attempt,
    was_made,
)
from tenants.audit import EventType, record
from tenants.draft_errors import DraftMissing
from tenants.drafts import draft_of
from tenants.errors import IdentityProviderMissing, NotFound, Refusal
from tenants.paging import is_row_id
from tenants.providers import require_provider
from tenants.records import TenantView
from tenants.saml_settings import settings_from_document
from tenants.settings_changes import fingerprint_of
from tenants.tenant_records import ManagedTenant
from tenants.trust import SAMLTrust
from tenants.trusts import TenantTrust, TrustCache
from tenants.version_records import note_trial

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
    trust = _trust_of(tenant, trusts, trial)
    start = prepare_login(trust, LoginOptions(force_authn=trial.expected == REFUSED), browser, now, trial_id=trial.id)
    exchange = start.exchange
    with transaction():
        begun = mark_begun(trial, browser_hash=exchange.browser_hash, relay_state_hash=exchange.relay_state_hash, now=now)
        if not begun:
            raise TestLinkInvalid("two browsers at once")
        add_exchange(exchange, now=now)
    return start


def judge_trial(
    tenant: TenantView, trusts: TrustCache, trial_id: str | None, arrival: Arrival, now: dt.datetime
) -> Trial | None:
    """Judge the answer to a test as a sign-in would be, keep the result, and leave everything else as it was.

    Returns:
        The test with its result. None: the answer fails, and does not come from the browser that began: nobody's result.
    """
    trial, receipt = find_trial(tenant.id, trial_id) if trial_id else None, Receipt()
    if trial is None:
        return None
    try:
        trust = _trust_of(tenant, trusts, trial)
        tested = TenantTrust(tenant.version, (trust,), trial_id=trial.id)
        judged = judge_response(tenant, tested, arrival.saml_response, arrival.relay_state, now, receipt)
        with transaction():
            use_once(judged, arrival, now, receipt)
            would = _foresee(judged, now, receipt)
            receipt.require_whole()
            received = Received(judged.assertion, judged.profile, trust.settings)
            _finish(trial, arrival, receipt, now, received=received, would=would)
    except Refusal as refusal:
        if not _is_testers(trial, arrival) and refusal.code != BROWSER.refusal.code:
            return None
        return fail_trial(tenant, trusts, trial, refusal, arrival, now, receipt)
    return _shown(trial)


def trial_under_way(tenant_id: int, arrival: Arrival) -> Trial | None:
    """The test that this browser is in the middle of, for a message too broken to say what it answers."""
    if not arrival.relay_state or arrival.login_secret is None:
        return None
    return find_trial_by_relay_state(tenant_id, hash_of(arrival.relay_state), hash_of(arrival.login_secret))


def fail_trial(
    tenant: TenantView,
    trusts: TrustCache,
    trial: Trial,
    refusal: Refusal,
    arrival: Arrival,
    now: dt.datetime,
    receipt: Receipt,
) -> Trial:
    """Keep a refusal as the result of a test, with whatever could be verified of the message."""
    received = _received(tenant, trusts, trial, arrival, now)
    with transaction():
        _finish(trial, arrival, receipt, now, received=received, would=None, refusal=refusal)
    return _shown(trial)


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
    return ShownTrial(trial, found, open_values(trial.sealed_values, browser, _place_of(trial)))


def require_trial(tenant_id: int, trial_id: str) -> Trial:
    """One of the tenant's tests, or NotFound."""
    trial = find_trial(tenant_id, trial_id)
    if trial is None:
        raise NotFound("no such test")
    return trial


def _trust_of(tenant: TenantView, trusts: TrustCache, trial: Trial) -> SAMLTrust:
    trust = trusts.trial_trust(tenant, trial.idp_id, settings_from_document(trial.settings))
    if trust is None:
        raise IdentityProviderMissing("the identity provider that is tested was taken away")
    return trust


class _TakenBack(Exception):
    """Ends the savepoint of what was only tried."""


def _foresee(judged: Judged, now: dt.datetime, receipt: Receipt) -> str:
    """What would become of the person: the flow of a real sign-in, and everything it did taken back.

    Raises:
        Refusal: as a real sign-in would.
    """
    before = find_person(judged.trust, judged.profile)
    would = "unchanged"
    try:
        with savepoint():
            person = provision(judged.trust, judged.profile, now, receipt)
            if before is None:
                would = "new" if was_made(person.tenant_id, person.id, now) else "joined"
            elif any(getattr(person, name) != getattr(before, name) for name in _COMPARED):
                would = "updated"
            raise _TakenBack
    except _TakenBack:
        return would


_COMPARED = ("username", "email", "first_name", "last_name", "phone")


def _finish(
    trial: Trial,
    arrival: Arrival,
    receipt: Receipt,
    now: dt.datetime,
    *,
    received: Received | None,
    would: str | None,
    refusal: Refusal | None = None,
) -> None:
    """Keep the result and its receipt; the first answer of a test counts."""
    code = refusal.code if refusal else None
    values: dict[str, Any] = {"finished_at": now, "code": code, "outcome": masked_outcome(received, would)}
    if received is not None and arrival.login_secret is not None and _is_testers(trial, arrival):
        values["sealed_values"] = seal_values(received, arrival.login_secret, _place_of(trial))
    if not mark_finished(trial, values):
        return
    attempt_id = keep_receipt(
        trial.tenant_id,
        receipt,
        reference=arrival.reference,
        now=now,
        masked_xml=receipt.masked_xml()[:MAX_REFUSED_XML],
        code=code,
        cause=refusal.cause if refusal else "",
        idp_id=trial.idp_id,
        trial_id=trial.id,
    )
    note_attempt(trial, attempt_id)
    if trial.of_draft and trial.expected == ACCEPTED:
        note_trial(trial.tenant_id, trial.idp_id, trial.fingerprint, trial.id, refusal is None, now)
    detail: dict[str, Any] = {"idp": trial.idp, "test": trial.id, "draft": trial.of_draft, "expected": trial.expected}
    record(trial.tenant_id, EventType.SAML_SETTINGS_TESTED, at=now, actor=trial.prepared_by, reason=code, **detail)


def _received(tenant: TenantView, trusts: TrustCache, trial: Trial, arrival: Arrival, now: dt.datetime) -> Received | None:
    """What a refused message says nonetheless, if its signatures hold: most of all the names of its attributes."""
    try:
        trust = _trust_of(tenant, trusts, trial)
    except Refusal:
        return None
    by_name_id = replace(trust, settings=replace(trust.settings, name_id_source=NAME_ID))
    assertion = _read_anyway(trust, arrival, now) or _read_anyway(by_name_id, arrival, now)
    if assertion is None:
        return None
    try:
        return Received(assertion, profile_of(assertion, trust.settings, Survey()), trust.settings)
    except Refusal:
        return Received(assertion, None, trust.settings)


def _read_anyway(trust: SAMLTrust, arrival: Arrival, now: dt.datetime) -> Assertion | None:
    """The assertion of a message that may be late or meant for others; none that the identity provider has not signed."""
    survey = Survey()
    try:
        unverified = read_response(arrival.saml_response, survey)
        exchange = _exchange_of(trust.tenant_id, unverified.unverified_in_response_to, arrival.relay_state, now)
        return verify_response(unverified, trust, exchange if exchange and exchange.solicited else None, now, survey)
    except Refusal:
        return None


def _exchange_of(tenant_id: int, request_id: str | None, relay_state: str, now: dt.datetime) -> Exchange | None:
    if request_id is not None:
        return find_exchange(tenant_id, request_id, now)
    return find_exchange_by_relay_state(tenant_id, relay_state, now)


def _is_testers(trial: Trial, arrival: Arrival) -> bool:
    held = trial.browser_hash is not None and arrival.login_secret is not None
    return held and secrets.compare_digest(hash_of(arrival.login_secret or ""), trial.browser_hash or "")


def _shown(trial: Trial) -> Trial:
    return require_trial(trial.tenant_id, trial.id)


def _place_of(trial: Trial) -> str:
    return f"trial:{trial.tenant_id}:{trial.id}"
