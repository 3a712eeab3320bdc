"""Edges: links that set a password. The token stands in the path, which the log masks and no other site is told."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from identity.credentials.offers import Answer, new_offer, offer_again
from identity.exchanges import hash_of
from identity.local_pages.arriving import door, keep_browser, means, our_party, require_own_form
from identity.local_pages.drawing import link_page, page
from identity.local_sign_in.links import LINK_PATH, follow_link, place_of, require_link
from identity.tenant_host import to_current_mydomain
from tenants.errors import Refusal

local_link_routes = Blueprint("local_links", __name__)
local_link_routes.before_request(to_current_mydomain)
local_link_routes.before_request(require_own_form)


@local_link_routes.get(LINK_PATH + "<token>")
def show_link(token: str) -> Response:
    """What a link leads to; looking changes nothing."""
    at = door()
    linked = require_link(token, at)
    offer = new_offer(place_of(at.tenant.id, hash_of(token)), means().keys, at.now)
    return link_page(token, linked, offer, our_party(), at.tenant)


@local_link_routes.post(LINK_PATH + "<token>")
def take_link(token: str) -> WerkzeugResponse:
    """Set the password, and show recovery codes where a second factor was set up with it."""
    form, at = request.form, door()
    linked = require_link(token, at)
    answer = Answer(sealed=form.get("sealed", ""), code=form.get("code", ""), passkey=form.get("passkey", ""))
    try:
        followed = follow_link(token, form.get("password", ""), answer, our_party(), means(), at)
    except Refusal as refusal:
        if "errors" not in refusal.detail:
            raise
        offer = offer_again(answer.sealed, place_of(at.tenant.id, hash_of(token)), means().keys, at.now)
        return link_page(token, linked, offer, our_party(), at.tenant, refusal)
    going_to = "/break-glass" if linked.account.break_glass else "/sign-in"
    response = page("local_done.html", at.tenant, codes=followed.codes, going_to=going_to, signed_in=False)
    keep_browser(response, followed.device)
    return response
