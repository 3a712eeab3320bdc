"""`vestibule serve` starts with its entrance: it signs people in, and puts the rest together when that is asked for."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from config.isolation import scoped_tables
from config.later import REST_SECONDS, Later
from config.settings import Settings
from entrance import NOT_THE_REST, THE_REST, create_entrance, lead_on
from tests.support.browser import Browser, code_of
from tests.support.service import REPOSITORY
from tests.support.world import World
from wsgi import create_app

AT_ONCE = 6
NOT_NEEDED = (
    *("alembic", "apscheduler", "argon2", "dns", "flask_admin", "flask_smorest", "flask_wtf", "ldap", "marshmallow"),
    *("PIL", "pyotp", "segno", "webauthn", "wtforms", "admin_ui.console", "tenants.api", "jobs", "wsgi"),
)
"""Nothing of it is loaded by a process that has sent somebody to an identity provider."""


class Served:
    """What `vestibule serve` serves, in this process, on the database of a world; and how often the whole of it was made."""

    def __init__(self, world: World, *, rest: float = REST_SECONDS) -> None:
        settings: Settings = world.app.extensions["vestibule_settings"]
        self.made: list[Flask] = []
        self.tries, self.breaks = 0, False
        self.entrance = create_entrance(settings)
        self.whole = Later(self._make, rest=rest)
        lead_on(self.entrance, self.whole)
        self._settings = settings

    def _make(self) -> Flask:
        self.tries += 1
        if self.breaks:
            raise OSError("no more files")
        self.made.append(create_app(self._settings, beside=self.entrance))
        return self.made[-1]

    def close(self) -> None:
        """Let its connections go."""
        with self.entrance.app_context():
            self.entrance.extensions["vestibule_engine"].dispose()


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    """A service as a new process has it."""
    made = Served(world)
    yield made
    made.close()


def test_a_sign_in_needs_no_more_than_the_entrance(world: World, served: Served) -> None:
    """From leaving to signing out; the rest of the service is not there yet."""
    browser = Browser(served.entrance)
    assert world.sign_in(browser, target="/session").location == "/session"
    assert browser.get("/session").get_json()["user"]["email"] == "ada@acme.test"
    assert browser.get("/saml/metadata").status_code == 200
    assert browser.post("/logout").status_code in (200, 303)
    assert browser.get("/nowhere").status_code == 404
    assert served.made == []


def test_the_rest_has_the_same_people_keys_and_connections(world: World, served: Served) -> None:
    """Who came in by the entrance is known to the account page and the API, which have no second pool of connections."""
    browser = Browser(served.entrance)
    world.sign_in(browser)
    assert "ada@acme.test" in browser.get("/account").get_data(as_text=True)
    token = {"Authorization": f"Bearer {world.staff_token}"}
    found = Browser(served.entrance, None).get("/api/v1/tenants/acme/users", headers=token).get_json()
    assert [user["email"] for user in found["items"]] == ["ada@acme.test"]
    assert Browser(served.entrance, None).get("/admin/sign-in").status_code == 200
    (whole,) = served.made
    for name in ("engine", "trusts", "keys", "seal_keys", "noted", "settings"):
        assert whole.extensions[f"vestibule_{name}"] is served.entrance.extensions[f"vestibule_{name}"]
    with whole.app_context():
        assert whole.extensions["sqlalchemy"].engine is served.entrance.extensions["vestibule_engine"]


def test_whoever_comes_first_makes_it_and_the_others_wait(served: Served) -> None:
    """Many first requests at once: it is made once, and each of them is answered by the whole of it."""
    gate = threading.Barrier(AT_ONCE)

    def ask(_number: int) -> int:
        gate.wait()
        return Browser(served.entrance, None).get("/admin/sign-in").status_code

    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert list(threads.map(ask, range(AT_ONCE))) == [200] * AT_ONCE
    assert len(served.made) == 1


@pytest.mark.parametrize("rest", [60.0, 0.0])
def test_what_could_not_be_made_is_answered_and_tried_again(
    world: World, capfd: pytest.CaptureFixture[str], rest: float
) -> None:
    """A page for people, problem+json for programs, a code, a line in the log; tried again after a rest, and not before."""
    served, token = Served(world, rest=rest), {"Authorization": f"Bearer {world.staff_token}"}
    staff, served.breaks = Browser(served.entrance, None), True
    page = staff.get("/admin/sign-in")
    assert (page.status_code, page.mimetype, code_of(page)) == (503, "text/html", "unavailable")
    assert (page.headers["Retry-After"], "Content-Security-Policy" in page.headers) == ("5", True)
    problem = staff.get("/api/v1/tenants/acme", headers=token)
    assert (problem.status_code, problem.mimetype) == (503, "application/problem+json")
    assert (problem.get_json()["code"], bool(problem.get_json()["reference"])) == ("unavailable", True)
    assert world.sign_in(Browser(served.entrance)).status_code == 303
    served.breaks, rests = False, rest > 0
    assert served.tries == (1 if rests else 2), "a try costs a second that sign-ins need"
    logged = capfd.readouterr().err
    assert (logged.count('"event":"not_made"'), "no more files" in logged) == (served.tries, True)
    assert staff.get("/admin/sign-in").status_code == (503 if rests else 200)
    served.close()


def test_every_address_has_its_place(world: World) -> None:
    """What the whole service answers is the entrance's own, or begins as what it hands on; nothing falls between the two."""
    own = {rule.rule for rule in create_entrance(world.app.extensions["vestibule_settings"]).url_map.iter_rules()}
    for rule in {rule.rule for rule in world.app.url_map.iter_rules()}:
        handed_on = rule.startswith(THE_REST) and rule not in NOT_THE_REST
        assert handed_on != (rule in own), rule
    assert own >= NOT_THE_REST


def test_a_start_loads_nothing_that_it_does_not_need(world: World) -> None:
    """In a process of its own: somebody leaves for an identity provider; the tenant guard knows every table all the same."""
    program = (
        "import sys\n"
        "from entrance import create_entrance\n"
        "from config.isolation import scoped_tables\n"
        "from tests.support.world import settings_for\n"
        "app = create_entrance(settings_for(sys.argv[1]))\n"
        "answer = app.test_client().get('/saml/login', base_url='http://acme.localhost:8000')\n"
        f"loaded = [name for name in {NOT_NEEDED} if name in sys.modules]\n"
        "print(answer.status_code, loaded, ' '.join(sorted(scoped_tables())), sep='\\n')\n"
    )
    url = world.app.extensions["vestibule_settings"].database_url
    done = subprocess.run(
        [sys.executable, "-c", program, url], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    status, loaded, tables = done.stdout.splitlines()
    assert (status, loaded) == ("200", "[]")
    assert tables.split() == sorted(scoped_tables())
