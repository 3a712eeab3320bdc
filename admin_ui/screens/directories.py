"""Identity management, Directories: LDAP servers that people sign in by, tried and synchronised from here (G2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request
from marshmallow import post_load
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.organisations.choices import ROOT, field_value, organisation_choices, placed_form, words_of
from config.database import transaction
from tenants.directories.door import is_supported
from tenants.directories.errors import NotAskedAgain
from tenants.directories.examining import Examination
from tenants.directories.managing import (
    LABEL,
    RESERVED,
    queue_directory_sync,
    remove_directory,
    require_directory,
    save_directory,
    try_directory,
)
from tenants.directories.records import ManagedDirectory, directories_of
from tenants.directories.settings import AD_DISABLED, DEFAULT_MAP, DirectorySettings, directory_settings_of
from tenants.directory_schemas import DirectoryPut
from tenants.directory_views import directory_form
from tenants.errors import Refusal
from tenants.organisations.access import LDAP
from tenants.organisations.records import organisations_of
from tenants.organisations.tree import OrganisationTree
from tenants.placement.records import rules_of
from tenants.placement_rules import DIRECTORY
from tenants.roles import ASSIST, CONFIGURE, READ
from tenants.saml_settings import PROFILE_FIELDS
from tenants.schema_fields import TextOrList
from tenants.wiring import end_sessions, keys, settings

NOTHING: Mapping[str, Any] = {}
MAP_PREFIX = "map_"
MOST_NAMED = 5
"""Organisations that the page names."""
BASED_ON: Mapping[str, Mapping[str, Any]] = {
    "active-directory": {
        "user_filter": "(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={username})(mail={username})))",
        "subject_attribute": "objectGUID",
        "disabled_filter": AD_DISABLED,
        "group_attribute": "memberOf",
        "map_username": ["sAMAccountName"],
    },
    "openldap": {"user_filter": "(&(objectClass=person)(|(uid={username})(mail={username})))"},
}
"""What a form begins with, by the product; all of it can be changed. The sign-in page asks for e-mail or username."""
FIELD_WORDS: Mapping[str, str] = {
    "username": "User name",
    "email": "E-mail",
    "first_name": "First name",
    "last_name": "Last name",
    "phone": "Telephone",
}
"""As the form calls them."""
STAGES: Mapping[str, str] = {
    "dns": "The name is found, and may be connected to",
    "connect": "The server takes a connection",
    "tls": "TLS, with a certificate that is trusted and for this name",
    "bind": "The service's account signs in",
    "search": "People are found",
}


class DirectoryFields(DirectoryPut):
    """The API's form, flat: a field for each part of the attribute map."""

    class Meta:
        exclude = ("attribute_map",)

    map_username = TextOrList(load_default=())
    map_email = TextOrList(load_default=())
    map_first_name = TextOrList(load_default=())
    map_last_name = TextOrList(load_default=())
    map_phone = TextOrList(load_default=())

    @post_load
    def _with_map(self, values: dict[str, Any], **_options: Any) -> dict[str, Any]:
        mapped = {name: list(values.pop(MAP_PREFIX + name)) for name in PROFILE_FIELDS}
        return {**values, "attribute_map": mapped}


