"""The demo's tenants, made through the management API; what is there already stays as it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from config.migrate import migrate
from config.settings import settings_from_environment
from demo.idp import SHOWCASES, Showcase, identity_provider
from demo.people import CONSOLE_ROLES, STAFF_ROLES, STAFF_SLUG, mail_domain, person_of
from demo.saml import IdentityProvider
from wsgi import create_app

IDP_NAME = "demo"
DISPLAY_NAME = "Demo identity provider"
STAFF = Showcase(STAFF_SLUG, "Crew")
"""The company that runs the service, as a tenant of its own: staff's single sign-on."""


def seed(idp_port: int, service_port: int, tenant_url: str, keys: Path) -> None:
    """Bring the database of the settings to the newest schema, with the demo's tenants, roles and staff in it."""
    settings = settings_from_environment()
    migrate(settings.database_url)
    app = create_app(dataclasses.replace(settings, log_level="WARNING"))
    provider = identity_provider(idp_port, service_port, tenant_url, keys)
    api = _API(app)
    for show in (*SHOWCASES, STAFF):
        found = api.call("GET", f"/tenants/{show.slug}", allowed=(200, 404))
        if found.status_code == 404:
            api.call(
                "POST", "/tenants", {"slug": show.slug, "name": show.name, "email_domains": [mail_domain(show.slug)]}
            )
        _connect(api, show.slug, provider)
    for show in SHOWCASES:
        for uid, role in CONSOLE_ROLES.items():
            body = {"email": _address_of(show.slug, uid), "role": role}
            api.call("POST", f"/tenants/{show.slug}/console-grants", body, allowed=(201, 409))
    for uid, role in STAFF_ROLES.items():
        _add_staff(app, uid, role)
    api.close()


def _add_staff(app: Flask, uid: str, role: str) -> None:
    """An account that is used through single sign-on alone: the invitation is shown to nobody."""
    person = person_of(STAFF_SLUG, uid)
    assert person is not None
    options = ["--email", person.email, "--name", person.name, "--role", role]
    made = app.test_cli_runner().invoke(args=["staff", "create", *options])
    if made.exit_code and "staff_exists" not in made.output:
        raise RuntimeError(f"no staff account: {made.output}")


def _address_of(slug: str, uid: str) -> str:
    person = person_of(slug, uid)
    assert person is not None
    return person.email


def _connect(api: _API, slug: str, provider: IdentityProvider) -> None:
    """Wire a tenant to the identity provider, again if that one has moved to another port or has another key."""
    path = f"/tenants/{slug}/identity-providers/{IDP_NAME}"
    found = api.call("GET", path, allowed=(200, 404))
    known: dict[str, Any] = found.get_json() if found.status_code == 200 else {}
    if known and known["entity_id"] != provider.entity_id:
        api.call("DELETE", path)
    elif known and provider.fingerprint() in {certificate["sha256"] for certificate in known["signing_certificates"]}:
        return
    api.call("PUT", path, {"display_name": DISPLAY_NAME, "metadata_xml": provider.metadata()})
    api.call("PATCH", f"{path}/saml-settings", {"allow_idp_initiated": True})


class _API:
    """The management API of an application in this process, with a token that is revoked at the end."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        made = app.test_cli_runner().invoke(args=["token", "create", "--role", "staff", "--expires-in", "10m"])
        if made.exit_code:
            raise RuntimeError(f"no token: {made.output}")
        self._token = made.stdout.strip()

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, allowed: tuple[int, ...] = (200, 201, 204)
    ) -> TestResponse:
        """Call, and stop where the answer is not what was hoped for."""
        answer = self._app.test_client().open(
            f"/api/v1{path}",
            method=method,
            base_url=self._app.extensions["vestibule_settings"].app_url,
            json=body,
            headers={"Authorization": f"Bearer {self._token}"},
        )
        if answer.status_code not in allowed:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.get_data(as_text=True)[:500]}")
        return answer

    def close(self) -> None:
        """Revoke the token and let go of the database."""
        self._app.test_cli_runner().invoke(args=["token", "revoke", self._token])
        with self._app.app_context():
            self._app.extensions["sqlalchemy"].engine.dispose()
