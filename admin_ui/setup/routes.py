"""Edges of a set-up link: opened, started, and its steps in order."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, Flask, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.csrf import require_own_form
from admin_ui.rendering import notify
from admin_ui.setup import connecting, proving, testing
from admin_ui.setup.rendering import address_of, plain_page, refusal_page, step_page
from admin_ui.setup.visit import SETUP_COOKIE, Visit, own_host, to_present_host, visited
from config.database import transaction
from identity.onboarding import activate, take_product
from identity.setup_progress import Step, progress_of
from tenants.errors import Refusal
from tenants.onboarding.errors import SetupLinkClaimed
from tenants.onboarding.link_records import LinkRow, find_by_claim
from tenants.onboarding.links import claim_link, masked_email, open_link
from tenants.onboarding.products import PRODUCTS

setup = Blueprint("setup", __name__, url_prefix="/setup")


def install_setup(app: Flask) -> None:
    """Put the set-up pages at /setup/ of every tenant's host."""
    for blueprint in (setup, connecting.pages, proving.pages, testing.pages):
        app.register_blueprint(blueprint)


@setup.get("/<token>")
def opened(token: str) -> WerkzeugResponse:
    """Somebody, or a mail scanner, opens the link: it says whose it is and waits for the button. Nothing changes."""
    view, now = own_host(), dt.datetime.now(dt.UTC)
    if elsewhere := to_present_host(view):
        return elsewhere
    try:
        link = open_link(view.id, view.state, token, now)
        if _is_ours(link):
            return redirect("/setup/", 303)
        if link.claimed_at is not None:
            raise SetupLinkClaimed("opened in another browser", email=masked_email(link.email))
    except Refusal as refusal:
        return refusal_page(view, refusal)
    return plain_page("welcome.html", view, email=masked_email(link.email), expires_at=link.expires_at)


@setup.post("/<token>")
def started(token: str) -> WerkzeugResponse:
    """The button was pressed: the link is this browser's from now on, and the address has no secret in it any more."""
    view, now = own_host(), dt.datetime.now(dt.UTC)
    if elsewhere := to_present_host(view):
        return elsewhere
    try:
        require_own_form()
        link = open_link(view.id, view.state, token, now)
        with transaction():
            secret = claim_link(link, now)
    except Refusal as refusal:
        return refusal_page(view, refusal)
    response = redirect("/setup/", 303)
    seconds = int((link.expires_at - now).total_seconds())
    response.set_cookie(SETUP_COOKIE, secret, max_age=seconds, path="/", secure=True, httponly=True, samesite="Lax")
    response.headers["Cache-Control"] = "no-store"
    return response


@setup.get("/", strict_slashes=False)
@visited
def here(visit: Visit) -> WerkzeugResponse:
    """Where the set-up stands: its next step."""
    return redirect(address_of(progress_of(visit.tenant).next), 303)


@setup.get("/product")
@visited
def product(visit: Visit) -> WerkzeugResponse:
    """Which product the identity provider is."""
    return step_page("product.html", visit.view, progress_of(visit.tenant), Step.PRODUCT, products=PRODUCTS.values())


@setup.post("/product")
@visited
def choose_product(visit: Visit) -> WerkzeugResponse:
    """Choose the product; one that is connected already gets its settings."""
    with transaction():
        take_product(visit.tenant, request.form.get("product", ""), actor=visit.actor, now=visit.now)
    return redirect(address_of(Step.METADATA), 303)


@setup.get("/activate")
@visited
def activation(visit: Visit) -> WerkzeugResponse:
    """What is there and what is missing, before people may sign in."""
    progress = progress_of(visit.tenant)
    missing = [{"words": words, "address": address_of(step)} for step, words in _WORDS.items() if step in progress.missing]
    return step_page("activate.html", visit.view, progress, Step.ACTIVATION, missing=missing)


@setup.post("/activate")
@visited
def activated(visit: Visit) -> WerkzeugResponse:
    """Let people sign in; the link has then done its work."""
    with transaction():
        activate(visit.tenant, actor=visit.actor, now=visit.now)
    notify("Sign-in is active.")
    return redirect("/setup/", 303)


_WORDS = {
    Step.PRODUCT: "Choose your product",
    Step.METADATA: "Connect your identity provider",
    Step.DOMAINS: "Prove an e-mail domain",
    Step.TEST: "Pass a test sign-in",
    Step.ATTRIBUTES: "Have the e-mail address arrive",
}


def _is_ours(link: LinkRow) -> bool:
    secret = request.cookies.get(SETUP_COOKIE)
    claimed = find_by_claim(link.tenant_id, secret) if secret else None
    return claimed is not None and claimed.id == link.id

