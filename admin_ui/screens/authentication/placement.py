"""Where people of an identity provider or a directory belong: at first, by its rules, and what these would do (P6)."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask import Response, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, sentences_of
from admin_ui.principals import require_recent
from admin_ui.rendering import notify, screen_url
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.authentication.places import chosen_document, places_of, shown_document
from admin_ui.screens.authentication.provider_pages import ProviderPages
from config.database import transaction
from identity.placement.foreseeing import foresee
from identity.placement.schemas import PlacementBody, foresight_document, placement_document
from tenants import wiring
from tenants.directories.managing import require_directory
from tenants.errors import NotFound, Refusal
from tenants.organisations.records import organisations_of
from tenants.placement.changing import TENANT, change_placement, placement_of
from tenants.placement_rules import DIRECTORY, IDENTITY_PROVIDER, MAX_RULES, Whose
from tenants.providers import require_provider
from tenants.roles import CONFIGURE, READ

EMPTY_ROWS = 2
"""Rows for new rules below those that there are."""
SHOWN_PEOPLE = 200
"""Rows of a preview; counts are of all."""
PREVIEW = "preview"
_NEW: Mapping[str, Any] = {"attribute": "", "values": [], "organisation": None, "role": None, "active": None}
_ACTIVE = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose page it is, where it stands, and the list that leads there."""

    name: str
    display_name: str
    place: str
    listed: tuple[str, str]


class PlacementPages(TenantScreen):
    """One form for all of it: rules are reordered by their numbers, and saved together or not at all."""

    kind = IDENTITY_PROVIDER

    @abc.abstractmethod
    def owner(self, asked: Asked, name: str) -> Owner:
        """Whose rules are shown.

        Raises:
            NotFound
        """

    @page("/<name>", READ)
    def show(self, asked: Asked, name: str) -> Response:
        """What holds now."""
        return self._form(asked, name, placement_document(placement_of(asked.tenant.id, Whose(self.kind, name))[1]))

    @page("/<name>", CONFIGURE, methods=("POST",))
    def save(self, asked: Asked, name: str) -> Response | WerkzeugResponse:
        """Save it, or show what it would do."""
        whose, document = Whose(self.kind, name), _document_of(request.form)
        if request.form.get("act") != PREVIEW and any(rule["role"] for rule in document["rules"]):
            require_recent(asked.principal, asked.now)
        try:
            named = chosen_document(organisations_of(asked.tenant.id), document)
            wanted = PlacementBody().load({name: value for name, value in named.items() if (name, value) != ("version", "")})
            if request.form.get("act") == PREVIEW:
                foresight = foresee(asked.tenant.id, whose, wanted, wiring.keys())[1]
                foreseen = foresight_document(foresight, organisations_of(asked.tenant.id), asked.tenant.name)
                return self._form(asked, name, document, foreseen=foreseen)
            with transaction():
                change_placement(asked.tenant, whose, wanted, actor=asked.actor, now=asked.now)
        except ma.ValidationError as error:
            return self._form(asked, name, document, errors=_by_number(error.messages), status=422)
        except Refusal as refusal:
            if isinstance(refusal, NotFound):
                raise
            return self._form(asked, name, document, errors=errors_of(refusal), status=refusal.status)
        notify(f"It holds from the next sign-in{' or sync' if self.kind == DIRECTORY else ''} on.")
        return self.see_other("show", asked, name=name)

    def _form(
        self,
        asked: Asked,
        name: str,
        document: Mapping[str, Any],
        *,
        errors: Mapping[str, Any] | None = None,
        foreseen: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> Response:
        tree = organisations_of(asked.tenant.id)
        places = places_of(asked, tree, len(document["rules"]) + EMPTY_ROWS)
        document = shown_document(tree, document, places)
        rows = [*document["rules"], *(_NEW for _ in range(EMPTY_ROWS))]
        return self.render(
            "authentication/placement.html",
            asked,
            status=status,
            owner=self.owner(asked, name),
            of_directory=self.kind == DIRECTORY,
            document=document,
            rows=rows[:MAX_RULES],
            places=places,
            errors=errors or {},
            foreseen=foreseen,
            shown_people=SHOWN_PEOPLE,
            may_change=CONFIGURE.allows(asked.principal.role),
        )


class PlacementScreen(PlacementPages, ProviderPages):
    """Of an identity provider."""

    label, path, endpoint_name = "Placement", "/authentication-placement", "placement"

    def owner(self, asked: Asked, name: str) -> Owner:
        """An identity provider."""
        provider, place = require_provider(asked.tenant.id, name), screen_url("authentication.show", asked, name=name)
        return Owner(name, provider.display_name, place, ("Authentication", screen_url("authentication.index", asked)))


class DirectoryPlacementScreen(PlacementPages):
    """Of a directory."""

    label, path, endpoint_name = "Placement", "/directory-placement", "directory_placement"
    part_of = "directories"
    kind = DIRECTORY

    @page("/", READ)
    def index(self, asked: Asked) -> WerkzeugResponse:
        """Without a directory in the address there is only the list of them."""
        return redirect(screen_url("directories.index", asked), 302)

    def owner(self, asked: Asked, name: str) -> Owner:
        """A directory."""
        directory, place = require_directory(asked.tenant.id, name), screen_url("directories.show", asked, directory=name)
        return Owner(name, directory.display_name, place, ("Directories", screen_url("directories.index", asked)))


def _document_of(form: MultiDict[str, str]) -> dict[str, Any]:
    """The form in the API's shape: rows without an attribute are none, the others stand in the order of their numbers."""
    columns = {key: form.getlist(key)[:MAX_RULES] for key in ("number", "attribute", "values", "place", "role", "active")}
    count = min(len(values) for values in columns.values())
    rows = [{key: values[row] for key, values in columns.items()} for row in range(count)]
    listed = sorted((row for row in rows if row["attribute"].strip()), key=lambda row: _number(row["number"]))
    return {
        "organisation": form.get("organisation", TENANT),
        "follows": form.get("follows") == "on",
        "email_domains": form.get("email_domains", "").split(),
        "version": form.get("version", ""),
        "rules": [
            {
                "attribute": row["attribute"].strip(),
                "values": [line.strip() for line in row["values"].splitlines() if line.strip()],
                "organisation": row["place"] or None,
                "role": row["role"] or None,
                "active": _ACTIVE.get(row["active"]),
            }
            for row in listed
        ],
    }


def _number(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else float("inf")


def _by_number(messages: Any) -> Mapping[str, Any]:
    """What marshmallow found, rules by their number as people count."""
    found = dict(messages)
    rules = found.pop("rules", {})
    numbered = (
        {f"rules.{at + 1}" if isinstance(at, int) else "rules": text for at, text in rules.items()}
        if isinstance(rules, Mapping)
        else {"rules": rules}
    )
    return sentences_of({**found, **numbered})
