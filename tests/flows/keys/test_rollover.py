"""A rollover from its first step to its last, by the API, seen from the identity provider's side."""

from __future__ import annotations

import datetime as dt
import threading

import sqlalchemy as sa

from config.database import db, transaction, write
from config.isolation import every_tenant
from tenants.models import ServiceProviderKey
from tenants.rollover.ending import look_after_keys
from tenants.rollover.records import move_key
from tenants.rollover.stages import require_key
from tenants.tenant_records import bump_version
from tests.flows.keys.support import (
    base64_of,
    done,
    fetch_metadata,
    in_state,
    keys_of,
    make_next,
    refused,
    sign_in_encrypted,
    states_of,
    step,
)
from tests.support.at_once import another_worker, at_once
from tests.support.browser import Browser
from tests.support.world import World, utc_now

DAY = dt.timedelta(days=1)


def test_a_signing_key_is_replaced_and_taken_back(world: World) -> None:
    """Published first, promoted only once somebody can know it, and the way back is open until the old one is erased."""
    with another_worker(world.app) as other:
        _replaced_and_taken_back(world, Browser(other))


def _replaced_and_taken_back(world: World, elsewhere: Browser) -> None:
    old = in_state(world, "signing", "active")
    assert base64_of(old).encode() in elsewhere.start().saml_request
    fetch_metadata(world)
    new = make_next(world, "signing")
    assert refused(world.api("POST", "/tenants/acme/keys", json={"use": "signing"})) == (409, "state_conflict")
    assert refused(step(world, new, "promote")) == (409, "key_unfetched")
    assert fetch_metadata(world)["signing"] == [base64_of(old), base64_of(new)]
    assert in_state(world, "signing", "next")["seen_by"] == 1

    assert done(step(world, new, "promote", grace_days=3))["state"] == "active"
    assert fetch_metadata(world)["signing"] == [base64_of(new), base64_of(old)]
    assert base64_of(new).encode() in world.browser().start().saml_request
    assert base64_of(new).encode() in elsewhere.start().saml_request  # which has had the old one in its cache
    assert refused(step(world, new, "promote")) == (409, "state_conflict")
    assert refused(step(world, new, "retire")) == (409, "state_conflict")

    assert done(step(world, old, "roll-back"))["state"] == "active"
    assert base64_of(old).encode() in world.browser().start().saml_request
    assert states_of(world, "signing") == ["next", "active"]

    assert done(step(world, new, "promote"))["state"] == "active"
    assert done(step(world, old, "retire"))["erased"] is False
    assert fetch_metadata(world)["signing"] == [base64_of(new)]
    assert done(step(world, old, "roll-back"))["state"] == "active"
    done(step(world, new, "promote"))
    assert done(step(world, old, "retire", erase=True))["erased"] is True
    assert refused(step(world, old, "roll-back")) == (409, "key_erased")
    events = [event["type"] for event in world.api("GET", "/tenants/acme/events").get_json()["items"]]
    assert {"key.added", "key.promoted", "key.retired", "key.rolled_back", "key.erased"} <= set(events)


def test_a_stranger_s_fetch_unlocks_no_promotion(world: World) -> None:
    """Metadata is public: who came before the key was made counts, by address or name; no browser, no command, no one new."""
    fetch_metadata(world, "SimpleSAMLphp", "192.0.2.8")
    fetch_metadata(world, "Mozilla/5.0", "192.0.2.9")
    fetch_metadata(world, "", "192.0.2.10")
    new = make_next(world, "signing")
    strangers = (("Python-urllib", "198.51.100.1"), ("Mozilla/5.0", "192.0.2.9"), ("curl/8", "192.0.2.8"), ("", "::1"))
    for agent, address in strangers:
        fetch_metadata(world, agent, address)
        assert refused(step(world, new, "promote")) == (409, "key_unfetched"), agent
    shown = in_state(world, "signing", "next")
    assert (shown["seen_by"], shown["seen_by_familiar"]) == (4, 0)
    warned = world.api("GET", "/tenants/acme/keys").get_json()["rollovers"][0]["warnings"]
    assert "Others have, but anybody may fetch it." in " ".join(warned)
    fetch_metadata(world, "SimpleSAMLphp", "198.51.100.7")
    assert in_state(world, "signing", "next")["seen_by_familiar"] == 1
    assert done(step(world, new, "promote"))["state"] == "active"


