"""Staff look after staff and after their own account, in the console; a tenant's admins after who else may come in."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re

import pytest
import sqlalchemy as sa

from config.database import read, transaction
from tenants.notices.models import ServiceDelivery
from tenants.notices.owners import place_of
from tenants.wiring import keys
from tests.support.browser import code_of
from tests.support.console import staff_client, staff_id, tenant_client
from tests.support.half_minutes import wrong_code
from tests.support.local_accounts import change_deployment
from tests.support.staff import Colleague, options_in
from tests.support.world import World

ACCOUNT, STAFF = "/admin/account/", "/admin/staff/"
_LINK = re.compile(r"http://localhost:8000(/admin/invitation/[\w-]{43})")


def id_of(world: World, email: str) -> str:
    """The account of an address."""
    with world.app.app_context(), transaction() as connection:
        row = connection.execute(sa.text("SELECT id FROM staff_account WHERE email = :email"), {"email": email}).one()
    text = str(row[0]).replace("-", "")
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def make_old(world: World) -> None:
    """All sessions of staff were proved an hour ago."""
    with world.app.app_context(), transaction() as connection:
        table = "UPDATE console_session SET authenticated_at = :then"
        then = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        connection.execute(sa.text(table).bindparams(sa.bindparam("then", type_=sa.DateTime(timezone=True))), {"then": then})


def test_an_owner_invites_and_the_invited_come_in(world: World) -> None:
    """The link is shown once, on the answer to the form alone."""
    owner = Colleague(world).enrolled()
    shown = owner.page(STAFF + "invite")
    made = owner.send(STAFF + "invite", shown, email="Joan@Vestibule.test", name="Joan 🦊", role="support")
    assert made.status_code == 200
    link = _LINK.search(made.get_data(as_text=True))
    assert link is not None
    joan = Colleague(world, "joan@vestibule.test")
    assert joan.browser.get(link[1]).status_code == 200
    listed = owner.page(STAFF)
    assert "joan@vestibule.test" in listed
    assert "Invited" in listed
    again = owner.send(STAFF + "invite", shown, email="joan@vestibule.test", name="Joan", role="support")
    assert again.status_code == 409
    assert "joan@vestibule.test" in again.get_data(as_text=True), "what was typed is kept"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": "nobody", "name": "Joan", "role": "support"}, "email"),
        ({"email": "joan@vestibule.test", "name": "x" * 10_000, "role": "support"}, "name"),
        ({"email": "joan@vestibule.test", "name": "Jo\x00an", "role": "support"}, "name"),
        ({"email": "joan@vestibule.test", "name": "Joan", "role": "admin"}, "role"),
        ({"email": "joan@vestibule.test", "name": "Joan"}, "role"),
    ],
)
def test_a_bad_invitation_is_named_beside_its_field(world: World, fields: dict[str, str], field: str) -> None:
    """Nothing is made, and what was typed is shown again."""
    owner = Colleague(world).enrolled()
    answer = owner.send(STAFF + "invite", owner.page(STAFF + "invite"), **fields)
    assert answer.status_code == 422
    assert f'id="{field}-fault"' in answer.get_data(as_text=True)
    assert world.count("staff_account") == 1


def test_roles_change_and_sessions_end(world: World) -> None:
    """Demoted, a colleague has to sign in again, and is support then."""
    owner, joan = Colleague(world).enrolled(), Colleague(world, "joan@vestibule.test").enrolled()
    path = f"{STAFF}{id_of(world, joan.email)}/"
    assert joan.is_in()
    answer = owner.send(path + "role", owner.page(path), role="support")
    assert answer.status_code == 303, answer.get_data(as_text=True)
    assert not joan.is_in()
    assert joan.sign_in().status_code == 303
    assert joan.browser.get(STAFF).status_code == 403


def test_a_deactivated_colleague_is_out_and_stays_out(world: World) -> None:
    """At once, and at the door."""
    owner, joan = Colleague(world).enrolled(), Colleague(world, "joan@vestibule.test").enrolled()
    path = f"{STAFF}{id_of(world, joan.email)}/"
    assert owner.send(path + "active", owner.page(path), active="no").status_code == 303
    assert not joan.is_in()
    assert joan.give_password().status_code == 403
    assert owner.send(path + "active", owner.page(path), active="yes").status_code == 303
    assert not joan.is_in(), "a former session does not come back"
    assert joan.sign_in().status_code == 303


def test_the_last_owner_stays(world: World) -> None:
    """Neither demoted nor switched off, by anybody."""
    owner = Colleague(world).enrolled()
    path = f"{STAFF}{id_of(world, owner.email)}/"
    shown = owner.page(path)
    for act, fields in (("role", {"role": "support"}), ("active", {"active": "no"})):
        answer = owner.send(path + act, shown, **fields)
        assert (answer.status_code, code_of(answer)) == (409, "state_conflict")
    assert owner.is_in()


def test_a_reset_takes_everything_and_gives_a_link(world: World) -> None:
    """Password, app and sessions are worth nothing; the new link works."""
    owner, joan = Colleague(world).enrolled(), Colleague(world, "joan@vestibule.test").enrolled()
    path = f"{STAFF}{id_of(world, joan.email)}/"
    made = owner.send(path + "reset", owner.page(path))
    link = _LINK.search(made.get_data(as_text=True))
    assert link is not None
    assert not joan.is_in()
    assert joan.give_password().status_code == 403
    assert joan.browser.get(link[1]).status_code == 200


def test_support_manages_nobody(world: World) -> None:
    """Every page of it is refused, and nothing is changed."""
    support, other = staff_client(world, "support"), staff_id(world)
    shown = support.get("/admin/tenants/").get_data(as_text=True)
    found = re.search(r'name="csrf-token" content="([^"]+)"', shown)
    assert found is not None
    before = world.rows()
    for path in (STAFF, STAFF + "invite", f"{STAFF}{other}/"):
        assert support.get(path).status_code == 403
    for path in ("invite", f"{other}/role", f"{other}/active", f"{other}/reset", f"{other}/sessions"):
        answer = support.post(STAFF + path, data={"csrf_token": found[1], "role": "support", "active": "no"})
        assert (answer.status_code, code_of(answer)) == (403, "forbidden"), path
    assert world.rows() == before


def test_managing_staff_takes_a_recent_sign_in(world: World) -> None:
    """After an hour, every change waits in a page that leads to the sign-in; nothing is changed before."""
    owner, joan = Colleague(world).enrolled(), Colleague(world, "joan@vestibule.test").enrolled()
    path = f"{STAFF}{id_of(world, joan.email)}/"
    shown = owner.page(path)
    make_old(world)
    for act in ("role", "active", "reset", "sessions"):
        answer = owner.send(path + act, shown, role="support", active="no")
        assert (answer.status_code, code_of(answer)) == (403, "sign_in_again"), act
        assert f'action="{path}{act}"' in answer.get_data(as_text=True), "where it goes on"
    for act in ("password", "app", "passkeys", "recovery-codes"):
        answer = owner.send(ACCOUNT + act, shown)
        assert answer.location == "/admin/sign-in?again=1&next=%2Fadmin%2Faccount%2F", act
    assert joan.is_in()
    former = owner.token
    assert owner.sign_in().status_code == 303
    assert owner.token != former, "a new session, and the former one has ended"
    assert owner.send(path + "role", owner.page(path), role="support").status_code == 303
    assert not joan.is_in()


def test_a_password_is_changed(world: World) -> None:
    """Other sessions end, this one has a new token, the former password is worth nothing."""
    sam = Colleague(world).enrolled()
    other = Colleague(world)
    other.secret, other._steps = sam.secret, sam._steps
    assert other.sign_in().status_code == 303
    shown, former = sam.page(ACCOUNT), sam.token
    wrong = sam.send(ACCOUNT + "password", shown, present="not it at all", password="five herons sing badly")
    assert wrong.status_code == 422
    weak = sam.send(ACCOUNT + "password", shown, present=sam.password, password="password1234")
    assert weak.status_code == 422
    assert other.is_in()
    changed = sam.send(ACCOUNT + "password", shown, present=sam.password, password="five herons sing badly")
    assert changed.status_code == 303
    assert sam.token != former
    assert sam.is_in()
    assert not other.is_in()
    assert other.give_password().status_code == 403
    assert other.give_password("five herons sing badly").status_code == 303


def letters_to(world: World, address: str) -> list[str]:
    """What waits in the service's outbox for an address, opened."""
    with world.app.app_context():
        columns = (ServiceDelivery.id, ServiceDelivery.sealed_body)
        found = read(sa.select(*columns).where(ServiceDelivery.recipient == address).order_by(ServiceDelivery.id)).all()
        bodies = [keys().open(row.sealed_body, place_of("delivery", None, row.id)) for row in found]
    return [json.loads(body)["subject"].removeprefix("Your staff account: ") for body in bodies]


