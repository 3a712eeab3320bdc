"""A tenant's logo by API and command: taken in, served to its own people, shown on their pages, and nobody else's."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from config.database import db
from tests.flows.management.support import code_in, events_of, token_for
from tests.support.pictures import ATTACKS, SECRET, picture, with_metadata
from tests.support.world import World

LOGO = "/tenants/acme/logo"


def _put(world: World, content: bytes, token: str | None = None, slug: str = "acme", kind: str = "image/png") -> TestResponse:
    return world.api("PUT", f"/tenants/{slug}/logo", token, data=content, content_type=kind)


def _get(world: World, path: str, slug: str = "acme") -> TestResponse:
    return world.app.test_client().get(path, base_url=f"http://{slug}.localhost:8000", headers={"Accept": "text/html"})


def test_a_logo_is_kept_served_and_shown(world: World) -> None:
    """It stands on the sign-in page at an address that names its content, and may be kept for ever."""
    before = _get(world, "/").get_data(as_text=True)
    assert 'class="mark" aria-hidden="true">AC' in before
    made = _put(world, picture())
    assert made.status_code == 200, made.get_data(as_text=True)
    path = made.get_json()["path"]
    assert re.fullmatch(r"/brand/[0-9a-f]{16}/logo\.png", path)
    page = _get(world, "/").get_data(as_text=True)
    assert f'<img class="logo" src="{path}" width="300" height="120" alt="">' in page
    assert 'class="mark"' not in page
    served = _get(world, path)
    assert served.status_code == 200
    assert served.mimetype == "image/png"
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert served.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "default-src 'none'" in served.headers["Content-Security-Policy"]
    assert served.data == world.api("GET", LOGO).data
    assert world.api("GET", "/tenants/acme").get_json()["logo"] == path


def test_error_and_landing_pages_show_it_too(world: World) -> None:
    """Also where somebody is signed in, and where something went wrong."""
    path = _put(world, picture()).get_json()["path"]
    browser = world.browser()
    world.sign_in(browser)
    assert path in browser.client.get("/", base_url=world.acme.origin).get_data(as_text=True)
    assert path in _get(world, "/nothing-here").get_data(as_text=True)
    world.api("PATCH", "/tenants/acme", json={"state": "suspended"})
    suspended = _get(world, "/")
    assert suspended.status_code == 403
    assert path in suspended.get_data(as_text=True)
    assert _get(world, path).status_code == 200


def test_nothing_of_the_file_but_its_pixels_is_ever_served(world: World) -> None:
    """A comment, a place, a profile: gone from the database, too."""
    path = _put(world, with_metadata("JPEG")).get_json()["path"]
    assert SECRET not in _get(world, path).data


def test_another_tenants_logo_is_not_there(world: World) -> None:
    """Neither under its own address on another host, nor on the app host, nor by another tenant's token."""
    path = _put(world, picture()).get_json()["path"]
    assert _get(world, path, "globex").status_code == 404
    assert world.app.test_client().get(path, base_url="http://localhost:8000").status_code == 404
    of_globex = token_for(world, "admin", "globex")
    for method in ("GET", "PUT", "DELETE"):
        assert code_in(world.api(method, LOGO, of_globex, data=picture()))[1] == "not_found"
    _put(world, picture(size=(90, 90)), slug="globex")
    assert _get(world, path, "globex").status_code == 404
    assert _get(world, path).status_code == 200


def test_a_former_logos_address_is_gone(world: World) -> None:
    """Another picture has another address, and the one before answers 404."""
    first = _put(world, picture()).get_json()["path"]
    second = _put(world, picture(size=(100, 100))).get_json()["path"]
    assert first != second
    assert _get(world, first).status_code == 404
    assert _get(world, second).status_code == 200
    assert world.api("DELETE", LOGO).status_code == 204
    assert _get(world, second).status_code == 404
    assert world.api("GET", "/tenants/acme").get_json()["logo"] is None
    assert code_in(world.api("DELETE", LOGO)) == (404, "not_found")
    assert code_in(world.api("GET", LOGO)) == (404, "not_found")


