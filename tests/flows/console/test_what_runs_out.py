"""Sign-ins of staff under way, and invitations: each look at them asks for all that makes them good, whoever asked before.

Two looks at one row stand behind each other, since between them somebody may withdraw it. By way of the pages one of them
could be taken away, and the other one would cover for it; here each is asked by itself.
"""

from __future__ import annotations

import datetime as dt

import pytest

from admin_ui.access_errors import InvitationInvalid
from admin_ui.enrolment import require_invited
from admin_ui.sign_in_records import CODE_LIFETIME, LIFETIME, began_at, begin, find, keep_code, take_code
from admin_ui.staff_accounts import change_active, change_role, invite, reset
from admin_ui.staff_records import change_staff, take_invitation
from config.database import new_id, transaction
from identity.exchanges import hash_of
from identity.people_letters import post_of
from tenants.errors import ConflictingState
from tenants.management_errors import FieldsInvalid
from tenants.roles import Role
from tenants.wiring import keys, settings
from tests.support.console import staff_id
from tests.support.world import World, utc_now

SECOND = dt.timedelta(seconds=1)


def test_a_sign_in_under_way_is_one_for_ten_minutes(world: World) -> None:
    """Its password is to be given again then, and nobody is handed over to it."""
    now, origin = utc_now(), (1, new_id())
    told = {"email": "sam@vestibule.test", "authenticated_at": now, "origin": origin}
    sam = staff_id(world)
    with world.app.app_context(), transaction():
        named, nobodys = begin("/admin/", now, staff_id=sam), begin("/admin/", now)
        for secret in (named, nobodys):
            assert find(secret, now + LIFETIME - SECOND) is not None
            assert find(secret, now + LIFETIME) is None
        assert began_at(hash_of(nobodys), now + LIFETIME - SECOND) == now
        assert began_at(hash_of(nobodys), now + LIFETIME) is None
        assert began_at(hash_of(named), now) is None, "somebody is named: it is no hand-over's"
        assert not keep_code(hash_of(nobodys), "code", now=now + LIFETIME, **told)
        assert not keep_code(hash_of(named), "code", now=now, **told)
        assert keep_code(hash_of(nobodys), "code", now=now, **told)
        assert take_code(nobodys, "code", now + CODE_LIFETIME) is None
        assert take_code(named, "code", now) is None
        assert take_code(nobodys, "another", now) is None
        assert take_code(nobodys, "code", now + CODE_LIFETIME - SECOND) is not None
        assert take_code(nobodys, "code", now) is None


def test_an_invitation_is_good_for_a_day_an_active_account_and_as_the_last_one(world: World) -> None:
    """Looked at and used up: neither after 24 hours, nor for an account that is switched off, nor when another one was made."""
    sam, now, values = staff_id(world), utc_now(), {"password_hash": "x"}
    with world.app.app_context(), transaction():
        made = invite("joan@vestibule.test", "Joan", Role.SUPPORT, actor="test", now=now)
        good = (made.staff_id, hash_of(made.token))
        assert require_invited(made.token, now + dt.timedelta(hours=24) - SECOND).id == made.staff_id
        for moment, active, token in (
            (now + dt.timedelta(hours=24), True, made.token),
            (now, False, made.token),
            (now, True, made.token + "x"),
        ):
            change_staff(made.staff_id, {"active": active})
            with pytest.raises(InvitationInvalid):
                require_invited(token, moment)
            assert not take_invitation(made.staff_id, hash_of(token), moment, values)
        change_staff(made.staff_id, {"active": True})
        assert not take_invitation(sam, hash_of(made.token), now, values)
        assert take_invitation(*good, now, values)
        assert not take_invitation(*good, now, values)


def test_whoever_is_switched_off_and_on_again_needs_another_invitation(world: World) -> None:
    """The link may be in anybody's hands by then."""
    now = utc_now()
    with world.app.app_context():
        with transaction():
            made = invite("joan@vestibule.test", "Joan", Role.SUPPORT, actor="test", now=now)
        for active in (False, True):
            with transaction():
                change_active(made.staff_id, active, actor="test", now=now)
            with pytest.raises(InvitationInvalid):
                require_invited(made.token, now)


def test_a_sign_in_under_way_ends_with_what_it_was_begun_with(world: World) -> None:
    """Whose role changed, who was switched off or reset, gives the password again, however quickly all was as before."""
    sam, joan, now = staff_id(world), staff_id(world, "support"), utc_now()
    told = {"actor": "test", "now": now}
    with world.app.app_context():
        post = post_of(settings(), keys())
        for change in (
            lambda: change_role(joan, Role.STAFF, **told),
            lambda: change_active(joan, False, **told),
            lambda: change_active(joan, True, **told),
            lambda: reset(joan, post, **told),
        ):
            with transaction():
                others, secret = begin("/admin/", now, staff_id=sam), begin("/admin/", now, staff_id=joan)
                change()
                assert find(secret, now) is None
                assert find(others, now) is not None


def test_nobody_is_invited_anew_while_switched_off(world: World) -> None:
    """A reset would give a link to whoever was sent away."""
    sam = staff_id(world)
    with world.app.app_context():
        post = post_of(settings(), keys())
        with transaction():
            change_staff(sam, {"active": False})
        with pytest.raises(ConflictingState), transaction():
            reset(sam, post, actor="test", now=utc_now())


def test_nobody_of_staff_has_a_tenant_s_role(world: World) -> None:
    """Whatever leads to an account."""
    with world.app.app_context():
        sam = staff_id(world)
        for role in (Role.ADMIN, Role.VIEWER):
            with pytest.raises(FieldsInvalid), transaction():
                invite("joan@vestibule.test", "Joan", role, actor="test", now=utc_now())
            with pytest.raises(FieldsInvalid), transaction():
                change_role(sam, role, actor="test", now=utc_now())
    assert world.count("staff_account") == 1
