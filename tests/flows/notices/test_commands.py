"""`vestibule notices`: the same flows as the API, for a tenant and for staff, on record where that belongs (I2, K3)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from click.testing import Result

from config.database import Base, read
from config.isolation import every_tenant
from tests.flows.management.support import events_of
from tests.flows.notices.support import DAY, connect, deliver, settle, warn
from tests.support.console import staff_client
from tests.support.mail_server import mail_server
from tests.support.webhook_receiver import webhook_receiver
from tests.support.world import World, utc_now

BASE = "/tenants/acme/notifications"


def run(world: World, *args: str, exit_code: int = 0) -> Result:
    """One command of `vestibule notices`."""
    result = world.app.test_cli_runner().invoke(args=["notices", *args])
    assert result.exit_code == exit_code, result.output
    return result


def document(world: World, *args: str) -> Any:
    """What a command prints."""
    return json.loads(run(world, *args).stdout)


def staff_events(world: World) -> list[tuple[str, str, Mapping[str, Any]]]:
    """(type, actor, detail) of what staff did, in order."""
    table = Base.metadata.tables["staff_event"]
    with world.app.app_context(), every_tenant():
        return [tuple(row) for row in read(sa.select(table.c.type, table.c.actor, table.c.detail).order_by(table.c.id))]


def test_a_tenants_contacts_and_webhooks_from_the_command_line(world: World) -> None:
    """Added, listed, tried, switched, given another secret, removed; the API shows the same, and the audit who it was."""
    with mail_server() as mail, webhook_receiver() as receiver:
        settle(world, smtp_url=mail.url())
        contact = document(world, "contact", "add", "NOC@Stranger.example", "--tenant", "acme")
        assert (contact["email"], contact["by_staff"]) == ("noc@stranger.example", True)
        hook = document(world, "webhook", "add", receiver.url, "--tenant", "acme")
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", hook["secret"])
        by_api = world.api("GET", f"{BASE}/contacts").get_json()["items"]
        assert document(world, "contact", "list", "--tenant", "acme") == by_api
        listed = run(world, "webhook", "list", "--tenant", "acme").stdout
        assert (receiver.url in listed, hook["secret"] in listed) == (True, False)
        for row in (contact, hook):
            queued = run(world, "test", row["id"], "--tenant", "acme").stdout
            assert re.fullmatch(r"[0-9a-f-]{36}\n", queued)
        assert deliver(world, utc_now()) == 2
        assert [mail.received[0].recipient, len(receiver.posted)] == ["noc@stranger.example", 1]
        states = {item["channel"]: item["state"] for item in document(world, "deliveries", "--tenant", "acme")}
        assert states == {"email": "sent", "webhook": "sent"}
        renewed = document(world, "webhook", "rotate-secret", hook["id"], "--tenant", "acme")
        assert renewed["secret"] != hook["secret"]
        assert not document(world, "webhook", "off", hook["id"], "--tenant", "acme")["enabled"]
        assert document(world, "webhook", "on", hook["id"], "--tenant", "acme")["enabled"]
        run(world, "webhook", "remove", hook["id"], "--tenant", "acme")
        run(world, "contact", "remove", contact["id"], "--tenant", "acme")
        assert [document(world, what, "list", "--tenant", "acme") for what in ("contact", "webhook")] == [[], []]
    events = [event for event in events_of(world) if event["actor"].startswith("cli:")]
    assert {event["type"] for event in events} >= {"notice_contact.added", "webhook.created", "webhook.secret_rotated"}
    assert not [event for event in events if hook["secret"] in str(event) or receiver.url in str(event)]
    assert staff_events(world) == []


def test_what_ends_and_what_was_given_up_is_shown(world: World) -> None:
    """`list` has the ends, who is told and the warnings; `retry` tries anew what was given up, and says so where nothing is."""
    ends = utc_now() + 20 * DAY
    with mail_server() as mail:
        settle(world, smtp_url=mail.url())
        connect(world, ends)
        run(world, "contact", "add", "noc@acme.test", "--tenant", "acme")
        mail.replies["RCPT"] = "550 5.1.1 nobody here"
        assert warn(world, utc_now()) == 1
        deliver(world, utc_now())
        shown = document(world, "list", "--tenant", "acme")
        assert (shown["mail"], shown["recipients"]) == (True, ["noc@acme.test"])
        assert [(item["subject"], item["days_left"]) for item in shown["ending"]][:1] == [("idp_certificate", 19)]
        assert [(item["subject"], item["days"]) for item in shown["notices"]] == [("idp_certificate", 30)]
        (failed,) = document(world, "deliveries", "--tenant", "acme")
        assert (failed["state"], failed["code"], failed["may_be_sent_again"]) == ("failed", "mail_refused", True)
        del mail.replies["RCPT"]
        assert document(world, "retry", failed["id"], "--tenant", "acme")["state"] == "waiting"
        assert deliver(world, utc_now()) == 1
        assert "nothing left" in run(world, "retry", failed["id"], "--tenant", "acme", exit_code=2).stderr
        assert "Not found" in run(world, "retry", failed["id"], exit_code=2).stderr  # nor among staff's own
        assert "Not found" in run(world, "retry", failed["id"], "--tenant", "globex", exit_code=2).stderr


def test_staffs_changes_of_their_own_notices_stand_in_the_services_chain(world: World) -> None:
    """By command, API and console; who, what, and never an address's path or a secret; the console's staff page shows them."""
    with mail_server() as mail, webhook_receiver() as receiver:
        settle(world, smtp_url=mail.url())
        contact = document(world, "contact", "add", "noc@service.example")
        hook = document(world, "webhook", "add", receiver.url)
        run(world, "test", contact["id"])
        run(world, "webhook", "rotate-secret", hook["id"])
        world.api("PATCH", f"/notifications/webhooks/{hook['id']}", json={"enabled": False})
        world.api("DELETE", f"/notifications/webhooks/{hook['id']}")
        run(world, "contact", "remove", contact["id"])
        assert document(world, "list") == {"mail": True, "recipients": []}
        found = staff_events(world)
        assert [event[0] for event in found] == [
            "notice_contact.added",
            "webhook.created",
            "notice.tested",
            "webhook.secret_rotated",
            "webhook.changed",
            "webhook.removed",
            "notice_contact.removed",
        ]
        assert [event[1].partition(":")[0] for event in found] == ["cli"] * 4 + ["token"] * 2 + ["cli"]
        assert found[0][2] == {"email": "noc@service.example"}
        assert (receiver.url in str(found), hook["secret"] in str(found)) == (False, False)
        assert world.count("unsealed_staff_event") == len(found)
    assert "webhook.secret_rotated" in staff_client(world).get("/admin/staff/").get_data(as_text=True)


def test_mistakes_are_said(world: World) -> None:
    """No address, no such row, no mail server, a webhook that is off: a sentence, exit code 2, nothing changed."""
    settle(world, smtp_url=None)
    assert "not an e-mail address" in run(world, "contact", "add", "nobody", exit_code=2).stderr
    assert "https" in run(world, "webhook", "add", "ftp://x.example/", "--tenant", "acme", exit_code=2).stderr
    assert "none of this id" in run(world, "contact", "remove", "no-id", exit_code=2).stderr
    contact = document(world, "contact", "add", "noc@acme.test", "--tenant", "acme")
    assert "gets the notices already" in run(world, "contact", "add", "noc@acme.test", "--tenant", "acme", exit_code=2).stderr
    assert "SMTP_URL" in run(world, "test", contact["id"], "--tenant", "acme", exit_code=2).stderr
    assert "no tenant" in run(world, "list", "--tenant", "nobody", exit_code=2).stderr
    hook = document(world, "webhook", "add", "https://hooks.example.com/x", "--tenant", "acme")
    run(world, "webhook", "off", hook["id"], "--tenant", "acme")
    assert "switched off" in run(world, "test", hook["id"], "--tenant", "acme", exit_code=2).stderr
    assert world.count("delivery") == 0
