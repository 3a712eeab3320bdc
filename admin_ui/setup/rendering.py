"""Set-up pages: from values to a response in the tenant's own look, with the steps beside it."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request

from admin_ui.rendering import render_branded
from identity.error_pages import refusal_response, wants_problem
from identity.response_headers import SELF, form_action_for
from identity.setup_progress import Progress, Step
from tenants.errors import RateLimited, Refusal
from tenants.idp_metadata import metadata_from_document
from tenants.records import TenantView
from tenants.service_provider import service_provider_of

STEP_WORDS = {
    Step.PRODUCT: "Product",
    Step.METADATA: "Connect",
    Step.DOMAINS: "E-mail domains",
    Step.TEST: "Test sign-in",
    Step.ATTRIBUTES: "Attributes",
    Step.REFUSAL_TEST: "Second test",
    Step.ACTIVATION: "Activate",
}
"""In the order that they are shown in."""
PAGES = {
    Step.PRODUCT: "product",
    Step.METADATA: "connect",
    Step.DOMAINS: "domains",
    Step.TEST: "test",
    Step.ATTRIBUTES: "attributes",
    Step.REFUSAL_TEST: "second-test",
    Step.ACTIVATION: "activate",
}


def address_of(step: Step) -> str:
    """The path of a step's page."""
    return f"/setup/{PAGES[step]}"


def step_page(
    template: str, view: TenantView, progress: Progress, here: Step, *, status: int = 200, **values: Any
) -> Response:
    """The page of one step. Its forms may lead to the identity provider, by way of the test sign-in."""
    steps = [
        {
            "words": words,
            "address": address_of(step),
            "done": progress.of(step).done,
            "optional": step is Step.REFUSAL_TEST,
            "here": step is here,
        }
        for step, words in STEP_WORDS.items()
    ]
    shared = {
        "steps": steps,
        "number": list(STEP_WORDS).index(here) + 1,
        "facts": progress.facts,
        "ours": service_provider_of(view.origin),
        "next_step": {"words": STEP_WORDS[progress.next], "address": address_of(progress.next), "name": progress.next.value},
    }
    return render_branded(
        f"setup/{template}", view, {**shared, **values}, status=status, form_action=_ways_out(progress)
    )


def plain_page(template: str, view: TenantView, *, status: int = 200, **values: Any) -> Response:
    """A page outside of the steps. Nothing of its address goes along with links and forms."""
    return render_branded(f"setup/{template}", view, {"steps": [], **values}, status=status, referrer="strict-origin")


def done_page(view: TenantView) -> Response:
    """Sign-in is set up: the way to it."""
    return plain_page("done.html", view)


def refusal_page(view: TenantView, refusal: Refusal, *, back: str = "") -> Response:
    """What was refused, and who can help; `back` is the page to try again on."""
    reference = g.get("reference", "")
    if wants_problem(request.accept_mimetypes, for_programs=False):
        return refusal_response(refusal, tenant=view, reference=reference, accepts=request.accept_mimetypes)
    response = plain_page("refused.html", view, status=refusal.status, refusal=refusal, reference=reference, back=back)
    if isinstance(refusal, RateLimited):
        response.headers["Retry-After"] = str(refusal.detail.get("retry_after", 30))
    return response


def _ways_out(progress: Progress) -> str | None:
    """Chromium applies `form-action` to redirects after a form, and the test sign-in may be one to the identity provider."""
    provider = progress.facts.provider
    if provider is None:
        return None
    locations = {endpoint.location for endpoint in metadata_from_document(provider.metadata_document).sso}
    return " ".join([SELF, *sorted({source for location in locations for source in form_action_for(location).split()})])
