"""Values in, a page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response

from identity.credentials.factors import PasskeyView
from identity.credentials.offers import Offer
from identity.credentials.passkeys import RelyingParty, registration_options
from identity.credentials.second_factors import enrolment_address, enrolment_picture, spaced
from identity.local_accounts.account_records import Account
from identity.local_sign_in.links import Linked
from identity.page_rendering import render_page
from tenants.errors import RateLimited, Refusal
from tenants.records import TenantView

PATIENCE_SECONDS = 120
"""From here on a wait is told in minutes."""
MAX_ISSUER = 40
"""Characters of an organisation's name in a picture for apps: it has room for 2,331 octets, an emoji takes twelve, twice."""
Faults = Mapping[str, Sequence[str]]


def faults_of(refusal: Refusal | None) -> Faults:
    """What to say beside the fields."""
    if refusal is None:
        return {}
    if isinstance(refusal, RateLimited):
        seconds = refusal.detail["retry_after"]
        wait = f"{seconds} seconds" if seconds < PATIENCE_SECONDS else f"{seconds // 60} minutes"
        return {"_form": [f"Too many attempts did not succeed. Please try again in {wait}."]}
    errors: Faults = refusal.detail.get("errors") or {"_form": [refusal.sentence]}
    return errors


def page(template: str, tenant: TenantView, refusal: Refusal | None = None, **values: Any) -> Response:
    """One of these pages; a refusal stands on the page that shows the form again. Passkeys need a script of ours."""
    values |= {"errors": faults_of(refusal), "code": refusal.code if refusal else ""}
    status = refusal.status if refusal else 200
    response = render_page(template, tenant, values, status=status, script="self", connect="self")
    if isinstance(refusal, RateLimited):
        response.headers["Retry-After"] = str(refusal.detail["retry_after"])
    return response


def link_page(
    token: str, linked: Linked, offer: Offer, party: RelyingParty, tenant: TenantView, refusal: Refusal | None = None
) -> Response:
    """A password, and a second factor where one is needed."""
    values = _enrolment(linked.account, offer, party, ()) if linked.needs_factor else {}
    return page(
        "local_link.html",
        tenant,
        refusal,
        token=token,
        email=linked.account.person.email,
        invited=linked.account.password_hash is None,
        needs_factor=linked.needs_factor,
        sealed=offer.sealed,
        **{"secret": "", "picture": "", "options": None, **values},
    )


def account_page(
    account: Account,
    passkeys: Sequence[PasskeyView],
    codes_left: int,
    offer: Offer,
    party: RelyingParty,
    tenant: TenantView,
    refusal: Refusal | None = None,
    *,
    done: str = "",
) -> Response:
    """One's own password and second factors."""
    return page(
        "local_account.html",
        tenant,
        refusal,
        email=account.person.email,
        has_app=account.sealed_totp_secret is not None,
        passkeys=passkeys,
        codes_left=codes_left,
        sealed=offer.sealed,
        done=done,
        **_enrolment(account, offer, party, [passkey.credential_id for passkey in passkeys]),
    )


def _enrolment(account: Account, offer: Offer, party: RelyingParty, known: Sequence[str]) -> dict[str, Any]:
    person = account.person
    return {
        "secret": spaced(offer.secret),
        "picture": enrolment_picture(enrolment_address(offer.secret, person.email, party.name[:MAX_ISSUER])),
        "options": registration_options(
            party, offer.challenge, owner_id=person.id, email=person.email, name=account.name, known=known
        ),
    }
