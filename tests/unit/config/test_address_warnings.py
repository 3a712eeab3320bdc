"""The console warns where the service's own addresses are not safe (A1)."""

from __future__ import annotations

import pytest

from config.address_warnings import address_warnings, is_loopback
from tests.support.world import settings_for


@pytest.mark.parametrize(
    ("app_url", "tenant_url", "secure", "named"),
    [
        ("http://localhost:8000", "http://{slug}.localhost:8000", False, []),
        ("https://login.example.com", "https://{slug}.example.com", True, []),
        ("http://login.example.com", "https://{slug}.example.com", False, ["APP_URL"]),
        ("https://login.example.com", "http://{slug}.example.com", True, ["TENANT_URL"]),
        ("http://10.0.0.5:8000", "http://{slug}.example.com", False, ["APP_URL", "TENANT_URL"]),
        ("https://login.example.com", "https://{slug}.example.com", False, ["TRUSTED_PROXIES"]),
        ("http://127.0.0.1:8000", "http://{slug}.localhost:8000", False, []),
    ],
)
def test_each_address_is_judged(app_url: str, tenant_url: str, secure: bool, named: list[str]) -> None:
    """One sentence for each that is not right, with the setting to change."""
    settings = settings_for("sqlite://", app_url=app_url, tenant_url=tenant_url)
    found = address_warnings(settings, arrived_secure=secure)
    assert len(found) == len(named)
    for sentence, name in zip(found, named, strict=True):
        assert name in sentence


@pytest.mark.parametrize(
    ("host", "is_safe"),
    [
        *(("localhost", True), ("a.localhost", True), ("127.0.0.9", True), ("::1", True)),
        *(("localhost.evil.test", False), ("", False)),
    ],
)
def test_loopback_names_need_no_tls(host: str, is_safe: bool) -> None:
    """As browsers see it; a name that merely looks like one is none."""
    assert is_loopback(host) is is_safe
