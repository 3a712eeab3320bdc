"""A tenant's notices: what ends when, who is told, webhooks, deliveries (K3)."""

from __future__ import annotations

from admin_ui.screen import TenantScreen
from admin_ui.screens.notices.pages import NoticePages


class NotificationsScreen(NoticePages, TenantScreen):
    """What ends, and who hears of it."""

    label, path, endpoint_name, icon, group = "Notifications", "/notifications", "notifications", "bell", "Settings"
