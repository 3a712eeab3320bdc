"""A tenant's keys as the API shows them, and messages that are encrypted to one of them."""

from __future__ import annotations

import re
from typing import Any

from cryptography import x509
from werkzeug.test import TestResponse

from tests.support.world import World


def keys_of(world: World, use: str, slug: str = "acme") -> list[dict[str, Any]]:
    """All keys of one use, the newest first."""
    answer = world.api("GET", f"/tenants/{slug}/keys")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [key for key in answer.get_json()["items"] if key["use"] == use]


def states_of(world: World, use: str) -> list[str]:
    """The states of all keys of one use, the newest first."""
    return [key["state"] for key in keys_of(world, use)]


def in_state(world: World, use: str, state: str) -> dict[str, Any]:
    """The one key of this use in this state."""
    (key,) = [key for key in keys_of(world, use) if key["state"] == state]
    return key


def make_next(world: World, use: str) -> dict[str, Any]:
    """Make the next key."""
    answer = world.api("POST", "/tenants/acme/keys", json={"use": use})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    made: dict[str, Any] = answer.get_json()
    return made


def step(world: World, key: dict[str, Any], name: str, token: str | None = None, **body: Any) -> TestResponse:
    """Promote, retire or go back."""
    return world.api("POST", f"/tenants/acme/keys/{key['id']}/{name}", token, json=body)


def done(answer: TestResponse) -> dict[str, Any]:
    """What an operation that went well answers."""
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def refused(answer: TestResponse) -> tuple[int, str]:
    """Status and code of one that did not."""
    return answer.status_code, answer.get_json()["code"]


def fetch_metadata(world: World, agent: str = "Shibboleth-IdP/5.1", address: str = "192.0.2.7") -> dict[str, list[str]]:
    """Our metadata as an identity provider fetches it: certificates by use, in order, as base64 without blanks."""
    answer = world.browser().get("/saml/metadata", headers={"User-Agent": agent}, environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 200
    found: dict[str, list[str]] = {"signing": [], "encryption": []}
    for use, inner in re.findall(r'<md:KeyDescriptor use="(\w+)">(.*?)</md:KeyDescriptor>', answer.text, re.DOTALL):
        found[use] += [re.sub(r"\s", "", text) for text in re.findall(r"<ds:X509Certificate>(.*?)</", inner, re.DOTALL)]
    return found


def base64_of(key: dict[str, Any]) -> str:
    """A key's certificate as it stands in metadata."""
    return "".join(key["certificate"].strip().splitlines()[1:-1])


def sign_in_encrypted(world: World, key: dict[str, Any]) -> TestResponse:
    """A sign-in with an assertion that is encrypted to this key."""
    recipient = x509.load_pem_x509_certificate(key["certificate"].encode())
    return world.sign_in(world.browser(), encrypt="aes256-gcm", encryption_certificate=recipient)
