"""Break-glass: who may come in when single sign-on is down, and each time that somebody did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.forms import errors_of
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.people.local_accounts import means
from config.database import transaction
from identity.local_accounts.break_glass_records import named_admins
from identity.local_sign_in.accounts import holder_of
from identity.local_sign_in.break_glass import (
    MAX_REASON,
    MIN_REASON,
    acknowledge_use,
    name_break_glass,
    uses,
    withdraw_break_glass,
)
from tenants.errors import NotFound, Refusal
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE, READ

NO_FAULTS: Mapping[str, Sequence[str]] = {}


class BreakGlassScreen(TenantScreen):
    """A tenant's break-glass administrators."""

    label, path, endpoint_name, icon, group = "Break-glass", "/break-glass", "break_glass", "lifebuoy", "People"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Who is named, and who came in."""
        return self._page(asked)

    @page("/name", CONFIGURE, methods=("POST",), fresh=True)
    def name_one(self, asked: Asked) -> WerkzeugResponse:
        """Name somebody who has a local account."""
        email, reason = request.form.get("email", ""), request.form.get("reason", "")
        try:
            holder = holder_of(asked.tenant.id, email)
            with transaction():
                name_break_glass(asked.tenant, holder, reason, means(), actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._page(asked, email, reason, errors_of(refusal), refusal.status)
        notify("They are a break-glass administrator now, and everybody is told.")
        return self.see_other("index", asked)

    @page("/withdraw/<user_id>", CONFIGURE, methods=("POST",))
    def withdraw(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """Take the name back."""
        with transaction():
            withdraw_break_glass(asked.tenant.id, _row_id(user_id), actor=asked.actor, now=asked.now)
        notify("The name was taken back, and sessions that began by it have ended.")
        return self.see_other("index", asked)

    @page("/seen/<use_id>", CONFIGURE, methods=("POST",))
    def seen(self, asked: Asked, use_id: str) -> WerkzeugResponse:
        """Say that a use is known and in order."""
        with transaction():
            acknowledge_use(asked.tenant.id, _row_id(use_id), actor=asked.actor, now=asked.now)
        return self.see_other("index", asked)

    def _page(
        self,
        asked: Asked,
        email: str = "",
        reason: str = "",
        errors: Mapping[str, Sequence[str]] = NO_FAULTS,
        status: int = 200,
    ) -> Response:
        named, used = named_admins(asked.tenant.id), uses(asked.tenant.id)
        return self.render(
            "break_glass/index.html",
            asked,
            status=status,
            named=named,
            uses=used,
            actors=actor_words(asked, [*(item.named_by for item in named), *(item.seen_by for item in used)]),
            email=email,
            reason=reason,
            errors=errors,
            bounds=(MIN_REASON, MAX_REASON),
        )


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
