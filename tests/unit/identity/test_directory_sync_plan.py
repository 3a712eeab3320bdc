"""What a sync would do: who goes, and when that is too many to be believed."""

from __future__ import annotations

import pytest

from identity.directories.sync_plan import KnownPerson, SeenPerson, plan_of

EMPTY = {"username": None, "email": "a@b.test", "first_name": None, "last_name": None, "phone": None}


def known(count: int, *, active: bool = True) -> list[KnownPerson]:
    """People of a directory."""
    return [KnownPerson(f"id{number}", f"subject{number}", active, None, EMPTY) for number in range(count)]


@pytest.mark.parametrize(
    ("there", "gone", "percent", "held"),
    [
        (10, 0, 20, None),
        (10, 2, 20, None),
        (10, 3, 20, "too_many_gone"),
        (3, 1, 20, None),
        (3, 2, 20, None),
        (2, 2, 20, "too_many_gone"),
        (2, 1, 0, None),
        (1, 1, 20, None),
        (100, 20, 20, None),
        (100, 21, 20, "too_many_gone"),
        (100, 100, 99, "too_many_gone"),
        (100, 100, 100, None),
    ],
)
def test_who_may_go_at_once(there: int, gone: int, percent: int, held: str | None) -> None:
    """A share, two always, and never everybody by mistake; one of one may."""
    seen = {person.subject: SeenPerson(EMPTY) for person in known(there)[gone:]}
    plan = plan_of(known(there), seen, max(1, len(seen)), max_percent=percent, with_profiles=True)
    assert (len(plan.gone), plan.held) == (gone, held)


def test_a_directory_that_gives_nobody_is_never_believed() -> None:
    """Whatever the share is."""
    assert plan_of(known(3), {}, 0, max_percent=100, with_profiles=True).held == "nobody_found"
    assert plan_of([], {}, 0, max_percent=20, with_profiles=True).held is None


def test_who_is_off_is_left_alone() -> None:
    """Neither switched off again, nor changed, nor counted."""
    off = known(2, active=False)
    plan = plan_of(off, {}, 5, max_percent=0, with_profiles=True)
    assert (plan.leaving, plan.changed, plan.held) == ((), (), None)


def test_what_did_not_come_wipes_nothing() -> None:
    """And who is disabled there is switched off, not changed."""
    (first, second, third) = known(3)
    renamed = SeenPerson(EMPTY | {"first_name": "Ada", "email": None})
    seen = {"subject0": renamed, "subject1": SeenPerson(EMPTY | {"phone": "1"}, enabled=False), "subject2": SeenPerson(EMPTY)}
    plan = plan_of([first, second, third], seen, 3, max_percent=50, with_profiles=True)
    assert plan.changed == ((first, {"first_name": "Ada"}),)
    assert plan.disabled == (second,)
    assert plan_of([first, second, third], seen, 3, max_percent=50, with_profiles=False).changed == ()
