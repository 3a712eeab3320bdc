"""Overviews: the numbers are right, what needs attention is there, and nobody sees another's."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
import sqlalchemy as sa

from admin_ui.charts import LEAST, day_chart, round_above
from config.database import transaction
from config.isolation import every_tenant
from identity.sign_in_counts import count_sign_ins
from identity.statistics import Bar
from tenants.models import IdentityProvider, Tenant
from tests.support.browser import Browser
from tests.support.console import staff_client, tenant_client
from tests.support.world import World, utc_now

DAY = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
pytestmark = pytest.mark.usefixtures("clock_stands")  # today does not end meanwhile


def _text(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True))))


def _change(world: World, statement: sa.Executable) -> None:
    with world.app.app_context(), every_tenant(), transaction() as connection:
        connection.execute(statement)


def test_a_tenants_numbers(world: World) -> None:
    """Sign-ins, refusals by code, sessions, people: the same before the job has counted and after."""
    admin = tenant_client(world)
    world.sign_in(world.browser())
    world.sign_in(world.browser(), attributes={"mail": ["ada@elsewhere.test"]})
    world.sign_in(world.browser(world.globex), world.globex)
    for _ in range(2):
        page = _text(admin, "/admin/overview/")
        assert "Sign-ins today 2 2 in 30 days" in page
        assert "Refused today 1 33 % in 30 days" in page
        assert "email_domain_not_allowed" in page
        assert "Open sessions 2" in page
        assert "People 2 2 new in 30 days" in page
        assert "people signed in 2 times and were refused 1 times" in page
        assert "2 sign-ins and 1 refusal in 30 days" in page
        with world.app.app_context():
            count_sign_ins()


def test_every_link_of_an_overview_leads_somewhere(world: World) -> None:
    """To attempts with that code, dormant people, sessions, the identity provider: each is there, for both sides."""
    world.sign_in(world.browser(), attributes={"mail": ["ada@elsewhere.test"]})
    for browser, path in (
        (tenant_client(world, role="viewer"), "/admin/overview/"),
        (staff_client(world, "support"), "/admin/tenants/acme/overview/"),
        (staff_client(world, "support"), "/admin/service/"),
    ):
        page = browser.get(path).get_data(as_text=True)
        links = {html.unescape(link) for link in re.findall(r'<a [^>]*href="([^"#]+)"', page)}
        assert path == "/admin/service/" or any("code=email_domain_not_allowed" in link for link in links)
        for link in links:
            assert browser.get(link, follow_redirects=True).status_code == 200, f"{path}: {link}"


def test_the_services_numbers_and_what_needs_attention(world: World) -> None:
    """All tenants together; a certificate that ends, a sync that fails, a set-up that stands still, who fails most."""
    world.sign_in(world.browser())
    world.sign_in(world.browser(world.globex), world.globex, attributes={"mail": ["a@elsewhere.test"]})
    world.api("POST", "/tenants", json={"slug": "initech", "name": "Initech", "email_domains": []})
    with world.app.app_context():
        count_sign_ins()
    now = utc_now()
    of_acme = IdentityProvider.tenant_id == sa.select(Tenant.id).where(Tenant.slug == "acme").scalar_subquery()
    _change(world, sa.update(IdentityProvider).where(of_acme).values(certificate_ends_at=now + dt.timedelta(days=20, hours=1)))
    of_globex = IdentityProvider.tenant_id == sa.select(Tenant.id).where(Tenant.slug == "globex").scalar_subquery()
    failed = {"last_sync_result": "failed", "last_sync_code": "fetch_timeout", "last_sync_at": now}
    _change(world, sa.update(IdentityProvider).where(of_globex).values(**failed))
    _change(world, sa.update(Tenant).where(Tenant.slug == "initech").values(created_at=now - dt.timedelta(days=9)))
    for role in ("staff", "support"):
        page = _text(staff_client(world, role), "/admin/service/")
        assert "Active tenants 2" in page
        assert "Being set up 1" in page
        assert "Sign-ins today 1" in page
        assert "Refused today 1" in page
        assert re.search(r"Most refusals today and yesterday Globex 0 signed in 1 refusal", page)
        assert "Acme Company login , signs its people's sign-ins 20 days" in page
        assert "fetch_timeout" in page
        assert "Initech Begun 9 days ago Waits for the product" in page


def test_what_is_well_is_said_to_be(world: World) -> None:
    """A quiet service says so, and a deleted tenant is no longer listed anywhere."""
    page = _text(staff_client(world), "/admin/service/")
    for words in ("Nobody was refused.", "None ends within 60 days.", "Every sync succeeded."):
        assert words in page
    ends = utc_now() + dt.timedelta(days=5)
    _change(world, sa.update(IdentityProvider).values(certificate_ends_at=ends, last_sync_result="failed"))
    world.api("DELETE", "/tenants/globex")
    page = _text(staff_client(world), "/admin/service/")
    assert "Acme" in page
    assert "Globex" not in page


def test_who_may_see_which(world: World) -> None:
    """A tenant's people see their own at their own host; staff see it below the tenant; nobody else sees staff's."""
    viewer, support = tenant_client(world, role="viewer"), staff_client(world, "support")
    assert "Acme" in _text(viewer, "/admin/overview/")
    assert "Globex" in _text(support, "/admin/tenants/globex/overview/")
    for path in ("/admin/service/", "/admin/tenants/acme/overview/", "/admin/tenants/globex/overview/", "/admin/tenants/"):
        assert viewer.get(path).status_code in (403, 404), path
    assert support.get("/admin/overview/").status_code == 404
    for browser, begins in ((staff_client(world), True), (support, False)):
        assert ('href="/admin/new-customer/"' in browser.get("/admin/service/").get_data(as_text=True)) is begins
    assert tenant_client(world, role=None).get("/admin/overview/").status_code == 403


@pytest.mark.parametrize(
    ("number", "top"), [(0, 2), (2, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 20), (420, 600), (99_999, 100_000)]
)
def test_a_scale_ends_at_a_round_number(number: int, top: int) -> None:
    """With a whole number in the middle."""
    assert round_above(number) == top
    assert top % 2 == 0


def test_bars_stay_in_the_picture_and_few_refusals_are_seen() -> None:
    """One refusal among a million is drawn; nothing is drawn where nothing was; no bar leaves its 100 units."""
    bars = [Bar(DAY, 1_000_000, 1), Bar(DAY, 0, 0), Bar(DAY, 0, 7), Bar(DAY, 1_000_000, 0)]
    chart = day_chart(bars)
    assert chart.bars[0].refused_height == LEAST
    assert (chart.bars[1].accepted_height, chart.bars[1].refused_height) == (0, 0)
    assert chart.bars[2].accepted_height == 0
    for bar in chart.bars:
        assert 0 <= bar.refused_y <= bar.accepted_y <= 100
        assert bar.refused_y + bar.refused_height == pytest.approx(bar.accepted_y)
    assert (chart.accepted, chart.refused) == (2_000_000, 8)


def test_the_page_has_its_numbers_for_those_who_see_no_picture(world: World) -> None:
    """Title and description in the picture, a list of values, a table; and not one style attribute."""
    page = staff_client(world).get("/admin/service/").get_data(as_text=True)
    assert page.count('role="img"') == 2
    assert page.count("<desc") == 2
    assert page.count("<li") >= 30 + 24
    assert page.count("<tbody>") == 2
    assert "style=" not in page
