"""Statements of the sign-in path: compiled once, judged once, and sent through the driver.

SQLAlchemy makes the SQL and converts values both ways; what it would do again for each execution (0.1 ms and more, where the
driver takes 0.02) is done at the first one.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from config.database import UTCDateTime, is_writing, present_connection, send, send_insert, send_many, writing_connection
from config.isolation import TenantViolation, violation_of
from config.json_text import plain_json

Convert = Callable[[Any], Any]
Parameters = Mapping[str, Any]
NOTHING: Parameters = {}


class _Compiled:
    """One statement in the SQL of one database."""

    def __init__(self, statement: Any, dialect: sa.Dialect, *, every_tenant: bool) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql: str = str(compiled)
        if "POSTCOMPILE" in self.sql:
            raise TypeError("IN writes its list at each execution, and this is compiled once: say what each one is not, or is")
        if not every_tenant and (violation := violation_of(self.sql)):
            raise TenantViolation(violation)
        self._by_position = compiled.positiontup is not None
        names: Iterable[str] = compiled.positiontup or compiled.bind_names.values()
        self.names = tuple(names)
        kinds = {name: bind.type for bind, name in compiled.bind_names.items()}
        self._writers = [(name, _writer(kinds[name], dialect)) for name in names]
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        returned = list(statement.exported_columns)
        readers = enumerate(_reader(column.type, dialect) for column in returned)
        self._readers = [(place, reader) for place, reader in readers if reader is not None]
        self.row: Any = namedtuple("Row", [column.key for column in returned]) if returned else None

    def bind(self, parameters: Parameters) -> Any:
        """Values as the driver wants them: by position, or by name."""
        values = {**self._fixed, **parameters} if self._fixed else parameters
        if self._by_position:
            return [values[name] if writer is None else writer(values[name]) for name, writer in self._writers]
        return {name: values[name] if writer is None else writer(values[name]) for name, writer in self._writers}

    def rows(self, cursor: Any) -> list[Any]:
        """All rows, as named tuples of Python's own values."""
        return [self._row(row) for row in cursor.fetchall()]

    def _row(self, row: Any) -> Any:
        values = list(row)
        for place, reader in self._readers:
            values[place] = reader(values[place])
        return self.row._make(values)


def _writer(kind: Any, dialect: sa.Dialect) -> Convert | None:
    own = _OWN_WRITERS.get((type(kind), dialect.name))
    if isinstance(kind, sa.JSON) and not kind.none_as_null:
        own = plain_json
    converter: Convert | None = own or kind.dialect_impl(dialect).bind_processor(dialect)
    return converter


def _reader(kind: Any, dialect: sa.Dialect) -> Convert | None:
    own = _OWN_READERS.get((type(kind), dialect.name))
    converter: Convert | None = own or kind.dialect_impl(dialect).result_processor(dialect, None)
    return converter


def _sqlite_time(moment: dt.datetime | None) -> str | None:
    """As SQLAlchemy writes it, naive UTC to the microsecond, without its formatting field by field.

    The last one is kept: a sign-in writes its `now`, one and the same object, a dozen times.
    """
    if moment is None:
        return None
    last, text = _last_time[0]
    if moment is last:
        return text
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    in_utc = moment if moment.tzinfo is dt.UTC else moment.astimezone(dt.UTC)
    text = in_utc.isoformat(" ", "microseconds")[:SQLITE_TIME_LENGTH]
    _last_time[0] = moment, text
    return text


def _sqlite_id(digits: str | None) -> str | None:
    """A UUID's text from its 32 digits."""
    if digits is None:
        return None
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_last_time: list[tuple[dt.datetime | None, str]] = [(None, "")]
"""One pair, put there at once: threads may change it under each other, and none sees half of it."""
SQLITE_TIME_LENGTH = len("2026-01-01 00:00:00.000000")
_SQLITE_TRUTHS = {True: 1, False: 0, None: None}
_OWN_WRITERS: Mapping[tuple[type, str], Convert] = {
    (UTCDateTime, "sqlite"): _sqlite_time,
    (sa.Boolean, "sqlite"): _SQLITE_TRUTHS.__getitem__,  # anything else is an error, as SQLAlchemy has it
}
_OWN_READERS: Mapping[tuple[type, str], Convert] = {(sa.Uuid, "sqlite"): _sqlite_id}


