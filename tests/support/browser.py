"""A browser of the tests: one cookie jar, one host, the forms that a person would send."""

from __future__ import annotations

import base64
import html
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from lxml import etree
from werkzeug.test import Client, TestResponse

from identity.browsers import LOGIN_COOKIE, SESSION_COOKIE

_FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"')
_ACTION = re.compile(r'<form[^>]*action="([^"]+)"')


@dataclass(frozen=True)
class Started:
    """A sign-in that has left for the identity provider, and what the browser carries."""

    action: str
    saml_request: bytes
    relay_state: str
    response: TestResponse

    @property
    def saml_request_field(self) -> str:
        """The request as the form field holds it."""
        return base64.b64encode(self.saml_request).decode()

    @property
    def request_id(self) -> str:
        """ID of the AuthnRequest."""
        return etree.fromstring(self.saml_request).get("ID") or ""


class Browser:
    """One person's browser at one host."""

    def __init__(self, app: Flask, slug: str | None = "acme", *, port: int = 8000) -> None:
        self.host = f"{slug}.localhost:{port}" if slug else f"localhost:{port}"
        self.app = app
        self.client: Client = app.test_client()
        self._without_jar: Client = app.test_client(use_cookies=False)

    def get(self, path: str, **options: Any) -> TestResponse:
        """A GET at this host. A Cookie among the headers goes instead of the jar's."""
        return self._client_for(options).get(path, base_url=f"http://{self.host}", **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        """A POST at this host. A Cookie among the headers goes instead of the jar's."""
        return self._client_for(options).post(path, base_url=f"http://{self.host}", **options)

    def open(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any method at this host. A Cookie among the headers goes instead of the jar's."""
        return self._client_for(options).open(path, method=method, base_url=f"http://{self.host}", **options)

    def _client_for(self, options: Mapping[str, Any]) -> Client:
        """werkzeug's client drops a Cookie header of the caller's, unless it keeps no jar."""
        return self._without_jar if "Cookie" in (options.get("headers") or {}) else self.client

    def cookie(self, name: str) -> str | None:
        """The value of a cookie of this host."""
        cookie = self.client.get_cookie(name, domain=self.host.partition(":")[0])
        return cookie.value if cookie else None

    def cookie_names(self) -> list[str]:
        """Names of the cookies that it holds."""
        return sorted(cookie.key for cookie in (self.client._cookies or {}).values())

    @property
    def session_token(self) -> str | None:
        """What the session cookie holds."""
        return self.cookie(SESSION_COOKIE)

    @property
    def login_secret(self) -> str | None:
        """What the login cookie holds."""
        return self.cookie(LOGIN_COOKIE)

    def forget_login(self) -> None:
        """Lose the login cookie, as a browser that blocks it would."""
        self.client.delete_cookie(LOGIN_COOKIE, domain=self.host.partition(":")[0])

    def start(self, target: str = "/", **query: str) -> Started:
        """Begin a sign-in and read what goes to the identity provider, by either binding."""
        return self.leave_by(self.get("/saml/login", query_string={"next": target, **query}))

    def leave_by(self, response: TestResponse) -> Started:
        """Read what an answer of ours sends to the identity provider."""
        if response.status_code == 302:
            values = parse_qs(urlsplit(response.location).query)
            xml = zlib.decompress(base64.b64decode(values["SAMLRequest"][0]), -15)
            return Started(response.location, xml, values["RelayState"][0], response)
        assert response.status_code == 200, response.get_data(as_text=True)
        page = response.get_data(as_text=True)
        fields = {name: html.unescape(value) for name, value in _FIELD.findall(page)}
        action = _ACTION.search(page)
        assert action, page
        return Started(html.unescape(action[1]), base64.b64decode(fields["SAMLRequest"]), fields["RelayState"], response)

    def post_response(self, saml_response: bytes | str, relay_state: str | None = None, **options: Any) -> TestResponse:
        """What the identity provider's page makes the browser do. Bytes are XML, text is sent as it is."""
        encoded = saml_response if isinstance(saml_response, str) else base64.b64encode(saml_response).decode()
        fields = {"SAMLResponse": encoded} | ({"RelayState": relay_state} if relay_state is not None else {})
        return self.post("/saml/acs", data=fields, **options)


def code_of(response: TestResponse) -> str | None:
    """The refusal code that a page or a problem document carries."""
    if response.mimetype == "application/problem+json":
        code: str = response.get_json()["code"]
        return code
    found = re.search(r'data-code="([a-z_0-9]+)"', response.get_data(as_text=True))
    return found[1] if found else None
