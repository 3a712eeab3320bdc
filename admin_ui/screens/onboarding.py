"""How far a tenant's onboarding is, as both sides see it; its set-up links; and its activation (O2, O3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import known_screen_url, notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from identity.customers import link_document
from identity.onboarding import activate
from identity.onboarding_schemas import Activate, SetupLinkCreate
from identity.setup_progress import Progress, Step, progress_of
from tenants import web
from tenants.errors import NotFound, Refusal
from tenants.onboarding.link_mail import mail_link
from tenants.onboarding.link_records import links_of
from tenants.onboarding.links import DEFAULT_LIFETIME, issue_link, release_link, revoke_link
from tenants.onboarding.products import PRODUCTS
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, ONBOARD, READ
from tenants.service_provider import service_provider_of
from tenants.wiring import keys

STEPS: Mapping[Step, tuple[str, str]] = {
    Step.PRODUCT: ("Product chosen", "Which product the identity provider is."),
    Step.METADATA: ("Identity provider connected", "Its metadata was read and accepted."),
    Step.DOMAINS: ("E-mail domains proven", "By a TXT record in DNS, or by staff's word."),
    Step.TEST: ("Test sign-in passed", "With the settings and the metadata that are in force."),
    Step.ATTRIBUTES: ("E-mail address arrives", "A test sign-in brought one."),
    Step.REFUSAL_TEST: ("Somebody was kept out", "A second test, with a person who must not get in. Optional."),
    Step.ACTIVATION: ("Active", "People can sign in."),
}
"""In the order of the set-up link's pages: both sides count the same."""


class OnboardingScreen(TenantScreen):
    """Progress, links, activation."""

    label, path, endpoint_name, icon, group = "Onboarding", "/onboarding", "onboarding", "check", "Settings"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Where it stands."""
        return self._show(asked)

    @page("/links", CONFIGURE, methods=("POST",), fresh=True)
    def issue(self, asked: Asked) -> Response:
        """Make a set-up link, and show it, this once."""
        form = submitted(SetupLinkCreate(), request.form)
        if form.values is None:
            return self._show(asked, typed=form.shown, link_errors=form.errors, status=422)
        lifetime = dt.timedelta(days=form.values["expires_in_days"])
        tenant, actor, now, settings = asked.tenant, asked.actor, asked.now, web.settings()
        try:
            with transaction():
                link = issue_link(tenant, form.values["email"], lifetime, settings, actor=actor, now=now)
                if form.values["send_mail"]:
                    by_staff = asked.of_staff
                    link = mail_link(tenant, link, settings, keys(), by_staff=by_staff, actor=actor, now=now)
        except Refusal as refusal:
            return self._show(asked, typed=form.shown, link_errors=errors_of(refusal), status=refusal.status)
        return self.render("onboarding/link.html", asked, link=link, is_new=False)

    @page("/links/<link_id>/release", CONFIGURE, methods=("POST",), fresh=True)
    def release(self, asked: Asked, link_id: str) -> WerkzeugResponse:
        """Let a link be started anew, in another browser."""
        with transaction():
            release_link(asked.tenant, _id(link_id), actor=asked.actor, now=asked.now)
        notify("Released. The link starts in whichever browser opens it next.")
        return self.see_other("index", asked)

    @page("/links/<link_id>/revoke", CONFIGURE, methods=("POST",))
    def revoke(self, asked: Asked, link_id: str) -> WerkzeugResponse:
        """End a link at once."""
        with transaction():
            revoke_link(asked.tenant, _id(link_id), actor=asked.actor, now=asked.now)
        notify("Revoked. The link opens nothing any more.")
        return self.see_other("index", asked)

    @page("/activate", ONBOARD, methods=("POST",))
    def activate(self, asked: Asked) -> Response | WerkzeugResponse:
        """Let people sign in; without the steps that are missing only for a reason."""
        form = submitted(Activate(), request.form)
        if form.values is None:
            return self._show(asked, activate_errors=form.errors, status=422)
        try:
            with transaction():
                activate(asked.tenant, reason=form.values["reason"], actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._show(asked, activate_errors=errors_of(refusal), status=refusal.status)
        notify("Active. People can sign in, and the set-up links have done their work.")
        return self.see_other("index", asked)

    def _show(
        self,
        asked: Asked,
        *,
        typed: Mapping[str, Any] | None = None,
        link_errors: Mapping[str, Any] | None = None,
        activate_errors: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> Response:
        progress, mail = progress_of(asked.tenant), bool(web.settings().smtp_url)
        product = PRODUCTS.get(progress.facts.choices.product or "")
        return self.render(
            "onboarding/index.html",
            asked,
            status=status,
            progress=progress,
            details=_details(progress),
            steps=STEPS,
            chosen=product.name if product else None,
            own=service_provider_of(asked.tenant.origin),
            links=[(link, link_document(link, asked.tenant, asked.now)["state"]) for link in links_of(asked.tenant.id)],
            typed={"email": "", "expires_in_days": DEFAULT_LIFETIME.days, "send_mail": mail, **(typed or {})},
            mail=mail,
            link_errors=link_errors or {},
            activate_errors=activate_errors or {},
            domains_url=known_screen_url("domains.index", asked),
            may_configure=asked.may(CONFIGURE),
            may_activate=asked.may(ONBOARD),
        )


def _details(progress: Progress) -> Mapping[Step, str]:
    """What stands behind a step, in a few words."""
    facts, words = progress.facts, dict[Step, str]()
    proven = sum(claimed.proof is not None for claimed in facts.domains)
    if facts.provider is not None:
        words[Step.METADATA] = facts.provider.entity_id
    if facts.domains:
        words[Step.DOMAINS] = f"{proven} of {len(facts.domains)}"
    if facts.choices.refusal_test_skipped and facts.refused is None:
        words[Step.REFUSAL_TEST] = f"Left out: {facts.choices.refusal_test_skipped}"
    if facts.trials and facts.passed is None:
        words[Step.TEST] = f"The last one was refused: {facts.trials[0].code}"
    return words


def _id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
