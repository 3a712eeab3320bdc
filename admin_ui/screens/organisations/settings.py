"""An organisation's page, or the tenant's: how its people sign in, where that comes from, and changing it (G2, G3)."""

from __future__ import annotations

from collections.abc import Mapping

import marshmallow as ma
from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import messages_of, sentences_of
from admin_ui.rendering import known_screen_url, notify
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.organisations.branches import level_below
from admin_ui.screens.organisations.choices import ROOT, organisation_of_address, words_of
from admin_ui.screens.organisations.lines import WAS, WAYS, lines_of, patch_of
from admin_ui.screens.organisations.refused import FINE, Refused, refused_by
from config.database import transaction
from identity.organisation_schemas import AccessPatch
from identity.organisation_views import shown_access
from identity.organisations.changing import require_node
from identity.organisations.settings import change_access
from identity.people_search import NOWHERE, PeopleFilter, count_people
from tenants.errors import Refusal
from tenants.organisations.records import organisations_of
from tenants.roles import CONFIGURE, READ

NOT_SENT: Mapping[str, str] = {}


class OrganisationPages(TenantScreen):
    """The pages of Organisations that are about how the people of one of them sign in."""

    @page("/<organisation_id>", READ)
    def show(self, asked: Asked, organisation_id: str) -> Response:
        """Its settings with where they come from, its people, what is below it."""
        return self._show(asked, organisation_of_address(organisations_of(asked.tenant.id), organisation_id))

    @page("/<organisation_id>/settings", CONFIGURE)
    def settings(self, asked: Asked, organisation_id: str) -> Response:
        """The form of its settings."""
        return self._settings(asked, organisation_of_address(organisations_of(asked.tenant.id), organisation_id))

    @page("/<organisation_id>/settings", CONFIGURE, methods=("POST",))
    def change(self, asked: Asked, organisation_id: str) -> Response | WerkzeugResponse:
        """Override what somebody changed, or take overriding back."""
        organisation = organisation_of_address(organisations_of(asked.tenant.id), organisation_id)
        form = request.form
        patch = patch_of(form)
        if patch:
            try:
                wanted = AccessPatch().load({**patch, "anyway": form.get("anyway") == "true"})
                anyway = wanted.pop("anyway")
                with transaction():
                    change_access(asked.tenant, organisation, wanted, anyway=anyway, actor=asked.actor, now=asked.now)
            except ma.ValidationError as error:
                return self._settings(asked, organisation, form, Refused(sentences_of(messages_of(error))))
            except Refusal as refusal:
                return self._settings(asked, organisation, form, refused_by(refusal))
        notify("Saved. It holds with the next request." if patch else "Nothing was different, so nothing was changed.")
        return self.see_other("show", asked, organisation_id=organisation_id)

    def _show(self, asked: Asked, organisation: str | None, refused: Refused = FINE) -> Response:
        tree, shown = organisations_of(asked.tenant.id), shown_access(asked.tenant, organisation)
        people = count_people(asked.tenant.id, PeopleFilter(organisation=organisation or NOWHERE))
        return self.render(
            "organisations/show.html",
            asked,
            status=refused.status,
            organisation=organisation,
            place=organisation or ROOT,
            path=tree.path_to(organisation),
            lines=lines_of(asked, organisation),
            shown=shown,
            ways=[WAYS[way] for way in shown.ways],
            people=people,
            people_address=known_screen_url("people.index", asked, organisation=organisation or NOWHERE),
            level=level_below(asked, tree, organisation),
            parent=words_of(asked, tree, require_node(tree, organisation).parent_id) if organisation else "",
            refused=refused,
        )

    def _settings(
        self, asked: Asked, organisation: str | None, sent: Mapping[str, str] = NOT_SENT, refused: Refused = FINE
    ) -> Response:
        tree, lines = organisations_of(asked.tenant.id), lines_of(asked, organisation)
        return self.render(
            "organisations/settings.html",
            asked,
            status=refused.status,
            place=organisation or ROOT,
            path=tree.path_to(organisation),
            lines=lines,
            values={line.name: sent.get(line.name, line.value) for line in lines},
            before={line.name: sent.get(WAS + line.name, line.value) for line in lines},
            was=WAS,
            outlook=shown_access(asked.tenant, organisation).outlook,
            refused=refused,
        )