def test_staff_hear_of_every_change_of_how_they_sign_in(world: World) -> None:
    """By mail, each once, whoever made it; nothing where there is no mail server, nor for what came to nothing."""
    joan = Colleague(world, "joan@vestibule.test").enrolled()
    assert letters_to(world, joan.email) == []
    change_deployment(world, smtp_url="smtp://mail.test")
    owner = Colleague(world).enrolled()
    shown = owner.page(ACCOUNT)
    sealed = re.search(r'name="sealed" value="([^"]+)"', shown)
    assert sealed is not None
    answer = owner.passkey.make(options_in(shown))
    wrong = owner.send(ACCOUNT + "password", shown, present="not it at all", password="five herons sing badly")
    assert wrong.status_code == 422
    assert owner.send(ACCOUNT + "passkeys", shown, sealed=sealed[1], passkey=answer).status_code == 303
    assert owner.send(ACCOUNT + "app", owner.page(ACCOUNT), remove="yes").status_code == 303
    codes = owner.send(ACCOUNT + "recovery-codes", owner.page(ACCOUNT))
    assert codes.status_code == 200
    changed = owner.send(ACCOUNT + "password", owner.page(ACCOUNT), present=owner.password, password="five herons sing badly")
    assert changed.status_code == 303
    joans = f"{STAFF}{id_of(world, joan.email)}/"
    assert owner.send(joans + "reset", owner.page(joans)).status_code == 200
    other = Colleague(world)
    assert other.give_password("five herons sing badly").status_code == 303
    code = re.search(r"<li><code>([^<]+)</code>", codes.get_data(as_text=True))
    assert code is not None
    assert other.give(recovery_code=code[1]).status_code == 303
    assert letters_to(world, owner.email) == [
        "its invitation was followed: it has a password and a second factor now",
        "a passkey was added",
        "the authenticator app was given up",
        "new recovery codes were made",
        "your password was changed",
        "a recovery code was used to sign in",
    ]
    assert letters_to(world, joan.email) == ["an owner took its password and second factors away, for a new invitation"]


