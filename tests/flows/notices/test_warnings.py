"""Warnings before something ends: each once, the nearest alone, for what is in force, whoever looks (K3)."""

from __future__ import annotations

import datetime as dt

import pytest
import sqlalchemy as sa

from config.database import Base
from config.isolation import every_tenant
from tenants.metadata_models import MetadataVersion
from tenants.models import IdentityProvider, ServiceProviderKey
from tenants.notices.notice_records import keys_to_look_at, providers_to_look_at
from tenants.notices.thresholds import DAYS
from tests.flows.notices.support import ACME, DAY, MINUTE, NOW, connect, deliver, notices, rows, run_sql, settle, warn
from tests.support.at_once import another_worker, at_once
from tests.support.mail_server import mail_server
from tests.support.webhook_receiver import webhook_receiver
from tests.support.world import World, utc_now

SIGNING = (ACME, "signing")


def test_each_threshold_is_warned_of_once_and_a_renewal_stops_it(world: World) -> None:
    """60, 30, 14, 7 and 1 days before the end, not twice, and not for a certificate that was replaced."""
    ends = utc_now() + 61 * DAY
    connect(world, ends)
    assert warn(world, ends - 61 * DAY) == 0
    given = []
    for hours in range(61 * 24, -25, -6):  # four looks a day, down to a day after the end
        if warn(world, ends - dt.timedelta(hours=hours)):
            given.append(hours)
    assert given == [days * 24 for days in DAYS]
    assert notices(world) == [("idp_certificate", days, False) for days in DAYS]
    connect(world, ends + 365 * DAY)
    assert warn(world, ends - 3 * DAY) == 0


def test_one_row_that_cannot_be_read_keeps_nobody_elses_warning(world: World) -> None:
    """It is looked at again in an hour, and told in the log; the others are warned of now."""
    ends = utc_now() + 20 * DAY
    connect(world, ends)
    connect(world, ends, organisation=world.globex)
    run_sql(world, sa.update(IdentityProvider).where(IdentityProvider.tenant_id == ACME).values(metadata_document={"x": 1}))
    assert warn(world, utc_now()) == 1
    assert [row.tenant_id for row in rows(world, "notice", "tenant_id")] == [ACME + 1]
    with world.app.app_context(), every_tenant():
        assert providers_to_look_at(utc_now() + 59 * MINUTE, 10) == []
        assert [tenant for tenant, _ in providers_to_look_at(utc_now() + 61 * MINUTE, 10)] == [ACME]


def test_what_is_connected_late_is_warned_of_by_the_nearest_threshold_alone(world: World) -> None:
    """Ten days before the end: the one of 14, and then those of 7 and 1."""
    ends = utc_now() + 10 * DAY
    connect(world, ends)
    assert [warn(world, ends - days * DAY) for days in (10, 9, 7, 7, 1)] == [1, 0, 1, 0, 1]
    assert [days for _, days, _ in notices(world)] == [14, 7, 1]


def test_every_pinned_certificate_counts_and_the_last_one_most(world: World) -> None:
    """The first of two says that nothing stops; two with the same end are one warning; metadata has its own."""
    first, last = utc_now() + 20 * DAY, utc_now() + 29 * DAY
    connect(world, first, last, last, valid_until=utc_now() + 6 * DAY)
    assert warn(world, utc_now()) == 3
    assert sorted(notices(world)) == [("idp_certificate", 30, False), ("idp_certificate", 30, True), ("metadata", 7, False)]


def test_what_is_switched_off_or_gone_is_not_warned_of(world: World) -> None:
    """Neither a provider that signs nobody in, nor one that was deleted; one that is switched on again is looked at."""
    main = "/tenants/acme/identity-providers/main"
    connect(world, utc_now() + 20 * DAY)
    xml = {"metadata_xml": world.acme.idp.metadata_xml(), "display_name": "Company login"}
    off = world.api("PUT", main, json=xml | {"enabled": False})
    assert off.status_code == 200
    run_sql(world, sa.update(IdentityProvider).values(next_notice_at=NOW))
    connect_ends = utc_now() + 5 * DAY
    connect(world, connect_ends, organisation=world.globex)
    assert warn(world, utc_now()) == 1
    assert world.api("DELETE", "/tenants/globex/identity-providers/main").status_code == 204
    assert warn(world, connect_ends - DAY) == 0
    assert world.api("PUT", main, json=xml | {"enabled": True}).status_code == 200
    connect(world, utc_now() + 20 * DAY)
    assert warn(world, utc_now()) == 1


def test_metadata_that_renews_itself_is_warned_of_only_when_it_does_not(world: World) -> None:
    """A copy that lives for ten days and comes each day is no news; the same copy a week later is."""
    taken, ends = utc_now(), utc_now() + 10 * DAY
    connect(world, valid_until=ends)
    values = {"metadata_url": "https://idp.acme.test/metadata", "next_notice_at": taken}
    run_sql(world, sa.update(IdentityProvider).where(IdentityProvider.tenant_id == ACME).values(**values))
    assert warn(world, taken + MINUTE) == 0
    assert warn(world, ends - 7 * DAY) == 1
    run_sql(world, sa.update(MetadataVersion).values(created_at=ends - DAY / 2))
    run_sql(world, sa.update(IdentityProvider).where(IdentityProvider.tenant_id == ACME).values(next_notice_at=taken))
    assert warn(world, ends - DAY / 4) == 0


