"""A tenant's e-mail domains: which count, what proves those that wait, staff's word (T6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from tenants import web
from tenants.domain_errors import UNPROVEN
from tenants.domain_proof import (
    add_email_domain,
    attest_email_domain,
    challenge_record,
    remove_email_domain,
    verify_email_domain,
)
from tenants.domain_records import claimed_domains
from tenants.domain_schemas import DomainAdd, DomainAttest
from tenants.errors import NotFound, Refusal
from tenants.roles import CONFIGURE, ONBOARD, READ
from tenants.tenant_records import Attestation


class DomainsScreen(TenantScreen):
    """The domains; each form names one in its body, so that an address holds nothing odd."""

    label, path, endpoint_name, icon, group = "E-mail domains", "/domains", "domains", "globe", "Identity management"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """The list."""
        return self._show(asked)

    @page("/add", CONFIGURE, methods=("POST",))
    def add(self, asked: Asked) -> Response | WerkzeugResponse:
        """Add a domain that waits for its proof."""
        form = submitted(DomainAdd(), request.form)
        if form.values is None:
            return self._show(asked, typed=form.shown, errors=form.errors, status=422)
        try:
            with transaction():
                added = add_email_domain(asked.tenant, form.values["domain"], actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            errors = errors_of(refusal) if "errors" in refusal.detail else {"domain": [refusal.sentence]}
            return self._show(asked, typed=form.shown, errors=errors, status=refusal.status)
        notify(f"{added.domain} is added. It counts once it is proven.")
        return self.see_other("index", asked)

    @page("/verify", CONFIGURE, methods=("POST",))
    def verify(self, asked: Asked) -> Response | WerkzeugResponse:
        """Look for the TXT record now."""
        domain = request.form.get("domain", "")
        try:
            verify_email_domain(asked.tenant, domain, web.settings(), actor=asked.actor, now=asked.now)
        except NotFound:
            raise
        except Refusal as refusal:
            return self._show(asked, about=domain, refusal=refusal, status=refusal.status)
        notify(f"{domain} is proven.")
        return self.see_other("index", asked)

    @page("/attest", ONBOARD, methods=("POST",), fresh=True)
    def attest(self, asked: Asked) -> Response | WerkzeugResponse:
        """Staff's word, with a reason that is kept."""
        domain, form = request.form.get("domain", ""), submitted(DomainAttest(), request.form)
        if form.values is None:
            return self._show(asked, about=domain, attest_errors=form.errors, status=422)
        try:
            with transaction():
                attestation = Attestation(form.values["reason"])
                attest_email_domain(asked.tenant, domain, attestation, actor=asked.actor, now=asked.now)
        except NotFound:
            raise
        except Refusal as refusal:
            return self._show(asked, about=domain, refusal=refusal, status=refusal.status)
        notify(f"{domain} counts from now on.")
        return self.see_other("index", asked)

    @page("/remove", CONFIGURE, methods=("POST",))
    def remove(self, asked: Asked) -> WerkzeugResponse:
        """Give a domain up."""
        domain = request.form.get("domain", "")
        with transaction():
            remove_email_domain(asked.tenant, domain, actor=asked.actor, now=asked.now)
        notify(f"{domain} is removed. Nobody with an address there gets in any more.")
        return self.see_other("index", asked)

    def _show(
        self,
        asked: Asked,
        *,
        typed: Mapping[str, Any] | None = None,
        errors: Mapping[str, Any] | None = None,
        about: str = "",
        refusal: Refusal | None = None,
        attest_errors: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> Response:
        items = [
            {
                "claimed": claimed,
                "record": challenge_record(claimed),
                "outcome": UNPROVEN.get(claimed.outcome or ""),
                "refusal": refusal if claimed.domain == about else None,
                "errors": (attest_errors or {}) if claimed.domain == about else {},
            }
            for claimed in claimed_domains(asked.tenant.id)
        ]
        return self.render(
            "domains/list.html",
            asked,
            status=status,
            items=items,
            typed={"domain": "", **(typed or {})},
            errors=errors or {},
            may_change=asked.may(CONFIGURE),
            may_attest=asked.may(ONBOARD),
        )
