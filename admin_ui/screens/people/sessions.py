"""Sessions: who is signed in now, from where; ended one by one or all at once, on every worker with the next request (S2)."""

from __future__ import annotations

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.listing import Column, Filter, Listing, Page, read_query
from admin_ui.rendering import notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from identity.pages import WAY_WORDS
from identity.people import end_every_session, end_one_session
from identity.people_query import session_page
from identity.session_records import SessionFilter
from tenants.errors import NotFound
from tenants.paging import is_row_id
from tenants.roles import ASSIST, READ

LISTING = Listing(
    columns=(
        Column("Person"),
        Column("Browser"),
        Column("Address"),
        Column("Since"),
        Column("Last seen"),
        Column("Until", "until"),
        Column("Comes from"),
        Column("", end=True),
    ),
    sort="until",
    search="Part of the person's name, e-mail or username",
    filters=(Filter("address", "IP address", kind="text"),),
    empty="Nobody is signed in",
    empty_help="Each browser that somebody signs in with shows here until the session ends.",
)


class SessionsScreen(TenantScreen):
    """A tenant's open sessions."""

    label, path, endpoint_name, icon, group = "Sessions", "/sessions", "sessions", "device", "People"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """The list, the session that lasts longest first."""
        query = read_query(LISTING, request.args)
        which = SessionFilter(
            search=query.search.replace("\x00", ""), address=query.filters.get("address", "").replace("\x00", "") or None
        )
        rows, following = session_page(asked.tenant, which, asked.now, query.cursor, query.limit)
        return self.render(
            "people/sessions.html", asked, listing=LISTING, query=query, shown=Page(rows, following), ways=WAY_WORDS
        )

    @page("/end", ASSIST, methods=("POST",))
    def end(self, asked: Asked) -> WerkzeugResponse:
        """End one."""
        session_id = request.form.get("session", "")
        if not is_row_id(session_id):
            raise NotFound("no such id")
        with transaction():
            end_one_session(asked.tenant.id, session_id, actor=asked.actor, now=asked.now)
        notify("The session has ended.")
        return self.see_other("index", asked)

    @page("/end-all", ASSIST, methods=("POST",))
    def end_all(self, asked: Asked) -> WerkzeugResponse:
        """End every one of them; who does it from the tenant's own host is out as well."""
        with transaction():
            ended = end_every_session(asked.tenant.id, actor=asked.actor, now=asked.now)
        notify(f"{ended:,} sessions ended.")
        return self.see_other("index", asked)
