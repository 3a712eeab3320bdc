"""The command line: the same flows as the API, and errors that say what to do."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import click
import pytest
import time_machine
from click.testing import Result

from tests.flows.management.support import allow_loopback, events_of, token_for
from tests.support.idp import ForgingIdP
from tests.support.metadata_server import metadata_server
from tests.support.world import World, utc_now


def _run(world: World, *args: str, text: str | None = None) -> Result:
    result = world.app.test_cli_runner().invoke(args=list(args), input=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_a_tenant_from_nothing_to_sign_in(world: World, tmp_path: Path) -> None:
    """Create, connect, set, and the API shows the same."""
    idp = ForgingIdP(entity_id="https://idp.initech.test/metadata")
    (tmp_path / "idp.xml").write_text(idp.metadata_xml())
    made = _run(world, "tenant", "create", "initech", "--name", "Initech", "--domain", "initech.test")
    assert json.loads(made.stdout)["sp"]["acs_url"] == "http://initech.localhost:8000/saml/acs"
    connected = _run(
        world, "idp", "put", "initech", "main", "--display-name", "Login", "--metadata-file", str(tmp_path / "idp.xml")
    )
    assert json.loads(connected.stdout)["entity_id"] == idp.entity_id
    changed = _run(
        world, "settings", "set", "initech", "main", "request_binding=redirect", 'attribute_map={"phone":["mobile"]}'
    )
    assert json.loads(changed.stdout)["request_binding"] == "redirect"
    document = world.api("GET", "/tenants/initech").get_json()
    assert (document["state"], document["email_domains"], document["unproven_email_domains"]) == (
        "active",
        ["initech.test"],
        [],
    )
    assert json.loads(_run(world, "tenant", "show", "initech").stdout)["slug"] == "initech"
    assert {event["actor"].partition(":")[0] for event in events_of(world, "initech")} == {"cli"}


def test_token_create_prints_the_token_alone_and_only_its_hash_is_kept(world: World) -> None:
    """A script can take the output as it is; the list never shows it."""
    made = _run(world, "token", "create", "--role", "viewer", "--tenant", "acme", "--label", "Dashboard")
    token = made.stdout.strip()
    assert re.fullmatch(r"vst_[A-Za-z0-9_-]{43}", token)
    assert made.stdout == token + "\n"
    listed = _run(world, "token", "list", "--tenant", "acme").stdout
    assert "Dashboard" in listed
    assert token[4:] not in listed
    assert not any(token in str(row) for rows in world.rows().values() for row in rows)
    created = next(event for event in events_of(world) if event["type"] == "token.created")
    assert token not in json.dumps(created)


def test_a_token_is_revoked_by_itself_from_standard_input(world: World) -> None:
    """So that it need not stand in the shell's history; a second time says that there is none."""
    token = token_for(world, "admin", "acme")
    assert _run(world, "token", "revoke", "-", text=token + "\n").exit_code == 0
    assert world.api("GET", "/tenants/acme", token).status_code == 401
    assert events_of(world)[0]["type"] == "token.revoked"
    again = _run(world, "token", "revoke", token)
    assert again.exit_code == 2
    assert "vestibule token list" in again.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("tenant", "create", "www", "--name", "X"), "taken or reserved"),
        (("tenant", "create", "a_b", "--name", "X"), "3 to 63"),
        (("tenant", "create", "initech", "--name", "X", "--domain", "acme.test"), "another organisation"),
        (("tenant", "show", "nobody"), "vestibule tenant list"),
        (("tenant", "rename", "acme"), "--mydomain"),
        (("token", "create", "--role", "admin"), "--tenant"),
        (("token", "create", "--role", "staff", "--tenant", "acme"), "--tenant"),
        (("token", "create", "--role", "staff", "--expires-in", "soon"), "30d"),
        (("token", "create", "--role", "king"), "staff"),
        (("idp", "show", "acme", "nothing"), "no such identity provider"),
        (("idp", "put", "acme", "main", "--display-name", "X"), "exactly one source"),
        (("idp", "put", "acme", "main", "--display-name", "X", "--metadata-url", "ftp://x"), "url_not_allowed"),
        (("idp", "sync", "acme", "main"), "save it again"),
        (("settings", "set", "acme", "main", "nonsense"), "SETTING=VALUE"),
        (("settings", "set", "acme", "main", "colour=red"), "colour"),
        (("settings", "set", "acme", "main", "want_assertions_signed=false"), "anyone could sign in"),
        (("user", "deactivate", "acme", "nobody@acme.test"), "vestibule user list acme"),
        (("attempts", "show", "acme", "1"), "vestibule attempts list acme"),
    ],
)
def test_a_refusal_is_a_sentence_that_helps_and_exit_code_2(world: World, args: tuple[str, ...], words: str) -> None:
    """On standard error, without a traceback; nothing on standard output, no row changed."""
    before = world.rows()
    result = _run(world, *args)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert world.rows() == before


