"""Staff owners give a logger another level for a while, in every process of the service (L1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, request
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.actors import actor_words
from admin_ui.asked import Asked
from admin_ui.forms import errors_of, submitted
from admin_ui.log_levels.levels import logger_views, reset_level, set_level
from admin_ui.log_levels.schemas import LogLevelPut
from admin_ui.rendering import notify
from admin_ui.screen import StaffScreen, page
from config.database import transaction
from config.log_levels import LEVELS, NAMES
from tenants.errors import Refusal
from tenants.roles import ONBOARD
from tenants.schema_fields import Strict
from tenants.schema_fields import text as text_field
from tenants.tokens import read_duration

DURATIONS = (("10m", "10 minutes"), ("30m", "30 minutes"), ("2h", "2 hours"), ("8h", "8 hours"), ("24h", "A day"))
LEVEL_WORDS = (
    ("DEBUG", "Debug: everything, for whoever looks for a fault"),
    ("INFO", "Info: what happens as it should"),
    ("WARNING", "Warning: what somebody should look at"),
    ("ERROR", "Error: what is broken"),
)
BLANK: Mapping[str, str] = {"logger": "vestibule.identity.saml", "level": LEVELS[0], "expires_in": "30m"}


class LogLevelForm(LogLevelPut):
    """The form: the API names the logger in the path."""

    logger = text_field(60, required=True)


class LogLevelReset(Strict):
    """Which logger is to fall back."""

    logger = text_field(60, required=True)


class LogLevelsScreen(StaffScreen):
    """Every logger with its level, and the form."""

    label, path, endpoint_name, icon, group = "Log levels", "/log-levels", "log_levels", "document", "Service"

    @page("/", ONBOARD)
    def index(self, asked: Asked) -> Response:
        """What every process of the service says now."""
        return self._show(asked, BLANK, {}, 200)

    @page("/", ONBOARD, methods=("POST",))
    def change(self, asked: Asked) -> WerkzeugResponse:
        """Give a logger a level for a while."""
        sent = submitted(LogLevelForm(), request.form)
        if sent.values is None:
            return self._show(asked, {**BLANK, **sent.shown}, sent.errors, 422)
        values = sent.values
        try:
            duration = read_duration(values["expires_in"])
            with transaction():
                view = set_level(values["logger"], values["level"], duration, actor=asked.actor, now=asked.now)
        except Refusal as refusal:
            return self._show(asked, {**BLANK, **sent.shown}, errors_of(refusal), refusal.status)
        notify(f"{view.name} is at {view.level} for a while. It holds in every process within 5 seconds.")
        return self.see_other("index", asked)

    @page("/reset", ONBOARD, methods=("POST",))
    def reset(self, asked: Asked) -> WerkzeugResponse:
        """Let a logger fall back before its time."""
        sent = submitted(LogLevelReset(), request.form)
        if sent.values is None:
            return self._show(asked, BLANK, sent.errors, 422)
        with transaction():
            view = reset_level(sent.values["logger"], actor=asked.actor, now=asked.now)
        notify(f"{view.name} falls back to {view.level}.")
        return self.see_other("index", asked)

    def _show(self, asked: Asked, shown: Mapping[str, Any], errors: Mapping[str, Any], status: int) -> Response:
        views = logger_views(asked.now)
        return self.render(
            "log_levels/index.html",
            asked,
            status=status,
            views=views,
            actors=actor_words(asked, (view.kept.set_by for view in views if view.kept)),
            shown=shown,
            errors=errors,
            names=[(name, name) for name in NAMES],
            levels=LEVEL_WORDS,
            durations=DURATIONS,
        )
