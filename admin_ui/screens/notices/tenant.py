"""A tenant's notices: what ends when, who is told, webhooks, deliveries (K3)."""

from __future__ import annotations

from flask import Response
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.screen import TenantScreen, page
from admin_ui.screens.notices.pages import NoticePages
from tenants.roles import CONFIGURE, READ


class NotificationsScreen(TenantScreen, NoticePages):
    """What ends, and who hears of it."""

    label, path, endpoint_name, icon, group = "Notifications", "/notifications", "notifications", "bell", "Settings"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Who is told of what, and what was sent."""
        return self.show(asked, may_change=asked.may(CONFIGURE))

    @page("/contacts", CONFIGURE, methods=("POST",))
    def add_contact(self, asked: Asked) -> Response | WerkzeugResponse:
        """Let somebody get the notices."""
        return self.take_contact(asked, by_staff=asked.of_staff)

    @page("/contacts/<contact_id>", CONFIGURE, methods=("POST",))
    def contact(self, asked: Asked, contact_id: str) -> WerkzeugResponse:
        """Test or remove an address."""
        return self.change_contact(asked, contact_id)

    @page("/webhooks", CONFIGURE, methods=("POST",))
    def add_webhook(self, asked: Asked) -> Response:
        """Make a webhook."""
        return self.take_webhook(asked)

    @page("/webhooks/<webhook_id>", CONFIGURE, methods=("POST",))
    def webhook(self, asked: Asked, webhook_id: str) -> WerkzeugResponse:
        """Test, switch or remove a webhook."""
        return self.change_webhook(asked, webhook_id)

    @page("/webhooks/<webhook_id>/secret", CONFIGURE, methods=("POST",))
    def rotate(self, asked: Asked, webhook_id: str) -> Response:
        """Give a webhook another secret."""
        return self.new_secret(asked, webhook_id)

    @page("/deliveries/<delivery_id>/retry", CONFIGURE, methods=("POST",))
    def retry(self, asked: Asked, delivery_id: str) -> WerkzeugResponse:
        """Try a delivery anew."""
        return self.repeat(asked, delivery_id)
