"""Staff look after their own account: password, app, passkeys, recovery codes, sessions."""

from __future__ import annotations

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.console_sessions import sessions_of
from admin_ui.enrolment import place_of
from admin_ui.factor_records import factors_of
from admin_ui.forms import errors_of
from admin_ui.own_account import (
    add_own_passkey,
    change_password,
    change_totp,
    new_codes,
    remove_own_passkey,
    remove_totp,
)
from admin_ui.rendering import notify
from admin_ui.screen import StaffScreen, page
from admin_ui.screens.proof import proof_first
from admin_ui.sign_in_pages import faults_of
from admin_ui.staff_accounts import end_sessions, require_staff
from admin_ui.staff_cookies import door, keep_staff_token
from admin_ui.staff_door import our_party
from config.database import transaction
from identity.credentials.errors import PasswordNotAllowed, SecondFactorInvalid
from identity.credentials.factors import passkeys_of, recovery_codes_left
from identity.credentials.offers import Answer, new_offer, offer_again, read_factor
from identity.credentials.passkeys import registration_options
from identity.credentials.second_factors import enrolment_address, enrolment_picture, spaced
from identity.page_rendering import PRODUCT
from identity.people_letters import Post, post_of
from tenants.errors import NotFound, RateLimited, Refusal
from tenants.paging import is_row_id
from tenants.roles import LIST_TENANTS
from tenants.wiring import keys, settings


class AccountScreen(StaffScreen):
    """One's own account."""

    label, path, endpoint_name, icon = "Your account", "/account", "account", "user"

    @page("/", LIST_TENANTS)
    def index(self, asked: Asked) -> Response:
        """All of it on one page."""
        return self._page(asked)

    @page("/password", LIST_TENANTS, methods=("POST",))
    def password(self, asked: Asked) -> WerkzeugResponse:
        """Another password."""
        if elsewhere := self._proof_first(asked):
            return elsewhere
        form = request.form
        try:
            token = change_password(asked.principal, form.get("present", ""), form.get("password", ""), _post(), door())
        except (PasswordNotAllowed, SecondFactorInvalid, RateLimited) as refusal:
            return self._page(asked, refusal)
        return self._renewed(asked, token, "Your password was changed. Your other sessions have ended.")

    @page("/app", LIST_TENANTS)
    def app_form(self, asked: Asked) -> WerkzeugResponse:
        """The picture for another authenticator app."""
        if elsewhere := proof_first(asked, self.url_of("app_form", asked)):
            return elsewhere
        return self._app_page(asked)

    @page("/app", LIST_TENANTS, methods=("POST",))
    def app(self, asked: Asked) -> WerkzeugResponse:
        """Use another app, once it has shown the right code; or none."""
        if elsewhere := self._proof_first(asked):
            return elsewhere
        if request.form.get("remove") == "yes":
            return self._renewed(asked, remove_totp(asked.principal, _post(), asked.now), "The authenticator app was given up.")
        answer = Answer(sealed=request.form.get("sealed", ""), code=request.form.get("code", ""))
        try:
            factor = read_factor(answer, place_of(asked.principal.session_id), our_party(), keys(), asked.now)
        except SecondFactorInvalid as refusal:
            return self._app_page(asked, answer.sealed, refusal)
        token = change_totp(asked.principal, factor, _post(), asked.now)
        return self._renewed(asked, token, "The app is set up. A former one shows wrong codes from now on.")

    @page("/passkeys", LIST_TENANTS, methods=("POST",))
    def passkeys(self, asked: Asked) -> WerkzeugResponse:
        """Keep a passkey that was made, or remove one."""
        if elsewhere := self._proof_first(asked):
            return elsewhere
        removed = request.form.get("remove", "")
        if removed:
            if not is_row_id(removed):
                raise NotFound("no such passkey")
            token = remove_own_passkey(asked.principal, removed, _post(), asked.now)
            return self._renewed(asked, token, "The passkey was removed.")
        answer = Answer(sealed=request.form.get("sealed", ""), passkey=request.form.get("passkey", "") or "none")
        try:
            factor = read_factor(answer, place_of(asked.principal.session_id), our_party(), keys(), asked.now)
            token = add_own_passkey(asked.principal, factor, request.form.get("label", ""), _post(), asked.now)
        except Refusal as refusal:
            return self._page(asked, refusal)
        return self._renewed(asked, token, "The passkey was added.")

    @page("/recovery-codes", LIST_TENANTS, methods=("POST",))
    def recovery_codes(self, asked: Asked) -> WerkzeugResponse:
        """Ten new codes, shown this once."""
        if elsewhere := self._proof_first(asked):
            return elsewhere
        codes, token = new_codes(asked.principal, _post(), asked.now)
        response = self.render("account/codes.html", asked, codes=codes)
        keep_staff_token(response, token)
        return response

    @page("/sessions", LIST_TENANTS, methods=("POST",))
    def sessions(self, asked: Asked) -> WerkzeugResponse:
        """End one of one's sessions, or all others."""
        chosen, own = request.form.get("session") or None, asked.principal
        if chosen is not None and not is_row_id(chosen):
            raise NotFound("no such session")
        others = {"session_id": chosen} if chosen else {"other_than": own.session_id}
        with transaction():
            end_sessions(own.id, actor=own.actor, now=asked.now, **others)
        notify("The session has ended." if chosen else "All other sessions have ended.")
        return self.see_other("index", asked)

    def _page(self, asked: Asked, refusal: Refusal | None = None) -> Response:
        own, account = asked.principal, require_staff(asked.principal.id)
        passkeys, offer = passkeys_of(factors_of(own.id)), new_offer(place_of(own.session_id), keys(), asked.now)
        known = [passkey.credential_id for passkey in passkeys]
        options = registration_options(
            our_party(), offer.challenge, owner_id=own.id, email=own.email, name=own.name, known=known
        )
        return self.render(
            "account/index.html",
            asked,
            status=refusal.status if refusal else 200,
            account=account,
            passkeys=passkeys,
            codes_left=recovery_codes_left(factors_of(own.id)),
            sessions=sessions_of(own.id, asked.now),
            sealed=offer.sealed,
            options=options,
            errors=faults_of(refusal),
        )

    def _app_page(self, asked: Asked, sealed: str = "", refusal: Refusal | None = None) -> Response:
        offer = offer_again(sealed, place_of(asked.principal.session_id), keys(), asked.now)
        return self.render(
            "account/app.html",
            asked,
            status=refusal.status if refusal else 200,
            sealed=offer.sealed,
            secret=spaced(offer.secret),
            picture=enrolment_picture(enrolment_address(offer.secret, asked.principal.email, PRODUCT)),
            errors=errors_of(refusal) if refusal else {},
        )

    def _renewed(self, asked: Asked, token: str, sentence: str) -> WerkzeugResponse:
        notify(sentence)
        response = self.see_other("index", asked)
        keep_staff_token(response, token)
        return response

    def _proof_first(self, asked: Asked) -> WerkzeugResponse | None:
        return proof_first(asked, self.url_of("index", asked))


def _post() -> Post:
    return post_of(settings(), keys())
