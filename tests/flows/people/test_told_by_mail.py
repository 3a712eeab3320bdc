"""What people are told by mail of changes of their own account: to the right address, once, without a link, and nobody else."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from config.database import read
from config.isolation import every_tenant
from identity.people_letters import CHANGED_MAIL
from tenants.notices.models import Delivery
from tenants.notices.outbox import PLACE
from tenants.notices.owners import place_of
from tests.support.local_accounts import LocalPerson, allow_local, change_deployment
from tests.support.world import World

OTHER = "seven herons rest upstream"


def told(world: World) -> list[tuple[str, str]]:
    """(recipient, what was changed) of each letter, in their order; none has a link in it."""
    found = []
    with world.app.app_context(), every_tenant():
        columns = (Delivery.tenant_id, Delivery.id, Delivery.recipient, Delivery.sealed_body)
        rows = read(sa.select(*columns).where(Delivery.event == CHANGED_MAIL).order_by(Delivery.id)).all()
        for row in rows:
            sealed = world.app.extensions["vestibule_keys"].open(row.sealed_body, place_of(PLACE, row.tenant_id, row.id))
            letter = json.loads(sealed)
            assert letter["link"] is None
            assert "://" not in " ".join(letter["paragraphs"])
            assert letter["paragraphs"][0].startswith("For your account at Acme: ")
            found.append((row.recipient, letter["subject"].removeprefix("Acme: ")))
    return found


@pytest.fixture
def lin(world: World) -> LocalPerson:
    """Somebody with a password here, where mail is set up."""
    allow_local(world)
    person = LocalPerson(world).enrolled()
    change_deployment(world, smtp_url="smtp://127.0.0.1:9")
    return person


def test_a_former_address_is_told_that_it_is_none_any_more(world: World, lin: LocalPerson) -> None:
    """By API and console alike; not where another field changed, where nothing did, or where it was refused."""
    path = f"/tenants/acme/users/{lin.user_id}"
    assert world.api("POST", "/tenants/acme/users", json={"email": "taken@acme.test"}).status_code == 201
    for body, status in (
        ({"first_name": "L"}, 200),
        ({"email": lin.email}, 200),
        ({"email": "taken@acme.test"}, 409),
        ({"email": "lin@elsewhere.test"}, 422),
    ):
        assert world.api("PATCH", path, json=body).status_code == status
    assert told(world) == []
    assert world.api("PATCH", path, json={"email": "new@acme.test"}).status_code == 200
    words = "an administrator changed the e-mail address of your account"
    assert told(world) == [(lin.email, words)]
    link = world.api("POST", f"{path}/local-account/links", json={})
    assert link.get_json()["mailed_to"] == "new@acme.test"


def test_whoever_is_linked_anew_is_told(world: World, lin: LocalPerson) -> None:
    """Once: the same again changes nothing."""
    body = {"reason": "r", "identity_provider": "main", "next_sign_in": True}
    for _ in range(2):
        assert world.api("POST", f"/tenants/acme/users/{lin.user_id}/relink", json=body).status_code == 200
    assert [recipient for recipient, _ in told(world)] == [lin.email]


def test_every_change_of_a_credential_is_told(world: World, lin: LocalPerson) -> None:
    """By oneself, by a link, by an administrator; a link that somebody else holds; a recovery code in use; emergency access."""
    lin.sign_in()
    lin.set_up_app()
    lin.set_up_passkey()
    lin.send("/account/sign-in/password", present=lin.password, password=OTHER)
    lin.password = OTHER
    browser = world.browser()
    assert lin.give_password(browser=browser).location.endswith("/second-factor")
    assert lin.give(browser, recovery_code=lin.codes[0]).status_code == 303
    path = lin.another_link()
    assert lin.follow(path, world.browser()).status_code == 200
    lin.named()
    account = f"/tenants/acme/users/{lin.user_id}/local-account"
    assert world.api("DELETE", f"{account}/second-factors").status_code == 204
    assert world.api("DELETE", account).status_code == 204
    told_of = told(world)
    assert {recipient for recipient, _ in told_of} == {lin.email}
    assert [what for _, what in told_of] == [
        "an authenticator app was set up",
        "a passkey was added",
        "your password was changed",
        "a recovery code was used to sign in",
        "a link that sets your password was made, and shown to whoever made it",
        "your password was changed",
        "it may be used for emergency access from now on",
        "an administrator removed your second factors",
        "an administrator took your password here away, and what belongs to it",
    ]


def test_a_first_password_is_told_too(world: World, lin: LocalPerson) -> None:
    """Whoever reads an invitation before its owner sets a password of their own: the owner hears of it."""
    mia = LocalPerson(world, name="mia")
    assert mia.follow(mia.invited()).status_code == 200
    assert [what for recipient, what in told(world) if recipient == mia.email][-1] == "a password was set"


def test_nobody_is_told_where_there_is_no_mail_or_no_proven_domain(world: World, lin: LocalPerson) -> None:
    """Strangers' domains get nothing from us."""
    path = f"/tenants/acme/users/{lin.user_id}"
    change_deployment(world, smtp_url=None)
    assert world.api("PATCH", path, json={"email": "b@acme.test"}).status_code == 200
    change_deployment(world, smtp_url="smtp://127.0.0.1:9")
    assert world.api("PATCH", "/tenants/acme", json={"email_domains": ["other.test"]}).status_code == 200
    assert world.api("PATCH", path, json={"email": "b@other.test"}).status_code == 200
    assert told(world) == []
