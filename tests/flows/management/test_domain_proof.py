"""E-mail domains are proven by a TXT record, asked for at a real DNS server; or staff give their word (T6)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import ipaddress
import threading
from collections.abc import Iterator
from typing import Any

import dns.rcode
import pytest
import sqlalchemy as sa

from config.database import db
from config.isolation import every_tenant
from config.settings import Resolver
from tenants import domain_lookup
from tests.flows.management.support import code_in, events_of, token_for
from tests.support.dns_server import DNSServer, dns_server
from tests.support.world import World

ACME = "/tenants/acme/email-domains"
GLOBEX = "/tenants/globex/email-domains"


@pytest.fixture
def dns_at(world: World) -> Iterator[DNSServer]:
    """A DNS server that the service asks."""
    with dns_server() as server:
        ask_at(world, server.port)
        yield server


def ask_at(world: World, port: int) -> None:
    """Let the service ask a resolver on the loopback."""
    settings = world.app.extensions["vestibule_settings"]
    resolvers = (Resolver(ipaddress.ip_address("127.0.0.1"), port),)
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, dns_resolvers=resolvers)


def add(world: World, domain: str, path: str = ACME, token: str | None = None) -> dict[str, Any]:
    """Add a domain, and give its document."""
    answer = world.api("POST", path, token, json={"domain": domain})
    assert answer.status_code == 201, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def publish(server: DNSServer, document: dict[str, Any]) -> None:
    """Do what the document says."""
    server.txt.setdefault(document["record"]["name"], []).append(document["record"]["value"])


def let_time_pass(world: World) -> None:
    """As if the last look-up had been an hour ago."""
    with world.app.app_context(), every_tenant(), db.engine.begin() as connection:
        hour_ago = sa.bindparam("then", dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(hours=1))
        connection.execute(sa.text("UPDATE domain_challenge SET checked_at = :then").bindparams(hour_ago))


def test_a_record_that_is_published_proves_the_domain(world: World, dns_at: DNSServer) -> None:
    """Added by the tenant's own admin, it counts for sign-in only from then on."""
    admin = token_for(world, "admin", "acme")
    added = add(world, "Sub.ACME.example", token=admin)
    assert (added["domain"], added["state"], added["proof"]) == ("sub.acme.example", "waiting", None)
    assert added["record"]["name"] == "_vestibule-challenge.sub.acme.example"
    assert added["record"]["value"].startswith("vestibule-domain-verification=")
    person = {"name_id": "x", "attributes": {"mail": ["x@sub.acme.example"]}}
    assert world.sign_in(world.browser(), **person).status_code == 403
    publish(dns_at, added)
    proven = world.api("POST", f"{ACME}/sub.acme.example/verify", admin)
    assert (proven.status_code, proven.get_json()["state"], proven.get_json()["proof"]) == (200, "proven", "dns")
    assert dt.datetime.fromisoformat(proven.get_json()["proven_at"]).tzinfo is not None
    assert world.sign_in(world.browser(), **person).status_code == 303
    assert "email_domain.proven" in {event["type"] for event in events_of(world)}


def test_the_value_may_stand_among_others_and_behind_an_alias(world: World, dns_at: DNSServer) -> None:
    """Some people publish several values, or hand the name on to another zone."""
    added = add(world, "acme.example")
    dns_at.cname[added["record"]["name"]] = "proof.elsewhere.example"
    dns_at.txt["proof.elsewhere.example"] = ["v=spf1 -all", f" {added['record']['value']} ", "other"]
    assert world.api("POST", f"{ACME}/acme.example/verify").status_code == 200


def test_an_answer_too_large_for_udp_is_asked_for_over_tcp(world: World, dns_at: DNSServer) -> None:
    """Long TXT sets are cut by UDP; the same server is asked again."""
    added = add(world, "acme.example")
    dns_at.txt[added["record"]["name"]] = [f"{n}" * 250 for n in range(8)]
    publish(dns_at, added)
    assert world.api("POST", f"{ACME}/acme.example/verify").status_code == 200
    assert [protocol for _, protocol in dns_at.asked] == ["udp", "tcp"]


def test_each_way_of_not_being_there_has_its_code(world: World, dns_at: DNSServer) -> None:
    """No name, no TXT record, another value, an error: each is told apart, and kept for whoever looks later."""
    added = add(world, "acme.example")
    name = added["record"]["name"]
    verify = f"{ACME}/acme.example/verify"
    cases: list[tuple[str, dict[str, Any]]] = [
        ("domain_record_missing", {}),
        ("domain_record_missing", {"txt": {name: []}}),
        ("domain_record_wrong", {"txt": {name: ["vestibule-domain-verification=" + "0" * 40]}}),
        ("domain_record_wrong", {"txt": {name: [added["record"]["value"].upper()]}}),
        ("domain_lookup_failed", {"rcode": dns.rcode.SERVFAIL}),
        ("domain_lookup_failed", {"rcode": dns.rcode.REFUSED}),
    ]
    for code, answers in cases:
        for field, value in ({"txt": {}, "rcode": None} | answers).items():
            setattr(dns_at, field, value)
        assert code_in(world.api("POST", verify)) == (422, code)
        assert world.api("GET", ACME).get_json()["items"][0]["last_check"] == code
        let_time_pass(world)