def test_an_old_encryption_key_opens_messages_until_it_is_retired(world: World) -> None:
    """The next one is offered first and opens at once; the old one opens in its grace, and is missed by whoever uses it."""
    old = in_state(world, "encryption", "active")
    new = make_next(world, "encryption")
    assert fetch_metadata(world)["encryption"] == [base64_of(new), base64_of(old)]
    assert sign_in_encrypted(world, new).status_code == 303
    assert sign_in_encrypted(world, old).status_code == 303
    assert refused(step(world, new, "promote", grace_days=0)) == (409, "key_still_used")
    done(step(world, new, "promote"))
    assert fetch_metadata(world)["encryption"] == [base64_of(new)]
    assert sign_in_encrypted(world, old).status_code == 303
    assert in_state(world, "encryption", "retiring")["still_used_by"] == ["main"]
    answer = step(world, old, "retire")
    assert refused(answer) == (409, "key_still_used")
    assert answer.get_json()["facts"] == {"identity_providers": ["main"]}
    done(step(world, old, "retire", anyway=True))
    missed = sign_in_encrypted(world, old)
    assert missed.status_code == 403
    assert 'data-code="decryption_failed"' in missed.get_data(as_text=True)
    assert sign_in_encrypted(world, new).status_code == 303


def test_a_grace_ends_by_itself_unless_somebody_still_uses_the_key(world: World) -> None:
    """The job retires what nobody uses, keeps what somebody does up to 90 days, and erases what is retired."""
    old_signing, old = in_state(world, "signing", "active"), in_state(world, "encryption", "active")
    for use in ("signing", "encryption"):
        done(step(world, make_next(world, use), "promote", anyway=True))
    assert sign_in_encrypted(world, old).status_code == 303
    now = utc_now()
    with world.app.app_context():
        assert look_after_keys(now + 6 * DAY) == 0
        look_after_keys(now + 8 * DAY)
    assert states_of(world, "signing") == ["active", "retired"]
    assert states_of(world, "encryption") == ["active", "retiring"]
    with world.app.app_context():
        look_after_keys(now + 9 * DAY)
        look_after_keys(now + 91 * DAY)
    assert states_of(world, "encryption") == ["active", "retired"]
    with world.app.app_context():
        look_after_keys(now + 99 * DAY)
        with every_tenant(), db.engine.connect() as connection:
            left = connection.execute(
                sa.select(ServiceProviderKey.id).where(ServiceProviderKey.sealed_private_key.is_(None))
            ).scalars()
            assert set(left) == {old_signing["id"], old["id"]}
        look_after_keys(now + 900 * DAY)
    assert states_of(world, "signing") == ["active"]


def test_nothing_is_erased_while_somebody_goes_back_to_it(world: World) -> None:
    """Who has seen that it can be gone back to, holds the tenant: the job waits, and finds the key in use or retired anew."""
    old = in_state(world, "signing", "active")
    done(step(world, make_next(world, "signing"), "promote", anyway=True, grace_days=0))
    later, ended = utc_now() + 8 * DAY, threading.Event()

    def erase() -> None:
        with world.app.app_context():
            look_after_keys(later)
        ended.set()

    job = threading.Thread(target=erase)
    with world.app.app_context():
        with transaction():
            assert bump_version(1)
            assert require_key(1, old["id"]).is_erased is False
            job.start()
            assert not ended.wait(0.5)
            assert move_key(1, old["id"], "retired", retired_at=later)
        job.join()
        assert require_key(1, old["id"]).is_erased is False
        look_after_keys(later + 8 * DAY)
        assert require_key(1, old["id"]).is_erased is True


def test_two_clicks_at_once_make_one_step(world: World) -> None:
    """Of two that make, and two that promote, one wins, and the other is told so."""
    made = at_once([lambda: world.api("POST", "/tenants/acme/keys", json={"use": "signing"}).status_code] * 2)
    assert sorted(made) == [201, 409]
    new = in_state(world, "signing", "next")
    promoted = at_once([lambda: step(world, new, "promote", anyway=True).status_code] * 2)
    assert sorted(promoted) == [200, 409]
    assert states_of(world, "signing") == ["active", "retiring"]


