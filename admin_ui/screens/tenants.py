"""Staff's list of tenants."""

from __future__ import annotations

import re

from flask import Response, request

from admin_ui.asked import Asked
from admin_ui.listing import Column, Listing, Page, read_query
from admin_ui.screen import StaffScreen, page
from tenants.paging import cursor_of, cursor_scope, key_of
from tenants.roles import LIST_TENANTS
from tenants.tenant_records import domains_of, page_of_tenants

LISTING = Listing(
    columns=(Column("Name"), Column("MyDomain", "slug"), Column("E-mail domains"), Column("State"), Column("Created")),
    sort="slug",
    empty="No customers yet",
    empty_help="A tenant is made from its name, its MyDomain and its e-mail domains.",
)
_SLUG = re.compile(r"[a-z0-9-]{3,63}")


class TenantsScreen(StaffScreen):
    """All customers, for staff."""

    label, path, endpoint_name, icon, group = "Tenants", "/tenants", "tenants", "building", "Service"

    @page("/", LIST_TENANTS)
    def index(self, asked: Asked) -> Response:
        """The list, by MyDomain."""
        query = read_query(LISTING, request.args)
        scope = cursor_scope("console tenants", 0)
        found = page_of_tenants(key_of(query.cursor, scope, _SLUG) or "", query.limit + 1)
        rows = found[: query.limit]
        following = cursor_of(rows[-1].slug, scope) if len(found) > query.limit else None
        domains = domains_of([row.id for row in rows])
        return self.render(
            "tenants/list.html", asked, listing=LISTING, query=query, shown=Page(rows, following), domains=domains
        )
