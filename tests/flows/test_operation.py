"""Health, readiness and metrics, and where they are not."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.cli import ScriptInfo

from command import vestibule
from config.development import write_development_file
from tests.support.browser import Browser, code_of
from tests.support.world import SECRET_KEYS, World, settings_for
from wsgi import create_app


def test_a_service_that_is_ready(world: World) -> None:
    """Alive and ready, on the app host."""
    app_host = Browser(world.app, None)
    assert app_host.get("/healthz").get_json() == {"status": "ok"}
    assert app_host.get("/readyz").get_json() == {"status": "ready"}


def test_a_database_without_schema_is_not_ready(tmp_path: Path) -> None:
    """The process is alive all the same: starting it anew would help nobody."""
    app_host = Browser(create_app(settings_for(f"sqlite:///{tmp_path / 'empty.db'}")), None)
    assert app_host.get("/healthz").status_code == 200
    answer = app_host.get("/readyz")
    assert (answer.status_code, code_of(answer)) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def test_keys_that_do_not_open_what_is_stored_keep_the_service_from_starting(world: World) -> None:
    """Keys of another database, and a rotation that dropped the old key; with the old key behind the new one it starts."""
    url = world.app.extensions["vestibule_settings"].database_url
    new = {"new": bytes(range(32, 64))}
    wrong = {name: bytes(32) for name in SECRET_KEYS}
    for keys, status in ((SECRET_KEYS, 0), (new | SECRET_KEYS, 0), (new, 1), (wrong, 1)):
        app = create_app(settings_for(url, secret_keys=keys))
        outcome = CliRunner().invoke(vestibule, ["check"], obj=ScriptInfo(create_app=lambda app=app: app))
        assert outcome.exit_code == status, outcome.output
        assert ("SECRET_KEYS does not open" in outcome.output) == (status == 1)


def test_a_database_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its address without the password; whoever has set keys of their own is told why it is not what ./run made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRET_KEYS", "k1:" + base64.b64encode(bytes(32)).decode())

    def said(url: str) -> str:
        monkeypatch.setenv("DATABASE_URL", url)
        outcome = CliRunner().invoke(vestibule, ["check"], obj=ScriptInfo(create_app=create_app))
        assert outcome.exit_code == 1
        return outcome.output

    assert f"sqlite:///{tmp_path}/var/vestibule.db, which it is where DATABASE_URL is not set, has no schema" in said("")
    write_development_file({"SECRET_KEYS": "demo:x", "DATABASE_URL": "sqlite:///other.db"})
    assert "What ./run made is another one: var/development.env counts only where SECRET_KEYS is not set." in said("")
    url = f"sqlite:///{tmp_path / 'none.db'}"
    assert url in said(url)
    assert "./run" not in said(url)


def test_metrics_count_sign_ins_and_name_nobody(world: World) -> None:
    """Results by code, requests by kind of host; no tenant and no person in any label."""
    browser = world.browser()
    assert world.sign_in(browser).status_code == 303
    assert world.sign_in(browser, audiences=[["https://else.where"]]).status_code == 403
    text = Browser(world.app, None).get("/metrics").get_data(as_text=True)
    assert 'vestibule_sign_ins_total{result="accepted"}' in text
    assert 'vestibule_sign_ins_total{result="audience_mismatch"}' in text
    assert 'vestibule_login_starts_total{binding="post"}' in text
    assert 'vestibule_request_seconds_count{host="tenant",status="3xx"}' in text
    assert "acme" not in text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/api/v1/tenants", "/api/v1/openapi.json"])
def test_tenant_hosts_have_none_of_it(world: World, path: str) -> None:
    """What belongs to the app host is not there on a tenant's."""
    answer = world.browser().get(path)
    assert (answer.status_code, code_of(answer)) == (404, "not_found")


@pytest.mark.parametrize("path", ["/saml/login", "/saml/metadata", "/session", "/client-config.json"])
def test_the_app_host_has_none_of_a_tenants(world: World, path: str) -> None:
    """And the other way round."""
    assert Browser(world.app, None).get(path).status_code == 404


def test_native_clients_read_how_people_sign_in(world: World) -> None:
    """The document of G3, from stored values; what newer clients read besides is only added."""
    found = world.browser().get("/client-config.json").get_json()
    assert {name: found[name] for name in ("sso_enabled", "sso_required", "provider", "login_url")} == {
        "sso_enabled": True,
        "sso_required": True,
        "provider": "Company login",
        "login_url": "http://acme.localhost:8000/saml/login",
    }
