"""Test sign-ins as tests make them: a draft, a ticket, a browser, an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from tests.support.browser import Browser, Started
from tests.support.world import Organisation, World

MAIN = "/tenants/acme/identity-providers/main"
SETTINGS = f"{MAIN}/saml-settings"
DRAFT = f"{SETTINGS}/draft"


@dataclass(frozen=True)
class Prepared:
    """A test that waits for a browser; `path` is on the tenant's host."""

    id: str
    path: str


@dataclass(frozen=True)
class UnderWay:
    """A test whose browser is at the identity provider."""

    id: str
    browser: Browser
    started: Started


def draft(world: World, slug: str = "acme", **changes: Any) -> dict[str, Any]:
    """Change settings in the draft, and give it."""
    answer = world.api("PATCH", f"/tenants/{slug}/identity-providers/main/saml-settings/draft", json=changes)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def prepare(world: World, slug: str = "acme", **body: Any) -> Prepared:
    """Prepare a test, of the draft unless told."""
    answer = world.api("POST", f"/tenants/{slug}/identity-providers/main/saml-settings/tests", json=body)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    document = answer.get_json()
    parts = urlsplit(document["url"])
    assert parts.netloc == f"{slug}.localhost:8000"
    return Prepared(document["id"], f"{parts.path}?{parts.query}")


def begin(world: World, organisation: Organisation | None = None, browser: Browser | None = None, **body: Any) -> UnderWay:
    """Begin a test in a browser."""
    organisation = organisation or world.acme
    browser = browser or world.browser(organisation)
    prepared = prepare(world, organisation.slug, **body)
    return UnderWay(prepared.id, browser, browser.leave_by(browser.get(prepared.path)))


def answer(world: World, trial: UnderWay, organisation: Organisation | None = None, **parts: Any) -> TestResponse:
    """The identity provider's answer, good unless `parts` make it otherwise, brought by the browser that began."""
    message = world.response(trial.started, organisation, **parts)
    return trial.browser.post_response(message, trial.started.relay_state)


def result(world: World, trial_id: str, slug: str = "acme") -> dict[str, Any]:
    """How a test went."""
    answer = world.api("GET", f"/tenants/{slug}/identity-providers/main/saml-settings/tests/{trial_id}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def passing_test(world: World, **parts: Any) -> dict[str, Any]:
    """A test of the draft from beginning to end."""
    trial = begin(world)
    assert answer(world, trial, **parts).status_code == 303
    return result(world, trial.id)
