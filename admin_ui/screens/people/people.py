"""People: found at 100,000, exported, many changed at once; what is done here is what the API does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request, stream_with_context
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.listing import Column, Filter, Listing, ListQuery, Page, read_query
from admin_ui.rendering import known_screen_url, notify
from admin_ui.screen import page
from admin_ui.screens.organisations.choices import organisation_choices
from admin_ui.screens.people.person import PersonPages, provider_choices
from config.database import transaction
from identity.people import (
    change_many,
)
from identity.people_query import people_page, provider_id_of, read_order
from identity.people_search import NOWHERE, Count, PeopleFilter, count_people
from identity.people_views import EXPORT_TYPES, export_lines
from identity.response_headers import security_headers
from tenants.audit import EventType, record
from tenants.errors import NotFound
from tenants.organisations.records import organisations_of
from tenants.paging import is_row_id
from tenants.roles import ASSIST, READ

COLUMNS = (
    Column("Name", "name"),
    Column("E-mail", "email"),
    Column("Username", "username"),
    Column("Comes from"),
    Column("Last sign-in", "last_sign_in"),
    Column("Added", "created"),
)
PLACE = 4
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
            acts=[(value, words, "") for value, (_done, words) in ACTS.items()] if asked.may(ASSIST) else [],
            organisations=_organisations(asked),
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
        with transaction():
            record(asked.tenant.id, EventType.PEOPLE_EXPORTED, at=asked.now, actor=asked.actor, form=form)
        lines = stream_with_context(export_lines(asked.tenant.id, form, which, order))
        response = Response(lines, content_type=EXPORT_TYPES[form])
        response.headers["Content-Disposition"] = f'attachment; filename="{asked.tenant.slug}-people.{form}"'
        return security_headers(response)

    @page("/bulk", ASSIST, methods=("POST",))
    def bulk(self, asked: Asked) -> WerkzeugResponse:
        """One thing for each of the picked people."""
        act, chosen = request.form.get("act", ""), request.form.getlist("id")
        if act not in ACTS or not all(is_row_id(user_id) for user_id in chosen):
            raise NotFound("no such act or person")
        if not chosen:
            notify("Nobody was picked.", "warn")
            return self.see_other("index", asked)
        with transaction():
            changed = change_many(asked.tenant.id, chosen, act, actor=asked.actor, now=asked.now)
        notify(f"{ACTS[act][0]}: {changed} of {len(chosen)}.")
        return self.see_other("index", asked)


def listing_of(asked: Asked) -> Listing:
    """The list, with filters for the tenant's own identity providers and organisations, where it has any of these."""
    by_provider, organisations = Filter("idp", "Comes from", tuple(provider_choices(asked))), _organisations(asked)
    by_organisation = (Filter("organisation", "Organisation", tuple(organisations.items())),) if organisations else ()
    return Listing(
        columns=(*COLUMNS[:PLACE], Column("Organisation"), *COLUMNS[PLACE:]) if organisations else COLUMNS,
        sort="name",
        search="Part of a name, e-mail or username",
        filters=(*FILTERS, by_provider, *by_organisation),
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
        organisation=chosen.get("organisation"),
        signed_in={"true": True, "false": False}.get(chosen.get("signed_in", "")),
        dormant_since=query.day("dormant_since"),
    )


def words_of(count: Count) -> str:
    """How many, in words."""
    number = "1 person" if count.number == 1 else f"{count.number:,} people"
    return f"More than {number}" if count.more else number


def _organisations(asked: Asked) -> dict[str, str]:
    """Every organisation's words by its id, with NOWHERE for the tenant as a whole; empty where it has none."""
    tree = organisations_of(asked.tenant.id)
    return dict(organisation_choices(asked, tree, root=NOWHERE)) if tree.nodes else {}
