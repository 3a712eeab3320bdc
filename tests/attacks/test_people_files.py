"""Files of people as a weapon: bombs, formulas, names that break headers or pages, questions about other tenants."""

from __future__ import annotations

import pytest

from identity.people_import import run_due_imports
from tests.attacks.support import on_sqlite
from tests.flows.management.support import code_in, token_for
from tests.support.world import World, utc_now

IMPORTS = "/tenants/acme/people-imports"
BOMBS = {
    "a cell of 12 MiB": b'email\n"' + b"x" * (12 * 1024 * 1024) + b'"\n',
    "10,000 columns": b"email" + b",x" * 10_000 + b"\n",
    "NUL": b"email\na\x00@acme.test\n",
    "a quote that never closes": b'email\n"a@acme.test\n' + b"b@acme.test\n" * 20_000,
    "no text at all": bytes(range(256)) * 100,
}


@on_sqlite
@pytest.mark.parametrize("file", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_leaves_nobody_behind(world: World, file: bytes) -> None:
    """It is refused at once, or by the worker; nobody is added, and the next file is taken."""
    sent = world.api("POST", IMPORTS, data=file, content_type="text/csv")
    assert sent.status_code in (202, 422)
    with world.app.app_context():
        run_due_imports(utc_now())
    if sent.status_code == 202:
        found = world.api("GET", f"{IMPORTS}/{sent.get_json()['id']}").get_json()
        assert (found["state"], found["code"]) == ("refused", "file_invalid")
    assert world.count("users") == world.count("people_import_line") == 0


@on_sqlite
def test_a_file_beyond_the_bound_is_refused_unread(world: World) -> None:
    """50 MiB: 413, and no row."""
    sent = world.api("POST", IMPORTS, data=b"email\n" + b"x" * (50 * 1024 * 1024), content_type="text/csv")
    assert code_in(sent) == (413, "too_large")
    assert world.count("people_import") == 0


@on_sqlite
@pytest.mark.parametrize("name", ['x"\r\nSet-Cookie: a=b', "\u202egnp.csv", "<script>alert(1)</script>.csv", "n" * 200])
def test_a_name_of_a_file_is_text(world: World, name: str) -> None:
    """It comes into no header, and line ends and direction marks are taken out of it."""
    sent = world.api("POST", IMPORTS, query_string={"name": name}, data=b"email\n", content_type="text/csv")
    assert sent.status_code == 202
    assert "Set-Cookie" not in sent.headers
    assert sent.get_json()["file_name"].isprintable()


@on_sqlite
def test_addresses_of_other_tenants_look_like_addresses_of_nobody(world: World) -> None:
    """By file and by form, to the letter: an admin learns nothing of who is at globex."""
    world.sign_in(world.browser(world.globex), world.globex)
    admin = token_for(world, "admin", "acme")
    answers = []
    for email in ("ada@globex.test", "nobody@globex.test"):
        answer = world.api("POST", "/tenants/acme/users", admin, json={"email": email})
        answers.append((answer.status_code, {**answer.get_json(), "reference": ""}))
    assert answers[0] == answers[1]


@on_sqlite
def test_another_tenants_import_is_unknown(world: World) -> None:
    """Under the own slug and the foreign one."""
    sent = world.api("POST", "/tenants/globex/people-imports", data=b"email\nx@globex.test\n", content_type="text/csv")
    import_id, admin = sent.get_json()["id"], token_for(world, "admin", "acme")
    for slug in ("acme", "globex"):
        path = f"/tenants/{slug}/people-imports/{import_id}"
        for method, more, options in (
            ("GET", "", {}),
            ("GET", "/lines?outcome=added", {}),
            ("POST", "/apply", {"json": {"fingerprint": "x"}}),
            ("DELETE", "", {}),
        ):
            assert code_in(world.api(method, path + more, admin, **options)) == (404, "not_found")
