"""Set-up pages: the test sign-in, and a second one with somebody who must not get in."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.rendering import notify
from admin_ui.setup.connecting import EVERY_FIELD, received_of
from admin_ui.setup.rendering import address_of, step_page
from admin_ui.setup.visit import Visit, visited
from config.database import transaction
from identity.advice import Advice, advice_of, advice_on
from identity.advice_facts import Failure
from identity.browsers import LOGIN_COOKIE
from identity.circumstances import circumstances_of
from identity.errors import EmailDomainNotAllowed
from identity.setup_progress import REFUSALS_OF_A_PERSON, Facts, Step, progress_of, provider_of
from identity.trial_models import ACCEPTED, REFUSED
from identity.trial_records import Trial
from identity.trials import ShownTrial, prepare_trial, shown_trial
from tenants.errors import ConflictingState
from tenants.management_errors import FieldsInvalid
from tenants.onboarding.choices import skip_refusal_test

pages = Blueprint("setup_testing", __name__, url_prefix="/setup")


@pages.get("/test")
@visited
def test(visit: Visit) -> WerkzeugResponse:
    """How the last test went, and what it brought."""
    return _test_page(visit, ACCEPTED)


@pages.post("/test")
@visited
def begin_test(visit: Visit) -> WerkzeugResponse:
    """Leave for the identity provider; the answer creates nobody and comes back here."""
    return _begin(visit, ACCEPTED)


@pages.get("/second-test")
@visited
def second_test(visit: Visit) -> WerkzeugResponse:
    """A test with somebody who must not get in."""
    return _test_page(visit, REFUSED)


@pages.post("/second-test")
@visited
def begin_second_test(visit: Visit) -> WerkzeugResponse:
    """Leave for the identity provider, which asks for a sign-in anew."""
    return _begin(visit, REFUSED)


@pages.post("/second-test/skip")
@visited
def skip_second_test(visit: Visit) -> WerkzeugResponse:
    """Leave the second test out, with a word why."""
    try:
        with transaction():
            skip_refusal_test(visit.tenant.id, request.form.get("reason", ""), actor=visit.actor, now=visit.now)
    except FieldsInvalid as refusal:
        return _test_page(visit, REFUSED, errors=refusal.detail["errors"])
    notify("The second test is left out.")
    return redirect(address_of(Step.ACTIVATION), 303)


def _begin(visit: Visit, expected: str) -> WerkzeugResponse:
    provider = provider_of(visit.tenant.id)
    if provider is None:
        raise ConflictingState("nothing to test yet")
    back = address_of(Step.TEST if expected == ACCEPTED else Step.REFUSAL_TEST)
    with transaction():
        prepared = prepare_trial(
            visit.tenant,
            provider.name,
            of_draft=False,
            actor=visit.actor,
            now=visit.now,
            expected=expected,
            return_to=back,
        )
    response = redirect(prepared.path, 303)
    response.headers["Cache-Control"] = "no-store"
    return response


def _test_page(visit: Visit, expected: str, errors: dict[str, list[str]] | None = None) -> WerkzeugResponse:
    progress = progress_of(visit.tenant)
    trial = _newest(progress.facts, expected)
    shown = shown_trial(trial, request.cookies.get(LOGIN_COOKIE)) if trial else None
    return step_page(
        "test.html" if expected == ACCEPTED else "second_test.html",
        visit.view,
        progress,
        Step.TEST if expected == ACCEPTED else Step.REFUSAL_TEST,
        status=422 if errors else 200,
        trial=trial,
        kept_out=trial is not None and trial.code in REFUSALS_OF_A_PERSON,
        advice=_advice_on(shown) if shown else None,
        person=_person_of(shown) if shown else {},
        received=received_of(progress.facts),
        fields=EVERY_FIELD,
        missing=[step.value for step in progress.missing],
        errors=errors or {},
    )


def _newest(facts: Facts, expected: str) -> Trial | None:
    """The newest test of a kind; not one that failed for want of a domain that was proven since."""
    trial = next((trial for trial in facts.trials if trial.expected == expected), None)
    if trial is None or trial.code != EmailDomainNotAllowed.code or expected == REFUSED or trial.finished_at is None:
        return trial
    proven_since = any(claimed.proven_at and claimed.proven_at > trial.finished_at for claimed in facts.domains)
    return None if proven_since else trial


def _person_of(shown: ShownTrial) -> Mapping[str, str]:
    """The person as they came, in the browser that tested; masked in any other."""
    person: Mapping[str, str] = (shown.values or {}).get("person") or shown.trial.outcome.get("person", {})
    return person


def _advice_on(shown: ShownTrial) -> Advice | None:
    """What to do about a refusal, made finer by its receipt where that is still there."""
    code, trial = shown.trial.code, shown.trial
    if code is None:
        return None
    circumstances = circumstances_of(trial.tenant_id, trial.idp)
    if shown.receipt is None:
        return advice_on(Failure(code, "", "", "", {}), circumstances)
    return advice_of(code, shown.receipt.receipt, circumstances)
