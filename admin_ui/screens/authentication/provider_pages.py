"""Pages about one identity provider: they are reached from it, and have no place of their own in the menu."""

from __future__ import annotations

from flask import redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.rendering import screen_url
from admin_ui.screen import TenantScreen, page
from tenants.roles import READ


class ProviderPages(TenantScreen):
    """A part of Authentication."""

    label, path, endpoint_name = "", "", ""
    part_of = "authentication"

    @page("/", READ)
    def index(self, asked: Asked) -> WerkzeugResponse:
        """Without an identity provider in the address there is only the list of them."""
        return redirect(screen_url("authentication.index", asked), 302)
