"""Who guesses at staff's accounts: counted wherever a password is compared, with nothing left behind (A1)."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import sys
import threading
import time
from types import FrameType
from typing import Any

import pytest
import sqlalchemy as sa

from admin_ui.access_errors import StaffSignInFailed
from admin_ui.attempt_records import count_attempt, forget_attempts
from admin_ui.console_sessions import KNOWN_FOR, knows_address
from admin_ui.sign_in_records import MAX_TRIES
from admin_ui.staff_entry import Door
from admin_ui.staff_records import change_staff, find_staff_by_email
from admin_ui.staff_sign_in import check_password
from config.database import db, transaction
from identity.credentials.passwords import password_matches
from identity.credentials.patience import FREE_FOR_BOTH, LONGEST_WAIT, counters_of
from identity.sessions import BrowserFacts
from tests.support.at_once import at_once
from tests.support.staff import PASSWORD, Colleague
from tests.support.world import World, utc_now

_TOKEN = re.compile(r'name="csrf_token" value="[^"]+"')
NOW = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.UTC)


def with_limits(world: World) -> None:
    """As in production: who fails waits."""
    settings = world.app.extensions["vestibule_settings"]
    world.app.extensions["vestibule_settings"] = dataclasses.replace(settings, rate_limits=True)


@pytest.mark.usefixtures("clock_stands")
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


@pytest.mark.usefixtures("clock_stands")
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
            other.join(60)

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


@pytest.mark.usefixtures("slow_passwords")
def test_nobody_learns_who_has_an_account(world: World) -> None:
    """Known, unknown, switched off and invited: one status, one page, and as much work.

    Measured as CPU time of the thread that answers, which other programs on the machine do not change.
    """
    sam = Colleague(world).enrolled()
    Colleague(world, "invited@vestibule.test").invited()
    stranger = Colleague(world)
    shown = stranger.page("/admin/sign-in")
    pages, times = set(), {}
    for email in (sam.email, "nobody@vestibule.test", "invited@vestibule.test", "no address", "x" * 10_000):
        taken = []
        for _ in range(4):
            began = time.thread_time()
            answer = stranger.send("/admin/sign-in", shown, email=email, password="not it at all, no")
            taken.append(time.thread_time() - began)
            assert answer.status_code == 403
            page = _TOKEN.sub("", answer.get_data(as_text=True))
            pages.add(page.replace(f'value="{email}"', 'value=""'))
        times[email] = min(taken)
    assert len(pages) == 1
    assert max(times.values()) < min(times.values()) * 2.5 + 0.02, times
    assert min(times.values()) > 0.01, "argon2 runs for everybody"


@pytest.mark.usefixtures("clock_stands")
def test_who_fails_often_waits(world: World) -> None:
    """Told so with 429 and Retry-After, the same for addresses that nobody has."""
    sam = Colleague(world).enrolled()
    with_limits(world)
    told = []
    for email in (sam.email, "nobody@vestibule.test"):
        stranger = Colleague(world)
        shown = stranger.page("/admin/sign-in")
        statuses = []
        for _ in range(FREE_FOR_BOTH + 2):
            answer = stranger.send("/admin/sign-in", shown, email=email, password="not it at all, no")
            statuses.append(answer.status_code)
        assert statuses[:FREE_FOR_BOTH] == [403] * FREE_FOR_BOTH
        assert 429 in statuses[FREE_FOR_BOTH:]
        assert int(answer.headers.get("Retry-After", 1)) <= LONGEST_WAIT.total_seconds() + 1
        told.append(statuses)
    assert told[0] == told[1]


def test_waits_double_and_end(world: World) -> None:
    """From a second to a quarter of an hour, never for good; a success forgets, a day forgets."""
    both = counters_of("password", "sam@vestibule.test", "192.0.2.1", known_address=True)
    now, waits = NOW, []
    with world.app.app_context():
        for _ in range(40):
            with transaction():
                wait = count_attempt(both, now)
            if wait:
                waits.append(wait)
                now += wait
        assert waits[0] == dt.timedelta(seconds=1)
        assert waits == sorted(waits)
        assert waits[-1] == LONGEST_WAIT
        with transaction():
            assert count_attempt(both, now + dt.timedelta(days=2)) == dt.timedelta()
            forget_attempts(both)
            assert count_attempt(both, now) == dt.timedelta()


def test_strangers_cannot_shut_an_owner_out(world: World) -> None:
    """However often they fail elsewhere: at an address that the account knows, its owner signs in."""
    with world.app.app_context():
        for number in range(200):
            strange = counters_of("password", "sam@vestibule.test", f"198.51.100.{number % 250}", known_address=False)
            with transaction():
                count_attempt(strange, NOW)
        owner = counters_of("password", "sam@vestibule.test", "192.0.2.1", known_address=True)
        with transaction():
            assert count_attempt(owner, NOW) == dt.timedelta()
        elsewhere = counters_of("password", "sam@vestibule.test", "192.0.2.99", known_address=False)
        with transaction():
            assert dt.timedelta() < count_attempt(elsewhere, NOW) <= LONGEST_WAIT


@pytest.mark.usefixtures("clock_stands")
def test_codes_are_not_guessed_by_beginning_anew(world: World) -> None:
    """Whoever knows the password has five tries of a sign-in, and waits with the next one as well."""
    sam = Colleague(world).enrolled()
    with_limits(world)
    thief = Colleague(world)
    for tries, status in ((MAX_TRIES, 403), (1, 429)):
        assert thief.give_password().status_code == 303
        assert [thief.give(recovery_code="made up").status_code for _ in range(tries)] == [status] * tries
    assert sam.is_in()


def test_an_account_knows_where_it_signed_in_itself(world: World) -> None:
    """For 90 days; where a colleague did, a stranger of that network guesses no longer than anywhere else."""
    Colleague(world).enrolled()
    Colleague(world, "joan@vestibule.test").invited()
    with world.app.app_context():
        sam, joan = (find_staff_by_email(email) for email in ("sam@vestibule.test", "joan@vestibule.test"))
        assert sam is not None
        assert joan is not None
        now = utc_now()
        assert knows_address(sam.id, "127.0.0.1", now)
        assert not knows_address(joan.id, "127.0.0.1", now)
        assert not knows_address(sam.id, "192.0.2.1", now)
        assert not knows_address(sam.id, "127.0.0.1", now + KNOWN_FOR + dt.timedelta(minutes=1))


@pytest.mark.usefixtures("clock_stands")
def test_many_at_once_gain_nothing(world: World) -> None:
    """Attempts are counted before anything is compared: of thirty together, no more than the free ones are judged."""
    sam = Colleague(world).enrolled()
    with_limits(world)
    strangers = [Colleague(world) for _ in range(12)]
    shown = [stranger.page("/admin/sign-in") for stranger in strangers]
    statuses = at_once(
        [
            lambda stranger=stranger, page=page: stranger.send(
                "/admin/sign-in", page, email=sam.email, password="not it at all, no"
            ).status_code
            for stranger, page in zip(strangers, shown, strict=True)
        ]
    )
    assert set(statuses) <= {403, 429}
    assert statuses.count(403) == FREE_FOR_BOTH
