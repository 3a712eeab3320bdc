"""What a page has to know of a tenant's logo to show it: its address and its shape, read from the tenant's own row.

The text stands in the column `tenant.logo`, so that a page with a logo costs no statement more than one without.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LOGO_PATH = "/brand/{version}/logo.png"
VERSION = re.compile(r"[0-9a-f]{16}")
_MARK = re.compile(r"([0-9a-f]{16})-([0-9]{1,3})x([0-9]{1,3})(?:-(light|dark))?")


@dataclass(frozen=True, slots=True)
class LogoMark:
    """A logo by its content's hash, its size in pixels, and the plate that it needs.

    `plate` is "light" where it cannot be seen on a dark page, "dark" where it cannot be seen on a light one, else "".
    """

    version: str
    width: int
    height: int
    plate: str

    def __str__(self) -> str:
        return f"{self.version}-{self.width}x{self.height}" + (f"-{self.plate}" if self.plate else "")

    @property
    def path(self) -> str:
        """Where the tenant's host serves it: another picture has another address."""
        return LOGO_PATH.format(version=self.version)


def mark_of(text: str | None) -> LogoMark | None:
    """The logo that a tenant's row names; None where it has none."""
    found = _MARK.fullmatch(text or "")
    return LogoMark(found[1], int(found[2]), int(found[3]), found[4] or "") if found else None
