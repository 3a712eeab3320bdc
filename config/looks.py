"""One look at the database for all jobs that work off a queue: which of them have anything due.

A process with nothing to do asks two small questions every LOOK_SECONDS, and not one for each queue; what it costs is
the price of a service that nobody uses.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.statements import NOTHING, Parameters, Prepared

LOOK_SECONDS = 2.0
"""How often each process looks. What was asked for, and an interval that was changed, hold within 5 seconds."""


def _no_more(_now: dt.datetime) -> Parameters:
    return NOTHING


@dataclass(frozen=True, slots=True)
class Look:
    """Whether a queue has anything due, of any tenant.

    Args:
        condition: true where there is; it has `now`, and compares with literals what an index compares with literals.
        parameters: what else it has.
    """

    condition: sa.ColumnElement[bool]
    parameters: Callable[[dt.datetime], Parameters] = _no_more


class Looks:
    """The looks of several jobs as one statement."""

    def __init__(self, looks: Mapping[str, Look]) -> None:
        parts = [sa.select(sa.literal(name).label("job")).where(look.condition) for name, look in looks.items()]
        self._parameters = tuple({look.parameters: None for look in looks.values()})
        self._statement = Prepared(sa.union_all(*parts), every_tenant=True)

    def due(self, now: dt.datetime) -> list[str]:
        """Names of the jobs that have something to do."""
        parameters: dict[str, Any] = {"now": now}
        for more in self._parameters:
            parameters |= more(now)
        return [row.job for row in self._statement.all(parameters)]


def any_row(row: type, *conditions: Any) -> sa.ColumnElement[bool]:
    """Whether a table has a row of this kind."""
    return sa.select(sa.literal_column("1")).select_from(row).where(*conditions).exists()
