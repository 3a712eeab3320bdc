"""What charts and tiles show of attempts to sign in: counts put in order, with a place for each day and hour."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from identity.count_models import ACCEPTED
from identity.tallies import Tally, hours_of, service_days, service_hours, tallies_of

DAYS = 30
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """Attempts in one day or hour, by its beginning in UTC."""

    at: dt.datetime
    accepted: int
    refused: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.accepted + self.refused


@dataclass(frozen=True, slots=True)
class SignInStatistics:
    """Attempts over 30 days and over today's hours. `codes` and `providers` have the largest first."""

    days: Sequence[Bar]
    hours: Sequence[Bar]
    codes_today: Sequence[tuple[str, int]]
    codes: Sequence[tuple[str, int]]
    providers: Sequence[tuple[str, Bar]]

    @property
    def today(self) -> Bar:
        """The last day, which is not over."""
        return self.days[-1]

    @property
    def accepted(self) -> int:
        """Sign-ins in all 30 days."""
        return sum(bar.accepted for bar in self.days)

    @property
    def refused(self) -> int:
        """Recorded refusals in all 30 days."""
        return sum(bar.refused for bar in self.days)


def tenant_statistics(tenant_id: int, now: dt.datetime) -> SignInStatistics:
    """A tenant's attempts, in two statements."""
    today = day_of(now)
    return _statistics(tallies_of(tenant_id, today - (DAYS - 1) * DAY), hours_of(tenant_id, today), now)


def service_statistics(now: dt.datetime) -> SignInStatistics:
    """All tenants' attempts, in two statements; for staff."""
    today = day_of(now)
    return _statistics(service_days(today - (DAYS - 1) * DAY), service_hours(today), now)


def day_of(moment: dt.datetime) -> dt.datetime:
    """The beginning of its day in UTC."""
    return moment.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _statistics(days: Sequence[Tally], hours: Sequence[Tally], now: dt.datetime) -> SignInStatistics:
    today = day_of(now)
    return SignInStatistics(
        days=bars(days, today - (DAYS - 1) * DAY, DAY, DAYS),
        hours=bars(hours, today, HOUR, 24),
        codes_today=_codes([tally for tally in days if tally.at >= today]),
        codes=_codes(days),
        providers=_providers(days, today),
    )


def bars(tallies: Sequence[Tally], first: dt.datetime, width: dt.timedelta, number: int) -> list[Bar]:
    """A bar for each of so many days or hours, those without an attempt too; what lies outside is left out."""
    accepted: Counter[int] = Counter()
    refused: Counter[int] = Counter()
    for tally in tallies:
        (accepted if tally.code == ACCEPTED else refused)[(tally.at - first) // width] += tally.count
    return [Bar(first + place * width, accepted[place], refused[place]) for place in range(number)]


def _codes(tallies: Sequence[Tally]) -> list[tuple[str, int]]:
    counted: Counter[str] = Counter()
    for tally in tallies:
        if tally.code != ACCEPTED:
            counted[tally.code] += tally.count
    return sorted(counted.items(), key=lambda item: (-item[1], item[0]))


def _providers(tallies: Sequence[Tally], today: dt.datetime) -> list[tuple[str, Bar]]:
    named = {tally.idp_id for tally in tallies}
    first = today - (DAYS - 1) * DAY
    whole = [
        (idp_id, bars([tally for tally in tallies if tally.idp_id == idp_id], first, DAYS * DAY, 1)[0]) for idp_id in named
    ]
    return sorted(whole, key=lambda item: (-item[1].total, item[0]))
