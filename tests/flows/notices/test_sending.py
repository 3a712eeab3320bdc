"""What waits is sent: at least once, under one id, signed, by one worker, to where it may go, and never in clear at rest."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa

from config.database import transaction
from tenants.notices.delivery_records import LEASE, claim_delivery, due_deliveries
from tenants.notices.models import Delivery, Webhook
from tenants.notices.sending import MAX_ATTEMPTS, delay_after
from tests.flows.notices.support import ACME, DAY, MINUTE, connect, deliver, rows, run_sql, settle, text_of_database, warn
from tests.support.mail_server import mail_server
from tests.support.webhook_receiver import webhook_receiver
from tests.support.world import World, utc_now

BASE = "/tenants/acme/notifications"
STATES = ("state", "code", "attempts", "sealed_body")


def hook(world: World, url: str, base: str = BASE) -> tuple[str, str]:
    """A new webhook: its id and secret."""
    made = world.api("POST", f"{base}/webhooks", json={"url": url})
    assert made.status_code == 201, made.get_data(as_text=True)
    return made.get_json()["id"], made.get_json()["secret"]


def queue(world: World, webhook_id: str, base: str = BASE) -> str:
    """A test that waits to be sent."""
    run_sql(world, sa.update(Webhook).values(tested_at=None))
    queued = world.api("POST", f"{base}/webhooks/{webhook_id}/test")
    assert queued.status_code == 202, queued.get_data(as_text=True)
    return str(queued.get_json()["delivery"])


def test_a_receiver_verifies_what_came_while_the_secret_changes(world: World) -> None:
    """Id, time and signature by the convention; both secrets for a day, then the new one alone; the body is erased."""
    with webhook_receiver() as receiver:
        settle(world)
        webhook_id, first = hook(world, receiver.url)
        delivery = queue(world, webhook_id)
        assert deliver(world, utc_now()) == 1
        (posted,) = receiver.posted
        assert posted.id == f"msg_{delivery.replace('-', '')}"
        assert abs(int(posted.headers["webhook-timestamp"]) - utc_now().timestamp()) < 60
        assert posted.is_signed_by(first)
        assert (posted.document["type"], posted.headers["content-type"]) == ("notice.test", "application/json")
        second = world.api("POST", f"{BASE}/webhooks/{webhook_id}/rotate-secret").get_json()["secret"]
        for later, signs in ((MINUTE, [True, True]), (2 * DAY, [False, True])):
            queue(world, webhook_id)
            deliver(world, utc_now() + later)
            assert [receiver.posted[-1].is_signed_by(secret) for secret in (first, second)] == signs
    assert {row.sealed_body for row in rows(world, "delivery", "sealed_body")} == {None}
    stored = text_of_database(world, ["webhook", "delivery", "audit_event"])
    shown = world.api("GET", f"{BASE}/webhooks").get_data(as_text=True) + world.api("GET", f"{BASE}/deliveries").get_data(True)
    assert not [secret for secret in (first, second) if secret in stored or secret.removeprefix("whsec_") in stored + shown]


def test_what_fails_is_tried_again_ten_times_and_then_shown(world: World) -> None:
    """The same message under the same id, later each time; given up, it can be sent again by hand."""
    with webhook_receiver() as receiver:
        settle(world)
        webhook_id, _ = hook(world, receiver.url)
        delivery, now = queue(world, webhook_id), utc_now()
        receiver.status = 500
        for attempt in range(1, MAX_ATTEMPTS + 1):
            deliver(world, now)
            assert len(receiver.posted) == attempt
            deliver(world, now + delay_after(attempt) * 0.9)
            now += delay_after(attempt) * 1.2
        deliver(world, now + 9 * DAY)
        assert len(receiver.posted) == MAX_ATTEMPTS
        assert len({posted.id for posted in receiver.posted}) == 1
        shown = world.api("GET", f"{BASE}/deliveries/{delivery}").get_json()
        assert (shown["state"], shown["code"], shown["detail"]) == ("failed", "http_status", "HTTP status 500")
        assert shown["may_be_sent_again"]
        receiver.status = 200
        assert world.api("POST", f"{BASE}/deliveries/{delivery}/retry").status_code == 200
        assert deliver(world, utc_now() + MINUTE) == 1
        assert world.api("POST", f"{BASE}/deliveries/{delivery}/retry").get_json()["code"] == "state_conflict"


def test_one_that_does_not_answer_is_tried_once_for_all_that_waits(world: World) -> None:
    """And 410 ends it at once; what is switched off gets nothing."""
    with webhook_receiver() as receiver:
        settle(world)
        webhook_id, _ = hook(world, receiver.url)
        for _ in range(3):
            queue(world, webhook_id)
        receiver.status, now = 503, utc_now()
        deliver(world, now)
        assert len(receiver.posted) == 1
        receiver.status = 410
        deliver(world, now + 10 * MINUTE)
        assert {row.state for row in rows(world, "delivery", "state")} == {"failed"}
        sent = len(receiver.posted)
        queue(world, webhook_id)
        assert world.api("PATCH", f"{BASE}/webhooks/{webhook_id}", json={"enabled": False}).status_code == 200
        deliver(world, now + 20 * MINUTE)
        assert len(receiver.posted) == sent


def test_a_worker_that_dies_after_sending_leaves_a_repetition_under_the_same_id(world: World) -> None:
    """Its claim runs out, and not before; what it would note then counts for nothing."""
    with webhook_receiver() as receiver:
        settle(world)
        webhook_id, _ = hook(world, receiver.url)
        queue(world, webhook_id)
        now = utc_now()
        deliver(world, now)
        lost: dict[str, Any] = {"state": "waiting", "done_at": None, "claimed_until": now + LEASE, "claim": webhook_id}
        lost["sealed_body"] = _sealed_again(world, receiver.posted[0].body)
        run_sql(world, sa.update(Delivery).values(lost))
        assert deliver(world, now + LEASE / 2) == 0
        assert deliver(world, now + LEASE + MINUTE) == 1
        first, second = receiver.posted
        assert (first.id, first.body) == (second.id, second.body)
        with world.app.app_context():
            assert due_deliveries(now + DAY, 10) == []


def _sealed_again(world: World, body: bytes) -> str:
    """What a delivery held before it was sent: here, the body that arrived."""
    (row,) = rows(world, "delivery", "tenant_id", "id")
    keys = world.app.extensions["vestibule_keys"]
    return str(keys.seal(body, f"delivery:{row.tenant_id}:{row.id}"))


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://169.254.169.254/latest/meta-data", "address_not_allowed"),
        ("https://127.0.0.1:9/x", "address_not_allowed"),
        ("https://localhost/x", "address_not_allowed"),
        ("https://[::ffff:10.0.0.1]/x", "address_not_allowed"),
        ("https://[fd00::1]/x", "address_not_allowed"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_webhook_reaches_into_the_operators_network(world: World, url: str, code: str) -> None:
    """Networks that metadata may be fetched from are none that may be posted to."""
    webhook_id, _ = hook(world, url)
    delivery = queue(world, webhook_id)
    assert deliver(world, utc_now()) == 0
    shown = world.api("GET", f"{BASE}/deliveries/{delivery}").get_json()
    assert (shown["state"], shown["code"]) == ("waiting", code)


def test_a_redirect_is_not_followed(world: World) -> None:
    """What is signed goes to where somebody has said, and nowhere else."""
    with webhook_receiver() as receiver, webhook_receiver() as other:
        settle(world)
        webhook_id, _ = hook(world, receiver.url)
        receiver.status, receiver.location = 307, other.url
        delivery = queue(world, webhook_id)
        deliver(world, utc_now())
        assert (len(receiver.posted), other.posted) == (1, [])
        assert world.api("GET", f"{BASE}/deliveries/{delivery}").get_json()["code"] == "redirect_not_allowed"


@pytest.mark.parametrize("url", ["http://hooks.example.com/x", "ftp://x", "https://a:b@h.example/", "https://h .example", "x"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_address_that_is_none(world: World, url: str) -> None:
    """Told with the field, before anything is stored."""
    refused = world.api("POST", f"{BASE}/webhooks", json={"url": url})
    assert (refused.status_code, list(refused.get_json()["errors"])) == (422, ["url"])


def test_mail_is_given_up_or_tried_again_by_what_the_server_says(world: World) -> None:
    """4xx later, 5xx never; where the server is gone one attempt is enough for all of a run."""
    with mail_server() as mail:
        settle(world, smtp_url=mail.url())
        for name in ("a", "b", "c"):
            assert world.api("POST", f"{BASE}/contacts", json={"email": f"{name}@acme.test"}).status_code == 201
        connect(world, utc_now() + 20 * DAY)
        assert warn(world, utc_now()) == 1
        mail.replies["RCPT"] = "450 4.2.0 later"
        now = utc_now() + MINUTE
        deliver(world, now)
        assert {row[:3] for row in rows(world, "delivery", *STATES)} == {("waiting", "mail_later", 1)}
        mail.replies["RCPT"] = "550 5.1.1 nobody"
        deliver(world, now + 5 * MINUTE)
        assert {row[:3] for row in rows(world, "delivery", *STATES)} == {("failed", "mail_refused", 2)}
    run_sql(world, sa.update(Delivery).values(state="waiting", due_at=now))
    deliver(world, now + 10 * MINUTE)
    assert {row.code for row in rows(world, "delivery", "code")} == {"unreachable"}


def test_two_workers_claim_one_delivery_once(world: World) -> None:
    """A compare-and-set that both databases judge alike."""
    with webhook_receiver() as receiver:
        settle(world)
        delivery = queue(world, hook(world, receiver.url)[0])
    with world.app.app_context():
        with transaction():
            first = claim_delivery(ACME, delivery, utc_now() + dt.timedelta(seconds=1))
        with transaction():
            assert claim_delivery(ACME, delivery, utc_now() + dt.timedelta(seconds=2)) is None
    assert first is not None
