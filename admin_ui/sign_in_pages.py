"""The pages before the console: values in, a response out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response

from admin_ui.factor_records import factors_of
from admin_ui.forms import errors_of
from admin_ui.rendering import render_plain
from admin_ui.staff_records import Staff
from identity.credentials.factors import passkeys_of
from identity.credentials.offers import Offer
from identity.credentials.passkeys import RelyingParty, registration_options
from identity.credentials.second_factors import enrolment_address, enrolment_picture, spaced
from identity.page_rendering import PRODUCT
from tenants.errors import RateLimited, Refusal

Faults = Mapping[str, Sequence[str]]
PATIENCE_SECONDS = 120
"""From here on a wait is told in minutes."""


def sign_in_page(
    target: str,
    *,
    sso: bool,
    email: str = "",
    refusal: Refusal | None = None,
    again: bool = False,
    signed_out: bool = False,
) -> Response:
    """The ways in, with what was typed before and what was wrong with it."""
    values = {
        "email": email,
        "errors": faults_of(refusal),
        "target": target,
        "again": again,
        "sso": sso,
        "signed_out": signed_out,
    }
    return _answer("sign_in/sign_in.html", values, refusal)


def second_factor_page(staff: Staff, *, refusal: Refusal | None = None) -> Response:
    """The second step, by whatever factors the account has."""
    values = {
        "email": staff.email,
        "has_app": staff.sealed_totp_secret is not None,
        "has_passkey": bool(passkeys_of(factors_of(staff.id))),
        "errors": faults_of(refusal),
    }
    return _answer("sign_in/second_factor.html", values, refusal)


def invitation_page(
    token: str, staff: Staff, offer: Offer, party: RelyingParty, *, refusal: Refusal | None = None
) -> Response:
    """Password and second factor, both at once."""
    options = registration_options(
        party, offer.challenge, owner_id=staff.id, email=staff.email, name=staff.name, known=()
    )
    values = {
        "token": token,
        "staff": staff,
        "sealed": offer.sealed,
        "secret": spaced(offer.secret),
        "picture": enrolment_picture(enrolment_address(offer.secret, staff.email, PRODUCT)),
        "options": options,
        "errors": faults_of(refusal),
    }
    return _answer("sign_in/invitation.html", values, refusal)


def recovery_codes_page(codes: Sequence[str], target: str) -> Response:
    """Ten codes, shown this once."""
    return render_plain("sign_in/recovery_codes.html", {"codes": codes, "target": target})


def refused_page(refusal: Refusal, reference: str) -> Response:
    """What was refused, and the way on."""
    return _answer("sign_in/refused.html", {"refusal": refusal, "reference": reference}, refusal)


def faults_of(refusal: Refusal | None) -> Faults:
    """What to say beside the fields."""
    if refusal is None:
        return {}
    if isinstance(refusal, RateLimited):
        seconds = refusal.detail["retry_after"]
        wait = f"{seconds} seconds" if seconds < PATIENCE_SECONDS else f"{seconds // 60} minutes"
        return {"_form": [f"Too many attempts did not succeed. Please try again in {wait}."]}
    return errors_of(refusal)


def _answer(template: str, values: Mapping[str, object], refusal: Refusal | None) -> Response:
    response = render_plain(template, values, status=refusal.status if refusal else 200)
    if isinstance(refusal, RateLimited):
        response.headers["Retry-After"] = str(refusal.detail["retry_after"])
    return response
