"""A person's local account: given and taken away, its links, its second factors."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from identity.local_accounts.account_records import page_of_accounts
from identity.local_sign_in.accounts import give_account, show_account, take_account, take_factors
from identity.local_sign_in.door import Means
from identity.local_sign_in.links import IssuedLink, issue_link
from identity.people import require_person
from tenants import wiring
from tenants.errors import NotFound
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, READ

ACCOUNT = "/<user_id>"
ON_A_PAGE = 50
STATES = {
    "active": ("ok", "Has a password"),
    "invited": ("accent", "Invited"),
    "invitation_over": ("warn", "The invitation ran out"),
}


class LocalAccountsScreen(TenantScreen):
    """A tenant's local accounts, and the pages about one person's."""

    label, path, endpoint_name, icon, group = "Local accounts", "/local-accounts", "local_accounts", "password", "People"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Who has one, the newest people first."""
        after = request.args.get("after") or None
        found = page_of_accounts(asked.tenant.id, _row_id(after) if after else None, ON_A_PAGE + 1)
        following = found[ON_A_PAGE - 1].person.id if len(found) > ON_A_PAGE else None
        return self.render("people/local_accounts.html", asked, accounts=found[:ON_A_PAGE], following=following)

    @page(ACCOUNT, READ)
    def show(self, asked: Asked, user_id: str) -> Response:
        """What there is of one person's."""
        person = require_person(asked.tenant.id, _row_id(user_id))
        shown = show_account(asked.tenant.id, person.id, asked.now)
        actors = actor_words(asked, [shown.account.created_by]) if shown else {}
        mailed = bool(wiring.settings().smtp_url)
        return self.render(
            "people/local_account.html", asked, person=person, shown=shown, states=STATES, actors=actors, mailed=mailed
        )

    @page(ACCOUNT + "/link", CONFIGURE, methods=("POST",), fresh=True)
    def link(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """Give an account and an invitation; or one more link to whoever has an account."""
        tenant, person = asked.tenant, require_person(asked.tenant.id, _row_id(user_id))
        how: dict[str, Any] = {"show": False, "by_staff": asked.of_staff, "actor": asked.actor, "now": asked.now}
        with transaction():
            made = give_account(tenant, person.id, means(), **how) or issue_link(tenant, person.id, means(), **how)
        return self._told(asked, person.id, made)

    @page(ACCOUNT + "/second-factors", CONFIGURE, methods=("POST",), fresh=True)
    def second_factors(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """Take second factors away that were lost."""
        chosen = _row_id(user_id)
        with transaction():
            take_factors(asked.tenant, chosen, means(), actor=asked.actor, now=asked.now)
        notify("The second factors are gone, and every session of this person has ended.")
        return self.see_other("show", asked, user_id=chosen)

    @page(ACCOUNT + "/take", CONFIGURE, methods=("POST",), fresh=True)
    def take(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """Take the account away."""
        chosen = _row_id(user_id)
        with transaction():
            take_account(asked.tenant, chosen, means(), actor=asked.actor, now=asked.now)
        notify("The local account is gone, and the sessions that it opened have ended.")
        return self.see_other("show", asked, user_id=chosen)

    def _told(self, asked: Asked, user_id: str, made: IssuedLink) -> WerkzeugResponse:
        """Where no mail is sent, the link is shown this once."""
        if made.url is None:
            notify("A link is on its way by mail.")
            return self.see_other("show", asked, user_id=user_id)
        person = require_person(asked.tenant.id, user_id)
        return self.render("people/local_link.html", asked, person=person, made=made)


def means() -> Means:
    """What this deployment gives."""
    return Means(wiring.settings(), wiring.keys(), wiring.admins_of())


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such person")
    return text
