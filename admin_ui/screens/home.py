"""/admin/ itself: the way to the first screen that is for whoever asks."""

from __future__ import annotations

from flask import Response, current_app, redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.rendering import SCREENS, render_plain
from admin_ui.screen import Screen, StaffScreen, TenantScreen, page
from tenants.errors import NotFound
from tenants.roles import READ


class HomeScreen(Screen):
    """Where the console begins."""

    label, path, endpoint_name = "Console", "", "admin"

    def tenant_for(self, slug: str | None) -> None:
        """None: it only leads on."""

    @page("/", READ)
    def index(self, asked: Asked) -> WerkzeugResponse:
        """To the overview: of the service for staff, of their tenant for its people."""
        kind = StaffScreen if asked.of_staff else TenantScreen
        for screen in current_app.extensions[SCREENS].values():
            if isinstance(screen, kind) and screen.group and asked.may(screen.first_permission()):
                return redirect(screen.first_url(asked), 302)
        raise NotFound("no screen for this role")

    @page("/signed-in-again", READ)
    def signed_in_again(self, _asked: Asked) -> Response:
        """The end of a sign-in for the sake of a form: the way back to the window that keeps it."""
        return render_plain("sign_in/again.html", {})
