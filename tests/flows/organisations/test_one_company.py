"""One company at one address: Sales by a directory, Finance by SSO alone, IT by local accounts (G1–G3, P8, S1, S2)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from werkzeug.test import TestResponse

from config.database import transaction
from identity.browsers import SESSION_COOKIE
from identity.placing import place_person
from tests.flows.directories.conftest import LOOPBACK
from tests.flows.management.support import events_of
from tests.support.browser import Browser, code_of
from tests.support.local_accounts import PASSWORD, LocalPerson, tenant_of
from tests.support.organisations import (
    accepted,
    connect_other,
    made,
    pass_test,
    patch,
    put,
    set_access,
    sign_in_by,
    user_of,
)
from tests.support.slapd import SERVICE_PASSWORD, Slapd
from tests.support.world import World, utc_now

PEOPLE = {"ada": "ldap", "fin": "sso", "ivy": "local"}
"""Who comes by which way: of Sales, Finance and IT."""
SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
MAIN = "/tenants/acme/identity-providers/main"


@dataclass
class Company:
    """acme, made of three parts through the API alone, and a browser of one person of each."""

    world: World
    slapd: Slapd
    sales: str
    finance: str
    it: str
    browsers: dict[str, Browser]

    def person(self, name: str) -> dict[str, Any]:
        """Somebody's document."""
        return user_of(self.world, f"{name}@acme.test")

    def prepare(self, name: str, organisation: str) -> str:
        """Make somebody who has never been here; gives the id."""
        body = {"email": f"{name}@acme.test", "username": name}
        user_id = str(accepted(self.world.api("POST", "/tenants/acme/users", json=body))["id"])
        accepted(self.world.api("PATCH", f"/tenants/acme/users/{user_id}", json={"organisation_id": organisation}))
        return user_id

    def invite(self, name: str) -> None:
        """Give somebody a local account, and let them set its password by the link."""
        user_id = self.person(name)["id"]
        given = accepted(self.world.api("PUT", f"/tenants/acme/users/{user_id}/local-account", json={}))
        owner = LocalPerson(self.world, name=name, user_id=user_id)
        assert owner.follow(urlsplit(given["link"]["url"]).path).status_code == 200

    def by_password(self, name: str, password: str, browser: Browser | None = None) -> TestResponse:
        """The form of the front page, as a browser sends it."""
        using = browser or self.world.browser()
        body = {"name": f"{name}@acme.test" if password == PASSWORD else name, "password": password}
        return using.post("/sign-in", data=body, headers={"Origin": f"http://{using.host}"})

    def by_directory(self, name: str, browser: Browser | None = None) -> TestResponse:
        """The password that somebody has in the directory."""
        return self.by_password(name, f"{name}-password", browser)

    def by_account(self, name: str, browser: Browser | None = None) -> TestResponse:
        """The password that somebody has here."""
        return self.by_password(name, PASSWORD, browser)

    def by_sso(self, name: str, browser: Browser | None = None) -> TestResponse:
        """The identity provider says that it is them."""
        return sign_in_by(self.world, self.world.acme.idp, "main", name, browser)

    def come(self, name: str, browser: Browser | None = None) -> TestResponse:
        """Each by their own way."""
        ways = {"ldap": self.by_directory, "sso": self.by_sso, "local": self.by_account}
        return ways[PEOPLE[name]](name, browser)

    def sessions(self) -> dict[str, str]:
        """The ways that open sessions of the tenant's list came by, by person."""
        items = accepted(self.world.api("GET", "/tenants/acme/sessions"))["items"]
        return {item["email"].partition("@")[0]: item["way"] for item in items}

    def alive(self) -> dict[str, bool]:
        """Who is signed in in their own browser."""
        return {name: browser.get("/session").status_code == 200 for name, browser in self.browsers.items()}

    def config(self, organisation: str) -> dict[str, Any]:
        """What a native client is told."""
        answer = self.world.browser().get("/client-config.json", query_string={"organisation": organisation})
        return {name: answer.get_json()[name] for name in ("ways", "sso_enabled", "sso_required", "provider", "login_url")}


