"""Directories that are not what they should be, and whoever stands in between: nobody gets in, and no password goes out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ldap.controls.simple import ManageDSAITControl

from identity.directories import signing_in
from tenants.directories.asking import DirectoryAccount, asked_by_service
from tenants.directories.settings import directory_settings_of
from tenants.directories.transport import STARTTLS
from tests.flows.directories.conftest import LOOPBACK, DirectoryWorld
from tests.support.hostile_directory import (
    Manner,
    answer_nonsense,
    drip,
    flood,
    hostile_directory,
    inject_behind_starttls,
    over_tls,
    say_nothing,
    strip_starttls,
)
from tests.support.keys import certificate_pem
from tests.support.slapd import BASE, PEOPLE, SERVICE_PASSWORD, authority_and_leaf, start_slapd
from tests.support.world import settings_for

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def refused(directories: DirectoryWorld, **changes: object) -> tuple[object, object, object]:
    """Connect a directory so and sign in: the code, and where it stopped; nothing is left behind."""
    directories.connect(**changes)
    code = directories.sign_in("ada")
    world = directories.world
    assert (world.count("users"), world.count("session"), world.count("attempt")) == (0, 0, 1)
    return code, directories.receipt.facts.get("stage"), directories.receipt.facts.get("fault")


@pytest.mark.parametrize(
    ("manner", "fault"),
    [
        (strip_starttls, "starttls_refused"),
        (inject_behind_starttls, "starttls_injected"),
        (answer_nonsense, "starttls_refused"),
    ],
)
def test_nothing_is_said_in_the_clear(directories: DirectoryWorld, manner: Manner, fault: str) -> None:
    """Whatever is answered to StartTLS: the wish for TLS is the only thing that anybody in between hears."""
    with hostile_directory(manner) as hostile:
        found = refused(directories, urls=[f"ldap://localhost:{hostile.port}"])
    assert found == ("directory_unavailable", "tls", fault)
    assert hostile.octets == STARTTLS * hostile.connections


def test_a_certificate_of_somebody_elses_is_refused(directories: DirectoryWorld) -> None:
    """By another authority, by the system's where ours is not among them, or for another name; the next server hides it not."""
    slapd = directories.slapd
    other = certificate_pem(authority_and_leaf(["localhost"])[1])
    untrusted = ("directory_unavailable", "tls", "certificate_not_trusted")
    assert refused(directories, ca_certificates=other) == untrusted
    for changes, fault in (
        ({"ca_certificates": ""}, "certificate_not_trusted"),
        ({"urls": [f"ldaps://127.0.0.1:{slapd.tls_port}"]}, "wrong_host_name"),
        ({"urls": [f"ldap://127.0.0.1:{slapd.port}"]}, "wrong_host_name"),
        ({"urls": [f"ldaps://127.0.0.1:{slapd.tls_port}", slapd.ldaps]}, "wrong_host_name"),
    ):
        directories.connect(**changes)
        assert directories.sign_in("ada") == "directory_unavailable"
        assert directories.receipt.facts["fault"] == fault, changes
    directories.connect(urls=["ldaps://localhost:1", slapd.ldaps])
    assert not isinstance(directories.sign_in("ada"), str), "one that is down is passed over for the next"


@pytest.mark.parametrize(
    ("make", "seconds", "stage", "fault"),
    [
        (lambda _: say_nothing, (0.5, 60), "tls", "timeout"),
        (lambda folder: over_tls(folder, say_nothing), (60, 1), "bind", "timeout"),
        (lambda folder: over_tls(folder, drip), (60, 1), "bind", "timeout"),
        (lambda folder: over_tls(folder, flood), (60, 60), "bind", "too_large"),
    ],
)
def test_a_directory_that_is_slow_or_says_too_much_is_given_up(
    directories: DirectoryWorld,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    make: Callable[[Path], Manner],
    seconds: tuple[float, float],
    stage: str,
    fault: str,
) -> None:
    """Within its time, whether it says nothing, an octet now and then, or two gigabytes.

    What a case is not about has much time: on a busy machine, a handshake takes some.
    """
    monkeypatch.setattr("tenants.directories.door.CONNECT_SECONDS", seconds[0])
    monkeypatch.setattr("tenants.directories.door.OPERATION_SECONDS", seconds[1])
    with hostile_directory(make(tmp_path)) as hostile:
        began = time.monotonic()
        found = refused(directories, urls=[f"ldaps://localhost:{hostile.port}"])
        assert time.monotonic() - began < 30
    assert found == ("directory_unavailable", stage, fault)


def test_referrals_are_not_followed(directories: DirectoryWorld) -> None:
    """Neither as an answer nor among the entries: nothing else is ever connected to."""
    with hostile_directory(say_nothing) as elsewhere, directories.slapd._root() as root:
        dn = f"ou=elsewhere,{PEOPLE}"
        reference = f"ldap://127.0.0.1:{elsewhere.port}/ou=elsewhere,{BASE}".encode()
        entry = [("objectClass", [b"referral", b"extensibleObject"]), ("ou", [b"elsewhere"]), ("ref", [reference])]
        root.add_s(dn, entry)
        try:
            directories.connect()
            assert not isinstance(directories.sign_in("ada"), str), "a reference among the entries is left out"
            directories.connect(base_dn=dn)
            assert directories.sign_in("ada") == "directory_unavailable"
            assert directories.receipt.facts["fault"] == "referral"
        finally:
            root.delete_ext_s(dn, serverctrls=[ManageDSAITControl()])
        assert elsewhere.connections == 0


