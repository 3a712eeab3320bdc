"""Where people belong: one is put into another organisation from their own page, or those who were picked in the list (G1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.organisations.choices import ROOT, chosen_organisation, field_value, organisation_choices, words_of
from config.database import transaction
from identity.organisations.members import MAX_MOVED, count_moved, put_people, put_those_there
from identity.organisations.records import standings_of
from identity.people import require_person
from tenants.errors import NotFound, Refusal
from tenants.management_errors import FieldsInvalid
from tenants.organisations.records import organisations_of
from tenants.paging import is_row_id
from tenants.roles import CONFIGURE

NOTHING: Mapping[str, Any] = {}


class BelongingPages(TenantScreen):
    """The pages of People that move one of them, or several."""

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
            moved = count_moved(put_people(asked.tenant, [user_id], chosen, actor=asked.actor, now=asked.now))
        where = words_of(asked, tree, chosen)
        notify(f"Moved to {where}. Sessions by a way that is not open there have ended." if moved else f"Stays in {where}.")
        return self.see_other("show", asked, user_id=user_id)

    @page("/move", CONFIGURE, methods=("POST",))
    def move(self, asked: Asked) -> Response:
        """Move those who were picked, and say of each what became of them."""
        picked, text = picked_ids(request.form.getlist("id")), request.form.get("organisation", ROOT)
        tree = organisations_of(asked.tenant.id)
        try:
            chosen = chosen_organisation(tree, text, "organisation")
            with transaction():
                placed = put_those_there(asked.tenant, picked, chosen, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            if isinstance(refusal, NotFound):
                raise
            return self.choose(asked, picked, text, errors_of(refusal), refusal.status)
        words = {one.before: words_of(asked, tree, one.before) for one in placed}
        where = words_of(asked, tree, chosen)
        return self.render(
            "people/moved.html", asked, placed=placed, moved=count_moved(placed), words=words, where=where, place=chosen or ROOT
        )

    def choose(
        self,
        asked: Asked,
        picked: Sequence[str],
        text: str = ROOT,
        errors: Mapping[str, Sequence[str]] = NOTHING,
        status: int = 200,
    ) -> Response:
        """Ask where those who were picked are to belong. Nothing has changed yet."""
        tree = organisations_of(asked.tenant.id)
        people = standings_of(asked.tenant.id, picked_ids(picked))
        return self.render(
            "people/move.html",
            asked,
            status=status,
            people=people,
            words={one.organisation_id: words_of(asked, tree, one.organisation_id) for one in people},
            organisations=organisation_choices(asked, tree),
            place=field_value(tree, text),
            errors=errors,
        )


def picked_ids(sent: Sequence[str]) -> list[str]:
    """The ids of a page of people.

    Raises:
        NotFound: one is no id, or there are more than a page has.
    """
    if len(sent) > MAX_MOVED or not all(is_row_id(one) for one in sent):
        raise NotFound("no such people")
    return list(sent)
