"""Staff's own notices: what ends at any tenant, and who of staff hears of it (K3)."""

from __future__ import annotations

from flask import Response
from werkzeug.wrappers import Response as WerkzeugResponse

from admin_ui.asked import Asked
from admin_ui.screen import StaffScreen, page
from admin_ui.screens.notices.pages import NoticePages
from tenants.roles import LIST_TENANTS, ONBOARD


class ServiceNotificationsScreen(StaffScreen, NoticePages):
    """Who of staff is told of what ends at whichever tenant."""

    label, path, endpoint_name, icon, group = (
        "Notifications",
        "/service-notifications",
        "service_notifications",
        "bell",
        "Service",
    )

    @page("/", LIST_TENANTS)
    def index(self, asked: Asked) -> Response:
        """Who is told of what, and what was sent."""
        return self.show(asked, may_change=asked.may(ONBOARD))

    @page("/contacts", ONBOARD, methods=("POST",))
    def add_contact(self, asked: Asked) -> Response | WerkzeugResponse:
        """Let somebody get the notices."""
        return self.take_contact(asked, by_staff=asked.of_staff)

    @page("/contacts/<contact_id>", ONBOARD, methods=("POST",))
    def contact(self, asked: Asked, contact_id: str) -> WerkzeugResponse:
        """Test or remove an address."""
        return self.change_contact(asked, contact_id)

    @page("/webhooks", ONBOARD, methods=("POST",))
    def add_webhook(self, asked: Asked) -> Response:
        """Make a webhook."""
        return self.take_webhook(asked)

    @page("/webhooks/<webhook_id>", ONBOARD, methods=("POST",))
    def webhook(self, asked: Asked, webhook_id: str) -> WerkzeugResponse:
        """Test, switch or remove a webhook."""
        return self.change_webhook(asked, webhook_id)

    @page("/webhooks/<webhook_id>/secret", ONBOARD, methods=("POST",))
    def rotate(self, asked: Asked, webhook_id: str) -> Response:
        """Give a webhook another secret."""
        return self.new_secret(asked, webhook_id)

    @page("/deliveries/<delivery_id>/retry", ONBOARD, methods=("POST",))
    def retry(self, asked: Asked, delivery_id: str) -> WerkzeugResponse:
        """Try a delivery anew."""
        return self.repeat(asked, delivery_id)
