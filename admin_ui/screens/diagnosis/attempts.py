"""Attempts to sign in: found by person, code, result, time and reference; each with its receipt and what to do (D1, D3)."""

from __future__ import annotations

import datetime as dt
import re

from flask import Response, redirect, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.exports import recorded
from admin_ui.listing import Column, Filter, Listing, ListQuery, Page, read_query
from admin_ui.rendering import known_screen_url, notify
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.diagnosis.ways import ways_of
from admin_ui.screens.diagnosis.xml_words import indented
from config.database import transaction
from identity.advice_clocks import clock_of
from identity.advice_messages import refetch_words
from identity.advice_offers import Action
from identity.advice_words import ENTRIES, WHO_WORDS
from identity.attempt_records import AttemptFilter, emails_of, page_of_attempts
from identity.attempt_views import EXPORT_TYPES, attempt_filter, export_lines
from identity.diagnosis import explain_attempt
from identity.people_letters import post_of
from identity.relinking import relink_person
from tenants import wiring
from tenants.audit import EventType
from tenants.draft_errors import DraftWithoutChange
from tenants.drafts import save_draft
from tenants.errors import NotFound
from tenants.paging import cursor_of, cursor_scope, is_row_id, key_of
from tenants.roles import CONFIGURE, READ

LISTING = Listing(
    columns=(Column("When"), Column("Outcome"), Column("Person"), Column("Way in"), Column("Reference")),
    sort="-at",
    search="Reference, or a whole e-mail address",
    filters=(
        Filter("result", "Result", (("accepted", "Accepted"), ("refused", "Refused"))),
        Filter("code", "Code", tuple((code, code) for code in ENTRIES)),
        Filter("test", "Tests", (("false", "Sign-ins only"), ("true", "Tests only"))),
        Filter("since", "From", kind="date"),
        Filter("until", "To", kind="date"),
    ),
    exports=("csv", "jsonl"),
    empty="Nobody has tried to sign in yet",
    empty_help="Every attempt of the last 30 days shows here, with each check that was made.",
)
_REFERENCE = re.compile(r"[0-9a-f]{1,32}")
DAY = dt.timedelta(days=1)
UNCHANGED = "The settings are like that already, or the draft has it. Test it, and put it in force."
DRAFTED = "A draft has it now: {label}. Test it, then put it in force."