def test_what_was_found_instead_is_told_and_bounded(world: World, dns_at: DNSServer) -> None:
    """Whoever mends it sees it; a huge answer does not come back."""
    added = add(world, "acme.example")
    dns_at.txt[added["record"]["name"]] = [f"{n}" * 200 for n in range(9)]
    refused = world.api("POST", f"{ACME}/acme.example/verify")
    assert code_in(refused) == (422, "domain_record_wrong")
    found = refused.get_json()["facts"]["found"]
    assert len(found) == 5
    assert all(len(value) == 100 for value in found)


def test_servers_that_do_not_answer_end_in_time(world: World, dns_at: DNSServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole look-up is bounded, whatever the server does."""
    monkeypatch.setattr(domain_lookup, "LOOKUP_SECONDS", 0.6)
    monkeypatch.setattr(domain_lookup, "QUERY_SECONDS", 0.2)
    dns_at.silent = True
    add(world, "acme.example")
    began = dt.datetime.now(dt.UTC)
    assert code_in(world.api("POST", f"{ACME}/acme.example/verify")) == (422, "domain_lookup_timeout")
    assert (dt.datetime.now(dt.UTC) - began).total_seconds() < 20


def test_look_ups_that_hang_take_neither_every_thread_nor_another_tenants_place(
    world: World, dns_at: DNSServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each tenant at once; so many of all, and the next one is asked to wait; done, the places are free again."""
    monkeypatch.setattr(domain_lookup, "LOOKUP_SECONDS", 60.0)
    monkeypatch.setattr(domain_lookup, "MAX_LOOKUPS", 2)
    dns_at.silent = True
    world.api("POST", "/tenants", json={"slug": "initech", "name": "Initech"})
    domains = {slug: f"/tenants/{slug}/email-domains" for slug in ("acme", "globex", "initech")}
    for slug, path in domains.items():
        for name in (f"{slug}-first.example", f"{slug}-second.example"):
            assert world.api("POST", path, token_for(world, "admin", slug), json={"domain": name}).status_code == 201
    threads = []
    for number, slug in enumerate(("acme", "globex"), 1):
        first = f"{domains[slug]}/{slug}-first.example/verify"
        threads.append(threading.Thread(target=world.api, args=("POST", first)))
        threads[-1].start()
        while len(dns_at.asked) < number:
            threading.Event().wait(0.01)
        second = world.api("POST", f"{domains[slug]}/{slug}-second.example/verify")
        assert (code_in(second), second.headers["Retry-After"]) == ((429, "rate_limited"), "60")
    assert code_in(world.api("POST", f"{domains['initech']}/initech-first.example/verify")) == (429, "rate_limited")
    dns_at.silent = False  # each asks again soon
    for thread in threads:
        thread.join()
    assert not domain_lookup._under_way


@pytest.mark.usefixtures("clock_stands")
def test_one_domain_is_looked_up_once_in_a_few_seconds(world: World, dns_at: DNSServer) -> None:
    """The second answer says when to come again; nothing was asked."""
    add(world, "acme.example")
    world.api("POST", f"{ACME}/acme.example/verify")
    again = world.api("POST", f"{ACME}/acme.example/verify")
    assert code_in(again) == (429, "rate_limited")
    assert 0 < int(again.headers["Retry-After"]) <= 5
    assert len(dns_at.asked) == 1


def test_whoever_proves_a_domain_takes_it_from_those_who_only_claim_it(world: World, dns_at: DNSServer) -> None:
    """Naming a domain first keeps nobody out; the former claim is gone, and its tenant reads why."""
    add(world, "shared.example", GLOBEX)
    ours = add(world, "shared.example")
    publish(dns_at, ours)
    assert world.api("POST", f"{ACME}/shared.example/verify").status_code == 200
    assert world.api("GET", "/tenants/globex").get_json()["email_domains"] == ["globex.test"]
    change = events_of(world, "globex")[0]
    assert (change["type"], change["detail"]["removed"], change["actor"]) == (
        "email_domains.changed",
        ["shared.example"],
        "domain-proof",
    )


def test_a_domain_that_another_tenant_has_proven_stays_theirs(world: World, dns_at: DNSServer) -> None:
    """Not to be added; and not to be taken by a challenge from before, though its record is published."""
    early = add(world, "shared.example", GLOBEX)
    publish(dns_at, early)
    publish(dns_at, add(world, "shared.example"))
    assert world.api("POST", f"{ACME}/shared.example/verify").status_code == 200
    assert code_in(world.api("POST", f"{GLOBEX}/shared.example/verify")) == (409, "domain_taken")
    assert code_in(world.api("POST", f"{GLOBEX}/shared.example/attest", json={"reason": "x"})) == (409, "domain_taken")
    assert code_in(world.api("POST", GLOBEX, json={"domain": "acme.test"})) == (409, "domain_taken")


def test_a_value_is_one_tenants_alone(world: World, dns_at: DNSServer) -> None:
    """The record of another tenant proves nothing for us."""
    theirs = add(world, "shared.example", GLOBEX)
    add(world, "shared.example")
    publish(dns_at, theirs)
    assert code_in(world.api("POST", f"{ACME}/shared.example/verify")) == (422, "domain_record_wrong")


def test_a_domain_that_is_given_up_and_added_again_has_another_value(world: World, dns_at: DNSServer) -> None:
    """Its former record may still stand in somebody's DNS."""
    first = add(world, "acme.example")
    publish(dns_at, first)
    assert world.api("DELETE", f"{ACME}/acme.example").status_code == 204
    second = add(world, "acme.example")
    assert second["record"]["value"] != first["record"]["value"]
    assert code_in(world.api("POST", f"{ACME}/acme.example/verify")) == (422, "domain_record_wrong")
    assert add(world, "acme.example") | {"checked_at": None, "last_check": None} == second


def test_staff_attest_with_a_reason_and_nobody_else(world: World) -> None:
    """The reason is kept; a tenant's admin and support may not."""
    add(world, "acme.example")
    for role, slug in (("admin", "acme"), ("support", None), ("viewer", "acme")):
        refused = world.api("POST", f"{ACME}/acme.example/attest", token_for(world, role, slug), json={"reason": "x"})
        assert code_in(refused) == (403, "forbidden")
    assert code_in(world.api("POST", f"{ACME}/acme.example/attest", json={})) == (422, "validation_failed")
    attested = world.api("POST", f"{ACME}/acme.example/attest", json={"reason": "A letter of 3 March"}).get_json()
    assert (attested["state"], attested["proof"], attested["reason"]) == ("proven", "attested", "A letter of 3 March")


@pytest.mark.parametrize(
    "domain", ["", "localhost", "1.2.3.4", "a b.example", "x" * 250 + ".example", "\x00.example", "é\u202e.com"]
)
def test_what_cannot_be_a_domain_is_422(world: World, domain: str) -> None:
    """And nothing is kept."""
    answer = world.api("POST", ACME, json={"domain": domain})
    assert answer.status_code == 422
    assert "domain" in answer.get_json()["errors"]
    assert world.count("domain_challenge") == 0


def test_there_is_a_bound(world: World) -> None:
    """A hundred domains, as in the list of the tenant."""
    domains = [f"d{n}.example" for n in range(99)]
    assert world.api("PATCH", "/tenants/acme", json={"email_domains": ["acme.test", *domains]}).status_code == 200
    assert code_in(world.api("POST", ACME, json={"domain": "one-more.example"})) == (422, "validation_failed")


@pytest.mark.parametrize("domain", ["nothing.example", "%00", "ACME.TEST", "globex.test", "x" * 300])
def test_a_domain_that_is_not_ours_is_404(world: World, domain: str) -> None:
    """For each operation that names one."""
    for method, path, body in (
        ("POST", f"{ACME}/{domain}/verify", None),
        ("POST", f"{ACME}/{domain}/attest", {"reason": "x"}),
        ("DELETE", f"{ACME}/{domain}", None),
    ):
        assert code_in(world.api(method, path, json=body) if body else world.api(method, path)) == (404, "not_found")


def test_the_commands_do_the_same(world: World, dns_at: DNSServer) -> None:
    """list, add, verify, attest, remove."""

    def run(*args: str) -> tuple[int, str]:
        result = world.app.test_cli_runner().invoke(args=["domain", *args])
        return result.exit_code, result.output

    assert run("add", "acme", "acme.example")[0] == 0
    code, output = run("verify", "acme", "acme.example")
    assert (code, "domain_record_missing" in output) == (2, True)
    item = next(item for item in world.api("GET", ACME).get_json()["items"] if item["domain"] == "acme.example")
    publish(dns_at, item)
    let_time_pass(world)
    assert '"proof": "dns"' in run("verify", "acme", "acme.example")[1]
    assert run("add", "acme", "two.example")[0] == 0
    assert '"proof": "attested"' in run("attest", "acme", "two.example", "--reason", "They wrote")[1]
    assert run("remove", "acme", "two.example")[0] == 0
    assert "two.example" not in run("list", "acme")[1]
