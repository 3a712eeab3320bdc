"""With every logger at DEBUG the log holds no value of a person, no message, no key and no secret (L1).

Each value is unlike any other text, so that whatever is found in the output was printed from it.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from config.database import db
from config.isolation import every_tenant
from config.log_levels import NAMES, TimedLevel, apply_levels
from identity.people_import import run_due_imports
from identity.purge import purge_expired
from tenants.models import ServiceProviderKey
from tests.attacks.support import on_sqlite
from tests.flows.management.support import allow_loopback
from tests.support.browser import Browser
from tests.support.keys import certificate_text, rsa_key
from tests.support.local_accounts import LocalPerson, allow_local
from tests.support.logout import posted, request_parts, request_xml
from tests.support.metadata_server import metadata_server
from tests.support.native import Application
from tests.support.saml_xml import STATUS
from tests.support.setup_link import new_customer
from tests.support.staff import Colleague
from tests.support.trials import answer, begin, draft
from tests.support.world import SECRET_KEYS, World, utc_now

NAME_ID = "n-quagga-7731"
EMAIL = "zebu.okapi@acme.test"
ELSEWHERE = "gerenuk.kudu@elsewhere.test"
PERSON = {"givenName": ["Zebulon-Quince"], "sn": ["Okapi-Dibatag"], "uid": ["u-bongo-5542"]}
MORE = {"telephoneNumber": ["+41 79 555 01 77"], "employeeNumber": ["e-nyala-9920"], "groups": ["g-serval-3310"]}
ATTRIBUTES = {"mail": [EMAIL], **PERSON, **MORE}
TOLD_BY_IDP = "User Zebulon-Quince is locked, ask dikdik.saiga@acme.test"
PREPARED = {"email": "tahr.serow@acme.test", "first_name": "Tahr-Oryx", "last_name": "Serow-Takin", "phone": "+41 79 555 02 88"}
CSV_FILE = (
    "email,first_name,last_name,username\n"
    "goral.markhor@acme.test,Goral-Eland,Markhor-Topi,u-addax-1\n"
    "urial@nowhere.test,Urial-Chital,Sambar-Muntjac,u-addax-2\n"
    "no-address-at-all-argali,Argali-Bharal,,u-addax-3\n"
)
OF_FILES = (
    *("goral.markhor@acme.test", "Goral-Eland", "Markhor-Topi", "u-addax-", "urial@nowhere", "Urial-Chital", "Sambar-Muntjac"),
    *("no-address-at-all-argali", "Argali-Bharal"),
)
COLLEAGUE, PASSWORD = "chamois.ibex@vestibule.test", "seven badgers hum softly"
IT_ADDRESS = "anoa.banteng@customer.example"


class Secrets:
    """Everything that the log must not hold."""

    def __init__(self) -> None:
        self.words: set[str] = set()

    def add(self, *words: str | None) -> None:
        """Remember values; the empty ones would be found anywhere."""
        for word in words:
            assert word is None or len(word) > 5, word
            self.words |= {word, quote(word, safe="")} if word else set()

    def add_message(self, xml: bytes) -> None:
        """A message: its Base64, and lines of it as XML."""
        self.add(base64.b64encode(xml).decode()[:60], xml.decode("utf-8", "replace")[:60])
        self.add("<saml:NameID", "<saml:Attribute", "<ds:SignatureValue")


@pytest.fixture
def everything_told(world: World) -> Iterator[None]:
    """Every logger at DEBUG."""
    now = utc_now()
    apply_levels([TimedLevel(name, "DEBUG", now + dt.timedelta(hours=1)) for name in NAMES], now)
    yield
    apply_levels([], now)


@on_sqlite
def test_the_log_is_about_nobody(world: World, everything_told: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Sign-ins good and bad, tests, management, files of people, staff at their door: then the output is searched."""
    secrets = Secrets()
    secrets.add(NAME_ID, EMAIL, ELSEWHERE, "Okapi-Dibatag", "Zebulon-Quince", "u-bongo-5542", "+41 79 555", "e-nyala-9920")
    secrets.add("g-serval-3310", "dikdik.saiga", *OF_FILES, *PREPARED.values(), COLLEAGUE, PASSWORD, IT_ADDRESS)
    secrets.add(world.staff_token)
    secrets.add(*(base64.b64encode(key).decode() for key in SECRET_KEYS.values()))
    _sign_in_well_and_badly(world, secrets)
    _sign_out(world, secrets)
    _test_and_paste(world, secrets)
    _manage(world, secrets)
    _staff_come_in(world, secrets)
    _come_in_by_password(world, secrets)
    secrets.add(*_sealed_keys(world), certificate_text(world.acme.idp.certificate)[:60])
    output = capsys.readouterr().err
    lines = [json.loads(line) for line in output.splitlines()]
    for logger, event in (
        *(("identity.saml", "check"), ("sign_in", "refused"), ("sign_in", "accepted"), ("metadata", "answered")),
        *(("audit", "recorded"), ("api", "call"), ("access", "request"), ("jobs", "people_imported")),
    ):
        assert any((line["logger"], line["event"]) == (f"vestibule.{logger}", event) for line in lines), (logger, event)
    readable = output + "\n" + "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)
    found = {word for word in secrets.words if word in readable}
    assert not found, [line[:600] for line in readable.splitlines() if any(word in line for word in found)]
    assert len(secrets.words) > 60