def test_the_database_itself_allows_one_next_and_one_active_key(world: World) -> None:
    """Whatever the code does, a second one is refused."""
    make_next(world, "signing")
    with world.app.app_context(), every_tenant():
        for state in ("active", "next"):
            try:
                with transaction():
                    write(sa.update(ServiceProviderKey).where(ServiceProviderKey.use == "signing").values(state=state))
            except sa.exc.IntegrityError:
                continue
            raise AssertionError(f"two keys are {state}")


def test_keys_are_bounded(world: World) -> None:
    """No more than ten of a use are made in a day, and two are retiring."""
    for number in range(3):
        new = make_next(world, "signing")
        answer = step(world, new, "promote", anyway=True)
        assert answer.status_code == (200 if number < 2 else 409), answer.get_data(as_text=True)
    assert refused(answer) == (409, "too_many")
    done(step(world, new, "retire"))
    with world.app.app_context(), every_tenant(), transaction():
        row = sa.select(ServiceProviderKey.__table__).where(ServiceProviderKey.id == new["id"])
        values = dict(write(row).one()._mapping)
        for number in range(7):
            copy = values | {"id": f"00000000-0000-7000-8000-00000000000{number}"}
            write(sa.insert(ServiceProviderKey.__table__).values(**copy))
    answer = world.api("POST", "/tenants/acme/keys", json={"use": "signing"})
    assert refused(answer) == (429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 80_000


def test_who_reads_metadata_is_known_and_bounded(world: World) -> None:
    """Each once an hour or when the keys have changed, with a guess who it is; nobody takes all the places."""
    old = in_state(world, "signing", "active")
    fetch_metadata(world)
    fetch_metadata(world)
    fetch_metadata(world, agent="Mozilla/5.0", address="2001:db8::1")
    fetch_metadata(world, agent="Mozilla/5.0", address="2001:db8::2")
    new = make_next(world, "signing")
    fetch_metadata(world)
    readers = world.api("GET", "/tenants/acme/keys/readers").get_json()["items"]
    assert [(reader["product"], reader["address"]) for reader in readers] == [
        ("Shibboleth", "192.0.2.7"),
        ("a browser: somebody looked", "2001:db8::/64"),
    ]
    assert {old["id"], new["id"]} <= set(readers[0]["keys_seen"])
    assert new["id"] not in readers[1]["keys_seen"]
    for number in range(30):
        fetch_metadata(world, agent=f"scanner/{number}", address="198.51.100.9")
    assert world.count("metadata_reader") == 12
    world.browser().client.head("/saml/metadata", base_url=world.acme.origin, headers={"User-Agent": "no reader"})
    with world.app.app_context():
        look_after_keys(utc_now() + 91 * DAY)
    assert world.count("metadata_reader") == 0


def test_a_locked_database_costs_no_fetch_and_no_sign_in_anything(world: World) -> None:
    """Readers and uses are left out where they would have to wait."""
    with world.app.app_context(), transaction():
        write(sa.text("UPDATE tenant SET name = name"))
        began = utc_now()
        answers = at_once([lambda: fetch_metadata(world)])
        assert utc_now() - began < dt.timedelta(seconds=4)
    assert answers[0]["signing"]
    if "sqlite" in str(world.app.config["SQLALCHEMY_DATABASE_URI"]):
        assert world.count("metadata_reader") == 0
    fetch_metadata(world)
    assert world.count("metadata_reader") == 1


def test_a_retired_key_leaves_the_memory_of_workers(world: World) -> None:
    """With the next trust that is built, nothing of it is open any more."""
    old = in_state(world, "encryption", "active")
    assert sign_in_encrypted(world, old).status_code == 303
    trusts = world.app.extensions["vestibule_trusts"]
    assert any(place[1] == old["id"] for place in trusts._open_keys._open)
    new = make_next(world, "encryption")
    done(step(world, new, "promote", grace_days=0, anyway=True))
    assert sign_in_encrypted(world, new).status_code == 303
    assert not any(place[1] == old["id"] for place in trusts._open_keys._open)
    assert len(keys_of(world, "encryption")) == 2
