"""The form that a response comes in: one content type, each field once, nothing in the address, bounded."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from identity.routes import MAX_ACS_BODY
from tests.support.browser import Browser, code_of
from tests.support.world import World

FORM = "application/x-www-form-urlencoded"


def _post(world: World, browser: Browser, **options: Any) -> tuple[int, str | None]:
    before = world.rows()
    path = options.pop("path", "/saml/acs")
    answer = browser.post(path, **options)
    assert browser.session_token is None
    assert world.rows() == before
    return answer.status_code, code_of(answer)


def test_a_form_that_is_none_of_an_identity_providers_is_refused(world: World) -> None:
    """Fields twice or missing, another content type, fields in the address: a good response does not help."""
    browser = world.browser()
    started = browser.start()
    good = base64.b64encode(world.response(started)).decode()
    fields = {"SAMLResponse": good, "RelayState": started.relay_state}
    for wrong in (
        {"data": MultiDict([("SAMLResponse", good), ("SAMLResponse", good)])},
        {"data": MultiDict([("SAMLResponse", good), ("RelayState", "a"), ("RelayState", started.relay_state)])},
        {"data": {"RelayState": started.relay_state}},
        {"data": {}},
        {"data": fields, "content_type": "multipart/form-data"},
        {"data": f"SAMLResponse={good}", "content_type": "text/plain"},
        {"json": fields},
        {"data": fields, "path": "/saml/acs?RelayState=/elsewhere"},
        {"data": fields, "path": f"/saml/acs?SAMLResponse={good[:100]}"},
    ):
        assert _post(world, browser, **wrong) == (400, "request_invalid"), wrong
    assert browser.post("/saml/acs", data=fields).status_code == 303


def test_a_form_is_bounded(world: World) -> None:
    """512 KiB are read, and refused for what they hold; one byte more is not read at all."""
    browser = world.browser()
    causes = []
    for size in (MAX_ACS_BODY, MAX_ACS_BODY + 1):
        body = b"SAMLResponse=".ljust(size, b"A")
        assert _post(world, browser, data=body, content_type=FORM) in {(400, "response_malformed"), (413, "too_large")}
        causes.append(world.api("GET", "/tenants/acme/attempts").get_json()["items"][0]["cause"])
    assert "512 KiB" not in causes[0]
    assert causes[1] == "a form of more than 512 KiB"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_responses_come_by_post_alone(world: World, method: str) -> None:
    """Any other method is 405 and names the right one."""
    answer = world.app.test_client().open("/saml/acs", method=method, base_url="http://acme.localhost:8000")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
