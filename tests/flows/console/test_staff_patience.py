"""Who guesses at staff's accounts: counted wherever a password is compared, with nothing left behind (A1)."""

from __future__ import annotations

import dataclasses
import sys
import threading
from types import FrameType
from typing import Any

import pytest
import sqlalchemy as sa

from admin_ui.access_errors import StaffSignInFailed
from admin_ui.attempt_records import FREE_FOR_BOTH, count_attempt, counters_of, forget_attempts
from admin_ui.passwords import password_matches
from admin_ui.staff_entry import Door
from admin_ui.staff_records import change_staff, find_staff_by_email
from admin_ui.staff_sign_in import check_password
from config.database import db, transaction
from identity.sessions import BrowserFacts
from tests.support.staff import PASSWORD, Colleague
from tests.support.world import World, utc_now


def with_limits(world: World) -> None:
    """As in production: who fails waits."""
    settings = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, rate_limits=True)


def test_made_up_addresses_leave_no_rows_once_their_sender_has_to_wait(world: World) -> None:
    """One address counts; a new one with every attempt would fill the table for as long as somebody cares to go on."""
    with_limits(world)
    stranger = Colleague(world)
    shown = stranger.page("/admin/sign-in")
    statuses, rows = [], []
    for number in range(40):
        email = f"p{number}@nowhere.test"
        statuses.append(stranger.send("/admin/sign-in", shown, email=email, password="not it at all, no").status_code)
        rows.append(world.count("staff_attempt"))
    assert statuses[-5:] == [429] * 5
    assert rows[-1] == rows[-5]


def test_a_password_is_not_guessed_at_an_open_session_either(world: World) -> None:
    """Whoever found a laptop open has as many tries as at the door."""
    sam = Colleague(world).enrolled()
    with_limits(world)
    shown = sam.page("/admin/account/")
    fields = {"present": "not it at all, no", "password": "four otters sing at dawn"}
    answers = [sam.send("/admin/account/password", shown, **fields) for _ in range(FREE_FOR_BOTH + 2)]
    assert [answer.status_code for answer in answers[:FREE_FOR_BOTH]] == [422] * FREE_FOR_BOTH
    assert answers[-1].status_code == 429
    assert "Too many attempts" in answers[-1].get_data(as_text=True)


def test_a_password_that_changes_while_it_is_compared_opens_nothing(world: World) -> None:
    """Comparing takes a while. Whoever changes a password that was stolen ends every sign-in that began with it."""
    sam = Colleague(world).enrolled()
    with world.app.app_context():
        staff = find_staff_by_email(sam.email)
    assert staff is not None
    door = Door(BrowserFacts("Chromium", "192.0.2.7"), utc_now(), limited=False)

    def change() -> None:
        with world.app.app_context(), transaction():
            change_staff(staff.id, {"password_hash": "$argon2id$another"})

    def in_between(frame: FrameType, what: str, _argument: object) -> None:
        if what == "return" and frame.f_code is password_matches.__code__:
            other = threading.Thread(target=change)
            other.start()
            other.join(10)

    with world.app.app_context():
        sys.setprofile(in_between)
        try:
            with pytest.raises(StaffSignInFailed):
                check_password(sam.email, PASSWORD, "/admin/", door)
        finally:
            sys.setprofile(None)
    assert world.count("staff_sign_in") == 0


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_guess_and_a_sign_in_never_wait_for_each_other(world: World) -> None:
    """Both hold their counters in one order: otherwise PostgreSQL ends one of the two, and it may be the owner's."""
    counters = counters_of("factor", "sam", "192.0.2.1", known_address=False)
    with world.app.app_context():
        with transaction():
            count_attempt(counters, utc_now())
        sent: list[str] = []

        def note(*said: Any) -> None:
            sent.append(said[3]["key_1"])

        sa.event.listen(db.engine, "before_cursor_execute", note)
        with transaction():
            forget_attempts(counters)
        sa.event.remove(db.engine, "before_cursor_execute", note)
    assert sent == sorted(counter.key for counter in counters)
