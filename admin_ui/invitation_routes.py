"""Edges: an invitation's link, which sets a password and a second factor."""

from __future__ import annotations

from flask import Response, request

from admin_ui.door import CONSOLE_PATH
from admin_ui.enrolment import follow_invitation, place_of, require_invited
from admin_ui.sign_in_pages import invitation_page, recovery_codes_page
from admin_ui.staff_cookies import door, keep_staff_token
from admin_ui.staff_door import our_party, staff_blueprint
from identity.credentials.offers import Answer, new_offer, offer_again
from identity.exchanges import hash_of
from identity.people_letters import post_of
from tenants.errors import Refusal
from tenants.wiring import keys, settings

invitation_routes = staff_blueprint("staff_invitation", __name__)


@invitation_routes.get(CONSOLE_PATH + "/invitation/<token>")
def show_invitation(token: str) -> Response:
    """What an invitation leads to; looking changes nothing."""
    staff = require_invited(token, door().now)
    return invitation_page(token, staff, new_offer(place_of(hash_of(token)), keys(), door().now), our_party())


@invitation_routes.post(CONSOLE_PATH + "/invitation/<token>")
def take_invitation(token: str) -> Response:
    """Set password and second factor, and show the recovery codes, this once."""
    form, at, post = request.form, door(), post_of(settings(), keys())
    staff = require_invited(token, at.now)
    answer = Answer(sealed=form.get("sealed", ""), code=form.get("code", ""), passkey=form.get("passkey", ""))
    try:
        entered, codes = follow_invitation(token, form.get("password", ""), answer, our_party(), post, at)
    except Refusal as refusal:
        if "errors" not in refusal.detail:
            raise
        offer = offer_again(answer.sealed, place_of(hash_of(token)), keys(), at.now)
        return invitation_page(token, staff, offer, our_party(), refusal=refusal)
    response = recovery_codes_page(codes, entered.target)
    keep_staff_token(response, entered.token)
    return response
