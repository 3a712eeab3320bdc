"""A tenant as a whole: its name and session times, its MyDomain, its state; and its end (T1, T5, S1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Response, redirect, request
from marshmallow import fields, validate
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.rendering import known_screen_url, notify, screen_url
from admin_ui.screen import TenantScreen, page
from config.database import transaction
from tenants import web
from tenants.administration import MAX_NAME_LENGTH, change_tenant, delete_tenant
from tenants.errors import Refusal
from tenants.models import ACTIVE, SUSPENDED
from tenants.organisations.access import ABSOLUTE_SECONDS, IDLE_SECONDS
from tenants.roles import CONFIGURE, ONBOARD, READ
from tenants.schema_fields import Flag, Strict, Whole, text
from tenants.service_provider import service_provider_of
from tenants.wiring import end_sessions, passkey_holders

MINUTE, HOUR, DAY = 60, 3600, 86_400
IDLE_CHOICES = (5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY)
ABSOLUTE_CHOICES = (HOUR, 4 * HOUR, 8 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY)
UNITS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second"))


class GeneralForm(Strict):
    """What administrators may change, as the API takes it."""

    name = text(MAX_NAME_LENGTH, required=True)
    session_idle_seconds = Whole(*IDLE_SECONDS, required=True)
    session_absolute_seconds = Whole(*ABSOLUTE_SECONDS, required=True)


class MyDomainForm(Strict):
    """The label that staff may change."""

    slug = text(63, shortest=3, pattern=r"^[A-Za-z0-9-]+$", required=True)
    anyway = Flag(load_default=False)


class StateForm(Strict):
    """What staff may set; onboarding ends by itself, and deleting is a page of its own."""

    state = fields.String(validate=validate.OneOf((ACTIVE, SUSPENDED)), required=True)


class GeneralScreen(TenantScreen):
    """Name, session times, MyDomain, state."""

    label, path, endpoint_name, icon, group = "General", "/general", "general", "sliders", "Settings"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """The forms, each for those who may."""
        return self._show(asked, {}, {})

    @page("/save", CONFIGURE, methods=("POST",))
    def save(self, asked: Asked) -> Response | WerkzeugResponse:
        """Name and session times; they hold from the next request on."""
        form = submitted(GeneralForm(), request.form)
        return self._change(asked, form.shown, form.values, form.errors, "Saved.")

    @page("/mydomain", ONBOARD, methods=("POST",))
    def move(self, asked: Asked) -> Response | WerkzeugResponse:
        """Another MyDomain; the former one goes on leading here, and the identity provider notices nothing."""
        form = submitted(MyDomainForm(), request.form)
        changed = self._change(asked, form.shown, form.values, form.errors, "")
        if changed.status_code != HTTPStatus.SEE_OTHER:
            return changed
        slug = str((form.values or {})["slug"]).lower()
        notify(f"People now sign in at {web.settings().tenant_origin(slug)}. The former address leads there.")
        return redirect(screen_url("general.index", asked, slug=slug), 303)

    @page("/state", ONBOARD, methods=("POST",))
    def change_state(self, asked: Asked) -> Response | WerkzeugResponse:
        """Suspend, or activate again."""
        form = submitted(StateForm(), request.form)
        suspended = form.shown.get("state") == SUSPENDED
        done = "Suspended. Nobody can sign in, and every session has ended." if suspended else "Active again."
        return self._change(asked, {}, form.values, form.errors, done)

    @page("/delete", ONBOARD, fresh=True)
    def confirm(self, asked: Asked) -> Response:
        """What deleting means, and the field that the name is typed into."""
        return self.render("tenants/delete.html", asked, errors={}, typed="")

    @page("/delete", ONBOARD, methods=("POST",), fresh=True)
    def delete(self, asked: Asked) -> Response | WerkzeugResponse:
        """Delete, where the name was typed as it is and the person has proved who they are a moment ago."""
        typed = request.form.get("name", "")
        if typed.strip() != asked.tenant.name:
            errors = {"name": ["This is not its name. Nothing was deleted."]}
            return self.render("tenants/delete.html", asked, errors=errors, typed=typed, status=422)
        with transaction():
            delete_tenant(asked.tenant, actor=asked.actor, now=asked.now, end_sessions=end_sessions())
        notify(f"{asked.tenant.name} is deleted.")
        return redirect(screen_url("tenants.index", asked), 303)

    def _change(
        self, asked: Asked, shown: Mapping[str, Any], values: Mapping[str, Any] | None, errors: Any, done: str
    ) -> Response | WerkzeugResponse:
        if values is None:
            return self._show(asked, shown, errors, status=422)
        try:
            with transaction():
                change_tenant(
                    asked.tenant,
                    values,
                    web.settings(),
                    attestation=None,
                    actor=asked.actor,
                    now=asked.now,
                    end_sessions=end_sessions(),
                    passkey_holders=passkey_holders(),
                )
        except Refusal as refusal:
            field = {"slug": [refusal.sentence]} if "slug" in values and not refusal.detail else errors_of(refusal)
            return self._show(asked, shown, field, status=refusal.status)
        if done:
            notify(done)
        return self.see_other("index", asked)

    def _show(self, asked: Asked, typed: Mapping[str, Any], errors: Any, *, status: int = 200) -> Response:
        tenant = asked.tenant
        stored = {name: getattr(tenant, name) for name in (*GeneralForm().fields, "slug")}
        return self.render(
            "tenants/general.html",
            asked,
            status=status,
            values={**stored, **typed},
            errors=errors,
            idle_choices=_choices(IDLE_CHOICES, tenant.session_idle_seconds),
            absolute_choices=_choices(ABSOLUTE_CHOICES, tenant.session_absolute_seconds),
            address=web.settings().tenant_origin(tenant.slug),
            own=service_provider_of(tenant.origin),
            may_change=asked.may(CONFIGURE),
            may_onboard=asked.may(ONBOARD),
            passkeys=passkey_holders()(tenant.id) if asked.may(ONBOARD) else 0,
            onboarding=known_screen_url("onboarding.index", asked),
        )


def _choices(usual: Sequence[int], present: int) -> list[tuple[int, str]]:
    """The usual times, and the present one where it is none of them."""
    return [(seconds, time_words(seconds)) for seconds in sorted({*usual, present})]


def time_words(seconds: int) -> str:
    """A length of time in its largest whole unit: 90 minutes, 8 hours, 1 day."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds % size == 0)
    number = seconds // size
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
