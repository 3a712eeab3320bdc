"""An application on a person's own device, as the tests play it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from werkzeug.test import TestResponse

from tests.support.browser import Browser

OWN = {"Sec-Fetch-Site": "same-origin"}


def challenge_of(verifier: str) -> str:
    """S256 of RFC 7636."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True)
class Application:
    """What it asks with, and what it alone knows."""

    client: str = "Acme CLI"
    redirect_uri: str = "http://127.0.0.1:49152/callback"
    state: str = "state-0123456789"
    verifier: str = "v" * 43
    more: dict[str, str] = field(default_factory=dict)

    @property
    def query(self) -> dict[str, str]:
        """What it opens the browser with."""
        return {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
            **self.more,
        }

    def asks(self, browser: Browser) -> TestResponse:
        """The page that the browser shows."""
        return browser.get("/native/authorize", query_string=self.query)

    def answered(self, browser: Browser, answer: str = "yes", **headers: str) -> TestResponse:
        """What the person's click brings."""
        form = {**self.query, "answer": answer}
        return browser.post("/native/authorize", data=form, headers=headers or OWN)

    def code(self, browser: Browser) -> str:
        """The code of a person who says yes."""
        return returned(self.answered(browser))["code"]

    def redeems(self, browser: Browser, code: str, /, **changes: Any) -> TestResponse:
        """The application sends the code, by a connection of its own: no cookie comes."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": self.verifier,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client,
        } | changes
        form = {name: value for name, value in form.items() if value is not None}
        return browser.post("/native/token", data=form, headers={"Cookie": "", "User-Agent": "acme-cli/1.0"})

    def token(self, browser: Browser) -> str:
        """The application's own token."""
        answer = self.redeems(browser, self.code(browser))
        assert answer.status_code == 200, answer.get_data(as_text=True)
        token: str = answer.get_json()["access_token"]
        return token

    def with_(self, **changes: Any) -> Application:
        """The same with changes."""
        return replace(self, **changes)


def returned(answer: TestResponse) -> dict[str, str]:
    """What the browser brings to the application."""
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert re.match(r"http://(127\.0\.0\.1|\[::1\]):[0-9]+/callback\?", answer.location), answer.location
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.location).query).items()}


def who(browser: Browser, token: str) -> TestResponse:
    """What the application is told of its session."""
    return browser.get("/session", headers={"Cookie": "", "Authorization": f"Bearer {token}"})
