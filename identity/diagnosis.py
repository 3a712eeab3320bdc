"""Flows: a response that somebody pastes is judged as at the ACS, without effect; a kept attempt is explained (D2, D3).

The checks are those of a sign-in, made by the same functions. Nothing is written: no request or assertion counts as used, no
person is made, no attempt is kept. What was pasted is gone when the answer has been given.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.database import transaction
from identity.advice import Advice, advice_of, all_advice
from identity.attempt_records import AttemptReceipt, find_attempt
from identity.checks import SIZE, shown_receipt
from identity.circumstances import circumstances_of
from identity.foresight import foresee_person, require_unanswered, require_unused
from identity.judging import judge_response
from identity.pasted import Pasted, read_pasted
from identity.survey import Survey
from tenants.errors import NotFound, Refusal
from tenants.paging import is_row_id
from tenants.rates import Rate, require_rate
from tenants.records import TenantView
from tenants.trusts import TenantTrust

RATE = Rate("diagnose", per_minute=30, burst=20)
"""For each tenant: examining costs what a sign-in costs, and answers to many guesses would be an oracle."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the ACS would say now. `code` None: it would sign the person in, if the right browser brought it.

    `pasted_as`: form, xml or field. `would`: what becomes of the person, None where it does not get so far.
    """

    code: str | None
    cause: str
    pasted_as: str
    idp: str | None
    would: str | None
    receipt: Mapping[str, Any]
    advice: tuple[Advice, ...]
    xml: str


@dataclass(frozen=True, slots=True)
class Explained:
    """An attempt with its receipt, and what to do about it; no advice where it was accepted."""

    found: AttemptReceipt
    advice: Advice | None


def diagnose(tenant: TenantView, tenant_trust: TenantTrust, pasted: str, now: dt.datetime) -> Verdict:
    """Judge a pasted response as the ACS would at this moment, and go on telling where that is safe. Nothing is written."""
    survey, would = Survey(), None
    message = Pasted("", "", "field")
    try:
        with survey.step(SIZE):
            message = read_pasted(pasted)
        would = _examine(tenant, tenant_trust, message, now, survey)
    except Refusal as refusal:
        survey.first = survey.first or refusal
    receipt = shown_receipt(survey.to_document())
    idp = survey.facts.get("idp")
    return Verdict(
        code=survey.first.code if survey.first else None,
        cause=survey.first.cause if survey.first else "",
        pasted_as=message.form,
        idp=idp,
        would=None if survey.first else would,
        receipt=receipt,
        advice=tuple(all_advice(receipt, circumstances_of(tenant.id, idp))),
        xml=survey.masked_xml(),
    )


def explain_attempt(tenant_id: int, attempt_id: str) -> Explained:
    """One attempt of the tenant, with advice as of now.

    Raises:
        NotFound
    """
    found = find_attempt(tenant_id, attempt_id) if is_row_id(attempt_id) else None
    if found is None:
        raise NotFound("no such attempt")
    code = found.attempt.code
    advice = advice_of(code, found.receipt, circumstances_of(tenant_id, found.attempt.idp)) if code else None
    return Explained(found, advice)


def require_diagnosis_rate(tenant_id: int, now: dt.datetime) -> None:
    """Refuse what comes faster than anybody pastes, to whichever worker. Opens its own transaction.

    Raises:
        RateLimited
    """
    with transaction():
        require_rate(tenant_id, RATE, now)


def _examine(tenant: TenantView, tenant_trust: TenantTrust, message: Pasted, now: dt.datetime, survey: Survey) -> str:
    judged = judge_response(tenant, tenant_trust, message.saml_response, message.relay_state, now, survey)
    require_unused(judged, survey)
    if judged.exchange is not None:
        survey.leave_to_the_browser()
        require_unanswered(judged.exchange, survey)
    return foresee_person(judged, tenant_trust.organisations, survey)
