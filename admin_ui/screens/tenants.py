"""Staff's list of tenants."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from flask import Response, request

from admin_ui.asked import Asked
from admin_ui.exports import download
from admin_ui.listing import Column, Filter, Listing, ListQuery, Page, read_query
from admin_ui.rendering import known_screen_url
from admin_ui.screen import StaffScreen, page
from identity.statistics import DAY, day_of
from identity.tenant_activity import activity_of
from tenants.models import ACTIVE, ONBOARDING, SUSPENDED
from tenants.paging import cursor_of, cursor_scope, key_of
from tenants.roles import LIST_TENANTS, ONBOARD
from tenants.tenant_records import ManagedTenant, domains_of, find_managed_tenant_by_id
from tenants.tenant_search import (
    TenantFilter,
    TenantOrder,
    count_tenants,
    every_tenant_of,
    list_tenants,
    providers_by_tenant,
)

ACTIVITY_DAYS = 7
STATE_WORDS = ((ACTIVE, "Active"), (ONBOARDING, "Being set up"), (SUSPENDED, "Suspended"))
LISTING = Listing(
    columns=(
        Column("Name", "name"),
        Column("MyDomain", "slug"),
        Column("E-mail domains"),
        Column("Sign-ins, 7 days", end=True),
        Column("State"),
        Column("Created", "created"),
    ),
    sort="name",
    search="Name, MyDomain or e-mail domain",
    filters=(
        Filter("state", "State", STATE_WORDS),
        Filter("domain", "E-mail domain", kind="text"),
        Filter("since", "Created since", kind="date"),
    ),
    exports=("csv", "jsonl"),
    empty="No customers yet",
    empty_help="A tenant is made from its name, its MyDomain and its e-mail domains.",
)
EXPORT_STEP = 500
EXPORTED = ("mydomain", "name", "state", "email_domains", "identity_providers", "created_at")
_PLACE = re.compile(r"[0-9]{1,10}")


class TenantsScreen(StaffScreen):
    """All customers, for staff."""

    label, path, endpoint_name, icon, group = "Tenants", "/tenants", "tenants", "building", "Service"

    @page("/", LIST_TENANTS)
    def index(self, asked: Asked) -> Response:
        """The list, by search, filter and order."""
        query = read_query(LISTING, request.args)
        which, order = _filter_of(query), TenantOrder(query.sort, query.descending)
        scope = cursor_scope("console tenants", 0, str(sorted(query.arguments().items())))
        place = key_of(query.cursor, scope, _PLACE)
        found = list_tenants(which, order, find_managed_tenant_by_id(int(place)) if place else None, query.limit + 1)
        rows = found[: query.limit]
        ids = [row.id for row in rows]
        following = cursor_of(str(rows[-1].id), scope) if len(found) > query.limit else None
        number = count_tenants(which)
        return self.render(
            "tenants/list.html",
            asked,
            listing=LISTING,
            query=query,
            shown=Page(rows, following, total=f"{number:,} {'tenant' if number == 1 else 'tenants'}"),
            domains=domains_of(ids),
            activity=activity_of(ids, day_of(asked.now) - (ACTIVITY_DAYS - 1) * DAY),
            create=known_screen_url("new_customer.index", asked) if asked.may(ONBOARD) else "",
        )

    @page("/export", LIST_TENANTS)
    def export(self, asked: Asked) -> Response:  # noqa: ARG002 every page is asked
        """All tenants that the list would show, as a file."""
        query = read_query(LISTING, request.args)
        found = every_tenant_of(_filter_of(query), TenantOrder(query.sort, query.descending))
        return download(request.args.get("form", "csv"), "tenants", EXPORTED, _exported(found))


def _filter_of(query: ListQuery) -> TenantFilter:
    return TenantFilter(
        search=query.search,
        state=query.filters.get("state"),
        domain=query.filters.get("domain", "").strip().lower() or None,
        created_since=query.day("since"),
    )


def _exported(tenants: Iterator[ManagedTenant]) -> Iterator[dict[str, Any]]:
    """In steps, so that domains and identity providers cost two statements a step and not two a row."""
    while step := list(itertools.islice(tenants, EXPORT_STEP)):
        ids = [tenant.id for tenant in step]
        domains, providers = domains_of(ids), providers_by_tenant(ids)
        for tenant in step:
            yield {
                "mydomain": tenant.slug,
                "name": tenant.name,
                "state": tenant.state,
                "email_domains": [owned.domain for owned in domains[tenant.id]],
                "identity_providers": providers[tenant.id],
                "created_at": tenant.created_at,
            }