@pytest.fixture
def company(world: World, slapd: Slapd) -> Company:
    """All three parts set up, and nobody signed in."""
    settings = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = replace(settings, directory_allowed_networks=LOOPBACK)
    sales, finance, it = (made(world, name) for name in ("Sales", "Finance", "IT"))
    browsers = {name: world.browser() for name in PEOPLE}
    found = Company(world, slapd, sales, finance, it, browsers)
    connected = {**slapd.settings(), "display_name": "Directory", "password": SERVICE_PASSWORD, "organisation_id": sales}
    accepted(world.api("PUT", "/tenants/acme/directories/staff", json=connected))
    accepted(set_access(world, sales, way="ldap", directory="staff", sso_enabled=False))
    accepted(world.api("PUT", f"{MAIN}/placement-rules", json={"organisation": finance}))
    pass_test(world)
    accepted(set_access(world, finance, identity_provider="main", sso_required=True))
    accepted(set_access(world, it, way="local", sso_enabled=False))
    found.prepare("ivy", it)
    found.invite("ivy")
    return found


@pytest.fixture
def open_company(company: Company) -> Company:
    """The same with all three signed in."""
    for name, browser in company.browsers.items():
        answer = company.come(name, browser)
        assert answer.status_code == 303, (name, code_of(answer))
    assert company.sessions() == PEOPLE
    return company


def test_each_comes_in_their_own_way_and_native_clients_are_told_it(open_company: Company) -> None:
    """Sessions say the way; whom nobody knew before is put where directory and identity provider have their people."""
    company = open_company
    places = {name: company.person(name)["organisation_id"] for name in PEOPLE}
    assert places == {"ada": company.sales, "fin": company.finance, "ivy": company.it}
    assert company.alive() == dict.fromkeys(PEOPLE, True)
    no_sso = {"sso_enabled": False, "sso_required": False, "provider": None, "login_url": None}
    assert company.config("Sales") == company.config(company.sales) == no_sso | {"ways": ["ldap"]}
    assert company.config("IT") == company.config(company.it) == no_sso | {"ways": ["local"]}
    told = company.config("finance")
    assert told == {
        "sso_enabled": True,
        "sso_required": True,
        "provider": "Company login",
        "login_url": "http://acme.localhost:8000/saml/login?idp=main",
        "ways": ["sso"],
    }


def test_each_is_refused_by_the_ways_of_the_others(open_company: Company) -> None:
    """With one answer for all where a password did not fit; with the reason where somebody proved who they are."""
    company = open_company
    company.prepare("sue", company.sales)
    company.prepare("cyd", company.finance)
    company.prepare("bob", company.it)
    company.invite("fin")
    entry = company.slapd.add("ivy")
    before = company.world.rows()
    try:
        refusals = {
            "IT by the directory's password": (company.by_directory("ivy"), "sign_in_failed"),
            "IT by SSO": (company.by_sso("ivy"), "email_conflict"),
            "IT, invited by nobody, by SSO": (company.by_sso("bob"), "sign_in_way_not_allowed"),
            "IT, invited by nobody, by the directory": (company.by_directory("bob"), "sign_in_way_not_allowed"),
            "Sales by a local password": (company.by_account("ada"), "sign_in_failed"),
            "Sales by SSO": (company.by_sso("ada"), "email_conflict"),
            "Sales, never here, by SSO": (company.by_sso("sue"), "sign_in_way_not_allowed"),
            "Finance by a password of the directory": (company.by_directory("cyd"), "sign_in_way_not_allowed"),
            "Finance by a local password": (company.by_account("fin"), "sign_in_failed"),
            "nobody by a password": (company.by_account("nobody"), "sign_in_failed"),
        }
    finally:
        company.slapd.remove(entry)
    codes = {name: (answer.status_code, code_of(answer)) for name, (answer, _) in refusals.items()}
    assert codes == {name: (403, wanted) for name, (_, wanted) in refusals.items()}
    after = company.world.rows()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"exchange"}, "what was begun is over, and nothing else was left"
    assert company.alive() == dict.fromkeys(PEOPLE, True)


