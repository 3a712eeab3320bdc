"""API tokens of a tenant: made, shown once, revoked (A4, I1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.errors import ConsoleForbidden
from admin_ui.forms import errors_of, submitted
from admin_ui.listing import Column, Listing, Page, read_query
from admin_ui.principals import require_no_emergency
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from admin_ui.staff_records import find_staff, hold_staff
from config.database import transaction
from identity.console_roles import console_role_of
from identity.errors import NotSignedIn
from identity.people_records import hold_person
from tenants.access_tokens import MadeToken, make_tenant_token, revoke_tenant_token
from tenants.errors import NotFound, Refusal
from tenants.paging import cursor_of, cursor_scope, key_of
from tenants.roles import CONFIGURE, READ, Role
from tenants.tenant_records import hold_version
from tenants.token_schemas import TokenCreate
from tenants.tokens import PUBLIC_ID, page_of_tokens, place_of, read_duration

LISTING = Listing(
    columns=(Column("Token"), Column("May"), Column("State"), Column("Made"), Column("Ends"), Column("", end=True)),
    sort="-created",
    empty="No tokens yet",
    empty_help="A token lets a program use the management API in this organisation's name.",
)
PLACE = re.compile(rf"[0-9T:.+-]{{19,40}} {PUBLIC_ID.pattern}")
LIFETIMES = (("1d", "A day"), ("30d", "30 days"), ("90d", "90 days"), ("366d", "A year"))
ROLES = (
    ("viewer", "Read", "Sees everything of this organisation, and changes nothing."),
    ("admin", "Administer", "Changes identity providers, settings, people and tokens."),
)
BLANK: Mapping[str, str] = {"role": "viewer", "label": "", "expires_in": "90d"}


class TokensScreen(TenantScreen):
    """The list, the form, and the secret that is shown once."""

    label, path, endpoint_name, icon, group = "API tokens", "/tokens", "tokens", "token", "Settings"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Tokens, newest first; never their secrets."""
        return self._list(asked, BLANK, {})

    @page("/", CONFIGURE, methods=("POST",), fresh=True)
    def create(self, asked: Asked) -> WerkzeugResponse:
        """Make one, and show its secret in this answer: nothing keeps it, so there is no other page to lead to."""
        form = submitted(TokenCreate(), request.form)
        shown = {**BLANK, **form.shown}
        if form.values is None:
            return self._list(asked, shown, form.errors, status=422)
        values = form.values
        try:
            require_no_emergency(asked.principal)
            with transaction():
                made_under = _hold_maker(asked)
                made = make_tenant_token(
                    asked.tenant,
                    Role(values["role"]),
                    label=values["label"],
                    lifetime=read_duration(values["expires_in"]),
                    actor=asked.actor,
                    now=asked.now,
                    made_under=made_under,
                )
        except (NotSignedIn, ConsoleForbidden):
            raise
        except Refusal as refusal:
            return self._list(asked, shown, errors_of(refusal), status=refusal.status)
        return self._list(asked, BLANK, {}, made=made)

    @page("/<token_id>/revoke", CONFIGURE, methods=("POST",))
    def revoke(self, asked: Asked, token_id: str) -> WerkzeugResponse:
        """End one at once."""
        if not PUBLIC_ID.fullmatch(token_id):
            raise NotFound("no such id")
        with transaction():
            token = revoke_tenant_token(asked.tenant.id, token_id, actor=asked.actor, now=asked.now)
        notify(f"{token.label or token.public_id} is revoked: calls with it are refused from now on.")
        return self.see_other("index", asked)

    def _list(
        self,
        asked: Asked,
        shown: Mapping[str, Any],
        errors: Mapping[str, Any],
        *,
        made: MadeToken | None = None,
        status: int = 200,
    ) -> Response:
        query = read_query(LISTING, request.args)
        scope = cursor_scope("console tokens", asked.tenant.id)
        found = page_of_tokens(asked.tenant.id, key_of(query.cursor, scope, PLACE), query.limit + 1)
        rows = found[: query.limit]
        following = cursor_of(place_of(rows[-1]), scope) if len(found) > query.limit else None
        response = self.render(
            "tokens/list.html",
            asked,
            status=status,
            listing=LISTING,
            query=query,
            shown_rows=Page(rows, following),
            form_values=shown,
            errors=errors,
            made=made,
            roles=ROLES,
            lifetimes=LIFETIMES,
            may_change=asked.may(CONFIGURE),
        )
        response.headers["Cache-Control"] = "no-store"
        return response


def _hold_maker(asked: Asked) -> str | None:
    """Whoever is switched off this moment, or loses their role, leaves no token behind: by what role they make one."""
    own = asked.principal
    if own.tenant_id is None:
        hold_staff(own.id)
        staff = find_staff(own.id)
        if staff is None or not staff.active or not CONFIGURE.allows(Role(staff.role)):
            raise ConsoleForbidden("switched off or demoted meanwhile")
        return None
    if not hold_person(own.tenant_id, own.id):
        raise NotSignedIn("switched off meanwhile")
    hold_version(own.tenant_id)
    held = console_role_of(own.tenant_id, own.id, own.session_id)
    if held is None or held.role is not Role.ADMIN:
        raise ConsoleForbidden("without a role meanwhile")
    return held.made_under
