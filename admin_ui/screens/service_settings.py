"""Service settings: properties that staff owners change while the service runs, and which processes do its jobs (M2, I4)."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.forms import errors_of
from admin_ui.properties.changing import HOLDS, all_properties, change_properties, require_property
from admin_ui.rendering import notify
from admin_ui.screen import StaffScreen, page
from config.clocks.records import living_clocks
from config.clocks.rows import WORKER
from config.database import transaction
from tenants.errors import NotFound, Refusal
from tenants.roles import ONBOARD

MAX_DIGITS = 9
NOTHING: Mapping[str, str] = {}


class ServiceSettingsScreen(StaffScreen):
    """Properties, one form each."""

    label, path, endpoint_name, icon, group = "Service settings", "/service-settings", "service_settings", "sliders", "Service"

    @page("/", ONBOARD)
    def index(self, asked: Asked) -> Response:
        """All of them, and who does the work in the background."""
        return self._show(asked)

    @page("/<name>", ONBOARD)
    def show(self, asked: Asked, name: str) -> WerkzeugResponse:
        """A property has its place among the others."""
        require_property(name)
        return self.see_other("index", asked)

    @page("/<name>", ONBOARD, methods=("POST",))
    def change(self, asked: Asked, name: str) -> WerkzeugResponse:
        """Give it another value, or its default."""
        definition = require_property(name)
        typed = request.form.get(f"value-{name}", "").strip()
        value = None if request.form.get("act") == "unset" else _number(typed)
        try:
            with transaction():
                change_properties({name: value}, actor=asked.actor, now=asked.now)
        except NotFound:
            raise
        except Refusal as refusal:
            errors = {f"value-{name}": sentences for sentences in errors_of(refusal).values()}
            return self._show(asked, {name: typed}, errors, status=refusal.status)
        notify(f"{definition.name} is {definition.default if value is None else value}. {HOLDS}")
        return self.see_other("index", asked)

    def _show(
        self, asked: Asked, typed: Mapping[str, str] = NOTHING, errors: Mapping[str, object] = NOTHING, *, status: int = 200
    ) -> Response:
        clocks, properties = living_clocks(asked.now), all_properties()
        return self.render(
            "service/settings.html",
            asked,
            status=status,
            properties=properties,
            typed=typed,
            errors=errors,
            actors=actor_words(asked, (item.changed_by for item in properties if item.changed_by)),
            holds=HOLDS,
            clocks=clocks,
            has_worker=any(clock.kind == WORKER for clock in clocks),
        )


def _number(text: str) -> int:
    """A whole number as it was typed; what is none is out of every property's bounds."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else -1
