"""Times: each bound holds to the second, with the skew that the tenant has set, and nonsense is no time (V9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import time_machine

from tests.attacks.answering import accept, refuse_each
from tests.attacks.support import on_sqlite, pending, refuse
from tests.support.world import World, utc_now

NOW = utc_now().replace(microsecond=0)
DAY = 86_400
INSTANTS = (
    "response_issue_instant",
    "assertion_issue_instant",
    "not_before",
    "not_on_or_after",
    "confirmation_not_on_or_after",
    "session_not_on_or_after",
    "authn_instant",
)
NONSENSE = (
    "",
    "yesterday",
    "2031-03-04",
    "12:00:00Z",
    "2031-03-04 12:00:00Z",
    "2031-03-04t12:00:00z",
    "20310304T120000Z",
    "2031-W10-2T12:00:00Z",
    "2031-063T12:00:00Z",
    "2031-3-4T12:00:00Z",
    "2031-03-04T12:00Z",
    "2031-02-30T12:00:00Z",
    "2031-13-04T12:00:00Z",
    "2031-03-04T24:00:00Z",
    "2031-03-04T24:00:01Z",
    "2031-03-04T23:59:60Z",
    "2031-03-04T12:60:00Z",
    "2031-03-04T12:00:00.Z",
    "2031-03-04T12:00:00,5Z",
    "2031-03-04T12:00:00+25:00",
    "2031-03-04T12:00:00+0200",
    "2031-03-04T12:00:00ZZ",
    "0000-01-01T00:00:00Z",
    "-2031-03-04T12:00:00Z",
    "12031-03-04T12:00:00Z",
    "99999999999-03-04T12:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "\u0662\u0660\u0663\u0661-03-04T12:00:00Z",
    "1930392000",
    "NaN",
)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[None]:
    """The clocks of the identity provider and of the service stand still at NOW."""
    with time_machine.travel(NOW, tick=False):
        yield


def after(seconds: float) -> dt.datetime:
    """NOW and so many seconds more."""
    return NOW + dt.timedelta(seconds=seconds)


@on_sqlite
@pytest.mark.parametrize("skew", [0, 60, 300])
@pytest.mark.parametrize(
    ("part", "code", "last_good", "first_bad"),
    [
        ("not_before", "not_yet_valid", 0, 1),
        ("response_issue_instant", "time_invalid", 0, 1),
        ("assertion_issue_instant", "time_invalid", 0, 1),
        ("not_on_or_after", "expired", 1, 0),
        ("confirmation_not_on_or_after", "expired", 1, 0),
        ("session_not_on_or_after", "expired", 1, 0),
    ],
)
def test_each_bound_holds_to_the_second(world: World, part: str, code: str, last_good: int, first_bad: int, skew: int) -> None:
    """The last second that is good, and the first that is not: beginnings by the skew ahead of us, ends behind."""
    world.change_settings(clock_skew_seconds=skew)
    bound = -skew if code == "expired" else skew
    lasting = {"not_before": after(-DAY), "not_on_or_after": after(DAY)}
    accept(pending(world), **(lasting | {part: after(bound + last_good)}))
    victim = pending(world)
    refused = refuse(victim, victim.response(**(lasting | {part: after(bound + first_bad)})), code)
    assert refused.lines[-1]["actual"] == after(bound + first_bad).isoformat()


def test_sixty_seconds_of_skew_unless_told(world: World) -> None:
    """Nobody has to set anything for a clock that is a minute off."""
    accept(pending(world), not_before=after(60))
    victim = pending(world)
    refuse(victim, victim.response(not_before=after(61)), "not_yet_valid")


@on_sqlite
@pytest.mark.parametrize("part", ["response_issue_instant", "assertion_issue_instant"])
def test_a_message_is_a_day_old_at_most(world: World, part: str) -> None:
    """Whatever else it allows itself: a stolen one does not live for years."""
    lasting = {"not_before": None, "not_on_or_after": None, "confirmation_not_on_or_after": after(999 * DAY)}
    accept(pending(world), **(lasting | {part: after(-DAY - 60)}))
    victim = pending(world)
    refuse(victim, victim.response(**(lasting | {part: after(-DAY - 61)})), "expired")


@on_sqlite
@pytest.mark.parametrize("part", INSTANTS)
def test_nonsense_is_no_time(world: World, part: str) -> None:
    """Where a time makes no sense the message makes none: nothing is guessed at, and nothing of it is an error of ours."""
    victim = pending(world)
    messages = {text: victim.response(**{part: text}) for text in NONSENSE}
    refuse_each(victim, messages, {"time_invalid", "response_malformed"})


@on_sqlite
def test_what_has_a_name_is_called_by_it(world: World) -> None:
    """A leap second, hour 24 and year 12031 are times that no clock here knows: `time_invalid`."""
    victim = pending(world)
    texts = ("2031-03-04T23:59:60Z", "2031-03-04T24:00:00Z", "12031-03-04T12:00:00Z", "9999-12-31T23:59:59-14:00")
    refuse_each(victim, {text: victim.response(not_on_or_after=text) for text in texts}, "time_invalid")


@on_sqlite
@pytest.mark.parametrize(
    ("part", "text", "code"),
    [
        ("not_on_or_after", "0001-01-01T00:00:00Z", "expired"),
        ("confirmation_not_on_or_after", "0001-01-01T00:00:00Z", "expired"),
        ("session_not_on_or_after", "0001-01-01T00:00:00Z", "expired"),
        ("response_issue_instant", "0001-01-01T00:00:00Z", "expired"),
        ("not_before", "9999-12-31T23:59:59Z", "time_invalid"),
        ("assertion_issue_instant", "9999-12-31T23:59:59Z", "time_invalid"),
    ],
)
def test_absurd_years_are_times_and_judged_as_such(world: World, part: str, text: str, code: str) -> None:
    """The first and the last year that there is: no sum with them may overflow."""
    victim = pending(world)
    refuse(victim, victim.response(**{part: text}), code)


@on_sqlite
@pytest.mark.parametrize("skew", [0, 300])
def test_the_last_year_there_is_does_no_harm(world: World, skew: int) -> None:
    """ "Never", as some identity providers write it: the day's limit on the message and the session's own hold."""
    world.change_settings(clock_skew_seconds=skew)
    never = "9999-12-31T23:59:59.999999Z"
    told = accept(pending(world), not_on_or_after=never, confirmation_not_on_or_after=never, session_not_on_or_after=never)
    assert dt.datetime.fromisoformat(told["expires_at"]) <= after(DAY)


@on_sqlite
@pytest.mark.parametrize(("begins", "ends"), [(0, 0), (1, 0), (60, -50), (30, 29)])
def test_a_period_that_ends_before_it_begins_is_none(world: World, begins: int, ends: int) -> None:
    """Even where the skew would let each of the two bounds pass by itself (SAML Core 2.5.1.2)."""
    victim = pending(world)
    refuse(victim, victim.response(not_before=after(begins), not_on_or_after=after(ends)), "time_invalid")


@on_sqlite
@pytest.mark.parametrize("part", [name for name in INSTANTS if name != "authn_instant"])
@pytest.mark.parametrize(
    "form",
    ["{:%Y-%m-%dT%H:%M:%S}", "{:%Y-%m-%dT%H:%M:%S}.5Z", "{:%Y-%m-%dT%H:%M:%S}.123456789012Z"],
    ids=["no zone", "ms", "ps"],
)
def test_no_zone_is_utc_and_fractions_have_any_length(world: World, part: str, form: str) -> None:
    """As real identity providers write them."""
    at = after(-30) if part.endswith(("instant", "before")) else after(30)
    accept(pending(world), **{part: form.format(at)})


@on_sqlite
@pytest.mark.parametrize(("hours", "offset"), [(2, "+02:00"), (-5.5, "-05:30"), (14, "+14:00"), (-14, "-14:00"), (0, "-00:00")])
def test_an_offset_is_reckoned_with(world: World, hours: float, offset: str) -> None:
    """The same instant in another zone is good; what only looks like it, read without its offset, is not."""
    ends = after(-59) + dt.timedelta(hours=hours)
    accept(pending(world), not_before=after(-DAY), not_on_or_after=f"{ends:%Y-%m-%dT%H:%M:%S}{offset}")
    late = after(-61) + dt.timedelta(hours=hours)
    victim = pending(world)
    message = victim.response(not_before=after(-DAY), not_on_or_after=f"{late:%Y-%m-%dT%H:%M:%S}{offset}")
    refuse(victim, message, "expired")


def test_the_identity_providers_end_of_session_caps_ours(world: World) -> None:
    """The earliest of several statements counts, and the session is over at that second."""
    statement = '<saml:AuthnStatement AuthnInstant="{}" SessionNotOnOrAfter="{}"><saml:AuthnContext/></saml:AuthnStatement>'
    context = "<saml:AuthnContext><saml:AuthnContextClassRef>urn:x</saml:AuthnContextClassRef></saml:AuthnContext>"
    statements = "".join(
        statement.format(f"{NOW:%Y-%m-%dT%H:%M:%SZ}", f"{after(end):%Y-%m-%dT%H:%M:%SZ}") for end in (3600, 600, 7200)
    ).replace("<saml:AuthnContext/>", context)
    victim = pending(world)
    told = accept(victim, authn_statement_xml=statements)
    assert dt.datetime.fromisoformat(told["expires_at"]) == after(600)
    with time_machine.travel(after(599), tick=False):
        assert victim.browser.get("/session").status_code == 200
    with time_machine.travel(after(600), tick=False):
        assert victim.browser.get("/session").status_code == 401


@on_sqlite
def test_a_session_that_the_skew_lets_in_is_not_over_at_its_birth(world: World) -> None:
    """It lasts as long as the skew would have let it in."""
    told = accept(pending(world), session_not_on_or_after=after(-20))
    assert dt.datetime.fromisoformat(told["expires_at"]) == after(40)


def test_a_session_that_ends_beyond_our_own_limit_does_not_lengthen_it(world: World) -> None:
    """The tenant's absolute limit of a day holds."""
    told = accept(pending(world), session_not_on_or_after=after(30 * DAY))
    assert dt.datetime.fromisoformat(told["expires_at"]) <= after(DAY)


@on_sqlite
def test_missing_bounds(world: World) -> None:
    """Conditions need no period of their own; a bearer confirmation needs its end (SAML Profiles 4.1.4.2)."""
    accept(pending(world), not_before=None, not_on_or_after=None)
    victim = pending(world)
    refuse(victim, victim.response(confirmation_not_on_or_after=None), "subject_invalid")


@on_sqlite
def test_the_receipt_tells_how_far_a_clock_is_off(world: World) -> None:
    """An identity provider whose clock is five minutes ahead: what came and what was expected stand side by side."""
    victim = pending(world)
    refused = refuse(victim, victim.response(now=after(300)), "time_invalid")
    assert after(300).isoformat() in refused.lines[-1]["actual"]
    assert NOW.isoformat() in refused.lines[-1]["expected"]
