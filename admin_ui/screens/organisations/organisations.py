"""Identity management, Organisations: the tree of a tenant; made, renamed, moved and removed as by the API (G1)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.listing import MAX_SEARCH, plain_text
from admin_ui.rendering import notify
from admin_ui.screen import page
from admin_ui.screens.organisations.branches import level_found, level_opened
from admin_ui.screens.organisations.choices import (
    ROOT,
    chosen_organisation,
    field_value,
    organisation_choices,
    organisation_of_address,
)
from admin_ui.screens.organisations.refused import FINE, Refused, refused_by
from admin_ui.screens.organisations.settings import OrganisationPages
from config.database import transaction
from identity.organisations.branches import change_organisation, make_organisation
from identity.organisations.changing import require_node
from identity.organisations.removing import remove_branch
from tenants.errors import NotFound, Refusal
from tenants.organisations.records import organisations_of
from tenants.organisations.tree import OrganisationNode
from tenants.roles import CONFIGURE, READ

START = re.compile(r"[0-9]{0,4}")


class OrganisationsScreen(OrganisationPages):
    """A tenant's organisations."""

    label, path, endpoint_name, icon, group = "Organisations", "/organisations", "organisations", "tree", "Identity management"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """The tree, opened where somebody looks; or those of a name."""
        tree, search = organisations_of(asked.tenant.id), plain_text(request.args.get("q", ""))[:MAX_SEARCH]
        opened, start = request.args.get("open", ROOT), request.args.get("start", "")
        if not START.fullmatch(start):
            raise NotFound("no such page")
        at, first = organisation_of_address(tree, opened), int(start or 0)
        return self.render(
            "organisations/tree.html",
            asked,
            level=level_found(asked, tree, search, first) if search else level_opened(asked, tree, at, first),
            opened=opened,
            search=search,
            total=len(tree.nodes),
            place=ROOT,
        )

    @page("/new", CONFIGURE)
    def new(self, asked: Asked) -> Response:
        """The form of a new one, below the one whose page led here."""
        return self._new(asked, {"name": "", "parent": request.args.get("parent", ROOT)})

    @page("/new", CONFIGURE, methods=("POST",))
    def create(self, asked: Asked) -> Response | WerkzeugResponse:
        """Make one."""
        sent = {"name": request.form.get("name", ""), "parent": request.form.get("parent", ROOT)}
        try:
            parent = chosen_organisation(organisations_of(asked.tenant.id), sent["parent"], "parent")
            with transaction():
                made = make_organisation(asked.tenant, sent["name"], parent, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._new(asked, sent, refused_by(refusal))
        notify("Made. Its people sign in as those above it do, until it says otherwise.")
        return self.see_other("show", asked, organisation_id=made)

    @page("/<organisation_id>/place", CONFIGURE)
    def place(self, asked: Asked, organisation_id: str) -> Response:
        """The form of its name and place."""
        node = require_node(organisations_of(asked.tenant.id), organisation_id)
        return self._place(asked, node, {"name": node.name, "parent": node.parent_id or ROOT})

    @page("/<organisation_id>/place", CONFIGURE, methods=("POST",))
    def move(self, asked: Asked, organisation_id: str) -> Response | WerkzeugResponse:
        """Rename it, move it with everything below it, or both; or neither."""
        tree = organisations_of(asked.tenant.id)
        node = require_node(tree, organisation_id)
        sent = {"name": request.form.get("name", node.name), "parent": request.form.get("parent", node.parent_id or ROOT)}
        anyway = request.form.get("anyway") == "true"
        try:
            parent = chosen_organisation(tree, sent["parent"], "parent")
            patch = {"name": sent["name"], "parent_id": parent}
            with transaction():
                change_organisation(asked.tenant, node.id, patch, anyway=anyway, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._place(asked, node, sent, refused_by(refusal))
        notify("Saved. Its people, and everything below it, went along.")
        return self.see_other("show", asked, organisation_id=organisation_id)

    @page("/<organisation_id>/remove", CONFIGURE, methods=("POST",))
    def remove(self, asked: Asked, organisation_id: str) -> Response | WerkzeugResponse:
        """Remove it: empty, or with everything in it moved up first."""
        node = require_node(organisations_of(asked.tenant.id), organisation_id)
        up, anyway = request.form.get("contents") == "to_parent", request.form.get("anyway") == "true"
        try:
            with transaction():
                remove_branch(asked.tenant, node.id, contents_to_parent=up, anyway=anyway, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._show(asked, node.id, refused_by(refusal))
        notify(f"{node.name} is removed.")
        return self.see_other("show", asked, organisation_id=node.parent_id or ROOT)

    def _new(self, asked: Asked, values: Mapping[str, str], refused: Refused = FINE) -> Response:
        choices = organisation_choices(asked, organisations_of(asked.tenant.id))
        return self._form(asked, None, values, choices, refused)

    def _place(self, asked: Asked, node: OrganisationNode, values: Mapping[str, str], refused: Refused = FINE) -> Response:
        tree = organisations_of(asked.tenant.id)
        return self._form(asked, node, values, organisation_choices(asked, tree, tree.branch_of(node.id)), refused)

    def _form(
        self,
        asked: Asked,
        node: OrganisationNode | None,
        values: Mapping[str, str],
        choices: list[tuple[str, str]],
        refused: Refused,
    ) -> Response:
        shown = {**values, "parent": field_value(organisations_of(asked.tenant.id), values["parent"])}
        return self.render(
            "organisations/form.html", asked, status=refused.status, node=node, values=shown, choices=choices, refused=refused
        )
