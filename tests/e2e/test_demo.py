"""`./run`, from its start to Ctrl-C: what somebody sees who tries the service for the first time."""

from __future__ import annotations

import functools
import html
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from config.development import VARIABLES
from tests.support.processes import Running, free_port, start

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 180
ANSWER_SECONDS = 60
CLEAN = {"PYTHONPATH": str(REPOSITORY)} | dict.fromkeys((*VARIABLES, "RATE_LIMITS"), "")
"""Nothing set, and the code found from any folder."""
MAIL_SERVER = "smtp://127.0.0.1:1"
FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"')
ACTION = re.compile(r'<form[^>]*action="([^"]+)"')


@dataclass(frozen=True)
class Demo:
    """A demo in a folder of its own, so that the one that a developer has running is left alone."""

    running: Running
    folder: Path
    port: int
    idp_port: int

    def get(self, host: str, path: str, **headers: str) -> requests.Response:
        """A GET at one of the service's hosts; Python does not resolve *.localhost."""
        url = f"http://127.0.0.1:{self.port}{path}"
        headers = {"Host": f"{host}:{self.port}", **headers}
        return requests.get(url, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False)

    def vestibule(self, *arguments: str) -> str:
        """The command, as a developer calls it, without a variable set."""
        command = [sys.executable, "-m", "command", *arguments]
        environment = {**os.environ, **CLEAN}
        return subprocess.check_output(command, cwd=self.folder, env=environment, timeout=START_SECONDS).decode()

    def sign_in(self, slug: str, person: str) -> requests.Response:
        """The ACS's answer at the end of a sign-in through the demo's identity provider."""
        begun = self.get(f"{slug}.localhost", "/saml/login?next=/")
        chooser = requests.post(_action(begun), data=_fields(begun), timeout=ANSWER_SECONDS)
        answer = requests.post(
            f"http://localhost:{self.idp_port}/chosen", data=_fields(chooser) | {"person": person}, timeout=ANSWER_SECONDS
        )
        assert _action(answer) == f"http://{slug}.localhost:{self.port}/saml/acs"
        cookie = begun.headers["Set-Cookie"].partition(";")[0]
        return self.post_answer(slug, answer, cookie)

    def post_answer(self, slug: str, answer: requests.Response, cookie: str = "") -> requests.Response:
        """Send what the identity provider's page would have the browser send."""
        return requests.post(
            f"http://127.0.0.1:{self.port}/saml/acs",
            data=_fields(answer),
            headers={"Host": f"{slug}.localhost:{self.port}", "Cookie": cookie},
            timeout=ANSWER_SECONDS,
            allow_redirects=False,
        )