def test_a_directory_that_is_down_is_told_and_nothing_else_is_tried(directories: DirectoryWorld, tmp_path: Path) -> None:
    """503 with the cause in the receipt alone; a person of another directory is not asked for there instead."""
    own = start_slapd(tmp_path / "own", ["ada"])
    try:
        directories.connect(name="own", urls=[own.ldaps], ca_certificates=own.authority)
        first = directories.sign_in("ada")
        assert not isinstance(first, str)
    finally:
        own.stop()
    directories.connect(name="main")
    assert directories.sign_in("ada") == "directory_unavailable"
    assert directories.receipt.facts["stage"] == "connect"
    assert str(own.tls_port) in directories.events("sign_in.refused")[0]["detail"]["cause"]
    answer = directories.world.api("POST", "/tenants/acme/directories/own/test", json={}).get_json()
    assert [step["passed"] for step in answer["steps"]] == [True, False, None, None, None]


def test_addresses_are_judged_once_and_private_ones_are_closed(directories: DirectoryWorld) -> None:
    """Without a list no private address is reached; the name is looked up once, and the connection goes where that led."""
    extensions = directories.world.app.extensions
    extensions["vestibule_settings"] = replace(extensions["vestibule_settings"], directory_allowed_networks=())
    assert refused(directories) == ("directory_unavailable", "dns", "address_not_allowed")
    asked: list[str] = []

    def resolver(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    authority, leaf = authority_and_leaf(["localhost"])
    assert leaf.issuer == authority.subject
    url = directories.slapd.ldaps
    account = DirectoryAccount(directory_settings_of(directories.slapd.settings(urls=[url])), SERVICE_PASSWORD)
    network = settings_for("sqlite://", directory_allowed_networks=LOOPBACK)
    with asked_by_service(account, network, resolver=resolver) as directory:
        assert str(directory.url) == url
    assert asked in ([], ["localhost"]), "localhost is this machine, whatever a name server says"


def test_directories_that_hang_leave_places_for_others(directories: DirectoryWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds no place is told at once."""
    directories.connect()
    monkeypatch.setattr(signing_in, "_places", signing_in.Places(in_all=0, for_each=0))
    began = time.monotonic()
    assert directories.sign_in("ada") == "directory_unavailable"
    assert time.monotonic() - began < 10


def test_the_stored_password_goes_nowhere_else(directories: DirectoryWorld) -> None:
    """Whoever changes servers, bind DN or authorities names it again; it is in no answer, event or row as it is."""
    world = directories.world
    directories.connect()
    shown = {"password": None}
    kept = {name: value for name, value in directories.slapd.settings().items() if name not in shown}
    body = {**kept, "display_name": "Company directory"}
    put = "/tenants/acme/directories/main"
    assert world.api("PUT", put, json=body | {"sync_hours": 5}).status_code == 200
    assert not isinstance(directories.sign_in("ada"), str), "it is still there"
    for change in ({"urls": ["ldaps://evil.example"]}, {"bind_dn": f"cn=evil,{BASE}"}, {"ca_certificates": ""}):
        answer = world.api("PUT", put, json=body | change)
        assert (answer.status_code, list(answer.get_json()["errors"])) == (422, ["password"]), answer.get_json()
    everything = str(world.rows()) + str(directories.events("directory.changed"))
    for path in (put, "/tenants/acme/directories"):
        everything += world.api("GET", path).get_data(as_text=True)
    assert SERVICE_PASSWORD not in everything
    (made,) = directories.events("directory.created")
    assert made["detail"]["changes"]["urls"] == {"from": None, "to": kept["urls"]}
    assert directories.put(urls=["ldaps://evil.example"], ca_certificates="").status_code == 200
    told = directories.events("directory.changed")[0]["detail"]["changes"]
    assert told["urls"] == {"from": kept["urls"], "to": ["ldaps://evil.example"]}, "where passwords went from then on"
    assert list(told["ca_certificates"]["from"]) == ["sha256"]
    viewer = world.api("POST", "/tenants/acme/tokens", json={"role": "viewer", "label": "v", "expires_in": "1h"}).get_json()
    for method, path in (("PUT", put), ("POST", f"{put}/test"), ("POST", f"{put}/sync"), ("DELETE", put)):
        assert world.api(method, path, viewer["token"], json={}).status_code == 403, path


def test_a_directory_that_is_taken_away_ends_its_sessions_and_comes_back(directories: DirectoryWorld) -> None:
    """Its password is erased and its people stay; in use it cannot be taken away; under its label they are known again."""
    world = directories.world
    directories.connect()
    first = directories.sign_in("ada")
    assert not isinstance(first, str)
    put, access = "/tenants/acme/directories/main", {"way": "ldap", "directory_id": directories.id_of("main")}
    directories.set_access(access)
    assert (refused_now := world.api("DELETE", put)).status_code == 409, refused_now
    directories.set_access({"way": "ldap"})
    assert world.api("DELETE", put).status_code == 204
    (removed,) = directories.events("directory.removed")
    assert removed["detail"]["sessions_ended"] == 1
    assert directories.sign_in("ada") == "sign_in_failed"
    assert world.api("GET", put).status_code == 404
    without = {"display_name": "x", "urls": ["ldaps://a.example"], "base_dn": "dc=a", "bind_dn": "cn=a"}
    assert world.api("PUT", put, json=without).status_code == 422, "its password is erased"
    directories.connect()
    again = directories.sign_in("ada")
    assert not isinstance(again, str)
    assert again.person.id == first.person.id