def test_another_app_takes_the_place_of_the_first(world: World) -> None:
    """Only once it has shown the right code."""
    sam = Colleague(world).enrolled()
    shown = sam.page(ACCOUNT + "app")
    sealed = re.search(r'name="sealed" value="([^"]+)"', shown)
    secret = re.search(r'<code class="secret">([^<]+)</code>', shown)
    assert sealed is not None
    assert secret is not None
    assert sam.send(ACCOUNT + "app", shown, sealed=sealed[1], code=wrong_code(secret[1])).status_code == 422
    former = sam.secret
    sam.secret = secret[1].replace(" ", "")
    sam._steps.clear()
    assert sam.send(ACCOUNT + "app", shown, sealed=sealed[1], code=sam.code()).status_code == 303
    other = Colleague(world)
    other.secret = former
    assert other.give_password().status_code == 303
    assert other.give(code=other.code()).status_code == 403


def test_passkeys_come_and_go_and_one_factor_stays(world: World) -> None:
    """A passkey is added; app and passkey are removed only as long as the other one is there."""
    sam = Colleague(world).enrolled()
    shown = sam.page(ACCOUNT)
    sealed = re.search(r'name="sealed" value="([^"]+)"', shown)
    assert sealed is not None
    answer = sam.passkey.make(options_in(shown))
    added = sam.send(ACCOUNT + "passkeys", shown, sealed=sealed[1], passkey=answer, label="Laptop")
    assert added.status_code == 303, added.get_data(as_text=True)
    shown = sam.page(ACCOUNT)
    assert "Laptop" in shown
    assert sam.send(ACCOUNT + "app", shown, remove="yes").status_code == 303
    passkey = re.search(r'name="remove" value="([0-9a-f-]{36})"', sam.page(ACCOUNT))
    assert passkey is not None
    last = sam.send(ACCOUNT + "passkeys", shown, remove=passkey[1])
    assert last.status_code in (409, 422)
    assert "only second factor" in last.get_data(as_text=True)
    other = Colleague(world)
    options = other.options("/admin/sign-in/passkey/options")
    assert other.send("/admin/sign-in/passkey", passkey=sam.passkey.use(options)).status_code == 303


