"""Staff's own notices: what ends at any tenant, and who of staff hears of it (K3)."""

from __future__ import annotations

from admin_ui.screen import StaffScreen
from admin_ui.screens.notices.pages import NoticePages


class ServiceNotificationsScreen(NoticePages, StaffScreen):
    """Who of staff is told of what ends at whichever tenant."""

    label, path, icon, group = "Notifications", "/service-notifications", "bell", "Service"
    endpoint_name = "service_notifications"