def test_somebody_who_goes_from_it_to_sales_comes_by_the_directory(open_company: Company) -> None:
    """The local session ends with the move; the directory lets them in once their local account was taken away."""
    company, world = open_company, open_company.world
    ivy = company.person("ivy")["id"]
    entry = company.slapd.add("ivy")
    try:
        assert put(world, company.sales, ivy) == 1
        assert company.alive() == {"ada": True, "fin": True, "ivy": False}
        assert company.sessions() == {"ada": "ldap", "fin": "sso"}
        moved = next(event for event in events_of(world) if event["type"] == "user.moved")
        assert moved["detail"]["sessions_ended"] == 1
        assert code_of(company.by_account("ivy")) == "sign_in_failed", "her password here counts for nothing in Sales"
        assert code_of(company.by_directory("ivy")) == "email_conflict", "nobody takes over whoever has a password here"
        attempt = accepted(world.api("GET", "/tenants/acme/attempts"))["items"][0]
        shown = accepted(world.api("GET", f"/tenants/acme/attempts/{attempt['id']}"))
        assert "local account" in shown["checks"][-1]["actual"], "the receipt says what to do"
        assert world.api("DELETE", f"/tenants/acme/users/{ivy}/local-account").status_code == 204
        assert company.by_directory("ivy", company.browsers["ivy"]).status_code == 303
    finally:
        company.slapd.remove(entry)
    assert company.sessions() == PEOPLE | {"ivy": "ldap"}
    assert (company.person("ivy")["id"], company.person("ivy")["organisation_id"]) == (ivy, company.sales)


def test_somebody_who_goes_anywhere_else_is_linked_anew(open_company: Company) -> None:
    """From the directory to SSO and back, and to a local account; they stay the same person throughout."""
    company, world, browser = open_company, open_company.world, open_company.browsers["ada"]
    ada = company.person("ada")["id"]

    def move(organisation: str) -> None:
        assert put(world, organisation, ada) == 1
        assert not company.alive()["ada"]

    def relink() -> None:
        accepted(world.api("POST", f"/tenants/acme/users/{ada}/relink", json={"reason": "goes to another department"}))

    move(company.finance)
    assert code_of(company.by_directory("ada")) == "sign_in_way_not_allowed"
    assert code_of(company.by_sso("ada")) == "email_conflict"
    relink()
    assert company.by_sso("ada", browser).status_code == 303
    move(company.sales)
    assert code_of(company.by_sso("ada")) == "sign_in_way_not_allowed"
    assert code_of(company.by_directory("ada")) == "email_conflict"
    relink()
    assert company.by_directory("ada", browser).status_code == 303
    move(company.it)
    company.invite("ada")
    assert company.by_account("ada", browser).status_code == 303
    assert code_of(company.by_sso("ada")) == "email_conflict"
    assert code_of(company.by_directory("ada")) == "sign_in_failed", "the form asks for her password here"
    assert company.sessions()["ada"] == "local"
    assert company.person("ada")["id"] == ada


def test_renamed_and_moved_organisations_break_nobody(open_company: Company) -> None:
    """Sessions stay, everybody comes in again as before, and the new path is found."""
    company, world = open_company, open_company.world
    europe = made(world, "Europe")
    for organisation, name in ((company.sales, "Vertrieb"), (company.finance, "Money"), (company.it, "Machines")):
        accepted(patch(world, organisation, name=name))
        accepted(patch(world, organisation, parent_id=europe))
    assert company.alive() == dict.fromkeys(PEOPLE, True)
    assert company.sessions() == PEOPLE
    for name in PEOPLE:
        assert company.come(name).status_code == 303, name
    ways = [company.config(f"Europe/{name}")["ways"] for name in ("Vertrieb", "Money", "Machines")]
    assert ways == [["ldap"], ["sso"], ["local"]]
    assert company.config("Sales")["ways"] == ["sso"], "the former path is nobody's: as the tenant"


