"""The audit log: what happened at a tenant, found by type, actor and time, and exported (L2)."""

from __future__ import annotations

from flask import Response, request

from admin_ui.asked import Asked
from admin_ui.exports import recorded
from admin_ui.listing import Column, Filter, Listing, ListQuery, Page, read_query
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.diagnosis.attempts import last_of
from identity.attempt_records import emails_of
from tenants.audit import EventType
from tenants.errors import NotFound
from tenants.event_records import EventFilter, page_of_events
from tenants.event_views import EXPORT_NAMES, EXPORT_TYPES, export_lines
from tenants.paging import cursor_of, cursor_scope, is_row_id, key_of
from tenants.roles import READ
from tenants.sealing.chains import chain_state
from tenants.sealing.finding import seals_of
from tenants.sealing.ledgers import tenant_ledger

LISTING = Listing(
    columns=(Column("When"), Column("What"), Column("By"), Column("Details")),
    sort="-at",
    search="Who did it: the whole actor, or a person's id",
    filters=(
        Filter("type", "What", tuple((item.value, item.value) for item in EventType)),
        Filter("since", "From", kind="date"),
        Filter("until", "To", kind="date"),
    ),
    exports=("csv", "jsonl", "sealed"),
    empty="Nothing has happened yet",
)


class EventsScreen(TenantScreen):
    """The list and its downloads."""

    label, path, endpoint_name, icon, group = "Audit log", "/audit-log", "events", "history", "Diagnosis"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Events, newest first."""
        query = read_query(LISTING, request.args)
        filters = filter_of(query)
        scope = cursor_scope("console events", asked.tenant.id, repr(filters))
        found = page_of_events(asked.tenant.id, key_of(query.cursor, scope), query.limit + 1, filters)
        rows = found[: query.limit]
        following = cursor_of(rows[-1].id, scope) if len(found) > query.limit else None
        return self.render(
            "diagnosis/events.html",
            asked,
            listing=LISTING,
            query=query,
            shown=Page(rows, following),
            people=emails_of(asked.tenant.id, {row.actor for row in rows if is_row_id(row.actor)}),
            seals=seals_of(tenant_ledger(asked.tenant.id), [row.id for row in rows]),
            chain=chain_state(asked.tenant.id, asked.now),
        )

    @page("/export", READ)
    def export(self, asked: Asked) -> Response:
        """All pages of the list as a file, a batch at a time; that it was taken is an event itself."""
        form = request.args.get("form", "")
        if form not in EXPORT_TYPES:
            raise NotFound("no such form")
        filters = filter_of(read_query(LISTING, request.args))
        lines = export_lines(asked.tenant.id, form, filters)
        media_type, name = EXPORT_TYPES[form], EXPORT_NAMES[form]
        return recorded(asked, EventType.EVENTS_EXPORTED, lines, form=form, media_type=media_type, name=name)


def filter_of(query: ListQuery) -> EventFilter:
    """What was searched and chosen, as a filter of records."""
    return EventFilter(
        type=query.filters.get("type"),
        actor=query.search or None,
        since=query.day("since"),
        until=last_of(query.day("until")),
    )
