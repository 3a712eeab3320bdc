"""What a property of the service is: a whole number within bounds, with a default and a sentence."""

from __future__ import annotations

from dataclasses import dataclass


class PropertyInvalid(ValueError):
    """A value that a property cannot have; the sentence says which it can."""


@dataclass(frozen=True, slots=True)
class Property:
    """Something about the service that staff may change while it runs.

    Args:
        name: `area.words_with_unit`; an interface, like a setting's.
        unit: what it counts, as people say it.
        sentence: what it does.
    """

    name: str
    lowest: int
    highest: int
    default: int
    unit: str
    sentence: str

    def __post_init__(self) -> None:
        self.require(self.default)

    def require(self, value: object) -> int:
        """A value that it can have.

        Raises:
            PropertyInvalid
        """
        if not isinstance(value, int) or isinstance(value, bool) or not self.lowest <= value <= self.highest:
            raise PropertyInvalid(f"A whole number from {self.lowest} to {self.highest} ({self.unit}).")
        return value