def test_our_own_certificates_are_warned_of(world: World) -> None:
    """Those that are in use; a retired one ends unheard."""
    (ends,) = {row.ends_at for row in rows(world, "service_provider_key", "ends_at", "tenant_id", "use") if row[1:] == SIGNING}
    own = (ServiceProviderKey.tenant_id == ACME, ServiceProviderKey.use == "encryption")
    run_sql(world, sa.update(ServiceProviderKey).where(*own).values(state="retired"))
    warn(world, ends - 31 * DAY)
    before = len(notices(world))
    warn(world, ends - 30 * DAY)
    found = rows(world, "notice", "tenant_id", "subject", "label", "days")[before:]
    assert ("sp_certificate", "signing", 30) in {row[1:] for row in found if row.tenant_id == ACME}
    assert "encryption" not in {row.label for row in found if row.tenant_id == ACME}


def test_however_many_workers_look_each_warning_is_one(world: World) -> None:
    """Six at once in two processes' worth of state: one notice, one mail and one event for each recipient."""
    with mail_server() as mail, webhook_receiver() as receiver:
        settle(world, smtp_url=mail.url())
        assert world.api("POST", "/tenants/acme/notifications/contacts", json={"email": "it@acme.test"}).status_code == 201
        assert world.api("POST", "/tenants/acme/notifications/webhooks", json={"url": receiver.url}).status_code == 201
        connect(world, utc_now() + 20 * DAY)
        now = utc_now()
        with another_worker(world.app) as other:
            workers = [world, World(other, world.acme, world.globex, world.staff_token)]
            given = at_once([lambda at=at: warn(workers[at % 2], now) for at in range(6)])
            assert sum(given) == 1
            assert sum(at_once([lambda at=at: deliver(workers[at % 2], now) for at in range(6)])) == 2
        assert [received.recipient for received in mail.received] == ["it@acme.test"]
        assert [posted.document["type"] for posted in receiver.posted] == ["certificate.ending"]
        assert mail.received[0].message["Subject"].startswith("Acme: the signing certificate of Company login ends in 19 days")
        assert receiver.posted[0].document["data"] | {"notice": "", "id": "", "ends_at": ""} == {
            "notice": "",
            "id": "",
            "ends_at": "",
            "tenant": "acme",
            "tenant_name": "Acme",
            "subject": "idp_certificate",
            "label": "Company login",
            "threshold_days": 30,
            "days_left": 19,
            "lasts_on": False,
        }


def test_who_is_told_by_mail(world: World) -> None:
    """Contacts, named administrators with an active account, and staff; each by a mail of their own."""
    with mail_server() as mail:
        settle(world, smtp_url=mail.url())
        for email, role in (("ada@acme.test", "admin"), ("vera@acme.test", "viewer"), ("absent@acme.test", "admin")):
            assert world.api("POST", "/tenants/acme/console-grants", json={"email": email, "role": role}).status_code == 201
        world.sign_in(world.browser())
        for path, email in (("/tenants/acme", "it@partner.example"), ("/tenants/acme", "it@acme.test"), ("", "noc@staff.test")):
            added = world.api("POST", f"{path}/notifications/contacts", json={"email": email})
            assert added.status_code == 201, added.get_data(as_text=True)
        connect(world, utc_now() + 20 * DAY)
        warn(world, utc_now())
        deliver(world, utc_now() + MINUTE)
        told = sorted(received.recipient for received in mail.received)
        assert told == ["ada@acme.test", "it@acme.test", "it@partner.example", "noc@staff.test"]
        assert all(received.message["To"] == received.recipient for received in mail.received)
        (staff,) = [received for received in mail.received if received.recipient == "noc@staff.test"]
        assert "http://localhost:8000/admin/tenants/acme/notifications" in staff.text
        (event,) = world.api("GET", "/tenants/acme/events?type=notice.given").get_json()["items"]
        assert event["detail"]["recipients"] == 4


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_a_run_looks_at_what_is_due_and_at_nothing_else(world: World, database: str) -> None:
    """Both look-ups are answered from an index that ends at now, however many rows there are."""
    warn(world, utc_now())
    with world.app.app_context(), every_tenant():
        assert providers_to_look_at(utc_now(), 10) == keys_to_look_at(utc_now(), 10) == []
    engine = world.app.extensions["vestibule_engine"]
    for table in ("identity_provider", "service_provider_key"):
        column = Base.metadata.tables[table].c.next_notice_at
        statement = sa.select(column).where(column <= sa.bindparam("now", utc_now())).order_by(column).limit(10)
        sql = str(statement.compile(engine, compile_kwargs={"literal_binds": True}))
        with engine.connect() as connection, every_tenant():
            if database == "postgresql":
                connection.exec_driver_sql("SET enable_seqscan = off")
            explain = "EXPLAIN " if database == "postgresql" else "EXPLAIN QUERY PLAN "
            plan = " ".join(str(row) for row in connection.exec_driver_sql(explain + sql))
        assert f"ix_{table}_next_notice_at" in plan