class DirectoriesScreen(TenantScreen):
    """Directories: where they are, how they do, what they would give."""

    label, path, endpoint_name, icon, group = "Directories", "/directories", "directories", "server", "Identity management"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """All of them, by label."""
        lines = [(item, directory_settings_of(item.settings)) for item in directories_of(asked.tenant.id)]
        return self.render("directories/list.html", asked, lines=lines, supported=is_supported())

    @page("/new", CONFIGURE, fresh=True)
    def new(self, asked: Asked) -> Response:
        """The form of a new one."""
        begun = BASED_ON.get(request.args.get("like", ""), NOTHING)
        return self._form(asked, None, values={**_values_of(None), **begun})

    @page("/new", CONFIGURE, methods=("POST",), fresh=True)
    def create(self, asked: Asked) -> Response | WerkzeugResponse:
        """Connect one."""
        return self._save(asked, None)

    @page("/<directory>", READ)
    def show(self, asked: Asked, directory: str) -> Response:
        """One of them: where it is, what is made of it, how its last sync went."""
        return self._show(asked, require_directory(asked.tenant.id, directory))

    @page("/<directory>/edit", CONFIGURE, fresh=True)
    def edit(self, asked: Asked, directory: str) -> Response:
        """Its form; never its password."""
        found = require_directory(asked.tenant.id, directory)
        return self._form(asked, found, values=_values_of(found))

    @page("/<directory>/edit", CONFIGURE, methods=("POST",), fresh=True)
    def change(self, asked: Asked, directory: str) -> Response | WerkzeugResponse:
        """Change it."""
        return self._save(asked, require_directory(asked.tenant.id, directory))

    @page("/<directory>/test", CONFIGURE, methods=("POST",))
    def test(self, asked: Asked, directory: str) -> Response:
        """Try the connection, and show how far it goes."""
        found = require_directory(asked.tenant.id, directory)
        username = request.form.get("username", "").strip()
        try:
            examination = try_directory(asked.tenant, directory, settings(), keys(), username=username)
        except NotAskedAgain as refusal:
            notify(refusal.sentence, "warn")
            return self._show(asked, found, username=username, status=refusal.status)
        return self._show(asked, found, username=username, examination=examination)

    @page("/<directory>/sync", ASSIST, methods=("POST",))
    def sync(self, asked: Asked, directory: str) -> WerkzeugResponse:
        """Have it synchronised now; once a minute at most."""
        try:
            with transaction():
                queue_directory_sync(asked.tenant, directory, actor=asked.actor, now=asked.now)
        except NotAskedAgain as refusal:
            notify(refusal.sentence, "warn")
        else:
            notify("People are being compared with the directory; how it went shows here in a while.")
        return self.see_other("show", asked, directory=directory)

    @page("/<directory>/remove", CONFIGURE, methods=("POST",), fresh=True)
    def remove(self, asked: Asked, directory: str) -> WerkzeugResponse:
        """Take it away."""
        with transaction():
            remove_directory(asked.tenant, directory, actor=asked.actor, now=asked.now, end_sessions=end_sessions())
        notify("The directory was taken away: its password is erased, and its people's sessions have ended. The people stay.")
        return self.see_other("index", asked)

    def _save(self, asked: Asked, before: ManagedDirectory | None) -> Response | WerkzeugResponse:
        name = before.name if before else request.form.get("name", "").strip()
        form, place_errors = placed_form(organisations_of(asked.tenant.id), _sent(request.form))
        sent = submitted(DirectoryFields(), form)
        shown: Mapping[str, Any] = {**_values_of(None), **sent.shown, "name": name}
        errors = {**sent.errors, **place_errors}
        if not LABEL.fullmatch(name) or name in RESERVED:
            errors["name"] = ["It has 1 to 63 of a-z, 0-9 and hyphen, with no hyphen at either end, and is not “new”."]
        if sent.values is None or errors:
            return self._form(asked, before, values=shown, errors=errors, status=422)
        try:
            wanted = directory_form(sent.values)
            with transaction():
                saved = save_directory(asked.tenant, name, wanted, keys(), actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._form(asked, before, values=shown, errors=errors_of(refusal), status=refusal.status)
        notify("The directory is connected. Try it before people do." if saved.created else "The directory was changed.")
        return self.see_other("show", asked, directory=name)

    def _form(
        self,
        asked: Asked,
        directory: ManagedDirectory | None,
        *,
        values: Mapping[str, Any],
        errors: Mapping[str, Sequence[str]] = NOTHING,
        status: int = 200,
    ) -> Response:
        kept = directory is not None and directory.sealed_password is not None
        tree = organisations_of(asked.tenant.id)
        response = self.render(
            "directories/edit.html",
            asked,
            status=status,
            directory=directory,
            values=values,
            errors=_by_field(errors),
            kept=kept,
            organisations=organisation_choices(asked, tree),
            place=field_value(tree, values.get("organisation_id") or ROOT),
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def _show(
        self,
        asked: Asked,
        directory: ManagedDirectory,
        *,
        username: str = "",
        examination: Examination | None = None,
        status: int = 200,
    ) -> Response:
        tree = organisations_of(asked.tenant.id)
        asking = [item for item in (None, *tree.nodes) if _asks(tree, item, directory)]
        response = self.render(
            "directories/show.html",
            asked,
            status=status,
            directory=directory,
            settings=directory_settings_of(directory.settings),
            organisation=words_of(asked, tree, directory.organisation_id),
            asking=[words_of(asked, tree, item) for item in asking[:MOST_NAMED]],
            asking_more=max(0, len(asking) - MOST_NAMED),
            newcomers_shut_out=bool(asking) and directory.organisation_id not in asking,
            rules=rules_of(asked.tenant.id, DIRECTORY, directory.id),
            supported=is_supported(),
            examination=examination,
            stages=STAGES,
            username=username,
            fields=FIELD_WORDS,
        )
        response.headers["Cache-Control"] = "no-store"  # a sample shows people
        return response


def _asks(tree: OrganisationTree, organisation_id: str | None, directory: ManagedDirectory) -> bool:
    """Whether an organisation's people sign in by this directory."""
    access = tree.access_of(organisation_id)
    return access.allows(LDAP) and access.directory_id in (None, directory.id)


def _sent(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """The form without what nobody typed: a password that stays, and no interval."""
    sent = form.copy()
    for name in ("csrf_token", "name"):
        sent.poplist(name)
    for name in ("password", "sync_hours"):
        if not sent.get(name):
            sent.poplist(name)
    return sent


def _values_of(directory: ManagedDirectory | None) -> dict[str, Any]:
    """What a form is filled in with."""
    document: Mapping[str, Any] = directory.settings if directory else _BLANK.to_document() | {"urls": [], "base_dn": ""}
    mapped = document["attribute_map"] if directory else {name: list(getattr(DEFAULT_MAP, name)) for name in PROFILE_FIELDS}
    return {
        **document,
        **{MAP_PREFIX + name: mapped[name] for name in PROFILE_FIELDS},
        "name": directory.name if directory else "",
        "display_name": directory.display_name if directory else "",
        "enabled": directory.enabled if directory else True,
        "organisation_id": directory.organisation_id if directory else None,
        "version": directory.version if directory else "",
    }


_BLANK = DirectorySettings(urls=("ldaps://ldap.example.com",), base_dn="dc=example")


def _by_field(errors: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """A fault of the map stands at its field, where it names one."""
    found = dict(errors)
    for sentence in found.pop("attribute_map", ()):
        named = next((name for name in PROFILE_FIELDS if sentence.startswith(f"{name}:")), "email")
        found[MAP_PREFIX + named] = [sentence]
    return found
