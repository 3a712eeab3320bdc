"""What every attack ends with: nobody is signed in, no row has changed, the refusal is on record, and the service answers."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from cryptography import x509
from lxml import etree
from werkzeug.test import TestResponse

from config.database import Base, db
from config.isolation import every_tenant
from config.log_values import without_addresses, without_secrets
from identity.browsers import SESSION_COOKIE
from identity.check_log import QUOTING
from identity.checks import STATUS, shown_receipt
from identity.diagnosis import diagnose
from tenants.records import find_tenant
from tests.support.browser import Browser, Started, code_of
from tests.support.world import RECORDED_ANYWAY, Organisation, World, utc_now

MALLORY = "mallory@acme.test"
"""Whom attackers want to be: an address that the tenant's domain allows, so that nothing but the attacked check refuses it."""

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For the bulk of a family that never reaches the database: its other tests run on both. (`arena` is quicker still.)"""

SETTINGS: dict[str, Any] = {
    "want_assertions_signed": True,
    "want_messages_signed": False,
    "allow_idp_initiated": False,
    "allow_unsigned_cbc": False,
    "sha1_exception": None,
    "name_id_source": "NameID",
    "require_authn_context": False,
}
"""Those that attacks change, as they come."""

NEEDS_THE_BROWSER: Mapping[str, tuple[None]] = {"login_state_lost": (None,)}
"""Codes that only the browser can bring about: without it, the message is good."""

Rows = Mapping[str, set[tuple[Any, ...]]]
_REFERENCE = re.compile(r"<dt>Reference</dt><dd><code>([0-9a-f]+)</code>")


@dataclass(frozen=True)
class Refused:
    """What a refusal left on record: the attempt, its receipt's last line, and the page without what differs each time."""

    code: str
    cause: str
    check: str
    lines: tuple[Mapping[str, Any], ...]
    masked_xml: str
    page: str


@dataclass(frozen=True)
class Pending:
    """A person half way through a sign-in; an attacker answers in their place."""

    world: World
    organisation: Organisation
    browser: Browser
    started: Started

    @property
    def request_id(self) -> str:
        """ID of the request that waits for its answer."""
        return self.started.request_id

    def response(self, **parts: Any) -> bytes:
        """The answer of the organisation's own identity provider, good unless `parts` make it otherwise."""
        return self.world.response(self.started, self.organisation, **parts)

    @property
    def encryption_certificate(self) -> x509.Certificate:
        """What our metadata tells everybody to encrypt with."""
        metadata = etree.fromstring(self.browser.get("/saml/metadata").get_data())
        found = metadata.findtext(".//{*}KeyDescriptor[@use='encryption']//{*}X509Certificate")
        assert found
        return x509.load_der_x509_certificate(base64.b64decode(found))

    def send(self, message: bytes | str, relay_state: str | None = None) -> TestResponse:
        """Post a message in this browser; bytes are XML, text is the form field as it stands."""
        return self.browser.post_response(message, self.started.relay_state if relay_state is None else relay_state)

    def finish(self) -> None:
        """The honest answer still signs the person in: the attack has burnt nothing and broken nothing."""
        answer = self.send(self.response(sign="both"))
        assert answer.status_code == 303, code_of(answer)
        assert self.browser.session_token


def settle(world: World, **changes: Any) -> World:
    """Give acme the settings that it began with, and these changes."""
    world.change_settings(**(SETTINGS | changes))
    return world


def pending(world: World, organisation: Organisation | None = None) -> Pending:
    """Begin a sign-in at an organisation (acme unless told)."""
    browser = world.browser(organisation)
    return Pending(world, organisation or world.acme, browser, browser.start())


def refuse(victim: Pending, message: bytes | str, code: str | Collection[str], relay_state: str | None = None) -> Refused:
    """Send the attacker's message in a pending sign-in: it is refused with that code, and the honest answer then works."""
    before = victim.world.rows()
    foretold = foretell(victim, message, relay_state)
    answer = victim.send(message, relay_state)
    refused = assert_refused(victim.world, answer, code, before)
    assert foretold in (refused.code, *NEEDS_THE_BROWSER.get(refused.code, ())), "whoever pastes it is told something else"
    victim.finish()
    return refused


