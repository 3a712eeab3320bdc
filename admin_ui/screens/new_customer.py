"""Staff begin a customer: one form makes the tenant, our side of its trust, and the link for its IT people (O1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import Response, request

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import json_answer
from admin_ui.screen import StaffScreen, page
from identity.customers import NewCustomer, start_onboarding
from identity.onboarding_schemas import OnboardingCreate
from tenants import web
from tenants.domain_ownership import read_domains
from tenants.errors import DomainTaken, Refusal, SlugInvalid, SlugTaken
from tenants.hosts import require_slug
from tenants.onboarding.links import DEFAULT_LIFETIME
from tenants.roles import ONBOARD
from tenants.wiring import keys

BLANK: Mapping[str, Any] = {
    "name": "",
    "slug": "",
    "email_domains": [],
    "attest_reason": "",
    "setup_email": "",
    "expires_in_days": DEFAULT_LIFETIME.days,
    "first_admin": True,
    "send_mail": True,
}


class NewCustomerScreen(StaffScreen):
    """The form, and the link that it makes."""

    label, path, endpoint_name, icon = "New customer", "/new-customer", "new_customer", "plus"

    @page("/", ONBOARD, fresh=True)
    def index(self, asked: Asked) -> Response:
        """The form."""
        return self._form(asked, {}, {})

    @page("/check", ONBOARD, methods=("POST",))
    def check(self, _asked: Asked) -> Response:
        """What the server would say of the form, while it is being filled in."""
        form = submitted(OnboardingCreate(), request.form)
        return json_answer({"errors": {**_deeper_errors(form.shown), **form.errors}})

    @page("/", ONBOARD, methods=("POST",), fresh=True)
    def create(self, asked: Asked) -> Response:
        """Make everything, and show the link, this once."""
        form = submitted(OnboardingCreate(), request.form)
        if form.values is None:
            return self._form(asked, form.shown, form.errors, status=422)
        values = form.values
        customer = NewCustomer(
            values["slug"],
            values["name"],
            values["email_domains"],
            values["attest_reason"],
            values["setup_email"],
            dt.timedelta(days=values["expires_in_days"]),
            values["first_admin"],
            values["send_mail"],
        )
        try:
            tenant, link = start_onboarding(customer, web.settings(), keys(), actor=asked.actor, now=asked.now)
        except SlugInvalid as refusal:
            return self._form(asked, form.shown, {"slug": [refusal.sentence]}, status=422)
        except SlugTaken as refusal:
            return self._form(asked, form.shown, {"slug": [refusal.sentence]}, status=409)
        except DomainTaken as refusal:
            named = f"{refusal.detail['domain']}: {refusal.sentence}"
            return self._form(asked, form.shown, {"email_domains": [named]}, status=409)
        except Refusal as refusal:
            return self._form(asked, form.shown, errors_of(refusal), status=refusal.status)
        made = Asked(asked.principal, tenant, asked.now)
        return self.render("onboarding/link.html", made, link=link, is_new=True)

    def _form(self, asked: Asked, shown: Mapping[str, Any], errors: Mapping[str, Any], *, status: int = 200) -> Response:
        settings = web.settings()
        return self.render(
            "onboarding/new_customer.html",
            asked,
            status=status,
            values={**BLANK, **shown},
            errors=errors,
            example=settings.tenant_origin("mydomain").partition("://")[2],
            mail=bool(settings.smtp_url),
        )


def _deeper_errors(shown: Mapping[str, Any]) -> dict[str, list[str]]:
    """Faults that a schema does not see; whether a name or domain is taken is told when the form is sent."""
    errors: dict[str, list[str]] = {}
    try:
        require_slug(str(shown.get("slug", "")), web.settings())
    except (SlugInvalid, SlugTaken) as refusal:
        errors["slug"] = [refusal.sentence]
    try:
        read_domains([str(domain) for domain in shown.get("email_domains") or ()])
    except Refusal as refusal:
        errors["email_domains"] = list(errors_of(refusal).get("email_domains", [refusal.sentence]))
    return errors