def start_demo(folder: Path, port: int, idp_port: int, **environment: str) -> Running:
    """Start it, not waiting."""
    ports = {"PORT": str(port), "DEMO_IDP_PORT": str(idp_port)}
    log = folder / "log"
    return start([sys.executable, "-m", "demo"], log=log, folder=folder, environment=CLEAN | ports | environment)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One with two workers, for this module."""
    folder = tmp_path_factory.mktemp("demo")
    port, idp_port = free_port(), free_port()
    running = start_demo(folder, port, idp_port, WORKERS="2", SMTP_URL=MAIL_SERVER)
    running.wait_until(lambda: "Ctrl-C" in running.log.read_text(), seconds=START_SECONDS)
    yield Demo(running, folder, port, idp_port)
    running.stop()


@pytest.mark.parametrize("slug", ["acme", "globex"])
def test_people_sign_in_without_typing(demo: Demo, slug: str) -> None:
    """Open the address, choose a person, be signed in; at both tenants, through one identity provider."""
    answer = demo.sign_in(slug, "ada")
    assert answer.status_code == 303, answer.text
    cookie = next(c for c in answer.raw.headers.getlist("Set-Cookie") if "session" in c).partition(";")[0]
    session = demo.get(f"{slug}.localhost", "/session", Cookie=cookie).json()
    assert session["tenant"] == slug
    assert session["user"]["email"] == f"ada@{slug}.test"


@pytest.mark.parametrize(("person", "code"), [("mallory", "email_domain_not_allowed"), ("nobody", "attribute_missing")])
def test_people_who_may_not_are_refused(demo: Demo, person: str, code: str) -> None:
    """The demo shows refusals, too."""
    answer = demo.sign_in("acme", person)
    assert answer.status_code == 403 or answer.status_code == 422, answer.text
    assert f'data-code="{code}"' in answer.text


def test_what_it_is_given_holds_for_the_command_as_well(demo: Demo) -> None:
    """A mail server, such as one that shows mail instead of sending it: the service has it, and `vestibule` by hand."""
    assert f"SMTP_URL={MAIL_SERVER}\n" in (demo.folder / "var/development.env").read_text()
    assert demo.vestibule("check").startswith("Settings, database, schema and keys are in order.")


def test_starting_at_the_identity_provider(demo: Demo) -> None:
    """Its own page sends people in unasked (Q8)."""
    sent = requests.post(f"http://localhost:{demo.idp_port}/start/globex", data={"person": "grace"}, timeout=ANSWER_SECONDS)
    assert demo.post_answer("globex", sent).status_code == 303


@pytest.mark.parametrize(("person", "status"), [("ada", 200), ("grace", 403), ("alan", None)])
def test_staff_come_to_the_console_without_typing(demo: Demo, person: str, status: int | None) -> None:
    """By "Sign in with SSO": Ada is an owner, Grace support, Alan has no account."""
    begun = demo.get("localhost", "/admin/sign-in/sso")
    secret = begun.headers["Set-Cookie"].partition(";")[0]
    session = next(c for c in demo.sign_in("crew", person).raw.headers.getlist("Set-Cookie") if "session" in c)
    path = begun.headers["Location"].removeprefix(f"http://crew.localhost:{demo.port}")
    handed = demo.get("crew.localhost", path, Cookie=session.partition(";")[0])
    back = demo.get("localhost", handed.headers["Location"].removeprefix(f"http://localhost:{demo.port}"), Cookie=secret)
    if status is None:
        assert back.status_code == 403
        assert 'data-code="staff_unknown"' in back.text
        return
    cookie = next(c for c in back.raw.headers.getlist("Set-Cookie") if "vestibule_staff=" in c).partition(";")[0]
    assert demo.get("localhost", "/admin/tenants/", Cookie=cookie).status_code == 200
    assert demo.get("localhost", "/admin/staff/", Cookie=cookie).status_code == status


@pytest.mark.parametrize(("person", "status"), [("ada", 200), ("grace", 200), ("alan", 403)])
def test_acme_s_own_come_to_their_console(demo: Demo, person: str, status: int) -> None:
    """Ada is administrator, Grace a viewer, Alan neither."""
    session = next(c for c in demo.sign_in("acme", person).raw.headers.getlist("Set-Cookie") if "session" in c)
    shown = demo.get("acme.localhost", "/admin/administrators/", Cookie=session.partition(";")[0])
    assert shown.status_code == status
    assert ("Name somebody" in shown.text) == (person == "ada")


def test_it_says_what_to_open(demo: Demo) -> None:
    """And how to get at the API."""
    told = demo.running.log.read_text()
    assert f"http://acme.localhost:{demo.port}" in told
    assert f"http://globex.localhost:{demo.port}" in told
    assert f"http://localhost:{demo.port}/admin/" in told
    assert "vestibule token create" in told


def test_the_command_works_on_its_database(demo: Demo) -> None:
    """With nothing set: the token alone on standard output, and the service takes it."""
    token = demo.vestibule("token", "create", "--role", "staff").removesuffix("\n")
    assert re.fullmatch(r"\S+", token)
    tenants = demo.get("localhost", "/api/v1/tenants", Authorization=f"Bearer {token}").json()["items"]
    assert {tenant["slug"] for tenant in tenants} >= {"acme", "globex"}


def test_secrets_are_for_this_user_alone(demo: Demo) -> None:
    """Whatever the umask was."""
    for name in ("secret_keys", "development.env", "demo-idp/idp.key"):
        assert (demo.folder / "var" / name).stat().st_mode & 0o077 == 0


def test_metrics_are_summed_over_workers(demo: Demo) -> None:
    """Whichever worker answers."""
    assert "vestibule_" in demo.get("localhost", "/metrics").text


def test_a_taken_port_is_said_in_one_sentence(demo: Demo, tmp_path: Path) -> None:
    """And the demo that has it goes on."""
    other = start_demo(tmp_path, demo.port, free_port())
    assert other.process.wait(START_SECONDS) != 0
    assert f"Port {demo.port} cannot be used" in other.log_tail()
    assert "Traceback" not in other.log_tail()
    assert demo.get("localhost", "/healthz").status_code == 200


def test_ctrl_c_stops_everything_and_the_next_start_keeps_its_data(demo: Demo) -> None:
    """Children too, by INT to the group; then TERM to the leader alone; then, without a chance to say anything, KILL."""
    running, keys = demo.running, {(demo.folder / "var" / "secret_keys").read_text()}
    with ExitStack() as stack:
        for end in (_interrupt_group, _terminate_leader, _kill_leader):
            if running.process.poll() is not None:
                running = start_demo(demo.folder, demo.port, demo.idp_port)
                stack.callback(running.stop)
                running.wait_until(functools.partial(_is_up, demo), seconds=START_SECONDS)
                keys.add((demo.folder / "var" / "secret_keys").read_text())
            end(running)
            running.process.wait(ANSWER_SECONDS)
            _wait_until_free(demo.port, demo.idp_port)
    assert len(keys) == 1


def _fields(page: requests.Response) -> dict[str, str]:
    assert page.status_code == 200, page.text
    return {name: html.unescape(value) for name, value in FIELD.findall(page.text)}


def _action(page: requests.Response) -> str:
    found = ACTION.search(page.text)
    assert found, page.text
    return html.unescape(found[1])


def _is_up(demo: Demo) -> bool:
    try:
        return demo.get("localhost", "/readyz").status_code == 200
    except requests.RequestException:
        return False


def _interrupt_group(running: Running) -> None:
    os.killpg(running.pid, signal.SIGINT)


def _terminate_leader(running: Running) -> None:
    os.kill(running.pid, signal.SIGTERM)


def _kill_leader(running: Running) -> None:
    os.kill(running.pid, signal.SIGKILL)


def _wait_until_free(*ports: int) -> None:
    """Nobody listens any more."""
    deadline = time.monotonic() + ANSWER_SECONDS
    for port in ports:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    break
            assert time.monotonic() < deadline, f"somebody still listens on {port}"
            time.sleep(0.1)
