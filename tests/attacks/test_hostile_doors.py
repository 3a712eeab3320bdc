"""Every form and address outside of console and API, with what no honest browser sends: no answer is a mistake of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.support.browser import Browser
from tests.support.console import staff_client
from tests.support.local_accounts import REASON, LocalPerson, allow_local
from tests.support.native import Application
from tests.support.world import World

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
NUL, LONG = "a\x00b", "x" * 10_000
ODD = (NUL, LONG, "\u0130ı\u212a\u200b@acme.test")
APPLICATION = Application()


def forms(lin: LocalPerson, csrf: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(host, path, fields as they should be) of every form."""
    ids = "00000000-0000-7000-8000-000000000000"
    passkey = json.dumps({"id": "abc", "rawId": "abc", "type": "public-key", "response": {"userHandle": "x"}})
    name = {"name": lin.email, "password": lin.password, "next": "/account"}
    yield "acme", "/sign-in", name
    yield "acme", "/break-glass", name | {"reason": REASON}
    yield "acme", "/sign-in/address", {"email": lin.email, "next": "/"}
    yield "acme", "/sign-in/forgotten", {"name": lin.email}
    yield "acme", "/sign-in/second-factor", {"code": "123456"}
    yield "acme", "/sign-in/second-factor", {"recovery_code": "aaaa-aaaa-aaaa-aaaa"}
    yield "acme", "/sign-in/second-factor", {"passkey": passkey}
    yield "acme", "/sign-in/second-factor/options", {}
    yield "acme", "/sign-in/passkey/options", {"next": "/"}
    yield "acme", "/sign-in/passkey", {"passkey": passkey}
    for part in ("app", "passkeys", "recovery-codes", "nothing", "password"):
        fields = {"present": lin.password, "password": "short", "sealed": "x", "code": "123456", "remove": ids, "label": "K"}
        yield "acme", f"/account/sign-in/{part}", fields | {"passkey": passkey}
    yield "acme", "/account/sessions", {"session": ids, "which": ""}
    yield "acme", "/native/authorize", APPLICATION.query | {"answer": "no"}
    redemption = {"grant_type": "authorization_code", "code": "c" * 43, "code_verifier": "v" * 43, "client_id": "x"}
    yield "acme", "/native/token", redemption | {"redirect_uri": APPLICATION.redirect_uri}
    yield "acme", "/native/logout", {}
    yield "acme", "/saml/slo", {"SAMLRequest": "x", "RelayState": "y"}
    yield "acme", "/saml/acs", {"SAMLResponse": "x", "RelayState": "y"}
    yield "app", "/", {"organisation": "acme"}
    yield "app", "/forget", {"place": "acme"}
    staff = {"csrf_token": csrf}
    yield "app", "/admin/sign-in", staff | {"email": "sam@vestibule.test", "password": "x", "next": "/admin/"}
    yield "app", "/admin/sign-in/passkey/options", staff | {"next": "/admin/"}
    yield "app", "/admin/sign-in/passkey", staff | {"passkey": passkey}
    yield "app", "/admin/sign-in/second-factor", staff | {"code": "123456"}
    yield "app", "/admin/sign-in/second-factor", staff | {"recovery_code": "x"}
    yield "app", "/admin/sign-in/second-factor", staff | {"passkey": passkey}
    yield "app", "/admin/invitation/" + "t" * 43, staff | {"password": "x", "sealed": "x", "code": "1", "passkey": passkey}
    yield "acme", "/logout", {"next": "/"}
    yield "acme", lin.another_link(), {"password": "", "sealed": "x", "code": "123456", "passkey": passkey}


def bent(fields: dict[str, str]) -> Iterator[Any]:
    """The fields with each one missing, doubled, or odd."""
    yield fields
    for name in fields.keys() - {"csrf_token"}:
        yield {key: value for key, value in fields.items() if key != name}
        yield {key: [value, value] if key == name else value for key, value in fields.items()}
        for odd in ODD:
            yield fields | {name: odd}


def is_no_mistake(answer: TestResponse) -> bool:
    """An answer of ours, with the headers that each page has."""
    return answer.status_code < 500 and (answer.status_code in (204, 303) or "X-Content-Type-Options" in answer.headers)


KINDS: tuple[tuple[str, str], ...] = (
    ("application/json", "[" * 5_000),
    ("multipart/form-data; boundary=x", '--x\r\nContent-Disposition: form-data; name="code"; filename="f"\r\n\r\nv\r\n--x--'),
    ("multipart/form-data", "--"),
    ("application/x-www-form-urlencoded; charset=utf-7", "name=+AGE-&password=x"),
    ("application/x-www-form-urlencoded", "name=%ff%fe&password=%00&%00=%00"),
    ("application/x-www-form-urlencoded", "&".join(f"f{number}=1" for number in range(3_000))),
)
METHODS = ("PUT", "DELETE", "OPTIONS", "HEAD", "GET")


@pytest.mark.parametrize("signed_in", [False, True])
def test_no_form_is_answered_by_a_mistake(world: World, signed_in: bool) -> None:
    """Missing, doubled, 10,000 characters, NUL, letters that look alike, other kinds of content, other methods."""
    allow_local(world)
    lin = LocalPerson(world).enrolled()
    lin.sign_in()
    lin.set_up_app()
    half_in, staff = world.browser(), staff_client(world) if signed_in else Browser(world.app, None)
    shown = CSRF.search(staff.get("/admin/sign-in?again=1").get_data(as_text=True))
    assert shown is not None
    wrong: list[object] = []
    for host, path, fields in forms(lin, shown[1]):
        using = staff if host == "app" else lin.browser if signed_in else half_in
        if path == "/sign-in/second-factor":
            lin.give_password(browser=using)
        if signed_in and host == "acme" and not lin.is_in():
            lin.follow(lin.another_link())  # a form before may have changed the password
            lin.sign_in()
        own = {"Origin": f"http://{using.host}", "Sec-Fetch-Site": "same-origin"}
        for sent in bent(fields):
            if not is_no_mistake(answer := using.post(path, data=sent, headers=own)):
                wrong.append((path, {key: str(value)[:20] for key, value in sent.items()}, answer.status))
        for kind, body in KINDS:
            if not is_no_mistake(answer := using.post(path, data=body, content_type=kind, headers=own)):
                wrong.append((path, kind, answer.status))
        for method in METHODS:
            query = {"next": NUL, "hint": LONG[:3_000], "asked": "1", "done": "x"}
            if (answer := using.open(method, path, query_string=query)).status_code >= 500:
                wrong.append((path, method, answer.status))
    assert not wrong