@on_sqlite
def test_each_check_is_told_with_what_helps(world: World, everything_told: None, capsys: pytest.CaptureFixture[str]) -> None:
    """What was expected and what came, of the check that failed; all of them, in order, of one that was accepted."""
    wrong = "https://elsewhere.test/acs"
    assert world.sign_in(world.browser(), destination=wrong).status_code == 403
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    checks = [line for line in lines if line["event"] == "check"]
    last = checks[-1]
    assert (last["check"], last["passed"], last["code"]) == ("destination", False, "destination_mismatch")
    assert (last["expected"], last["actual"], last["idp"]) == (world.acme.acs_url, wrong, "main")
    assert {line["request_id"] for line in checks} == {checks[0]["request_id"]}
    assert world.sign_in(world.browser()).status_code == 303
    passed = [json.loads(line) for line in capsys.readouterr().err.splitlines() if '"check"' in line]
    assert len(passed) > 30
    assert all(line["passed"] for line in passed)


def _sign_in_well_and_badly(world: World, secrets: Secrets) -> None:
    stranger = rsa_key("a stranger of the log")
    whole: dict[str, Any] = {"name_id": NAME_ID, "attributes": ATTRIBUTES}
    codes = []
    for parts in (
        {},
        {"attributes": ATTRIBUTES | {"mail": [ELSEWHERE]}},
        {"attributes": ATTRIBUTES | {"mail": [f"{EMAIL} and more"]}},
        {"attributes": PERSON},
        {"status": (f"{STATUS}Responder", f"{STATUS}AuthnFailed", TOLD_BY_IDP)},
        {"signing_key": stranger},
        {"sign": "none"},
        {"not_on_or_after": utc_now() - dt.timedelta(hours=1)},
        {"audiences": [["https://another.test"]]},
        {"before_signing": lambda xml: xml.replace("saml:Subject>", f"saml:{PERSON['sn'][0]}>")},
        {"after_signing": lambda xml: xml.replace(NAME_ID.encode(), f"{NAME_ID}&{NAME_ID};".encode())},
        {"after_signing": lambda xml: xml.replace(NAME_ID.encode(), EMAIL.encode())},
        {"name_id": f"{NAME_ID}-second"},
    ):
        browser = world.browser()
        started = browser.start("/")
        message = world.response(started, **(whole | parts))
        secrets.add_message(message)
        answered = browser.post_response(message, started.relay_state)
        secrets.add(started.relay_state, browser.login_secret, browser.session_token)
        codes.append(answered.status_code)
        if not parts:
            browser.get("/session")
            assert browser.post_response(message, started.relay_state).status_code == 403
            browser.post("/logout")
    assert codes.count(303) == 1
    assert len(codes) == codes.count(303) + codes.count(403) + codes.count(400)
    asked_by_nobody = world.response(None, **whole)
    assert world.browser().post_response(asked_by_nobody, "https://elsewhere.test/?token=r-caracal-8812").status_code == 403
    secrets.add("r-caracal-8812")