def test_new_recovery_codes_end_the_former_ones(world: World) -> None:
    """Shown once; the first ten are worth nothing."""
    sam = Colleague(world).enrolled()
    answer = sam.send(ACCOUNT + "recovery-codes", sam.page(ACCOUNT))
    fresh = re.findall(r"<li><code>([a-z2-7-]{19})</code></li>", answer.get_data(as_text=True))
    assert len(fresh) == 10
    assert not set(fresh) & set(sam.codes)
    other = Colleague(world)
    assert other.give_password().status_code == 303
    assert other.give(recovery_code=sam.codes[0]).status_code == 403
    assert other.give(recovery_code=fresh[0]).status_code == 303


def test_own_sessions_are_seen_and_ended(world: World) -> None:
    """One, or all others; a colleague's cannot be named."""
    sam, joan = Colleague(world).enrolled(), Colleague(world, "joan@vestibule.test").enrolled()
    other = Colleague(world)
    other.secret, other._steps = sam.secret, sam._steps
    assert other.sign_in().status_code == 303
    theirs = re.search(r'name="session" value="([0-9a-f-]{36})"', sam.page(ACCOUNT))
    assert theirs is not None
    assert theirs[1] not in joan.page(ACCOUNT), "nor seen"
    assert joan.send(ACCOUNT + "sessions", joan.page(ACCOUNT), session=theirs[1]).status_code == 303
    assert other.is_in(), "another account's session is not there for joan"
    assert sam.send(ACCOUNT + "sessions", sam.page(ACCOUNT), session=theirs[1]).status_code == 303
    assert not other.is_in()
    assert sam.is_in()


def test_admins_name_and_withdraw_administrators(world: World) -> None:
    """At their own host; it holds with the named person's next click."""
    admin, person = tenant_client(world, role="admin"), tenant_client(world, role=None)
    path = "/admin/administrators/"
    shown = admin.get(path).get_data(as_text=True)
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown)
    assert token is not None
    assert person.get(path).status_code == 403
    named = admin.post(path + "grants", data={"csrf_token": token[1], "email": "person@acme.test", "role": "viewer"})
    assert named.status_code == 303, named.get_data(as_text=True)
    seen = person.get(path)
    assert seen.status_code == 200
    assert "Name somebody" not in seen.get_data(as_text=True)
    found = re.findall(r'action="(/admin/administrators/grants/[0-9a-f-]{36})"', admin.get(path).get_data(as_text=True))
    assert len(set(found)) == 2
    for address in reversed(list(dict.fromkeys(found))):
        admin.post(address, data={"csrf_token": token[1], "remove": "yes"})
    assert person.get(path).status_code == 403
    assert admin.get(path).status_code == 403, "whoever removes their own role is out, too"


def test_bad_grants_and_rules_are_named_and_kept(world: World) -> None:
    """Both forms on the page show what was typed, with its fault."""
    admin = tenant_client(world, role="admin")
    path = "/admin/administrators/"
    token = re.search(r'name="csrf_token" value="([^"]+)"', admin.get(path).get_data(as_text=True))
    assert token is not None
    bad = admin.post(path + "grants", data={"csrf_token": token[1], "email": "x@elsewhere.test", "role": "admin"})
    assert bad.status_code == 422
    assert "x@elsewhere.test" in bad.get_data(as_text=True)
    rule = {"csrf_token": token[1], "idp": "main", "attribute": "groups", "value": "admins", "role": "admin"}
    assert admin.post(path + "rules", data=rule).status_code == 303
    again = admin.post(path + "rules", data=rule)
    assert again.status_code == 409
    assert admin.post(path + "rules", data=rule | {"value": "y" * 10_000}).status_code == 422


def test_the_console_warns_of_plain_http(world: World) -> None:
    """On the sign-in page and on staff's pages; not to customers, who cannot mend it; and not at loopback names."""
    owner, admin = staff_client(world), tenant_client(world)
    settings = world.app.extensions["vestibule_settings"]
    assert "data-address-warning" not in owner.get(STAFF).get_data(as_text=True)
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, app_url="https://localhost:8000")
    for path in (STAFF, "/admin/sign-in?again=1"):
        shown = owner.get(path).get_data(as_text=True)
        assert shown.count("data-address-warning") == 1
        assert "TRUSTED_PROXIES" in shown
    assert "data-address-warning" not in admin.get("/admin/administrators/").get_data(as_text=True)
