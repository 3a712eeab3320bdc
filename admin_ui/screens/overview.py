"""What comes first: the service at a glance for staff, a tenant at a glance for its people."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from flask import Response

from admin_ui.asked import Asked
from admin_ui.charts import Chart, day_chart, hour_chart
from admin_ui.rendering import known_screen_url
from admin_ui.screen import StaffScreen, TenantScreen, page
from identity.advice_words import ENTRIES, UNKNOWN
from identity.local_accounts.break_glass_records import SHOWN_FOR, uses_of
from identity.overview_records import DORMANT_AFTER
from identity.overviews import days_until, service_overview, tenant_overview
from identity.setup_progress import Step
from identity.statistics import SignInStatistics
from tenants.roles import LIST_TENANTS, READ

WAITS: Mapping[Step, str] = {
    Step.PRODUCT: "Waits for the product",
    Step.METADATA: "Waits for metadata",
    Step.ATTRIBUTES: "Waits for attributes",
    Step.DOMAINS: "Waits for a domain's proof",
    Step.TEST: "Waits for a test",
    Step.REFUSAL_TEST: "Waits for the second test",
    Step.ACTIVATION: "Waits for activation",
}


class ServiceOverviewScreen(StaffScreen):
    """All tenants together."""

    label, path, endpoint_name, icon, group = "Overview", "/service", "service_overview", "chart", "Service"

    @page("/", LIST_TENANTS)
    def index(self, asked: Asked) -> Response:
        """Tenants by state, sign-ins, and what needs attention."""
        shown = service_overview(asked.now)
        return self.render(
            "overview/service.html",
            asked,
            shown=shown,
            waits=WAITS,
            days_until=functools.partial(days_until, now=asked.now),
            create=known_screen_url("new_customer.index", asked),
            **_charts(shown.sign_ins),
        )


class TenantOverviewScreen(TenantScreen):
    """One tenant."""

    label, path, endpoint_name, icon, group = "Overview", "/overview", "tenant_overview", "chart", "Overview"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Sign-ins, identity providers, people, and what needs attention."""
        shown = tenant_overview(asked.tenant, asked.now)
        return self.render(
            "overview/tenant.html",
            asked,
            shown=shown,
            waits=WAITS,
            days_until=functools.partial(days_until, now=asked.now),
            known=functools.partial(known_screen_url, asked=asked),
            is_known=ENTRIES.__contains__,
            broken=uses_of(asked.tenant.id, since=asked.now - SHOWN_FOR, unseen=True),
            today=asked.now.date().isoformat(),
            dormant_since=(asked.now - DORMANT_AFTER).date().isoformat(),
            **_charts(shown.sign_ins),
        )


def meaning_of(code: str) -> str:
    """What a refusal's code means, in one sentence."""
    return ENTRIES.get(code, UNKNOWN).happened


def _charts(sign_ins: SignInStatistics) -> dict[str, Any]:
    days, hours = day_chart(sign_ins.days), hour_chart(sign_ins.hours)
    return {
        "days": days,
        "hours": hours,
        "days_sentence": _sentence(days, "In 30 days"),
        "hours_sentence": _sentence(hours, "Today"),
        "refused_share": _share(sign_ins.refused, sign_ins.accepted + sign_ins.refused),
        "meaning": meaning_of,
    }


def _sentence(chart: Chart, when: str) -> str:
    busiest = max(chart.bars, key=lambda bar: bar.accepted + bar.refused)
    words = f"{when}, people signed in {chart.accepted:,} times and were refused {chart.refused:,} times."
    return f"{words} Most attempts: {busiest.label}." if busiest.accepted + busiest.refused else words


def _share(part: int, whole: int) -> str:
    """A share in per cent, with a decimal where it is small."""
    if not part:
        return "none"
    per_cent = 100 * part / whole
    return f"{per_cent:.1f} %" if per_cent < 10 else f"{per_cent:.0f} %"
