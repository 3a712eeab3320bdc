"""Single logout with a real identity provider: Debian's SimpleSAMLphp tells us, and is told by us (S3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from lxml import html
from werkzeug.test import TestResponse

from tests.e2e.test_real_identity_provider import connect, go
from tests.support.browser import Browser
from tests.support.logout import sent_by
from tests.support.simplesamlphp import ServiceProvider, SimpleSAMLphp, start_simplesamlphp
from tests.support.world import World

SECONDS = 60
MAX_STEPS = 12
NAMES = {"acme": "alice", "globex": "erin"}
ACME, GLOBEX = "acme.localhost:8000", "globex.localhost:8000"
DONE = "http://done.localhost/"


@pytest.fixture(scope="module")
def idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleSAMLphp]:
    """One SimpleSAMLphp for this module."""
    running = start_simplesamlphp(tmp_path_factory.mktemp("simplesamlphp"))
    yield running
    running.stop()


class Person:
    """A browser with a session at each tenant, and at the identity provider those of acme; `shared`: of both."""

    def __init__(self, world: World, idp: SimpleSAMLphp, names: Mapping[str, str] = NAMES, *, shared: bool = False) -> None:
        self.idp = idp
        self.there = requests.Session()
        self.here: Mapping[str, Browser] = {}
        for organisation in (world.acme, world.globex):
            browser = world.browser(organisation)
            at_idp = self.there if shared or organisation is world.acme else None
            assert go(browser, browser.start(), names[organisation.slug], at_idp).status_code == 303
            self.here = {**self.here, browser.host: browser}

    def signed_in(self, host: str) -> bool:
        """Whether the session at a tenant's host is alive."""
        return self.here[host].get("/session").status_code == 200


def follow(person: Person, url: str) -> TestResponse | str:
    """Go where redirects and forms lead, between the identity provider and us; the answer of ours that ends it, or DONE."""
    for _ in range(MAX_STEPS):
        parts = urlsplit(url)
        if parts.netloc in person.here:
            answer = person.here[parts.netloc].get(f"{parts.path}?{parts.query}")
            assert answer.status_code == 303, answer.get_data(as_text=True)
            if answer.location.startswith("/"):
                return answer
            url = answer.location
            continue
        if url.startswith(DONE):
            return DONE
        page = person.there.get(url, allow_redirects=False, timeout=SECONDS)
        assert page.is_redirect, " ".join(html.document_fromstring(page.content).text_content().split())[:2_000]
        url = urljoin(url, page.headers["Location"])
    raise AssertionError("no end of redirects")


def still_known(person: Person) -> bool:
    """Whether the identity provider lets the person in again without asking for the password."""
    page = person.there.get(person.idp.start_url(f"http://{ACME}/saml/metadata"), timeout=SECONDS)
    return "SAMLResponse" in page.text


def both_connected(world: World, idp: SimpleSAMLphp) -> None:
    """Two tenants at one identity provider, which verifies what we send."""
    connect(world, idp)
    connect(world, idp, world.globex)


def test_begun_here(world: World, idp: SimpleSAMLphp) -> None:
    """Our request is verified and obeyed there, its answer here; whoever comes again is asked for the password."""
    both_connected(world, idp)
    person = Person(world, idp)
    assert still_known(person)
    browser = person.here[ACME]
    sent = sent_by(browser.get(browser.post("/logout").location), "SAMLRequest")
    assert not person.signed_in(ACME)
    ended = follow(person, f"{sent.location}?{sent.query}")
    assert isinstance(ended, TestResponse)
    assert ended.location == "/?signed_out=everywhere", idp.log()
    assert not still_known(person)
    assert person.signed_in(GLOBEX), "another person's"


def test_begun_there(world: World, idp: SimpleSAMLphp) -> None:
    """The identity provider's own sign-out ends ours, and goes on from our answer."""
    both_connected(world, idp)
    person = Person(world, idp)
    assert follow(person, f"{idp.base}saml2/idp/initSLO.php?RelayState={DONE}") == DONE, idp.log()
    assert not person.signed_in(ACME)
    assert not still_known(person)


@pytest.mark.parametrize("told", [True, False])
def test_two_tenants_of_one_person(world: World, idp: SimpleSAMLphp, told: bool) -> None:
    """Signing out at one ends the session at the other; where that one cannot be told, our page says so."""
    both_connected(world, idp)
    idp.add_person("both", "both@acme.test", otherMail="both@globex.test")
    world.change_settings(world.globex, attribute_map={"email": ["otherMail"], "username": ["uid"]})
    if not told:
        metadata = world.browser(world.globex).get("/saml/metadata").get_data(as_text=True)
        idp.register(ServiceProvider(re.sub(r"<md:SingleLogoutService[^>]*/>", "", metadata).encode()))
    person = Person(world, idp, {"acme": "both", "globex": "both"}, shared=True)
    browser = person.here[ACME]
    sent = sent_by(browser.get(browser.post("/logout").location), "SAMLRequest")
    ended = follow(person, f"{sent.location}?{sent.query}")
    assert isinstance(ended, TestResponse)
    assert ended.location == ("/?signed_out=everywhere" if told else "/?signed_out=partly"), idp.log()
    assert person.signed_in(GLOBEX) is not told
