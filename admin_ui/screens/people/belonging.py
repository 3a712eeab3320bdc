"""Where one person belongs: put into another organisation from their own page (G1)."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.organisations.choices import chosen_organisation, words_of
from config.database import transaction
from identity.organisations.members import put_people
from identity.people import require_person
from tenants.errors import NotFound
from tenants.management_errors import FieldsInvalid
from tenants.organisations.records import organisations_of
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE


class BelongingPages(TenantScreen):
    """The page of People that moves one of them."""

    @page("/<user_id>/organisation", CONFIGURE, methods=("POST",))
    def belong(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """Have them belong to another organisation, or to the tenant as a whole."""
        if not is_row_id(user_id):
            raise NotFound("no such id")
        require_person(asked.tenant.id, user_id)
        tree = organisations_of(asked.tenant.id)
        try:
            chosen = chosen_organisation(tree, request.form.get("organisation", ""), "organisation")
        except FieldsInvalid:
            notify("There is no such organisation any more. Nothing was changed.", "warn")
            return self.see_other("show", asked, user_id=user_id)
        with transaction():
            moved = put_people(asked.tenant, [user_id], chosen, actor=asked.actor, now=asked.now)
        where = words_of(asked, tree, chosen)
        notify(f"Moved to {where}. Sessions by a way that is not open there have ended." if moved else f"Stays in {where}.")
        return self.see_other("show", asked, user_id=user_id)
