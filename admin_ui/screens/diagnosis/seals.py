"""The audit log's seals: how far it is sealed, what to keep outside, and a part of the chain verified (L2)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from flask import Response, request

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.listing import Column, Listing, Page, read_query
from admin_ui.screen import TenantScreen, page
from tenants import web
from tenants.errors import Refusal
from tenants.paging import cursor_of, cursor_scope, key_of
from tenants.roles import ASSIST, READ
from tenants.seal_schemas import VerifyBody
from tenants.sealing.chains import chain_state, verify_part
from tenants.sealing.ledgers import tenant_ledger
from tenants.sealing.records import page_of_seals
from tenants.sealing.reports import Report
from tenants.wiring import seal_keys

LISTING = Listing(
    columns=(Column("Seal"), Column("Made"), Column("Events", end=True), Column("Key"), Column("Anchor")),
    sort="-number",
    empty="Nothing is sealed yet",
    empty_help="Events are sealed within ten minutes or so.",
)
NUMBER = re.compile(r"[1-9][0-9]{0,8}")
NO_ERRORS: Mapping[str, Sequence[str]] = {}
FAULT_WORDS = {
    "event_changed": "Event changed",
    "event_removed": "Event removed",
    "event_added": "Event added",
    "seal_changed": "Seal changed",
    "seal_removed": "Seal removed",
    "chain_adopted": "Adopted as it stood",
}


class SealsScreen(TenantScreen):
    """The list of seals, and the form that verifies."""

    label, path, endpoint_name, icon, part_of = "Seals", "/audit-log/seals", "seals", "history", "events"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Seals, newest first."""
        return self._list(asked)

    @page("/", ASSIST, methods=("POST",))
    def verify(self, asked: Asked) -> Response:
        """Verify a part of the chain. It changes nothing, so the answer is the page itself."""
        form = submitted(VerifyBody(), request.form)
        since = request.form.get("since", "")
        if form.values is None:
            return self._list(asked, since=since, errors=form.errors, status=422)
        try:
            limited = web.settings().rate_limits
            report = verify_part(asked.tenant.id, seal_keys(), form.values["since"], asked.now, limited=limited)
        except Refusal as refusal:
            return self._list(asked, since=since, errors=errors_of(refusal), status=refusal.status)
        return self._list(asked, report=report)

    def _list(
        self,
        asked: Asked,
        *,
        since: str = "",
        errors: Mapping[str, Sequence[str]] = NO_ERRORS,
        report: Report | None = None,
        status: int = 200,
    ) -> Response:
        query = read_query(LISTING, request.args)
        scope = cursor_scope("console seals", asked.tenant.id)
        below = key_of(query.cursor, scope, NUMBER)
        found = page_of_seals(tenant_ledger(asked.tenant.id), int(below) if below else None, query.limit + 1)
        rows = found[: query.limit]
        following = cursor_of(str(rows[-1].number), scope) if len(found) > query.limit else None
        return self.render(
            "diagnosis/seals.html",
            asked,
            status=status,
            listing=LISTING,
            query=query,
            shown=Page(rows, following),
            chain=chain_state(asked.tenant.id, asked.now),
            keys=seal_keys().public,
            since=since,
            errors=errors,
            report=report,
            fault_words=FAULT_WORDS,
            may_verify=asked.may(ASSIST),
        )