class AttemptsScreen(TenantScreen):
    """The list, and one attempt."""

    label, path, endpoint_name, icon, group = "Attempts", "/attempts", "attempts", "pulse", "Diagnosis"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Attempts, newest first."""
        query = read_query(LISTING, request.args)
        filters = filter_of(asked, query)
        scope = cursor_scope("console attempts", asked.tenant.id, repr(filters))
        found = page_of_attempts(asked.tenant.id, key_of(query.cursor, scope), query.limit + 1, filters)
        rows = found[: query.limit]
        following = cursor_of(rows[-1].id, scope) if len(found) > query.limit else None
        people = emails_of(asked.tenant.id, {row.user_id for row in rows if row.user_id is not None})
        return self.render(
            "diagnosis/attempts.html",
            asked,
            listing=LISTING,
            query=query,
            shown=Page(rows, following),
            people=people,
            meaning={code: entry.happened for code, entry in ENTRIES.items()},
        )

    @page("/export", READ)
    def export(self, asked: Asked) -> Response:
        """All pages of the list as a file, a batch at a time, without receipts; that it was taken is audited."""
        form = request.args.get("form", "")
        if form not in EXPORT_TYPES:
            raise NotFound("no such form")
        filters = filter_of(asked, read_query(LISTING, request.args))
        lines = export_lines(asked.tenant.id, form, filters)
        media_type = EXPORT_TYPES[form]
        return recorded(
            asked, EventType.ATTEMPTS_EXPORTED, lines, form=form, media_type=media_type, name=f"attempts.{form}"
        )

    @page("/<attempt_id>", READ)
    def show(self, asked: Asked, attempt_id: str) -> Response:
        """One attempt: what happened, what to do, and every check."""
        explained = explain_attempt(asked.tenant.id, attempt_id)
        attempt, receipt = explained.found.attempt, explained.found.receipt
        people = emails_of(asked.tenant.id, {attempt.user_id} if attempt.user_id else set())
        return self.render(
            "diagnosis/attempt.html",
            asked,
            attempt=attempt,
            receipt=receipt,
            advice=explained.advice,
            ways=ways_of(explained.advice, asked, attempt.idp, attempt_id) if explained.advice else (),
            who_words=WHO_WORDS,
            clock=clock_of(receipt["facts"]),
            refetched=refetch_words(receipt["facts"].get("metadata_refetch")),
            person=people.get(attempt.user_id or ""),
            person_address=known_screen_url("people.show", asked, user_id=attempt.user_id) if attempt.user_id in people else "",
            xml=indented(explained.found.xml),
        )

    @page("/<attempt_id>/draft", CONFIGURE, methods=("POST",))
    def draft(self, asked: Asked, attempt_id: str) -> WerkzeugResponse:
        """Take an offer that changes settings: into the draft, to be tested before it holds."""
        explained = explain_attempt(asked.tenant.id, attempt_id)
        offers = explained.advice.offers if explained.advice else ()
        chosen = request.form.get("offer", "")
        offer = next((item for position, item in enumerate(offers) if str(position) == chosen and item.settings), None)
        idp = explained.found.attempt.idp
        if offer is None or idp is None:
            raise NotFound("no such offer")
        try:
            with transaction():
                save_draft(asked.tenant, idp, offer.settings, actor=asked.actor, now=asked.now)
        except DraftWithoutChange:
            notify(UNCHANGED, "warn")
        else:
            notify(DRAFTED.format(label=offer.label[:1].lower() + offer.label[1:]))
        return redirect(known_screen_url("saml_attributes.show", asked, name=idp), 303)

    @page("/<attempt_id>/relink", CONFIGURE, methods=("POST",), fresh=True)
    def relink(self, asked: Asked, attempt_id: str) -> WerkzeugResponse:
        """Take the offer to link somebody's account to their next sign-in, by the identity provider of this attempt."""
        explained = explain_attempt(asked.tenant.id, attempt_id)
        offers = explained.advice.offers if explained.advice else ()
        user_id = next((item.about for item in offers if item.action is Action.RELINK_PERSON and item.about), None)
        attempt = explained.found.attempt
        if user_id is None or attempt.idp is None:
            raise NotFound("no such offer")
        with transaction():
            relink_person(
                asked.tenant,
                user_id,
                post_of(wiring.settings(), wiring.keys()),
                why=f"attempt {attempt.reference}",
                identity_provider=attempt.idp,
                subject=None,
                next_sign_in=True,
                actor=asked.actor,
                now=asked.now,
            )
        notify("Linked: their next sign-in with their address or username is theirs. Have them sign in once more.")
        return redirect(known_screen_url("people.show", asked, user_id=user_id), 303)


def filter_of(asked: Asked, query: ListQuery) -> AttemptFilter:
    """What was searched and chosen, as a filter of records."""
    search = query.search.lower()
    wanted: dict[str, object] = dict(query.filters) | {"since": query.day("since"), "until": last_of(query.day("until"))}
    if "@" in search:
        wanted["email"] = search
    elif is_row_id(search):
        wanted["user_id"] = search
    elif search:
        wanted["reference"] = search if _REFERENCE.fullmatch(search) else "none"
    return attempt_filter(asked.tenant.id, wanted)


def last_of(day: dt.datetime | None) -> dt.datetime | None:
    """The end of a day: whoever chooses it wants all of it. The last day that there is has none."""
    try:
        return None if day is None else day + DAY
    except OverflowError:
        return None
