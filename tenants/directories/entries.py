"""An entry of a directory as texts, whatever its server and schema write them like."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_VALUES = 500
"""Of one attribute; a person of more groups than that is known by the first ones."""
MAX_VALUE_OCTETS = 4096
_BINARY_IDS = frozenset({"objectguid", "msexchmailboxguid", "ms-ds-consistencyguid"})
"""Active Directory's GUIDs are 16 octets, of which the first fields are the wrong way round (MS-DTYP 2.3.4)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A person's entry: its name, and attributes as texts in the order in which they came."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]]

    def first(self, names: Sequence[str]) -> str | None:
        """The first value that is not blank of the first of these attributes that has one."""
        for name in names:
            for value in self.attributes.get(name, ()):
                if value.strip():
                    return value
        return None


def entry_of(dn: str, values: Mapping[str, Sequence[bytes]], asked: Sequence[str]) -> Entry:
    """An entry as it came, under the names that were asked for: directories write them in letters of their own choice."""
    names = {name.lower(): name for name in asked}
    attributes = {
        names[found]: tuple(text for value in octets[:MAX_VALUES] if (text := text_of(found, value)) is not None)
        for name, octets in values.items()
        if (found := name.partition(";")[0].lower()) in names
    }
    return Entry(dn, attributes)


def text_of(attribute: str, value: bytes) -> str | None:
    """A value as text; octets that are none are hexadecimal digits. None: it is too long to be a name of anything."""
    if len(value) > MAX_VALUE_OCTETS:
        return None
    if attribute in _BINARY_IDS and len(value) == 16:
        return str(uuid.UUID(bytes_le=value))
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if "\x00" not in text else value.hex()