def _sign_out(world: World, secrets: Secrets) -> None:
    good = request_parts(world.acme, name_id=NAME_ID)
    broken = request_parts(world.acme, name_id=NAME_ID, extra_xml=f"<saml:{PERSON['sn'][0]}/>")
    for parts in (broken, request_parts(world.acme, name_id=EMAIL, destination="https://elsewhere.test"), good):
        form = posted(request_xml(parts), parts.id, world.acme.idp, relay_state="rs-tamandua-4471")
        secrets.add(form["SAMLRequest"][:60])
        answered = world.browser().post("/saml/slo", data=form)
        assert answered.status_code == (200 if parts is good else 403), answered.get_data(as_text=True)
    secrets.add("rs-tamandua-4471")


def _test_and_paste(world: World, secrets: Secrets) -> None:
    draft(world, force_authn=True)
    for parts in ({}, {"signing_key": rsa_key("a stranger of the log")}):
        trial = begin(world)
        secrets.add(trial.started.relay_state, trial.browser.login_secret)
        answered = answer(world, trial, name_id=NAME_ID, attributes=ATTRIBUTES, **parts)
        assert answered.status_code == 303, answered.get_data(as_text=True)
    pasted = base64.b64encode(world.response(None, name_id=NAME_ID, attributes=ATTRIBUTES)).decode()
    assert world.api("POST", "/tenants/acme/diagnose", json={"saml_response": pasted}).status_code == 200


def _manage(world: World, secrets: Secrets) -> None:
    made = world.api("POST", "/tenants/acme/users", json=PREPARED)
    assert made.status_code == 201, made.get_data(as_text=True)
    assert world.api("POST", "/tenants/acme/users", json=PREPARED).status_code == 409
    path = f"/tenants/acme/users/{made.get_json()['id']}"
    secrets.add("Argus-Tahr")
    assert world.api("PATCH", path, json={"first_name": "Argus-Tahr"}).status_code == 200
    assert world.api("PATCH", path, json={"email": "no address Argus-Tahr"}).status_code == 422
    assert world.api("GET", "/tenants/acme/users", query_string={"search": PREPARED["email"]}).status_code == 200
    token = world.api("POST", "/tenants/acme/tokens", json={"role": "viewer", "label": "new", "expires_in": "1h"})
    secrets.add(token.get_json()["token"])
    assert world.api("GET", "/tenants/acme/users", token.get_json()["token"]).status_code == 200
    secrets.add("vst_wrong-jackal-11")
    assert world.api("GET", "/tenants/acme/users", "vst_wrong-jackal-11").status_code == 401
    sent = world.api("POST", "/tenants/acme/people-imports", data=CSV_FILE.encode(), content_type="text/csv")
    assert sent.status_code == 202, sent.get_data(as_text=True)
    with world.app.app_context():
        run_due_imports(utc_now())
        shown = world.api("GET", f"/tenants/acme/people-imports/{sent.get_json()['id']}").get_json()
        apply = {"fingerprint": shown["fingerprint"], "leave_out_refused": True}
        assert world.api("POST", f"/tenants/acme/people-imports/{shown['id']}/apply", json=apply).status_code == 202
        run_due_imports(utc_now())
        purge_expired()
    link = new_customer(world, setup_email=IT_ADDRESS)
    secrets.add(link.rpartition("/")[2])
    assert world.app.test_client().get(link, base_url="http://initech.localhost:8000").status_code == 200
    allow_loopback(world)
    with metadata_server(world.acme.idp.metadata_xml(), secure=True) as server:
        source = {"display_name": "Company login", "metadata_url": f"{server.url}?u=s-genet-5"}
        assert world.api("PUT", "/tenants/acme/identity-providers/main", json=source).status_code == 200
    secrets.add("s-genet-5")


