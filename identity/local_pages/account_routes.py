"""Edges: one's own password and second factors."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from identity.browsers import keep_session, session_here
from identity.credentials.errors import PasswordNotAllowed, SecondFactorInvalid
from identity.credentials.factors import passkeys_of, recovery_codes_left
from identity.credentials.offers import Answer, new_offer, read_factor
from identity.errors import NotSignedIn
from identity.local_accounts.errors import LastLocalFactor
from identity.local_accounts.factor_records import factors_of
from identity.local_pages.arriving import door, means, our_party, require_own_form
from identity.local_pages.drawing import account_page, page
from identity.local_sign_in import own_account
from identity.local_sign_in.door import Door
from identity.local_sign_in.links import place_of
from identity.local_sign_in.own_account import Own
from identity.tenant_host import to_current_mydomain
from tenants.errors import NotFound, RateLimited, Refusal
from tenants.management_errors import FieldsInvalid
from tenants.paging import is_row_id

ACCOUNT_PATH = "/account/sign-in"
PARTS = ("password", "app", "passkeys", "recovery-codes")
SHOWN_AGAIN = (PasswordNotAllowed, SecondFactorInvalid, RateLimited, LastLocalFactor, FieldsInvalid)
DONE: Mapping[str, str] = {
    "password": "Your password was changed. Your other sessions have ended.",
    "app": "The authenticator app is set up. A former one shows wrong codes from now on.",
    "app_removed": "The authenticator app was given up.",
    "passkey": "The passkey was added.",
    "passkey_removed": "The passkey was removed.",
}

local_account_routes = Blueprint("local_account", __name__)
local_account_routes.before_request(to_current_mydomain)
local_account_routes.before_request(require_own_form)


@local_account_routes.get(ACCOUNT_PATH)
def show_account() -> Response:
    """All of it on one page."""
    at = door()
    return _page(_own(at), at, done=DONE.get(request.args.get("done", ""), ""))


@local_account_routes.post(ACCOUNT_PATH + "/<what>")
def change_account(what: str) -> WerkzeugResponse:
    """Change one thing, with the present password."""
    at = door()
    own = _own(at)
    if what not in PARTS:
        raise NotFound("no such part of an account")
    try:
        own_account.require_present(own, request.form.get("present", ""), at)
        codes, token, done = _changed(what, own, at)
    except SHOWN_AGAIN as refusal:
        return _page(own, at, refusal)
    response: WerkzeugResponse
    if codes:
        response = page("local_done.html", at.tenant, codes=codes, going_to=ACCOUNT_PATH, signed_in=True)
    else:
        response = redirect(f"{ACCOUNT_PATH}?done={done}", 303)
    keep_session(response, token)
    return response


def _changed(what: str, own: Own, at: Door) -> tuple[list[str], str, str]:
    """Recovery codes to show, the session's new token, and what was done."""
    form, given = request.form, means()
    removed = form.get("remove", "")
    if what == "password":
        return [], own_account.change_password(own, form.get("password", ""), given, at), "password"
    if what == "recovery-codes":
        return (*own_account.new_codes(own, given, at), "")
    if what == "app" and removed:
        return [], own_account.drop_app(own, given, at), "app_removed"
    if what == "passkeys" and removed:
        if not is_row_id(removed):
            raise NotFound("no such passkey")
        return [], own_account.drop_passkey(own, removed, given, at), "passkey_removed"
    passkey = (form.get("passkey", "") or "none") if what == "passkeys" else ""
    answer = Answer(sealed=form.get("sealed", ""), code=form.get("code", ""), passkey=passkey)
    factor = read_factor(answer, place_of(at.tenant.id, own.session_id), our_party(), given.keys, at.now)
    codes, token = own_account.change_factor(own, factor, form.get("label", ""), given, at)
    return codes, token, "app" if what == "app" else "passkey"


def _own(at: Door) -> Own:
    """One's own account; who has none here has no such page."""
    session = session_here(at.now)
    if session is None:
        raise NotSignedIn("no live session")
    own = own_account.own_account_of(at.tenant.id, session.person.id, session.id)
    if own is None:
        raise NotFound("no local account")
    return own


def _page(own: Own, at: Door, refusal: Refusal | None = None, *, done: str = "") -> Response:
    tenant_id, user_id = at.tenant.id, own.account.person.id
    offer = new_offer(place_of(tenant_id, own.session_id), means().keys, at.now)
    factors = factors_of(tenant_id, user_id)
    left, passkeys = recovery_codes_left(factors), passkeys_of(factors)
    return account_page(own.account, passkeys, left, offer, our_party(), at.tenant, refusal, done=done)
