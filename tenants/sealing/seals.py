"""Values: a seal, the events that it holds, and the anchor by which somebody outside can hold us to it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenants.sealing.encoding import DIGEST_BYTES, moment_text, seal_digest
from tenants.sealing.errors import AnchorInvalid

ID_BYTES = 16
LEAF_BYTES = ID_BYTES + DIGEST_BYTES
UNREADABLE = bytes(DIGEST_BYTES)
"""Stands for an event that was on record and could not be read, or was gone, when its turn to be sealed came."""
ADOPTS = "adopts:"
"""Before the name of the key, in a seal that goes on from one that nobody vouches for; no name in SECRET_KEYS has a colon."""
REFUSAL_DAYS = 400
"""How long refused attempts are kept: a year, and what it takes to look into it."""
KEPT = "kept-"
"""Before the name of the key, with the number of days: a seal of events that are not kept for longer."""
_KEPT_FOR = re.compile(KEPT + r"([1-9][0-9]{0,3})-days:")
SERVICE_CHAIN = 0
"""The chain of what staff do among themselves; those of tenants have their ids, which begin at 1."""
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ANCHOR = re.compile(r"v1_([0-9]{1,10})_([0-9]{1,10})_([0-9a-f]{64})")
ANCHOR_CHARACTERS = 100

Leaf = tuple[str, bytes]
"""An event's id, and the SHA-256 of the event."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A seal named by number and hash. Kept outside, it shows that the chain has not been made anew or cut off since."""

    chain: int
    number: int
    hash: str

    def __str__(self) -> str:
        return f"v1_{self.chain}_{self.number}_{self.hash}"


def read_anchor(text: str) -> Anchor:
    """The anchor that somebody kept. Raises AnchorInvalid."""
    found = _ANCHOR.fullmatch(text.strip())
    if found is None or int(found[2]) == 0:
        raise AnchorInvalid("not of the form v1_CHAIN_NUMBER_HASH")
    return Anchor(int(found[1]), int(found[2]), found[3])


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of a chain. `events` are ids and digests, 48 octets for each event, in the order of their ids.

    `bounds` are the columns that seals are found by: how many events, lowest and highest id; None in a file.
    """

    chain: int
    number: int
    previous: str
    sealed_at: dt.datetime
    key_name: str
    public_key: str
    events: bytes
    hash: str
    signature: str
    bounds: tuple[int, str | None, str | None] | None = None

    @property
    def count(self) -> int:
        """How many events it holds."""
        return len(self.events) // LEAF_BYTES

    @property
    def anchor(self) -> Anchor:
        """Its name outside."""
        return Anchor(self.chain, self.number, self.hash)

    @property
    def adopts(self) -> bool:
        """Whether it goes on from a seal that is taken as it stands (tenants.sealing.adoption)."""
        return self.key_name.startswith(ADOPTS)

    @property
    def kept_days(self) -> int | None:
        """For how many days its events are kept, as it was sealed; None: for ever."""
        found = _KEPT_FOR.match(self.key_name)
        return int(found[1]) if found else None

    def may_be_removed(self, now: dt.datetime) -> bool:
        """Whether its events may be gone: it says in what is signed that they are not kept for longer."""
        days = self.kept_days
        return days is not None and now - self.sealed_at >= dt.timedelta(days=days)

    def leaves(self) -> Iterator[Leaf]:
        """The events in it. An incomplete one at the end, which no seal of ours has, is left out."""
        return unpacked(self.events)

    @property
    def is_well_formed(self) -> bool:
        """Whether its events are whole, each there once, in order, and found by the right bounds."""
        ids = [event_id for event_id, _ in self.leaves()]
        is_found = self.bounds in (None, (self.count, self.first_id, self.last_id))
        return is_found and len(self.events) % LEAF_BYTES == 0 and ids == sorted(set(ids))

    @property
    def first_id(self) -> str | None:
        """The lowest id in it."""
        return id_of(self.events[:ID_BYTES]) if self.count else None

    @property
    def last_id(self) -> str | None:
        """The highest."""
        start = (self.count - 1) * LEAF_BYTES
        return id_of(self.events[start : start + ID_BYTES]) if self.count else None

    def computed_hash(self) -> str:
        """What its hash has to be."""
        return seal_digest(self.header(), self.leaves()).hex()

    def header(self) -> Mapping[str, Any]:
        """Everything of it that is hashed, but for its events."""
        return {
            "chain": self.chain,
            "key": self.public_key,
            "key_name": self.key_name,
            "number": self.number,
            "previous": self.previous,
            "sealed_at": moment_text(self.sealed_at),
        }

    def document(self) -> dict[str, Any]:
        """As API, console and command line show it: without its events."""
        found = {"count": self.count, "first_id": self.first_id, "last_id": self.last_id}
        return {**self.header(), **found, "hash": self.hash, "signature": self.signature, "anchor": str(self.anchor)}

    def whole_document(self) -> dict[str, Any]:
        """As an export has it: all that it takes to verify it."""
        events = [[event_id, digest.hex()] for event_id, digest in self.leaves()]
        return {**self.header(), "hash": self.hash, "signature": self.signature, "events": events}


def kept_for(days: int) -> str:
    """Before the name of the key, in a seal of events that are kept for so many days."""
    return f"{KEPT}{days}-days:"


def packed(leaves: Sequence[Leaf]) -> bytes:
    """Ids and digests as a seal keeps them."""
    return b"".join(bytes.fromhex(event_id.replace("-", "")) + digest for event_id, digest in sorted(leaves))


def unpacked(events: bytes) -> Iterator[Leaf]:
    """The other way round."""
    for start in range(0, len(events) - LEAF_BYTES + 1, LEAF_BYTES):
        yield id_of(events[start : start + ID_BYTES]), events[start + ID_BYTES : start + LEAF_BYTES]


def id_of(octets: bytes) -> str:
    """A row id as text."""
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_id(text: object) -> bool:
    """Whether a row's id is one; whoever writes into SQLite by hand can make anything of it."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def made_at(event_id: str) -> float:
    """When an id was made, in seconds since 1970 (RFC 9562 section 5.7)."""
    return int(event_id[:13].replace("-", ""), 16) / 1000
