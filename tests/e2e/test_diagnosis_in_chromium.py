"""A sign-in fails for its authentication context; an administrator sees why, and mends it by clicks alone (D1, D3)."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from lxml import etree
from playwright.sync_api import Browser, BrowserContext, Route, expect

from config.database import transaction
from tenants.console_role_records import add_grant
from tenants.records import find_tenant
from tests.e2e.console_crawl import faults_of, overflow_of
from tests.support.idp import ForgingIdP
from tests.support.service import Service, start_service
from tests.support.world import utc_now

NO_CONTEXT = ("urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext", None)
SETTINGS = "/tenants/acme/identity-providers/main/saml-settings"
NARROW = {"width": 360, "height": 740}


@dataclass
class StrictIdP:
    """An identity provider in the browser: it signs one person in, and refuses whoever asks for an authentication context."""

    service: Service
    idp: ForgingIdP
    refused: list[str] = field(default_factory=list)

    def serve(self, context: BrowserContext, email: str) -> None:
        """Answer this browser's requests for that person."""

        def answer(route: Route) -> None:
            form = parse_qs(route.request.post_data or "")
            request = etree.fromstring(base64.b64decode(form["SAMLRequest"][0]))
            told = self._response(request, email)
            fields = {"SAMLResponse": base64.b64encode(told).decode(), "RelayState": form["RelayState"][0]}
            inputs = "".join(f'<input type="hidden" name="{name}" value="{html.escape(fields[name])}">' for name in fields)
            address = f"{self.service.origin('acme')}/saml/acs"
            page = f'<form method="post" action="{address}">{inputs}</form><script>document.forms[0].submit()</script>'
            route.fulfill(body=page, content_type="text/html")

        context.route(f"{self.idp.sso_url}**", answer)

    def _response(self, request: etree._Element, email: str) -> bytes:
        strict = request.find("{*}RequestedAuthnContext") is not None
        origin = self.service.origin("acme")
        status: dict[str, Any] = {"status": NO_CONTEXT} if strict else {}
        message = self.idp.response(
            sp_entity_id=f"{origin}/saml/metadata",
            acs_url=f"{origin}/saml/acs",
            in_response_to=request.get("ID"),
            name_id=email,
            attributes={"mail": [email], "givenName": ["Ada"]},
            **status,
        )
        if strict:
            self.refused.append(base64.b64encode(message).decode())
        return message


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StrictIdP]:
    """The service with one tenant, whose settings ask for no class at first, and ada as its administrator."""
    folder: Path = tmp_path_factory.mktemp("diagnosis")
    service, idp = start_service(folder, f"sqlite:///{folder / 'diagnosis.db'}"), ForgingIdP()
    body = {"slug": "acme", "name": "Acme", "email_domains": ["acme.test"]}
    assert service.api("POST", "/tenants", json=body).status_code == 201
    connection = {"display_name": "Company login", "metadata_xml": idp.metadata_xml()}
    assert service.api("PUT", "/tenants/acme/identity-providers/main", json=connection).status_code == 201
    assert service.api("PATCH", SETTINGS, json={"authn_context_class_ref": ""}).status_code == 200
    with service.app.app_context():
        tenant = find_tenant("acme")
        assert tenant is not None
        with transaction():
            add_grant(tenant.id, "ada@acme.test", "admin", granted_by="test", now=utc_now())
    yield StrictIdP(service, idp)
    service.running.stop()


@pytest.fixture
def refused(strict: StrictIdP, browser: Browser) -> str:
    """A response of that identity provider to a request that asks for a class."""
    assert strict.service.api("PATCH", SETTINGS, json={"authn_context_class_ref": "X509"}).status_code == 200
    context = browser.new_context()
    strict.serve(context, "grace@acme.test")
    page = context.new_page()
    page.goto(f"{strict.service.origin('acme')}/saml/login")
    expect(page.locator("[data-code=status_not_success]")).to_be_visible()
    context.close()
    assert strict.service.api("PATCH", SETTINGS, json={"authn_context_class_ref": ""}).status_code == 200
    return strict.refused[-1]


def test_an_administrator_mends_the_authentication_context(strict: StrictIdP, browser: Browser) -> None:
    """From the refusal of a colleague to their next sign-in: nothing is typed."""
    administrator, colleague = browser.new_context(), browser.new_context()
    strict.serve(administrator, "ada@acme.test")
    strict.serve(colleague, "grace@acme.test")
    page, other = administrator.new_page(), colleague.new_page()
    origin = strict.service.origin("acme")
    page.goto(f"{origin}/saml/login?force=1&next=/admin/attempts")
    expect(page.get_by_role("heading", name="Attempts")).to_be_visible()
    assert strict.service.api("PATCH", SETTINGS, json={"authn_context_class_ref": "X509"}).status_code == 200

    other.goto(f"{origin}/saml/login")
    expect(other.locator("[data-code=status_not_success]")).to_be_visible()
    reference = other.locator("dt:has-text('Reference') + dd").inner_text().strip()

    page.get_by_placeholder("Reference, or a whole e-mail address").fill(reference)
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator("a.row-link").click()
    expect(page.get_by_role("heading", name="cannot sign people in by the method that we ask for")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("An administrator of this organisation, here")
    assert faults_of(page) == []
    page.get_by_role("button", name="Leave the class blank").click()
    expect(page.get_by_text("A draft has it now: leave the class blank")).to_be_visible()
    assert strict.service.api("GET", SETTINGS).json()["authn_context_class_ref"] != ""

    page.get_by_role("button", name="Test sign-in").click()
    expect(page.get_by_role("heading", name="The test passed")).to_be_visible()
    page.get_by_role("button", name="Put the draft in force").click()
    expect(page.get_by_text("The draft is in force")).to_be_visible()
    assert strict.service.api("GET", SETTINGS).json()["authn_context_class_ref"] == ""

    other.goto(f"{origin}/saml/login")
    expect(other.get_by_text("grace@acme.test").first).to_be_visible()
    administrator.close()
    colleague.close()


def test_a_pasted_response_is_explained_on_a_telephone(strict: StrictIdP, refused: str, browser: Browser) -> None:
    """The message that was refused: the same words, and no trace of it; then something that is none."""
    context = browser.new_context(viewport=NARROW)  # type: ignore[arg-type]  # as playwright has it
    strict.serve(context, "ada@acme.test")
    page = context.new_page()
    page.goto(f"{strict.service.origin('acme')}/saml/login?next=/admin/paste")
    before = strict.service.api("GET", "/tenants/acme/attempts").json()["items"]
    page.get_by_label("Response").fill(f"SAMLResponse={refused.replace('+', '%2B')}")
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_role("main")).to_contain_text("status_not_success")
    expect(page.get_by_role("main")).to_contain_text("a form or an address")
    assert (overflow_of(page), faults_of(page)) == (0, [])
    page.get_by_label("Response").fill("<html><b>nothing</b></html>")
    page.get_by_role("button", name="Check it").click()
    expect(page.get_by_role("main")).to_contain_text("response_malformed")
    assert strict.service.api("GET", "/tenants/acme/attempts").json()["items"] == before
    context.close()