def _staff_come_in(world: World, secrets: Secrets) -> None:
    colleague = Colleague(world, COLLEAGUE)
    colleague.password = PASSWORD
    colleague.invited().enrolled()
    assert colleague.invitation is not None
    secrets.add(colleague.invitation.path.rpartition("/")[2], colleague.secret, *colleague.codes)
    assert colleague.sign_in().status_code == 303
    colleague.password = "wrong-hyrax-password-99"
    colleague.give_password()
    secrets.add("wrong-hyrax-password-99")
    cookies = (cookie.value for cookie in colleague.browser.client._cookies.values())
    secrets.add(*(value for value in cookies if len(value) > 20))


def _come_in_by_password(world: World, secrets: Secrets) -> None:
    """A local account from its invitation on, by every factor, well and badly; break-glass; an application; the front page."""
    allow_local(world)
    person = LocalPerson(world, name="numbat.quoll")
    person.password = "nine numbats dig quietly"
    invited = person.invited()
    assert person.named().follow(invited).status_code == 200
    assert person.sign_in().status_code == 303
    assert person.set_up_passkey().status_code == 200 or person.sign_in().status_code == 303
    secrets.add(person.email, "numbat.quoll", person.password, person.secret, *person.codes, invited.rpartition("/")[2])
    seen = [_cookies(person.browser)]
    used = person.passkey.use(person.options("/sign-in/passkey/options"))
    secrets.add(json.loads(used)["response"]["signature"], json.loads(used)["id"])
    assert person.send("/sign-in/passkey", passkey=used).status_code == 303
    seen.append(_cookies(person.browser))
    other, reason = world.browser(), "the potoroo has bitten through the cable"
    assert person.give_password(browser=other).status_code == 303
    assert person.give(other, recovery_code=person.codes[0]).status_code == 303
    seen.append(_cookies(other))
    person.break_glass(other, reason=reason)
    assert person.give(other, recovery_code=person.codes[1]).status_code == 303
    secrets.add(reason)
    person.give_password("wrong-bilby-password-77", name="bandicoot.bettong")
    person.send("/sign-in/forgotten", name="bandicoot.bettong@acme.test")
    person.send("/sign-in/link/" + "potoroo" * 6, password="wrong-bilby-password-77")
    secrets.add("wrong-bilby-password-77", "bandicoot.bettong", "potoroo" * 6)
    application = Application(verifier="quokka-" * 8, state="state-of-a-wallaroo")
    given = application.code(person.browser)
    token = application.redeems(person.browser, given).get_json()["access_token"]
    application.redeems(person.browser, given)
    secrets.add(application.verifier, application.state, given, token)
    front = Browser(world.app, None)
    asked = front.post("/", data={"organisation": person.email}, headers={"Sec-Fetch-Site": "same-origin"})
    assert asked.status_code == 303
    onward = front.get("/onward").get_data(as_text=True)
    hint = re.search(r"hint=([A-Za-z0-9._~%-]{40,})", onward)
    assert hint is not None
    world.browser().get("/", query_string=f"hint={hint[1]}")
    secrets.add(hint[1][:60], *(value for cookies in (*seen, _cookies(front)) for value in cookies))


def _cookies(browser: Browser) -> list[str]:
    """What a browser's cookies hold, as far as it is a secret."""
    return [cookie.value for cookie in (browser.client._cookies or {}).values() if len(cookie.value) > 20]


def _sealed_keys(world: World) -> list[str]:
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        return [text[:60] for text in connection.execute(sa.select(ServiceProviderKey.sealed_private_key)).scalars()]
