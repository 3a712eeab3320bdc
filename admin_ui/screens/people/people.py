"""People: found at 100,000, exported, one looked after; what is done here is what the API does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request, stream_with_context
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.listing import Column, Filter, Listing, ListQuery, Page, read_query
from admin_ui.rendering import known_screen_url, notify
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from identity.console_roles import held_roles
from identity.people import (
    change_active,
    change_many,
    edit_person,
    end_one_session,
    end_persons_sessions,
    prepare_person,
    relink_person,
    require_person,
)
from identity.people_query import people_page, provider_id_of, read_order, session_page
from identity.people_schemas import Relink, UserCreate, UserPatch
from identity.people_search import Count, PeopleFilter, count_people
from identity.people_views import EXPORT_TYPES, export_lines
from identity.person_fields import PROFILE_FIELDS
from identity.response_headers import security_headers
from identity.session_records import SessionFilter
from tenants.audit import EventType, record
from tenants.errors import NotFound, Refusal
from tenants.idp_records import providers_of
from tenants.paging import MAX_LIMIT, is_row_id
from tenants.roles import ASSIST, CONFIGURE, READ

COLUMNS = (
    Column("Name", "name"),
    Column("E-mail", "email"),
    Column("Username", "username"),
    Column("Comes from"),
    Column("Last sign-in", "last_sign_in"),
    Column("Added", "created"),
)
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


class PeopleScreen(TenantScreen):
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

    @page("/new", CONFIGURE, methods=("GET", "POST"))
    def new(self, asked: Asked) -> WerkzeugResponse:
        """Somebody who has not signed in yet."""
        if request.method == "GET":
            return self._form(asked, None, NOTHING)
        sent = submitted(UserCreate(), request.form)
        if sent.values is None:
            return self._form(asked, None, sent.shown, sent.errors, 422)
        try:
            with transaction():
                person = prepare_person(asked.tenant.id, sent.values, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._form(asked, None, sent.shown, _by_field(refusal), refusal.status)
        notify("Added. Their first sign-in joins them by e-mail or username.")
        return self.see_other("show", asked, user_id=person.id)

    @page("/<user_id>", READ)
    def show(self, asked: Asked, user_id: str) -> Response:
        """One person: profile, where they come from, sessions."""
        return self._person(asked, user_id)

    @page("/<user_id>/edit", CONFIGURE, methods=("GET", "POST"))
    def edit(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """Change a profile; an emptied field is emptied."""
        person = require_person(asked.tenant.id, _row_id(user_id))
        if request.method == "GET":
            return self._form(asked, user_id, {name: getattr(person, name) for name in PROFILE_FIELDS})
        sent = submitted(UserPatch(only=PROFILE_FIELDS), request.form)
        if sent.values is None:
            return self._form(asked, user_id, sent.shown, sent.errors, 422)
        try:
            with transaction():
                edit_person(asked.tenant.id, user_id, sent.values, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._form(asked, user_id, sent.shown, _by_field(refusal), refusal.status)
        notify("Saved.")
        return self.see_other("show", asked, user_id=user_id)

    @page("/<user_id>/active", ASSIST, methods=("POST",))
    def active(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """Switch an account off or on."""
        wanted = request.form.get("active") == "true"
        with transaction():
            change_active(asked.tenant.id, _row_id(user_id), wanted, actor=asked.actor, now=asked.now)
        notify("The account is switched on." if wanted else "The account is switched off, and every session of it has ended.")
        return self.see_other("show", asked, user_id=user_id)

    @page("/<user_id>/relink", CONFIGURE, methods=("POST",))
    def relink(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """Say anew by what they are known."""
        require_person(asked.tenant.id, _row_id(user_id))
        sent = submitted(Relink(), request.form)
        if sent.values is None:
            return self._person(asked, user_id, sent.shown, sent.errors, 422)
        values = sent.values
        try:
            with transaction():
                relink_person(
                    asked.tenant.id,
                    user_id,
                    why=values["reason"],
                    identity_provider=values["identity_provider"],
                    subject=values["subject"],
                    actor=asked.actor,
                    now=asked.now,
                )
        except Refusal as refusal:
            return self._person(asked, user_id, sent.shown, _by_field(refusal), refusal.status)
        notify("Relinked. Every session of theirs has ended.")
        return self.see_other("show", asked, user_id=user_id)

    @page("/<user_id>/sessions", ASSIST, methods=("POST",))
    def end_sessions(self, asked: Asked, user_id: str) -> WerkzeugResponse:
        """End one of their sessions, or all of them."""
        session_id = request.form.get("session", "")
        with transaction():
            if session_id:
                end_one_session(
                    asked.tenant.id, _row_id(session_id), actor=asked.actor, now=asked.now, user_id=_row_id(user_id)
                )
                ended = 1
            else:
                ended = end_persons_sessions(asked.tenant.id, _row_id(user_id), actor=asked.actor, now=asked.now)
        notify("1 session ended." if ended == 1 else f"{ended} sessions ended.")
        return self.see_other("show", asked, user_id=user_id)

    def _person(
        self,
        asked: Asked,
        user_id: str,
        relink: Mapping[str, Any] = NOTHING,
        errors: Mapping[str, Sequence[str]] = NOTHING,
        status: int = 200,
    ) -> Response:
        person = require_person(asked.tenant.id, _row_id(user_id))
        sessions, _more = session_page(asked.tenant, SessionFilter(user_id=user_id), asked.now, None, MAX_LIMIT)
        return self.render(
            "people/person.html",
            asked,
            status=status,
            person=person,
            sessions=sessions,
            roles=held_roles(asked.tenant.id, user_id, asked.now),
            administrators=known_screen_url("administrators.index", asked),
            relink={"reason": "", "identity_provider": "", "subject": "", **{k: v or "" for k, v in relink.items()}},
            errors=errors,
            providers=_providers(asked),
            attempts=known_screen_url("attempts.index", asked, q=person.email),
        )

    def _form(
        self,
        asked: Asked,
        user_id: str | None,
        shown: Mapping[str, Any],
        errors: Mapping[str, Sequence[str]] = NOTHING,
        status: int = 200,
    ) -> Response:
        values = {name: shown.get(name) for name in PROFILE_FIELDS}
        return self.render("people/form.html", asked, status=status, user_id=user_id, values=values, errors=errors)


def listing_of(asked: Asked) -> Listing:
    """The list, with a filter for the tenant's own identity providers."""
    by_provider = Filter("idp", "Comes from", tuple(_providers(asked)))
    return Listing(
        columns=COLUMNS,
        sort="name",
        search="Part of a name, e-mail or username",
        filters=(*FILTERS, by_provider),
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
        signed_in={"true": True, "false": False}.get(chosen.get("signed_in", "")),
        dormant_since=query.day("dormant_since"),
    )


def words_of(count: Count) -> str:
    """How many, in words."""
    number = "1 person" if count.number == 1 else f"{count.number:,} people"
    return f"More than {number}" if count.more else number


def _providers(asked: Asked) -> list[tuple[str, str]]:
    return [(provider.name, provider.display_name) for provider in providers_of(asked.tenant.id)]


def _by_field(refusal: Refusal) -> Mapping[str, Sequence[str]]:
    """A conflict stands beside the field that it is about."""
    field = {"email_conflict": "email", "username_conflict": "username", "subject_conflict": "subject"}.get(refusal.code)
    return {field: [refusal.sentence]} if field else errors_of(refusal)


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
