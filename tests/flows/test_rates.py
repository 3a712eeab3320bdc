"""How often a tenant may do what is costly: one bound for all workers, at once or one after the other."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from flask import Flask

from config.database import transaction
from identity import native_routes, refusal_budget, tenant_host
from identity.local_pages import sign_in_routes
from tenants import exporting
from tenants.errors import RateLimited
from tenants.onboarding import links
from tenants.onboarding.errors import SetupLinkInvalid
from tenants.rates import Rate, require_rate
from tenants.rollover import making
from tenants.rollover.errors import TooManyMade
from tenants.sealing import chains
from tests.support.at_once import another_worker, at_once
from tests.support.browser import Browser, code_of
from tests.support.console import staff_client
from tests.support.local_accounts import allow_local, change_deployment
from tests.support.world import World, utc_now

RATE = Rate("test", per_minute=30, burst=4)
NOW = utc_now()


def _may(app: object, now: dt.datetime = NOW, tenant_id: int = 1) -> bool:
    with app.app_context():  # type: ignore[attr-defined]
        try:
            with transaction():
                require_rate(tenant_id, RATE, now)
        except RateLimited:
            return False
        return True


def test_one_bound_for_all_workers(world: World) -> None:
    """A burst from two workers gets no more than one from one; what was refused is not counted; time gives it back."""
    with another_worker(world.app) as other:
        results = at_once([lambda app=app: _may(app) for app in (world.app, other) * 5])  # type: ignore[misc]
        assert sum(results) == RATE.burst
        assert not _may(other, NOW + dt.timedelta(seconds=1))
        assert _may(other, NOW + dt.timedelta(seconds=2))
        assert not _may(world.app, NOW + dt.timedelta(seconds=2))
        assert _may(world.app, tenant_id=2)
        later = NOW + dt.timedelta(hours=1)
        assert [_may(world.app, later) for _ in range(RATE.burst + 1)] == [True] * RATE.burst + [False]


EXPORTED = ("people.exported", "attempts.exported", "events.exported")
SMALL = {"per_minute": 1, "burst": 4}
"""In place of the real numbers, which stand in the security model."""


def test_strangers_requests_are_counted_by_network_and_tenant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes of applications, beginnings by a passkey: by turns at two workers no more than at one; others are not held up."""
    change_deployment(world, rate_limits=True)
    allow_local(world)
    monkeypatch.setattr(native_routes, "REDEMPTIONS", Rate("native_token", **SMALL))
    monkeypatch.setattr(sign_in_routes, "PASSKEY_BEGINS", Rate("passkey_begins", **SMALL))
    asked = {
        "/native/token": ({"grant_type": "authorization_code", "code": "x" * 43}, 400),
        "/sign-in/passkey/options": ({}, 200),
    }

    def ask(app: Flask, path: str, address: str = "203.0.113.9", slug: str = "acme") -> int:
        headers = {"Origin": f"http://{slug}.localhost:8000", "Sec-Fetch-Site": "same-origin"}
        where = {"environ_base": {"REMOTE_ADDR": address}}
        answer = Browser(app, slug).post(path, data=asked[path][0], headers=headers, **where)
        if answer.status_code == 429:
            assert code_of(answer) == "rate_limited"
            assert answer.headers["Retry-After"] == "60"
        return answer.status_code

    with another_worker(world.app) as other:
        for path, (_, status) in asked.items():
            assert [ask(app, path) for app in (world.app, other) * 3] == [status] * 4 + [429] * 2, path
            assert ask(other, path, address="203.0.113.10") == status
            assert ask(other, path, slug="globex") != 429
        waiting = world.count("local_sign_in")
        assert ask(world.app, "/sign-in/passkey/options") == 429
        assert world.count("local_sign_in") == waiting, "what is refused leaves no row"


def test_what_is_costly_for_a_tenant_is_counted_for_all_workers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals on record, keys, verified seals, unknown set-up links: together, and each tenant by itself."""
    change_deployment(world, rate_limits=True)
    for module, name in (
        (refusal_budget, "EACH_MINUTE"),
        (making, "MAKING"),
        (chains, "VERIFICATIONS"),
        (links, "UNKNOWN_TOKENS"),
    ):
        monkeypatch.setattr(module, name, replace(getattr(module, name), **SMALL))

    def records(app: Flask, tenant_id: int) -> bool:
        with app.test_request_context("/"):
            return tenant_host.may_record(tenant_id, NOW)

    def makes(app: Flask, tenant_id: int) -> bool:
        with app.app_context():
            try:
                making.require_turn(tenant_id, "signing", NOW)
            except TooManyMade:
                return False
            return True

    def verifies(app: Flask, tenant_id: int) -> bool:
        with app.app_context():
            try:
                chains.verify_part(tenant_id, app.extensions["vestibule_seal_keys"], None, NOW, limited=True)
            except RateLimited:
                return False
            return True

    def guesses(app: Flask, tenant_id: int) -> bool:
        with app.app_context():
            try:
                links.open_link(tenant_id, "onboarding", "x" * 43, NOW)
            except SetupLinkInvalid:
                return True
            except RateLimited:
                return False
        raise AssertionError("a made-up link was good")

    with another_worker(world.app) as other:
        for act in (records, makes, verifies, guesses):
            assert [act(app, 1) for app in (world.app, other) * 3] == [True] * 4 + [False] * 2, act.__name__
            assert act(other, 2), act.__name__


def test_lists_are_taken_as_files_so_often_by_console_and_api_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """People, attempts and events of one tenant; beyond that 429, with when to come again, and no event that says otherwise."""
    change_deployment(world, rate_limits=True)
    monkeypatch.setattr(exporting, "EXPORTS", replace(exporting.EXPORTS, **SMALL))
    staff, base = staff_client(world), "/admin/tenants/acme"
    assert staff.get(f"{base}/people/export?form=csv").status_code == 200
    for path in ("attempts.jsonl", "events.csv", "users.csv"):
        assert world.api("GET", f"/tenants/acme/{path}").status_code == 200, path
    for path in ("attempts.csv", "events-sealed.jsonl", "users.jsonl"):
        refused = world.api("GET", f"/tenants/acme/{path}")
        assert (refused.status_code, code_of(refused), refused.headers["Retry-After"]) == (429, "rate_limited", "60"), path
    for path in ("attempts", "audit-log", "people"):
        refused = staff.get(f"{base}/{path}/export?form=jsonl")
        assert (refused.status_code, code_of(refused)) == (429, "rate_limited"), path
    assert world.api("GET", "/tenants/globex/users.csv").status_code == 200, "another tenant's"
    told = [world.api("GET", f"/tenants/acme/events?type={kind}").get_json()["items"] for kind in EXPORTED]
    assert [len(items) for items in told] == [2, 1, 1]
