"""A set-up as a customer's IT meets it: the service, SimpleSAMLphp and a DNS server, each by itself; and a hand that counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

from tests.support.dns_server import DNSServer, dns_server
from tests.support.service import Service, start_service
from tests.support.simplesamlphp import ServiceProvider, SimpleSAMLphp, start_simplesamlphp


@dataclass(frozen=True)
class SetupSite:
    """What runs."""

    service: Service
    idp: SimpleSAMLphp
    dns: DNSServer

    def new_customer(self, slug: str, domain: str, **changes: Any) -> str:
        """Begin a customer as staff do, and give the link."""
        body = {"slug": slug, "name": f"{slug.title()} AG", "email_domains": [domain], "setup_email": "grace@customer.example"}
        answer = self.service.api("POST", "/onboardings", json=body | changes)
        assert answer.status_code == 201, answer.text
        url: str = answer.json()["setup_link"]["url"]
        return url

    def register(self, slug: str) -> None:
        """What the customer's IT does at the identity provider: give it our metadata."""
        self.idp.register(ServiceProvider(self.service.get("/saml/metadata", slug).content))

    def publish(self, slug: str, domain: str) -> None:
        """What the customer's IT does in DNS."""
        items = self.service.api("GET", f"/tenants/{slug}/email-domains").json()["items"]
        (record,) = [item["record"] for item in items if item["domain"] == domain]
        self.dns.txt[record["name"]] = [record["value"]]


@contextmanager
def running_setup(folder: Path) -> Iterator[SetupSite]:
    """Serve until the block ends."""
    (folder / "idp").mkdir()
    idp = start_simplesamlphp(folder / "idp")
    try:
        with dns_server() as dns:
            service = start_service(
                folder,
                f"sqlite:///{folder / 'vestibule.db'}",
                workers=2,
                METADATA_ALLOWED_NETWORKS="127.0.0.0/8",
                DNS_RESOLVERS=f"127.0.0.1:{dns.port}",
            )
            try:
                yield SetupSite(service, idp, dns)
            finally:
                service.running.stop()
    finally:
        idp.stop()


def press_on(page: Page) -> None:
    """Without scripts: press the button of a form that a script would have sent, ours or the identity provider's, and arrive.

    SimpleSAMLphp's form has an `<input type=submit>` for its script, too, which only its stylesheet hides: where that comes
    late, there are two buttons to see.
    """
    with page.expect_navigation():
        page.locator("form[method=post] button[type=submit]").click()


@dataclass
class Hand:
    """Somebody at a browser, whose every click, choice and typing at our pages is counted."""

    page: Page
    origin: str
    acts: list[str] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    def click(self, what: Locator) -> None:
        """Click something of ours."""
        assert self.page.url.startswith(self.origin), self.page.url
        self.acts.append(what.inner_text().strip() or str(what))
        what.click()

    def type(self, where: Locator, text: str) -> None:
        """Type or paste something; it is no click, and noted by itself."""
        assert self.page.url.startswith(self.origin), self.page.url
        self.typed.append(text)
        where.fill(text)

    def sign_in_there(self, person: str) -> None:
        """What is done at the identity provider does not count."""
        self.page.locator("input[name=username]").fill(person)
        self.page.locator("input[name=password]").fill(person)
        self.page.locator("input[name=password]").press("Enter")