def foretell(victim: Pending, message: bytes | str, relay_state: str | None = None) -> str | None:
    """What whoever pastes the form is told, which writes nothing at all; None: it would be accepted."""
    world, slug = victim.world, victim.organisation.slug
    field = message if isinstance(message, str) else base64.b64encode(message).decode()
    form = f"SAMLResponse={quote(field, safe='')}"
    if victim.started.relay_state or relay_state:
        form += f"&RelayState={quote(victim.started.relay_state if relay_state is None else relay_state, safe='')}"
    kept = world.counts(*RECORDED_ANYWAY)
    with world.app.test_request_context():
        tenant = find_tenant(slug)
        assert tenant is not None
        verdict = diagnose(tenant, world.app.extensions["vestibule_trusts"].trust_of(tenant), form, utc_now())
    failed = [line["code"] for line in verdict.receipt["checks"] if line["passed"] is False]
    assert failed[:1] == ([verdict.code] if verdict.code else []), "the first check that failed is the verdict"
    assert [advice.code for advice in verdict.advice] == list(dict.fromkeys(failed))
    assert world.counts(*RECORDED_ANYWAY) == kept
    return verdict.code


def assert_refused(world: World, answer: TestResponse, code: str | Collection[str], before: Rows) -> Refused:
    """Nobody was signed in, nothing but the record of the refusal was written, and the record says why.

    Args:
        answer: what came from the ACS.
        code: the refusal's code; or a set, where more than one is right.
        before: `world.rows()` from just before the attack.
    """
    codes = {code} if isinstance(code, str) else set(code)
    told = code_of(answer)
    assert told in codes, f"{answer.status_code} {told}, not {' or '.join(sorted(codes))}: {_cause_of(world, answer)}"
    assert 400 <= answer.status_code < 500
    assert not any(SESSION_COOKIE in header for header in answer.headers.getlist("Set-Cookie"))
    assert "Location" not in answer.headers
    assert world.rows() == before
    attempt = _one_row(world, "attempt", reference=_reference_of(answer))
    assert attempt["code"] == told
    assert attempt["user_id"] is None or told in {"user_inactive", "email_conflict"}, "a person where nobody was known"
    lines = shown_receipt(attempt["receipt"])["checks"]
    assert lines, "a receipt without a check"
    assert [line["passed"] for line in lines] == [True] * (len(lines) - 1) + [False], "the last check, and only it, failed"
    assert lines[-1]["code"] == told, f"the receipt's last check {lines[-1]['id']} says {lines[-1]['code']}, the page {told}"
    event = _one_row(world, "audit_event", type="sign_in.refused", detail_reference=_reference_of(answer))
    assert event["reason"] == told
    if told in QUOTING or lines[-1]["id"] == STATUS.id:
        assert event["detail"]["cause"].startswith(f"{lines[-1]['claim']}: ")
    else:
        without_people = without_addresses(attempt["cause"])  # "a bearer SubjectConfirmation" is no secret, "token=…" is one
        assert event["detail"]["cause"] == (without_secrets(without_people) if "=" in without_people else without_people)
    page = answer.get_data(as_text=True)
    assert attempt["cause"] == "" or attempt["cause"] not in page, "the private cause is on the page"
    return Refused(
        code=told or "",
        cause=attempt["cause"],
        check=lines[-1]["id"],
        lines=tuple(lines),
        masked_xml=attempt["xml"],
        page=page.replace(_reference_of(answer), "REFERENCE"),
    )


def _reference_of(answer: TestResponse) -> str:
    if answer.mimetype == "application/problem+json":
        return str(answer.get_json()["reference"])
    found = _REFERENCE.search(answer.get_data(as_text=True))
    assert found, "a refusal without a reference"
    return found[1]


def _cause_of(world: World, answer: TestResponse) -> str:
    """For the message of a test that fails."""
    found = _REFERENCE.search(answer.get_data(as_text=True))
    rows = _rows_of(world, "attempt", reference=found[1]) if found else []
    return rows[0]["cause"] if rows else "no record"


def _one_row(world: World, table: str, **values: str) -> Mapping[str, Any]:
    (row,) = _rows_of(world, table, **values)
    return row


def _rows_of(world: World, table: str, **values: str) -> list[Mapping[str, Any]]:
    """Rows of a table with those values; `detail_…` looks into the event's detail."""
    columns = Base.metadata.tables[table].columns
    direct = {name: value for name, value in values.items() if not name.startswith("detail_")}
    detail = {name.removeprefix("detail_"): value for name, value in values.items() if name.startswith("detail_")}
    query = sa.select(Base.metadata.tables[table]).where(*(columns[name] == value for name, value in direct.items()))
    with world.app.app_context(), every_tenant(), db.engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]
    return [row for row in rows if all(row["detail"].get(name) == value for name, value in detail.items())]