def test_whoever_is_switched_off_is_out_in_each_way(open_company: Company) -> None:
    """At once, and no way brings them back."""
    company = open_company
    for name in PEOPLE:
        path = f"/tenants/acme/users/{company.person(name)['id']}"
        accepted(company.world.api("PATCH", path, json={"active": False}))
        assert accepted(company.world.api("GET", f"{path}/sessions"))["items"] == []
    assert company.alive() == dict.fromkeys(PEOPLE, False)
    assert company.sessions() == {}
    for name in PEOPLE:
        assert code_of(company.come(name)) == "user_inactive", name


def test_sessions_last_as_long_as_each_organisation_says(company: Company) -> None:
    """Idle and absolute; lists of sessions, and of one's own devices, know whose is over."""
    world = company.world
    accepted(world.api("PATCH", "/tenants/acme", json={"session_idle_seconds": 1800, "session_absolute_seconds": 36_000}))
    accepted(set_access(world, company.sales, session_idle_seconds=300, session_absolute_seconds=900))
    accepted(set_access(world, company.it, session_idle_seconds=7200))
    begin = utc_now()
    with time_machine.travel(begin, tick=False) as clock:
        for name, browser in company.browsers.items():
            assert company.come(name, browser).status_code == 303
        clock.move_to(begin + 5 * MINUTE - SECOND)
        assert company.sessions() == PEOPLE
        clock.move_to(begin + 5 * MINUTE)
        assert company.sessions() == {"fin": "sso", "ivy": "local"}, "idle for as long as Sales allows"
        assert len(_own_sessions(company, "ada")) == 0
        clock.move_to(begin + 31 * MINUTE)
        assert company.sessions() == {"ivy": "local"}, "the tenant's own limit holds where none is said"
        assert company.alive() == {"ada": False, "fin": False, "ivy": True}, "IT's is longer than the tenant's"
        came = utc_now()
        assert company.come("ada", company.browsers["ada"]).status_code == 303
        while utc_now() < came + 15 * MINUTE - SECOND:
            assert company.alive()["ada"]
            clock.shift(dt.timedelta(seconds=299))
        clock.move_to(came + 15 * MINUTE)
        assert not company.alive()["ada"], "over, however busy"
        assert company.sessions() == {"ivy": "local"}


def test_lists_show_no_session_that_would_not_be_taken(open_company: Company) -> None:
    """Whoever a rule or a sync puts elsewhere loses the way that they came by; no list shows what is over by that."""
    company, world = open_company, open_company.world
    connect_other(world)
    audit = made(world, "Audit")
    accepted(set_access(world, audit, identity_provider="other"))
    ids = {name: company.person(name)["id"] for name in PEOPLE}
    with world.app.app_context(), transaction():
        place_person(tenant_of(world).id, ids["ada"], None)
        place_person(tenant_of(world).id, ids["fin"], audit)
    assert company.alive() == {"ada": False, "fin": False, "ivy": True}
    assert company.sessions() == {"ivy": "local"}
    with world.app.app_context(), transaction():
        place_person(tenant_of(world).id, ids["fin"], None)
    assert company.alive()["fin"], "SSO by any identity provider is the tenant's own way"
    assert company.sessions() == {"fin": "sso", "ivy": "local"}
    listed = world.app.test_cli_runner().invoke(args=["sessions", "list", "--tenant", "acme"]).output
    assert ("fin@" in listed, "ada@" in listed) == (True, False)


def test_who_signs_in_again_has_another_token_and_the_former_one_is_dead(open_company: Company) -> None:
    """In each way, in the same browser; one session is left."""
    company = open_company
    for name, browser in company.browsers.items():
        former = browser.session_token
        assert company.come(name, browser).status_code == 303
        assert browser.session_token not in (None, former)
        stolen = {"Cookie": f"{SESSION_COOKIE}={former}"}
        assert company.world.browser().get("/session", headers=stolen).status_code == 401, name
        assert browser.get("/session").status_code == 200
        assert len(_own_sessions(company, name)) == 1


def _own_sessions(company: Company, name: str) -> list[dict[str, Any]]:
    path = f"/tenants/acme/users/{company.person(name)['id']}/sessions"
    items: list[dict[str, Any]] = accepted(company.world.api("GET", path))["items"]
    return items
