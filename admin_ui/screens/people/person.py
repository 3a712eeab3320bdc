"""One person of a tenant: added, changed, switched off and on, relinked, their sessions ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.principals import require_recent
from admin_ui.rendering import known_screen_url, notify
from admin_ui.screen import page
from admin_ui.screens.organisations.choices import ROOT, field_value, organisation_choices, placed_form, words_of
from admin_ui.screens.people.belonging import BelongingPages
from config.database import transaction
from identity.advice_words import ENTRIES
from identity.attempt_records import AttemptFilter, page_of_attempts
from identity.console_roles import held_roles
from identity.organisations.members import prepare_member
from identity.people import (
    change_active,
    edit_person,
    end_one_session,
    end_persons_sessions,
    require_person,
)
from identity.people_letters import post_of
from identity.people_query import session_page
from identity.people_schemas import Relink, UserCreate, UserPatch
from identity.people_views import access_document
from identity.person_fields import PROFILE_FIELDS
from identity.relinking import relink_person
from identity.session_records import SessionFilter
from tenants import wiring
from tenants.directories.records import directories_of
from tenants.errors import NotFound, Refusal
from tenants.idp_records import providers_of
from tenants.organisations.records import organisations_of
from tenants.paging import MAX_LIMIT, is_row_id
from tenants.roles import ASSIST, CONFIGURE, READ

NOTHING: Mapping[str, Any] = {}
LATELY = 5
"""Attempts that the page shows; the list has all of 30 days."""
RELINK = ("reason", "identity_provider", "directory", "subject", "next_sign_in")
ENDING_WORDS = {
    "sessions": "sessions",
    "native_codes": "codes for applications",
    "api_tokens": "API tokens",
    "setup_links": "set-up links",
    "local_links": "links that set a password",
    "local_sign_ins": "sign-ins under way",
}


class PersonPages(BelongingPages):
    """The pages of People that are about one of them."""

    @page("/new", CONFIGURE, methods=("GET", "POST"))
    def new(self, asked: Asked) -> WerkzeugResponse:
        """Somebody who has not signed in yet."""
        if request.method == "GET":
            return self._form(asked, None, NOTHING)
        form, errors = placed_form(organisations_of(asked.tenant.id), request.form)
        sent = submitted(UserCreate(), form)
        if sent.values is None or errors:
            return self._form(asked, None, sent.shown, {**sent.errors, **errors}, 422)
        try:
            with transaction():
                person = prepare_member(asked.tenant, sent.values, actor=asked.actor, now=asked.now)
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
        if sent.values.get("email", person.email) != person.email:
            require_recent(asked.principal, asked.now)  # links that set a password go there
        try:
            with transaction():
                post = post_of(wiring.settings(), wiring.keys())
                edit_person(asked.tenant, user_id, sent.values, post, actor=asked.actor, now=asked.now)
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
        notify("The account is switched on." if wanted else "The account is switched off, and its access has ended.")
        return self.see_other("show", asked, user_id=user_id)

    @page("/<user_id>/relink", CONFIGURE, methods=("POST",), fresh=True)
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
                    asked.tenant,
                    user_id,
                    post_of(wiring.settings(), wiring.keys()),
                    why=values["reason"],
                    identity_provider=values["identity_provider"],
                    directory=values["directory"],
                    subject=values["subject"],
                    next_sign_in=values["next_sign_in"],
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
        tree, access = organisations_of(asked.tenant.id), access_document(asked.tenant.id, user_id, active=person.active)
        sessions, _more = session_page(asked.tenant, SessionFilter(user_id=user_id), asked.now, None, MAX_LIMIT)
        return self.render(
            "people/person.html",
            asked,
            status=status,
            person=person,
            sessions=sessions,
            endings=ENDING_WORDS,
            access=access,
            actors=actor_words(asked, [end["actor"] for end in access["items"]]),
            roles=held_roles(asked.tenant.id, user_id, asked.now),
            administrators=known_screen_url("administrators.index", asked),
            relink={**dict.fromkeys(RELINK, ""), **{name: value or "" for name, value in relink.items()}},
            errors=errors,
            providers=provider_choices(asked),
            directories=[(item.name, item.display_name) for item in directories_of(asked.tenant.id)],
            organisations=organisation_choices(asked, tree),
            has_organisations=bool(tree.nodes),
            organisation=words_of(asked, tree, person.organisation_id),
            place=field_value(tree, person.organisation_id or ROOT),
            attempts=known_screen_url("attempts.index", asked, q=person.email),
            lately=page_of_attempts(asked.tenant.id, None, LATELY, AttemptFilter(user_id=person.id)),
            meaning={code: entry.happened for code, entry in ENTRIES.items()},
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
        tree = organisations_of(asked.tenant.id)
        return self.render(
            "people/form.html",
            asked,
            status=status,
            user_id=user_id,
            values=values,
            errors=errors,
            has_organisations=bool(tree.nodes) and user_id is None,
            organisations=organisation_choices(asked, tree),
            place=field_value(tree, shown.get("organisation_id") or ROOT),
        )


def provider_choices(asked: Asked) -> list[tuple[str, str]]:
    """A tenant's identity providers, by name and by what people see."""
    return [(provider.name, provider.display_name) for provider in providers_of(asked.tenant.id)]


def _by_field(refusal: Refusal) -> Mapping[str, Sequence[str]]:
    """A conflict stands beside the field that it is about."""
    field = {"email_conflict": "email", "username_conflict": "username", "subject_conflict": "subject"}.get(refusal.code)
    return {field: [refusal.sentence]} if field else errors_of(refusal)


def _row_id(text: str) -> str:
    if not is_row_id(text):
        raise NotFound("no such id")
    return text
