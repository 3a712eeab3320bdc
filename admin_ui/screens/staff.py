"""Staff owners look after staff: who has an account, what each may do, and where they are signed in."""

from __future__ import annotations

from flask import Response, request
from marshmallow import fields, validate
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.console_sessions import sessions_of
from admin_ui.factor_records import factors_of
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import notify
from admin_ui.screen import StaffScreen, page
from admin_ui.staff_accounts import (
    Invitation,
    change_active,
    change_role,
    end_sessions,
    invite,
    require_staff,
    reset,
)
from admin_ui.staff_events import staff_events
from admin_ui.staff_records import Staff, all_staff
from config.database import transaction
from identity.credentials.factors import passkeys_of, recovery_codes_left
from identity.people_letters import post_of
from tenants import web
from tenants.administration import MAX_NAME_LENGTH
from tenants.errors import NotFound, Refusal
from tenants.paging import is_row_id
from tenants.roles import ONBOARD, Role
from tenants.schema_fields import Strict, text
from tenants.wiring import keys

STAFF_ROLES = (Role.STAFF.value, Role.SUPPORT.value)
EVENTS_SHOWN = 25


class InviteForm(Strict):
    """A colleague who is to have an account."""

    email = text(254, required=True)
    name = text(MAX_NAME_LENGTH, required=True)
    role = fields.String(required=True, validate=validate.OneOf(STAFF_ROLES))


class StaffAccountsScreen(StaffScreen):
    """Staff, for owners."""

    label, path, endpoint_name, icon, group = "Staff", "/staff", "staff", "badge", "Service"

    @page("/", ONBOARD)
    def index(self, asked: Asked) -> Response:
        """Everybody, by name: there are as many as a company has people who run this."""
        events = staff_events(None, EVENTS_SHOWN)
        accounts = all_staff()
        return self.render(
            "staff/list.html",
            asked,
            accounts=accounts,
            people={account.id: account.name for account in accounts},
            events=events,
            actors=actor_words(asked, (event.actor for event in events)),
            now=asked.now,
        )

    @page("/invite", ONBOARD, fresh=True)
    def invite_form(self, asked: Asked) -> WerkzeugResponse:
        """Who is to be invited."""
        shown = {"role": Role.SUPPORT.value, "email": "", "name": ""}
        return self._invite_page(asked, shown, {}, 200)

    @page("/invite", ONBOARD, methods=("POST",), fresh=True)
    def invite(self, asked: Asked) -> WerkzeugResponse:
        """Make the account, and show its link, this once."""
        sent = submitted(InviteForm(), request.form)
        if sent.values is None:
            return self._invite_page(asked, sent.shown, sent.errors, 422)
        values = sent.values
        try:
            with transaction():
                made = invite(values["email"], values["name"], Role(values["role"]), actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._invite_page(asked, sent.shown, errors_of(refusal), refusal.status)
        return self._link_page(asked, made)

    @page("/<staff_id>/", ONBOARD)
    def show(self, asked: Asked, staff_id: str) -> Response:
        """One account: its role, factors, sessions, and what happened to it."""
        account = _account(staff_id)
        events = staff_events(None, EVENTS_SHOWN, staff_id=account.id)
        return self.render(
            "staff/show.html",
            asked,
            account=account,
            passkeys=passkeys_of(factors_of(account.id)),
            codes_left=recovery_codes_left(factors_of(account.id)),
            sessions=sessions_of(account.id, asked.now),
            events=events,
            actors=actor_words(asked, (event.actor for event in events)),
            own=account.id == asked.principal.id,
            now=asked.now,
        )

    @page("/<staff_id>/role", ONBOARD, methods=("POST",), fresh=True)
    def role(self, asked: Asked, staff_id: str) -> WerkzeugResponse:
        """Owner, or support; ends the account's sessions."""
        account, role = _account(staff_id), request.form.get("role", "")
        if role not in STAFF_ROLES:
            raise NotFound("no such role")
        with transaction():
            change_role(account.id, Role(role), actor=asked.actor, now=asked.now)
        notify("The role was changed. Open sessions of the account were ended.")
        return self.see_other("show", asked, staff_id=account.id)

    @page("/<staff_id>/active", ONBOARD, methods=("POST",), fresh=True)
    def active(self, asked: Asked, staff_id: str) -> WerkzeugResponse:
        """Switch an account off, or on again."""
        account, wanted = _account(staff_id), request.form.get("active") == "yes"
        with transaction():
            change_active(account.id, wanted, actor=asked.actor, now=asked.now)
        notify("The account is switched on." if wanted else "The account is switched off, and its sessions have ended.")
        return self.see_other("show", asked, staff_id=account.id)

    @page("/<staff_id>/reset", ONBOARD, methods=("POST",), fresh=True)
    def reset(self, asked: Asked, staff_id: str) -> WerkzeugResponse:
        """Take password and factors away, and show a new link, this once."""
        account = _account(staff_id)
        with transaction():
            made = reset(account.id, post_of(web.settings(), keys()), actor=asked.actor, now=asked.now)
        return self._link_page(asked, made)

    @page("/<staff_id>/sessions", ONBOARD, methods=("POST",), fresh=True)
    def sessions(self, asked: Asked, staff_id: str) -> WerkzeugResponse:
        """End one session of an account, or all of them."""
        account, chosen = _account(staff_id), request.form.get("session") or None
        if chosen is not None and not is_row_id(chosen):
            raise NotFound("no such session")
        with transaction():
            end_sessions(account.id, actor=asked.actor, now=asked.now, session_id=chosen)
        notify("The session has ended." if chosen else "All sessions of the account have ended.")
        return self.see_other("show", asked, staff_id=account.id)

    def _invite_page(self, asked: Asked, shown: object, errors: object, status: int) -> Response:
        return self.render("staff/invite.html", asked, status=status, shown=shown, errors=errors)

    def _link_page(self, asked: Asked, made: Invitation) -> Response:
        link = web.settings().app_url + made.path
        return self.render("staff/link.html", asked, account=require_staff(made.staff_id), link=link)


def _account(staff_id: str) -> Staff:
    if not is_row_id(staff_id):
        raise NotFound("no such id")
    return require_staff(staff_id)