def test_a_tenant_is_suspended_renamed_and_deleted(world: World) -> None:
    """Deleting asks for the name, and takes no other."""
    ada = world.browser()
    world.sign_in(ada)
    assert json.loads(_run(world, "tenant", "suspend", "acme").stdout)["state"] == "suspended"
    assert json.loads(_run(world, "tenant", "activate", "acme").stdout)["state"] == "active"
    assert ada.get("/session").status_code == 401
    assert json.loads(_run(world, "tenant", "domains", "acme", "a.test", "b.test").stdout)["email_domains"] == [
        "a.test",
        "b.test",
    ]
    assert json.loads(_run(world, "tenant", "rename", "acme", "--mydomain", "acme-two").stdout)["slug"] == "acme-two"
    assert _run(world, "tenant", "delete", "acme-two", text="Wrong\n").exit_code == 2
    assert _run(world, "tenant", "delete", "acme-two", text="Acme\n").exit_code == 0
    assert _run(world, "tenant", "list").stdout == "globex\tactive\tGlobex\n"


def test_people_and_attempts_are_shown_and_switched(world: World) -> None:
    """By address or by id."""
    ada = world.browser()
    world.sign_in(ada)
    (line,) = _run(world, "user", "list", "acme").stdout.splitlines()
    user_id = line.split("\t")[0]
    assert json.loads(_run(world, "user", "deactivate", "acme", "Ada@acme.test").stdout)["active"] is False
    assert ada.get("/session").status_code == 401
    assert json.loads(_run(world, "user", "activate", "acme", user_id).stdout)["active"] is True
    (line,) = _run(world, "attempts", "list", "acme").stdout.splitlines()
    receipt = json.loads(_run(world, "attempts", "show", "acme", line.split("\t")[0]).stdout)
    assert (receipt["code"], receipt["user_id"]) == (None, user_id)
    assert json.loads(_run(world, "events", "list", "acme", "--limit", "1").stdout)[0]["type"] == "user.activated"


def test_a_sync_by_command_is_fetched_at_once(world: World) -> None:
    """And counts for the minute, as any other."""
    allow_loopback(world)
    path = "main"
    with metadata_server(world.acme.idp.metadata_xml()) as server:
        put = _run(world, "idp", "put", "acme", path, "--display-name", "Login", "--metadata-url", server.url, "--disabled")
        assert json.loads(put.stdout)["enabled"] is False
        assert len(server.asked) == 1
        limited = _run(world, "idp", "sync", "acme", path)
        assert limited.exit_code == 2
        assert "rate_limited" in limited.stderr
        server.status = 500
        with time_machine.travel(utc_now() + dt.timedelta(minutes=2)):
            failed = _run(world, "idp", "sync", "acme", path)
        assert (failed.exit_code, json.loads(failed.stdout)["code"]) == (1, "http_status")
    assert _run(world, "idp", "list", "acme").stdout.startswith("main\tdisabled\t")
    assert _run(world, "idp", "delete", "acme", "main").exit_code == 0
    assert _run(world, "idp", "list", "acme").stdout == ""


def test_every_command_explains_itself(world: World) -> None:
    """Each has a help text."""
    groups = {
        name: world.app.cli.commands[name] for name in ("tenant", "idp", "settings", "token", "user", "attempts", "events")
    }
    for group in groups.values():
        assert isinstance(group, click.Group)
        assert group.help
        for command in group.commands.values():
            assert command.help, command.name