@pytest.mark.parametrize(
    "path", ["/brand/0000000000000000/logo.png", "/brand/%2e%2e/logo.png", "/brand/x/y.svg", "/brand//logo.png"]
)
def test_addresses_that_were_made_up_are_not_there(world: World, path: str) -> None:
    """404, whatever is guessed."""
    _put(world, picture())
    assert _get(world, path).status_code == 404


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_changes_nothing(world: World, name: str) -> None:
    """Refused with the code and its own sentence, whatever it says its type is; the logo that was there stays."""
    path = _put(world, picture()).get_json()["path"]
    before = world.rows()
    content, _ = ATTACKS[name]
    for kind in ("image/png", "image/svg+xml", "application/octet-stream"):
        refused = _put(world, content, kind=kind)
        assert code_in(refused) == (422, "logo_invalid")
        (sentence,) = refused.get_json()["errors"]["logo"]
        assert len(sentence) > 20
    assert world.rows() == before
    assert _get(world, path).status_code == 200


def test_a_body_without_an_end_is_cut_off(world: World) -> None:
    """Whatever the length says, no more is read than a logo may have."""
    assert code_in(_put(world, b"\x89PNG" + bytes(5 * 1024 * 1024))) == (422, "logo_invalid")


@pytest.mark.parametrize(("role", "slug", "status"), [("admin", "acme", 200), ("support", None, 403), ("viewer", "acme", 403)])
def test_who_may_set_it(world: World, role: str, slug: str | None, status: int) -> None:
    """The tenant's admins and staff owners; others may look."""
    token = token_for(world, role, slug)
    assert _put(world, picture(), token).status_code == status
    _put(world, picture())
    assert world.api("GET", LOGO, token).status_code == 200
    assert world.api("DELETE", LOGO, token).status_code == (204 if status == 200 else 403)
    assert world.api("PUT", LOGO, "nobody", data=picture()).status_code == 401


def test_what_changed_is_on_record(world: World) -> None:
    """Setting and removing are events with their author; setting the same again is none."""
    _put(world, picture())
    _put(world, picture())
    world.api("DELETE", LOGO)
    told = [event for event in events_of(world) if event["type"].startswith("logo.")]
    assert [event["type"] for event in told] == ["logo.removed", "logo.changed"]
    assert told[1]["detail"]["size"] == "300 x 120"
    assert all(event["actor"].startswith("token:") or event["actor"] for event in told)


def test_two_at_once_leave_one_whole_logo(world: World) -> None:
    """Both are answered, and row and table agree on the one that came last."""
    pictures = [picture(size=(100 + number, 60)) for number in range(6)]
    threads = [threading.Thread(target=_put, args=(world, content)) for content in pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path = world.api("GET", "/tenants/acme").get_json()["logo"]
    assert _get(world, path).status_code == 200
    assert world.count("tenant_logo") == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_page_with_a_logo_asks_the_database_no_more_than_one_without(world: World) -> None:
    """The tenant's row names the logo, and every request reads that row anyway."""
    sent: list[str] = []
    with world.app.app_context():
        engine = db.engine
    sa.event.listen(engine, "connect", lambda connection, _record: connection.set_trace_callback(sent.append))
    engine.dispose()

    def statements() -> list[str]:
        _get(world, "/")
        sent.clear()
        assert _get(world, "/").status_code == 200
        return list(sent)

    without = statements()
    _put(world, picture())
    with_logo = statements()
    assert len(with_logo) == len(without) > 0
    assert not any("tenant_logo" in statement for statement in with_logo)


def test_by_command(world: World, tmp_path: Path) -> None:
    """Set, save, remove; a refusal is a sentence and exit code 2."""
    source, target, bad = tmp_path / "logo.webp", tmp_path / "out.png", tmp_path / "logo.png"
    source.write_bytes(picture("WEBP"))
    bad.write_bytes(ATTACKS["svg"][0])
    runner = world.app.test_cli_runner()
    made = runner.invoke(args=["logo", "set", "acme", str(source)])
    assert made.exit_code == 0, made.output
    assert "300 x 120 pixels" in made.output
    assert runner.invoke(args=["logo", "save", "acme", str(target)]).exit_code == 0
    assert target.read_bytes().startswith(b"\x89PNG")
    refused = runner.invoke(args=["logo", "set", "acme", str(bad)])
    assert refused.exit_code == 2
    assert "Export the logo as PNG" in refused.output
    missing = runner.invoke(args=["logo", "set", "acme", str(tmp_path / "missing.png")])
    assert missing.exit_code == 2
    assert "cannot be read: No such file or directory" in missing.output
    assert runner.invoke(args=["logo", "remove", "acme"]).exit_code == 0
    assert runner.invoke(args=["logo", "save", "acme", str(target)]).exit_code == 2
