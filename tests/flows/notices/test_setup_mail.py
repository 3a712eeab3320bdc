"""Set-up links by mail: from API, command and console, to whom that may go, and never in clear at rest (O2)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from tests.flows.console.test_onboarding import send
from tests.flows.management.support import code_in, events_of, token_for
from tests.flows.notices.support import deliver, rows, settle, text_of_database
from tests.support.console import staff_client
from tests.support.mail_server import MailServer, mail_server
from tests.support.setup_link import ITPerson
from tests.support.world import World, utc_now

NEW = {"slug": "initech", "name": "Initech", "setup_email": "grace@customer.example"}
LINKS = "/tenants/initech/setup-links"
_LINK = re.compile(r"http://initech\.localhost:8000(/setup/([A-Za-z0-9_-]{43}))")


@pytest.fixture
def post(world: World) -> Iterator[MailServer]:
    """A mail server that the service has."""
    with mail_server() as server:
        settle(world, smtp_url=server.url())
        yield server


def _arrived(world: World, post: MailServer) -> tuple[str, str, str]:
    """(recipient, path, token) of the mail that comes now."""
    before = len(post.received)
    assert deliver(world, utc_now()) == 1
    (mail,) = post.received[before:]
    html = mail.message.get_body(("html",))
    assert html is not None
    found = _LINK.search(mail.text)
    assert found is not None
    assert found[0] in str(html.get_content())
    return mail.recipient, found[1], found[2]


def test_each_door_sends_the_link_and_only_its_person_reads_it(
    world: World, post: MailServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The one that the answer shows; it works; the outbox holds it sealed, then not at all; no log and no event has it."""
    caplog.set_level(logging.DEBUG)
    run, staff = world.app.test_cli_runner().invoke, staff_client(world)
    made = world.api("POST", "/onboardings", json=NEW | {"send_mail": True}).get_json()["setup_link"]
    assert made["delivery"] == str(rows(world, "delivery", "id")[0].id)
    waiting = text_of_database(world, ["delivery", "audit_event", "setup_link"])
    tokens = [made["url"].rpartition("/")[2]]
    assert tokens[0] not in waiting
    assert _arrived(world, post)[::2] == ("grace@customer.example", tokens[0])
    by_api = world.api("POST", LINKS, json={"email": "ada@customer.example", "send_mail": True}).get_json()
    assert _arrived(world, post)[::2] == ("ada@customer.example", by_api["url"].rpartition("/")[2])
    told = run(args=["setup-link", "issue", "initech", "--email", "eve@customer.example", "--mail"])
    assert told.stdout.count("\n") == 1
    assert _arrived(world, post)[::2] == ("eve@customer.example", told.stdout.strip().rpartition("/")[2])
    started = run(args=["onboarding", "start", "umbrella", "--name", "Umbrella", "--email", "x@customer.example", "--mail"])
    assert (started.exit_code, deliver(world, utc_now())) == (0, 1)
    page = staff.get("/admin/tenants/initech/onboarding/").get_data(as_text=True)
    assert 'name="send_mail" checked' in page
    form = {"email": "bob@customer.example", "expires_in_days": "3", "send_mail": "on"}
    shown = send(staff, "/admin/tenants/initech/onboarding/links", "/admin/tenants/initech/onboarding/", **form)
    assert "is on its way to" in shown.get_data(as_text=True)
    recipient, path, token = _arrived(world, post)
    assert (recipient, token in shown.get_data(as_text=True)) == ("bob@customer.example", True)
    assert ITPerson(world.app).start_link(path).status_code == 303
    tokens += [by_api["url"].rpartition("/")[2], told.stdout.strip().rpartition("/")[2], token]
    said = caplog.text + "".join(capfd.readouterr())
    kept = text_of_database(world, ["delivery", "audit_event", "setup_link"])
    assert not [token for token in tokens if token in said or token in kept]
    assert {row.sealed_body for row in rows(world, "delivery", "sealed_body")} == {None}
    mailed = [event for event in events_of(world, "initech") if event["type"] == "setup_link.mailed"]
    assert (len(mailed), {tuple(sorted(event["detail"])) for event in mailed}) == (4, {("delivery", "link")})
    listed = world.api("GET", "/tenants/initech/notifications/deliveries").get_json()["items"]
    assert {item["event"] for item in listed} == {"setup_link"}


def test_a_tenants_own_word_reaches_proven_domains_alone(world: World, post: MailServer) -> None:
    """Nobody has us write to strangers: the link is not made either; staff's word stands in for the proof."""
    assert world.api("POST", "/onboardings", json=NEW | {"email_domains": ["initech.example"]}).status_code == 201
    admin, count = token_for(world, "admin", "initech"), world.count("setup_link")
    for email in ("victim@stranger.example", "grace@initech.example"):  # that one is not proven yet
        refused = world.api("POST", LINKS, admin, json={"email": email, "send_mail": True})
        assert code_in(refused) == (422, "validation_failed")
        assert list(refused.get_json()["errors"]) == ["email"]
    assert (world.count("setup_link"), world.count("delivery")) == (count, 0)
    attested = world.api("POST", "/tenants/initech/email-domains/initech.example/attest", json={"reason": "Contract"})
    assert attested.status_code == 200, attested.get_data(as_text=True)
    sent = world.api("POST", LINKS, admin, json={"email": "grace@initech.example", "send_mail": True})
    assert (sent.status_code, deliver(world, utc_now())) == (201, 1)


def test_mail_is_bounded_for_all_workers_and_refused_without_a_server(world: World, post: MailServer) -> None:
    """Ten at once, however often links are revoked; no mail server is a refusal and no link that nobody gets."""
    world.api("POST", "/onboardings", json=NEW)
    for _ in range(10):
        made = world.api("POST", LINKS, json={"email": "grace@customer.example", "send_mail": True})
        assert made.status_code == 201, made.get_data(as_text=True)
        world.api("DELETE", f"{LINKS}/{made.get_json()['id']}")
    count = world.count("setup_link")
    limited = world.api("POST", LINKS, json={"email": "grace@customer.example", "send_mail": True})
    assert (code_in(limited), int(limited.headers["Retry-After"]) > 60) == ((429, "rate_limited"), True)
    assert world.api("POST", LINKS, json={"email": "grace@customer.example"}).get_json()["delivery"] is None
    settle(world, smtp_url=None)
    refused = world.api("POST", LINKS, json={"email": "grace@customer.example", "send_mail": True})
    assert code_in(refused) == (409, "state_conflict")
    begun = world.api("POST", "/onboardings", json=NEW | {"slug": "umbrella", "send_mail": True})
    assert code_in(begun) == (409, "state_conflict")
    assert (world.count("setup_link"), world.api("GET", "/tenants/umbrella").status_code) == (count + 1, 404)
    assert "send_mail" not in staff_client(world).get("/admin/new-customer/").get_data(as_text=True)
