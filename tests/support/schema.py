"""The schema in a database that is empty: SQLite files are copied from one that was migrated once in a process."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from config.migrate import migrate

SQLITE = "sqlite:///"


def make_schema(url: str) -> None:
    """Bring a database to the present schema, by all migrations unless it is a file that is to be made."""
    path = Path(url.removeprefix(SQLITE))
    if url.startswith(SQLITE) and not path.exists():
        path.write_bytes(_migrated())
    else:
        migrate(url)


@functools.cache
def _migrated() -> bytes:
    """What a SQLite file with the schema holds. All migrations take a second of CPU."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        migrate(f"{SQLITE}{path}")
        return content_of(path)


def content_of(path: Path) -> bytes:
    """What a SQLite file holds that nobody has open."""
    assert not path.with_name(f"{path.name}-wal").exists(), "some of it is not in the file yet"
    return path.read_bytes()
