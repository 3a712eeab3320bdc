"""Statements of the sign-in path: compiled once, judged once, and sent through the driver.

SQLAlchemy makes the SQL and converts values both ways; what it would do again for each execution (0.1 ms and more, where the
driver takes 0.02) is done at the first one.
"""

from __future__ import annotations

import threading
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from config.database import is_writing, present_connection, send, writing_connection
from config.isolation import TenantViolation, violation_of

Convert = Callable[[Any], Any]
Parameters = Mapping[str, Any]
NOTHING: Parameters = {}


class _Compiled:
    """One statement in the SQL of one database."""

    def __init__(self, statement: Any, dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql: str = str(compiled)
        if violation := violation_of(self.sql):
            raise TenantViolation(violation)
        self.order: Sequence[str] | None = compiled.positiontup
        self.fixed = {name: value for name, value in compiled.params.items() if value is not None}
        self.writers = {name: _writer(bind.type, dialect) for bind, name in compiled.bind_names.items()}
        returned = list(statement.exported_columns)
        self.readers = [_reader(column.type, dialect) for column in returned]
        self.row: Any = namedtuple("Row", [column.key for column in returned]) if returned else None

    def bind(self, parameters: Parameters) -> Any:
        """Values as the driver wants them: by position, or by name."""
        values = {**self.fixed, **parameters}
        converted = {
            name: values[name] if writer is None else writer(values[name]) for name, writer in self.writers.items()
        }
        return converted if self.order is None else [converted[name] for name in self.order]

    def rows(self, cursor: Any) -> list[Any]:
        """All rows, as named tuples of Python's own values."""
        make, readers = self.row._make, self.readers
        return [
            make(value if reader is None else reader(value) for value, reader in zip(row, readers, strict=True))
            for row in cursor.fetchall()
        ]


def _writer(kind: Any, dialect: sa.Dialect) -> Convert | None:
    converter: Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return converter


def _reader(kind: Any, dialect: sa.Dialect) -> Convert | None:
    converter: Convert | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return converter


class Prepared:
    """A Core statement with named parameters, all of which each execution gives.

    Args:
        statement: or one for each database by its name, where they differ.

    Raises:
        TenantViolation: at the first execution, where it reaches for a tenant's rows and compares no tenant.
    """

    def __init__(self, statement: Any) -> None:
        self._statements: Mapping[str, Any] | None = statement if isinstance(statement, Mapping) else None
        self._statement = statement
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

    def write_returning(self, parameters: Parameters) -> list[Any]:
        """Change rows, inside a transaction, and give what the statement returns of them."""
        connection = writing_connection()
        compiled = self._for(connection.dialect)
        return compiled.rows(send(connection, compiled.sql, compiled.bind(parameters)))

    def _for(self, dialect: sa.Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            with self._lock:
                statement = self._statements[dialect.name] if self._statements is not None else self._statement
                compiled = self._compiled.setdefault(dialect.name, _Compiled(statement, dialect))
        return compiled
