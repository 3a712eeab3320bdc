"""Set-up pages: e-mail domains and their proof by DNS."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.rendering import notify
from admin_ui.setup.rendering import address_of, step_page
from admin_ui.setup.visit import Visit, visited
from config.database import transaction
from identity.setup_progress import Step, progress_of
from tenants import web
from tenants.domain_errors import UNPROVEN, DomainUnproven
from tenants.domain_proof import (
    add_email_domain,
    challenge_record,
    remove_email_domain,
    require_email_domain,
    verify_email_domain,
)
from tenants.errors import ConflictingState, DomainInvalid, DomainTaken, RateLimited, Refusal
from tenants.management_errors import FieldsInvalid

pages = Blueprint("setup_proving", __name__, url_prefix="/setup")


@pages.get("/domains")
@visited
def domains(visit: Visit) -> WerkzeugResponse:
    """Each domain: proven, or what to publish for it."""
    return _domains_page(visit)


@pages.post("/domains")
@visited
def add_domain(visit: Visit) -> WerkzeugResponse:
    """Add a domain that waits for its proof."""
    typed = request.form.get("domain", "")
    try:
        with transaction():
            add_email_domain(visit.tenant, typed, actor=visit.actor, now=visit.now)
    except (DomainInvalid, DomainTaken, FieldsInvalid) as refusal:
        return _domains_page(visit, refusal, typed=typed)
    return redirect(address_of(Step.DOMAINS), 303)


@pages.post("/domains/verify")
@visited
def verify_domain(visit: Visit) -> WerkzeugResponse:
    """Look the record up now; once a domain is proven, the next step follows."""
    domain = request.form.get("domain", "")
    try:
        verify_email_domain(visit.tenant, domain, web.settings(), actor=visit.actor, now=visit.now)
    except (DomainUnproven, DomainTaken, RateLimited) as refusal:
        return _domains_page(visit, refusal, about=domain)
    notify(f"{domain} is proven.")
    progress = progress_of(visit.tenant)
    return redirect(address_of(progress.next if progress.of(Step.DOMAINS).done else Step.DOMAINS), 303)


@pages.post("/domains/remove")
@visited
def remove_domain(visit: Visit) -> WerkzeugResponse:
    """Take back a domain that is not proven; one that counts is not a set-up link's to remove."""
    domain = request.form.get("domain", "")
    with transaction():
        if require_email_domain(visit.tenant.id, domain).proof is not None:
            raise ConflictingState("a proven domain")
        remove_email_domain(visit.tenant, domain, actor=visit.actor, now=visit.now)
    return redirect(address_of(Step.DOMAINS), 303)


def _domains_page(
    visit: Visit, refusal: Refusal | None = None, *, about: str = "", typed: str = ""
) -> WerkzeugResponse:
    progress = progress_of(visit.tenant)
    items: list[dict[str, Any]] = [
        {
            "claimed": claimed,
            "record": challenge_record(claimed),
            "outcome": UNPROVEN.get(claimed.outcome or ""),
            "refusal": refusal if about == claimed.domain else None,
        }
        for claimed in progress.facts.domains
    ]
    status = refusal.status if refusal else 200
    general = refusal if refusal and not about else None
    return step_page(
        "domains.html", visit.view, progress, Step.DOMAINS, status=status, items=items, refusal=general, typed=typed
    )
