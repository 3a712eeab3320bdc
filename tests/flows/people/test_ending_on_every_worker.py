"""What ends has ended on every worker within a second: two processes of `vestibule serve`, asked until both have answered."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import dispose
from tests.support.service import ANSWER_SECONDS, Service, start_service
from tests.support.world import Organisation, World

WITHIN_SECONDS = 1.0
ASKED_AT_ONCE = 12
"""Connections, each new: with two workers that accept them, one of them getting none is one chance in 2,000."""


@pytest.fixture(params=["sqlite", "postgresql"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """The service with two workers and an organisation."""
    url = f"sqlite:///{tmp_path / 'vestibule.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").create("two_workers")
    service = start_service(tmp_path, url, workers=2)
    tenant = {"slug": "acme", "name": "Acme", "email_domains": ["acme.test"]}
    assert service.api("POST", "/tenants", json=tenant).status_code == 201
    idp = request.getfixturevalue("idps")[0]
    body = {"display_name": "Company login", "metadata_xml": idp.metadata_xml()}
    assert service.api("PUT", "/tenants/acme/identity-providers/main", json=body).status_code == 201
    yield service
    service.running.stop()
    dispose(service.app)
    if request.param == "postgresql":
        request.getfixturevalue("cluster").drop("two_workers")


def host(service: Service) -> dict[str, str]:
    """Python does not resolve *.localhost."""
    return {"Host": service.origin("acme").removeprefix("http://")}


def cookie_of(service: Service, world: World, person: str) -> str:
    """A session's cookie, from a whole sign-in over the wire."""
    base, headers = f"http://127.0.0.1:{service.port}", host(service)
    page = requests.get(f"{base}/saml/login", headers=headers, timeout=ANSWER_SECONDS)
    fields = dict(re.findall(r'name="(SAMLRequest|RelayState)"[^>]*value="([^"]*)"', page.text))
    request_id = re.search(rb'ID="(_[0-9a-f]+)"', base64.b64decode(fields["SAMLRequest"]))
    assert request_id
    origin = service.origin("acme")
    email = f"{person}@acme.test"
    answer = world.acme.idp.response(
        sp_entity_id=f"{origin}/saml/metadata",
        acs_url=f"{origin}/saml/acs",
        in_response_to=request_id[1].decode(),
        name_id=email,
        attributes={"mail": [email]},
    )
    form = {"SAMLResponse": base64.b64encode(answer).decode(), "RelayState": fields["RelayState"]}
    login = page.headers["Set-Cookie"].partition(";")[0]
    headers |= {"Cookie": login}
    done = requests.post(f"{base}/saml/acs", data=form, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False)
    assert done.status_code == 303, done.text
    return done.headers["Set-Cookie"].partition(";")[0]


def statuses(service: Service, cookie: str) -> set[int]:
    """What new connections are answered, whichever worker takes each."""
    url, headers = f"http://127.0.0.1:{service.port}/session", host(service) | {"Cookie": cookie, "Connection": "close"}
    return {requests.get(url, headers=headers, timeout=ANSWER_SECONDS).status_code for _ in range(ASKED_AT_ONCE)}


def ends(service: Service, cookie: str, act: Callable[[], requests.Response], gone: int = 401) -> None:
    """Alive on both workers before; over on both as soon as there is an answer, which is sooner than within a second."""
    assert statuses(service, cookie) == {200}
    answer = act()
    assert answer.status_code in (200, 204, 303), answer.text
    assert statuses(service, cookie) == {gone}


def test_every_end_holds_on_every_worker(two: Service, idps: tuple[object, ...]) -> None:
    """By the person, by an administrator, by switching off the account, with the tenant and the identity provider."""
    acme = Organisation("acme", "acme.test", idps[0])  # type: ignore[arg-type]  # a ForgingIdP
    world = World(two.app, acme=acme, globex=acme, staff_token=two.staff_token)
    base = f"http://127.0.0.1:{two.port}"
    own = host(two) | {"Sec-Fetch-Site": "same-origin"}

    def by_person() -> requests.Response:
        here = cookie_of(two, world, "ada")
        headers = own | {"Cookie": here}
        return requests.post(
            f"{base}/account/sessions", data={"which": "others"}, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False
        )

    ends(two, cookie_of(two, world, "ada"), by_person)
    users = {item["email"]: item["id"] for item in two.api("GET", "/tenants/acme/users").json()["items"]}
    ada = f"/tenants/acme/users/{users['ada@acme.test']}"
    ends(two, cookie_of(two, world, "ada"), lambda: two.api("DELETE", f"{ada}/sessions"))
    ends(two, cookie_of(two, world, "ada"), lambda: two.api("PATCH", ada, json={"active": False}))
    end = two.api("GET", f"{ada}/access-end").json()["items"][0]
    assert end["milliseconds"] < WITHIN_SECONDS * 1000
    cookie = cookie_of(two, world, "bob")
    ends(two, cookie, lambda: two.api("PATCH", "/tenants/acme", json={"state": "suspended"}), gone=403)
    assert two.api("PATCH", "/tenants/acme", json={"state": "active"}).status_code == 200
    assert statuses(two, cookie) == {401}, "it has ended, and was not only hidden"
    ends(two, cookie_of(two, world, "bob"), lambda: two.api("DELETE", "/tenants/acme/identity-providers/main"))
