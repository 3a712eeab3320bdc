"""Lists: what a screen says about its columns and filters, and what somebody asked for, checked against it.

A list is paged by keyset: a cursor holds where the last page ended, so the thousandth page costs what the first one does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenants.errors import AddressInvalid

PAGE_SIZE = 50
MAX_SEARCH = 200
MAX_FILTER = 400
ANY = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `sort` names the order that its heading asks for; "" where there is none. `end` sets it to the right."""

    label: str
    sort: str = ""
    end: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """A way to see less: one of `choices` (value, words), or a text or day of one's own. `kind`: choice, text or date."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()
    kind: str = "choice"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as its screen declares it.

    `search` says what the search box looks in, "" for no search. `sort` is the order where nobody asks for one, with a
    minus for the other direction. `exports` are forms of download: csv, jsonl.
    """

    columns: tuple[Column, ...]
    sort: str
    search: str = ""
    filters: tuple[Filter, ...] = ()
    exports: tuple[str, ...] = ()
    empty: str = "Nothing here yet"
    empty_help: str = ""

    @property
    def sorts(self) -> frozenset[str]:
        """Orders that may be asked for."""
        return frozenset(column.sort for column in self.columns if column.sort) | {self.sort.lstrip("-")}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What somebody asked a list for. `filters` holds only what was chosen."""

    search: str
    filters: Mapping[str, str]
    sort: str
    descending: bool
    cursor: str | None
    limit: int = PAGE_SIZE
    listing: Listing = field(repr=False, default=Listing((), ""))

    @property
    def narrowed(self) -> bool:
        """Whether a search or filter hides rows: an empty list then says something else."""
        return bool(self.search or self.filters)

    def arguments(self, **changes: str | None) -> dict[str, str]:
        """The query as an address holds it; the cursor belongs to one order and one filter, so it stays behind."""
        order = ("-" if self.descending else "") + self.sort
        values: dict[str, str | None] = {"q": self.search, **self.filters, "sort": order}
        values |= changes
        return {name: value for name, value in values.items() if value and (name, value) != ("sort", self.listing.sort)}

    def sort_arguments(self, sort: str) -> dict[str, str]:
        """The same list in the order of a column; a second time, the other way round."""
        return self.arguments(sort=f"-{sort}" if sort == self.sort and not self.descending else sort)

    def day(self, name: str) -> dt.datetime | None:
        """A day that a filter names, at its beginning in UTC."""
        return dt.datetime.fromisoformat(self.filters[name]).replace(tzinfo=dt.UTC) if name in self.filters else None


def read_query(listing: Listing, arguments: Mapping[str, str]) -> ListQuery:
    """What an address asks a list for.

    Raises:
        AddressInvalid: an order or a choice that there is not; whoever changed the address is told so.
    """
    order = arguments.get("sort") or listing.sort
    sort, descending = order.removeprefix("-"), order.startswith("-")
    if sort not in listing.sorts:
        raise AddressInvalid(f"no order {order[:40]!r}")
    search = plain_text(arguments.get("q", ""))[:MAX_SEARCH] if listing.search else ""
    filters = {item.name: value for item in listing.filters if (value := _chosen(item, arguments))}
    return ListQuery(search, filters, sort, descending, arguments.get("cursor") or None, listing=listing)


def plain_text(text: str) -> str:
    """What somebody typed into a search box, without blanks around it and without NUL, which PostgreSQL takes in no text."""
    return text.replace("\x00", "").strip()


def _chosen(item: Filter, arguments: Mapping[str, str]) -> str:
    value = plain_text(arguments.get(item.name, ANY))[:MAX_FILTER]
    if value and item.kind == "choice" and value not in dict(item.choices):
        raise AddressInvalid(f"no choice {value[:40]!r} of {item.name}")
    if value and item.kind == "date":
        try:
            dt.date.fromisoformat(value)
        except ValueError:
            raise AddressInvalid(f"no day {value[:40]!r}") from None
    return value


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page, and the cursor behind them; None on the last one. `total` says how many there are, if it is known."""

    rows: Sequence[Any]
    next: str | None
    total: str = ""
