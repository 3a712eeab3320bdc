"""Search over the whole service, for staff: tenants by name, MyDomain or domain; a person by the whole e-mail address."""

from __future__ import annotations

from flask import Response, request

from admin_ui.asked import Asked
from admin_ui.listing import MAX_SEARCH, plain_text
from admin_ui.rendering import known_screen_url
from admin_ui.screen import StaffScreen, page
from config.database import transaction
from identity.people_lookup import look_up_person
from tenants.roles import LIST_TENANTS
from tenants.tenant_search import TenantFilter, TenantOrder, count_tenants, list_tenants

SHOWN = 10


class SearchScreen(StaffScreen):
    """One box for everything; results are links."""

    label, path, endpoint_name, icon = "Search", "/search", "search", "search"

    @page("/", LIST_TENANTS)
    def index(self, asked: Asked) -> Response:
        """What was found. A person is found by the whole address alone, and that somebody looked is on record."""
        words = plain_text(request.args.get("q", ""))[:MAX_SEARCH]
        which = TenantFilter(search=words)
        tenants = list_tenants(which, TenantOrder("name"), None, SHOWN) if words else []
        person = None
        if "@" in words:
            with transaction():
                person = look_up_person(words, actor=asked.actor, now=asked.now)
        return self.render(
            "tenants/search.html",
            asked,
            words=words,
            tenants=tenants,
            number=count_tenants(which) if len(tenants) == SHOWN else len(tenants),
            person=person,
            people=known_screen_url("people.index", asked, slug=person.slug, q=words) if person else "",
        )