class Prepared:
    """A Core statement with named parameters, all of which each execution gives.

    Args:
        statement: or one for each database by its name, where they differ.
        every_tenant: it works across tenants on purpose: a job's.

    Raises:
        TenantViolation: at the first execution, where it reaches for a tenant's rows and compares no tenant.
    """

    def __init__(self, statement: Any, *, every_tenant: bool = False) -> None:
        self._statements: Mapping[str, Any] | None = statement if isinstance(statement, Mapping) else None
        self._statement = statement
        self._every_tenant = every_tenant
        self._compiled: dict[str, _Compiled] = {}
        self._lock = threading.Lock()

    def all(self, parameters: Parameters = NOTHING) -> list[Any]:
        """Read all rows; inside a transaction as part of it."""
        connection = present_connection()
        compiled = self._for(connection.dialect)
        values = compiled.bind(parameters)
        try:
            return compiled.rows(send(connection, compiled.sql, values))
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated or is_writing():
                raise
            # The database has closed the connection while nobody used it; a read may be tried again on another.
            return compiled.rows(send(present_connection(), compiled.sql, values))

    def one_or_none(self, parameters: Parameters = NOTHING) -> Any:
        """Read the one row that there can be, or None."""
        rows = self.all(parameters)
        if len(rows) > 1:
            raise RuntimeError("a look-up by what is unique found two rows")
        return rows[0] if rows else None

    def write(self, parameters: Parameters) -> int:
        """Change rows, inside a transaction, and tell how many."""
        connection = writing_connection()
        compiled = self._for(connection.dialect)
        count: int = send(connection, compiled.sql, compiled.bind(parameters)).rowcount
        return count

    def insert(self, parameters: Parameters) -> None:
        """Add a row, inside a transaction, whose outcome nobody asks for; in `together()` with others."""
        connection = writing_connection()
        compiled = self._for(connection.dialect)
        send_insert(connection, compiled.sql, compiled.bind(parameters))

    def write_alone(self, parameters: Parameters) -> None:
        """Change rows as a transaction of this one statement, which holds or leaves nothing without a BEGIN and a COMMIT.

        It is sent again where the database has closed the connection meanwhile, and nobody knows whether it had come: it has
        to be one that changes nothing more when it comes twice.
        """
        if is_writing():
            raise RuntimeError("a transaction is open: what is written alone would be a part of it")
        connection = present_connection()
        compiled = self._for(connection.dialect)
        values = compiled.bind(parameters)
        try:
            send(connection, compiled.sql, values)
        except sa.exc.DBAPIError as error:
            if not error.connection_invalidated:
                raise
            send(present_connection(), compiled.sql, values)

    def write_returning(self, parameters: Parameters) -> list[Any]:
        """Change rows, inside a transaction, and give what the statement returns of them."""
        connection = writing_connection()
        compiled = self._for(connection.dialect)
        return compiled.rows(send(connection, compiled.sql, compiled.bind(parameters)))

    def bound(self, rows: Iterable[Parameters]) -> list[Any]:
        """Rows as the driver wants them, made before a transaction so that its lock is not held for it."""
        compiled = self._for(present_connection().dialect)
        return [compiled.bind(row) for row in rows]

    @property
    def target(self) -> tuple[sa.Table, tuple[str, ...]]:
        """Of an INSERT on SQLite: its table, and the columns in the order in which `bound` gives their values."""
        return self._statement.table, self._for(present_connection().dialect).names

    def write_bound(self, rows: Sequence[Any]) -> int:
        """Write what `bound` gave, inside a transaction, and tell how many rows of the database that were."""
        connection = writing_connection()
        return send_many(connection, self._for(connection.dialect).sql, rows)

    def _for(self, dialect: sa.Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            with self._lock:
                statement = self._statements[dialect.name] if self._statements is not None else self._statement
                made = _Compiled(statement, dialect, every_tenant=self._every_tenant)
                compiled = self._compiled.setdefault(dialect.name, made)
        return compiled
