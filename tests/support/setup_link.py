"""A customer's IT person at a set-up link: opens it, starts, fills in its forms, without scripts."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.support.browser import Browser, Started
from tests.support.idp import ForgingIdP
from tests.support.world import World, utc_now

INITECH_IDP = "https://idp.initech.test/metadata"
NEW = {
    "slug": "initech",
    "name": "Initech",
    "email_domains": ["initech.test"],
    "attest_reason": "Contract of 3 March",
    "setup_email": "grace@customer.example",
}
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def new_customer(world: World, **changes: Any) -> str:
    """Begin a customer as staff do, and give the path of the link."""
    answer = world.api("POST", "/onboardings", json=NEW | changes)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    url: str = answer.get_json()["setup_link"]["url"]
    return "/setup/" + url.rpartition("/")[2]


class ITPerson(Browser):
    """Somebody with a set-up link in a browser of their own."""

    def __init__(self, app: Flask, slug: str = "initech") -> None:
        super().__init__(app, slug)

    def send(self, path: str, at: str | None = None, **fields: Any) -> TestResponse:
        """Send a form of the page `at`, or of the page that the form leads to, with that page's token."""
        page = self.get(at or path)
        assert page.status_code < 500, page.get_data(as_text=True)
        found = _TOKEN.search(page.get_data(as_text=True))
        return self.post(path, data={"csrf_token": found[1] if found else "", **fields})

    def start_link(self, path: str) -> TestResponse:
        """Open the link and press Start."""
        return self.send(path)

    def begin_test(self, path: str = "/setup/test") -> Started:
        """Press the button of a test, up to the form that leaves for the identity provider."""
        sent = self.send(path)
        assert sent.status_code == 303, sent.get_data(as_text=True)
        assert sent.location.startswith("/saml/test?ticket=")
        return self.leave_by(self.get(sent.location))


def initech_idp() -> ForgingIdP:
    """The identity provider of the new customer."""
    return ForgingIdP(entity_id=INITECH_IDP)


def answer_of(idp: ForgingIdP, started: Started, **parts: Any) -> bytes:
    """A good answer to a request of initech's, unless `parts` make it otherwise."""
    good: dict[str, Any] = {
        "sp_entity_id": "http://initech.localhost:8000/saml/metadata",
        "acs_url": "http://initech.localhost:8000/saml/acs",
        "in_response_to": started.request_id,
        "now": utc_now(),
        "name_id": "ada",
        "attributes": {"mail": ["ada@initech.test"], "givenName": ["Ada"], "sn": ["Lovelace"]},
    }
    return idp.response(**(good | parts))
