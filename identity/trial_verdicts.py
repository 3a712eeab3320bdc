"""Flows: the answer to a test sign-in is judged like any other, and its result kept (A3).

What it would have done to people is done in a savepoint and taken back, so a test foresees exactly what a sign-in does.
"""

from __future__ import annotations

import datetime as dt
import functools
import secrets
from dataclasses import replace
from typing import Any

from config.database import savepoint, transaction
from config.settings import Settings
from identity.access_rules import require_way
from identity.acs import MAX_REFUSED_XML, Arrival, use_once
from identity.assertion import Assertion, Exchange
from identity.attempts import keep_receipt
from identity.check_log import log_checks
from identity.checks import BROWSER, Receipt
from identity.exchanges import find_exchange, find_exchange_by_relay_state, hash_of
from identity.judging import Judged
from identity.profile import NAME_ID, profile_of
from identity.provisioning import find_person, provision
from identity.saml.response import read_response, verify_response
from identity.second_try import Renewal, judge_with_present_keys
from identity.survey import Survey
from identity.trial_models import ACCEPTED
from identity.trial_outcome import Received, masked_outcome, seal_values
from identity.trial_records import Trial, find_trial, find_trial_by_relay_state, mark_finished, note_attempt, was_made
from identity.trials import require_trial, sealing_place, tested_trust
from tenants.audit import EventType, record
from tenants.errors import Refusal
from tenants.organisations.tree import OrganisationTree
from tenants.records import TenantView
from tenants.trust import SAMLTrust
from tenants.trust_marks import mark_of_run, mark_of_trust
from tenants.trusts import TenantTrust, TrustCache
from tenants.version_records import note_trial


def judge_trial(
    tenant: TenantView, trusts: TrustCache, trial_id: str | None, arrival: Arrival, now: dt.datetime, settings: Settings
) -> Trial | None:
    """Judge the answer to a test as a sign-in would be, keep the result, and leave everything else as it was.

    Returns:
        The test with its result. None: the answer fails, and does not come from the browser that began: nobody's result.
    """
    trial, receipt = find_trial(tenant.id, trial_id) if trial_id else None, Receipt()
    if trial is None:
        return None
    try:
        renewal = Renewal(settings, functools.partial(_tested, tenant, trusts, trial))
        message = (arrival.saml_response, arrival.relay_state)
        judged = judge_with_present_keys(tenant, renewal.present_trust(), *message, now, receipt, renewal)
        with transaction():
            use_once(judged, arrival, now, receipt)
            would = _foresee(judged, renewal.present_trust().organisations, now, receipt)
            receipt.require_whole()
            received = Received(judged.assertion, judged.profile, judged.trust.settings)
            _finish(trial, arrival, receipt, now, received=received, would=would, ran_with=_ran_with(trial, judged))
    except Refusal as refusal:
        if not _is_testers(trial, arrival) and refusal.code != BROWSER.refusal.code:
            return None
        return fail_trial(tenant, trusts, trial, refusal, arrival, now, receipt)
    finally:
        log_checks(tenant.id, receipt)
    return require_trial(trial.tenant_id, trial.id)


def _tested(tenant: TenantView, trusts: TrustCache, trial: Trial) -> TenantTrust:
    """What a test is judged by, as it stands at this moment."""
    organisations = trusts.trust_of(tenant).organisations
    return TenantTrust(tenant.version, (tested_trust(tenant, trusts, trial),), trial.id, organisations)


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
    return require_trial(trial.tenant_id, trial.id)


class _TakenBack(Exception):
    """Ends the savepoint of what was only tried."""


def _foresee(judged: Judged, organisations: OrganisationTree, now: dt.datetime, receipt: Receipt) -> str:
    """What would become of the person: the flow of a real sign-in, and everything it did taken back.

    Raises:
        Refusal: as a real sign-in would.
    """
    before = find_person(judged.trust, judged.profile)
    would = "unchanged"
    try:
        with savepoint():
            person = provision(judged.trust, judged.profile, judged.placement, organisations, now, receipt)
            require_way(organisations.access_of(person.organisation_id), judged.trust, receipt)
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
    ran_with: str | None = None,
) -> None:
    """Keep the result and its receipt; the first answer of a test counts. `ran_with`: what it passed with, where it did."""
    code = refusal.code if refusal else None
    values: dict[str, Any] = {"finished_at": now, "code": code, "outcome": masked_outcome(received, would)}
    if received is not None and arrival.login_secret is not None and _is_testers(trial, arrival):
        values["sealed_values"] = seal_values(received, arrival.login_secret, sealing_place(trial))
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
        note_trial(trial.tenant_id, trial.idp_id, trial.fingerprint, trial.id, now, passed_with=ran_with)
    detail: dict[str, Any] = {"idp": trial.idp, "test": trial.id, "draft": trial.of_draft, "expected": trial.expected}
    record(trial.tenant_id, EventType.SAML_SETTINGS_TESTED, at=now, actor=trial.prepared_by, reason=code, **detail)


def _ran_with(trial: Trial, judged: Judged) -> str | None:
    """What a test that passed proves something of; None: it was begun before that was noted, and proves nothing of a draft."""
    return mark_of_run(trial.asked_with, mark_of_trust(judged.trust)) if trial.asked_with is not None else None


def _received(tenant: TenantView, trusts: TrustCache, trial: Trial, arrival: Arrival, now: dt.datetime) -> Received | None:
    """What a refused message says nonetheless, if its signatures hold: most of all the names of its attributes."""
    try:
        trust = tested_trust(tenant, trusts, trial)
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
