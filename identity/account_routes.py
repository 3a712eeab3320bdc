"""Edges of a person's own page: the devices that they are signed in on (S2)."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode

from flask import Blueprint, request
from werkzeug.wrappers import Response as WerkzeugResponse

from config.database import transaction
from identity.account_pages import account_page
from identity.browsers import session_here
from identity.devices import devices_of, end_device, end_other_devices
from identity.errors import RequestInvalid
from identity.form_body import read_form
from identity.logout_routes import leave
from identity.tenant_host import read_posted, require_same_origin, see_other, to_current_mydomain
from tenants import web
from tenants.paging import is_row_id

ACCOUNT_PATH = "/account"
MAX_ACCOUNT_BODY = 4 * 1024

account_routes = Blueprint("devices", __name__)
account_routes.before_request(to_current_mydomain)


@account_routes.get(ACCOUNT_PATH)
def account() -> WerkzeugResponse:
    """The devices of whoever is signed in; others sign in first and come back."""
    tenant, now = web.tenant(), _now()
    session = session_here(now)
    if session is None:
        return to_sign_in()
    return account_page(tenant, session, devices_of(tenant, web.trust().organisations, session, now), now=now, ended=_ended())


@account_routes.post(f"{ACCOUNT_PATH}/sessions")
def end_sessions() -> WerkzeugResponse:
    """End one device, all others, or all: `session` names one, `which` is `others` or `all`."""
    tenant, now = web.tenant(), _now()
    require_same_origin()
    fields = dict(read_form(read_posted(MAX_ACCOUNT_BODY)))
    session = session_here(now)
    if session is None:
        return to_sign_in()
    session_id, which = fields.get("session", ""), fields.get("which", "")
    if which in ("others", "all") and not session_id:
        with transaction():
            ended = end_other_devices(tenant, session, now)
        return leave(tenant) if which == "all" else see_other(f"{ACCOUNT_PATH}?ended={ended}")
    if which or not is_row_id(session_id):
        raise RequestInvalid("neither one session, nor others, nor all")
    if session_id == session.id:
        return leave(tenant)
    with transaction():
        end_device(tenant, session, session_id, now)
    return see_other(f"{ACCOUNT_PATH}?ended=1")


def to_sign_in() -> WerkzeugResponse:
    """Sign in first, and come back here."""
    return see_other("/saml/login?" + urlencode({"next": ACCOUNT_PATH}))


def _ended() -> int | None:
    """How many have ended, as the address says after ending them; whatever else it says is nothing."""
    text = request.args.get("ended", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= len("999999") else None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
