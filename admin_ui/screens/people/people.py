"""People: found at 100,000, exported, many changed at once; what is done here is what the API does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.exports import recorded
from admin_ui.listing import Column, Filter, Listing, ListQuery, Page, read_query
from admin_ui.rendering import known_screen_url, notify
from admin_ui.screen import page
from admin_ui.screens.organisations.choices import chosen_organisation, organisation_choices
from admin_ui.screens.organisations.choices import words_of as words_of_organisation
from admin_ui.screens.people.person import PersonPages, provider_choices
from config.database import transaction
from identity.people import (
    change_many,
)
from identity.people_query import directory_id_of, people_page, provider_id_of, read_order
from identity.people_records import ManagedPerson
from identity.people_search import NOWHERE, Count, PeopleFilter, count_people
from identity.people_views import EXPORT_TYPES, export_lines
from tenants.audit import EventType
from tenants.directories.records import directories_of
from tenants.errors import NotFound
from tenants.organisations.records import organisations_of
from tenants.organisations.tree import OrganisationTree
from tenants.paging import is_row_id
from tenants.roles import ASSIST, CONFIGURE, READ

COLUMNS = (
    Column("Name", "name"),
    Column("E-mail", "email"),
    Column("Username", "username"),
    Column("Comes from"),
    Column("Last sign-in", "last_sign_in"),
    Column("Added", "created"),
)
PLACE, ORGANISATION = 4, "Organisation"
"""Where the organisation stands among them, in a tenant that has any."""
FILTERS = (
    Filter("active", "Account", (("true", "Active"), ("false", "Switched off"))),
    Filter("signed_in", "Signed in", (("true", "At least once"), ("false", "Never"))),
    Filter("dormant_since", "Not since", kind="date"),
)
ACTS = {
    "deactivate": ("Switched off", "Switch off"),
    "activate": ("Switched on", "Switch on"),
    "end_sessions": ("Sessions ended", "End sessions"),
}
MOVE = "move"
"""Picked people are moved in two steps: where to is asked on a page of its own."""
NOTHING: Mapping[str, Any] = {}


class PeopleScreen(PersonPages):
    """A tenant's people."""

    label, path, endpoint_name, icon, group = "People", "/people", "people", "users", "People"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """The list."""
        listing = listing_of(asked)
        query = read_query(listing, request.args)
        which = filter_of(asked, query)
        order = read_order(("-" if query.descending else "") + query.sort)
        rows, following = people_page(asked.tenant.id, which, order, query.cursor, query.limit)
        total = words_of(count_people(asked.tenant.id, which)) if query.cursor is None else ""
        return self.render(
            "people/list.html",
            asked,
            listing=listing,
            query=query,
            shown=Page(rows, following, total),
            acts=[(value, words, "") for value, words in _acts(asked)],
            organisations=_words(asked, rows),
            has_organisations=any(column.label == ORGANISATION for column in listing.columns),
            imports=known_screen_url("people_imports.index", asked),
        )

    @page("/export", READ)
    def export(self, asked: Asked) -> Response:
        """All that the list shows, as a file; that it was taken is on record."""
        form = request.args.get("form", "")
        if form not in EXPORT_TYPES:
            raise NotFound("no such form")
        query = read_query(listing_of(asked), request.args)
        which, order = filter_of(asked, query), read_order(("-" if query.descending else "") + query.sort)
        lines = export_lines(asked.tenant.id, form, which, order)
        media_type = EXPORT_TYPES[form]
        return recorded(
            asked, EventType.PEOPLE_EXPORTED, lines, form=form, media_type=media_type, name=f"people.{form}"
        )

    @page("/bulk", ASSIST, methods=("POST",))
    def bulk(self, asked: Asked) -> WerkzeugResponse:
        """One thing for each of the picked people."""
        act, chosen = request.form.get("act", ""), request.form.getlist("id")
        if act == MOVE and asked.may(CONFIGURE) and chosen:
            return self.choose(asked, chosen)
        if act not in dict(_acts(asked)) or not all(is_row_id(user_id) for user_id in chosen):
            raise NotFound("no such act or person")
        if not chosen:
            notify("Nobody was picked.", "warn")
            return self.see_other("index", asked)
        with transaction():
            changed = change_many(asked.tenant.id, chosen, act, actor=asked.actor, now=asked.now)
        notify(f"{ACTS[act][0]}: {changed} of {len(chosen)}.")
        return self.see_other("index", asked)


def _acts(asked: Asked) -> list[tuple[str, str]]:
    """What this person may do with picked rows."""
    acts = [(value, words) for value, (_done, words) in ACTS.items()] if asked.may(ASSIST) else []
    if asked.may(CONFIGURE) and organisations_of(asked.tenant.id).nodes:
        acts.append((MOVE, "Move to an organisation …"))
    return acts


def listing_of(asked: Asked) -> Listing:
    """The list, with filters for identity providers, directories and organisations, where the tenant has any of these."""
    by_provider, tree = Filter("idp", "Comes from", tuple(provider_choices(asked))), organisations_of(asked.tenant.id)
    listed = tuple((item.name, item.display_name) for item in directories_of(asked.tenant.id))
    by_directory = (Filter("directory", "Directory", listed),) if listed else ()
    by_organisation = (_organisation_filter(asked, tree),) if tree.nodes else ()
    return Listing(
        columns=(*COLUMNS[:PLACE], Column(ORGANISATION), *COLUMNS[PLACE:]) if tree.nodes else COLUMNS,
        sort="name",
        search="Part of a name, e-mail or username",
        filters=(*FILTERS, by_provider, *by_directory, *by_organisation),
        exports=("csv", "jsonl"),
        empty="Nobody has signed in yet",
        empty_help="People appear with their first sign-in. They can be added before, one by one or from a file.",
    )


def filter_of(asked: Asked, query: ListQuery) -> PeopleFilter:
    """What was searched and chosen, as a filter of records."""
    chosen = query.filters
    return PeopleFilter(
        search=query.search.replace("\x00", ""),
        active={"true": True, "false": False}.get(chosen.get("active", "")),
        idp_id=provider_id_of(asked.tenant.id, chosen["idp"]) if "idp" in chosen else None,
        directory_id=directory_id_of(asked.tenant.id, chosen["directory"]) if "directory" in chosen else None,
        organisation=_organisation_of(asked, chosen["organisation"]) if "organisation" in chosen else None,
        signed_in={"true": True, "false": False}.get(chosen.get("signed_in", "")),
        dormant_since=query.day("dormant_since"),
    )


def words_of(count: Count) -> str:
    """How many, in words."""
    number = "1 person" if count.number == 1 else f"{count.number:,} people"
    return f"More than {number}" if count.more else number


def _organisation_filter(asked: Asked, tree: OrganisationTree) -> Filter:
    """Offers them, or takes a path where there are too many."""
    choices = organisation_choices(asked, tree, root=NOWHERE)
    label, kind = (ORGANISATION, "choice") if choices else (f"{ORGANISATION} (its path)", "text")
    return Filter("organisation", label, tuple(choices), kind)


def _organisation_of(asked: Asked, text: str) -> str:
    """The organisation that a filter names."""
    if text == NOWHERE:
        return NOWHERE
    return chosen_organisation(organisations_of(asked.tenant.id), text, "organisation") or NOWHERE


def _words(asked: Asked, rows: Sequence[ManagedPerson]) -> dict[str, str]:
    """The words of the organisations of those who are shown; empty where the tenant has none."""
    tree = organisations_of(asked.tenant.id)
    return {place: words_of_organisation(asked, tree, place) for row in rows if (place := row.organisation_id)}
