"""Rules that place people: what an identity provider says of somebody decides where they belong and what they may (P6).

Rules stand in an order. Each may say something about three things: the organisation, the role in the tenant's console, and
whether the person may come in at all. For each of the three the first rule that is met and says something about it decides;
what no rule says anything about stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

NO_ROLE = "none"
ROLES = ("admin", "viewer", NO_ROLE)
MAX_RULES = 100
MAX_VALUES = 50
MAX_TEXT = 256
"""Characters of an attribute's name and of a value."""
MAX_CHARACTERS = 64 * 1024
"""Of all names and values of one identity provider: each change is kept whole in the audit, before and after."""
HasAny = Callable[[str, tuple[str, ...]], bool]
"""Whether somebody has one of these values in an attribute."""
IDENTITY_PROVIDER, DIRECTORY = "identity_provider", "directory"


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose rules are meant: those of an identity provider, or of a directory, by its label."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """Whoever has one of `values` in this attribute, compared exactly, is placed so.

    `moves`: it says where they belong; `organisation_id` None is then the tenant as a whole. `role` and `active` None: it says
    nothing about that. `role` "none" says that no later rule gives one.
    """

    id: str
    attribute: str
    values: tuple[str, ...]
    moves: bool = False
    organisation_id: str | None = None
    role: str | None = None
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """What rules said of one sign-in. Numbers are places in the order, from 1; None: no rule said anything about it."""

    moves: bool = False
    organisation_id: str | None = None
    role: str | None = None
    role_rule_id: str | None = None
    active: bool | None = None
    organisation_rule: int | None = None
    role_rule: int | None = None
    active_rule: int | None = None

    @property
    def rules(self) -> dict[str, int]:
        """Which rules decided, for a receipt; about no person."""
        named = {"organisation": self.organisation_rule, "role": self.role_rule, "active": self.active_rule}
        return {name: number for name, number in named.items() if number is not None}


NOWHERE = Placement()


@dataclass(frozen=True, slots=True)
class PlacementRules:
    """The rules of one identity provider or directory, in their order.

    `follows`: whoever is known is moved with every sign-in, and not with the first alone.
    """

    rules: tuple[PlacementRule, ...] = ()
    follows: bool = True

    def place(self, attributes: Mapping[str, tuple[str, ...]]) -> Placement:
        """What they say of verified attributes."""
        if not self.rules:
            return NOWHERE
        held: dict[str, frozenset[str]] = {}

        def has_any(attribute: str, values: tuple[str, ...]) -> bool:
            # As a set: ten thousand groups against five thousand values would be fifty million comparisons.
            if attribute not in held:
                held[attribute] = frozenset(attributes.get(attribute, ()))
            return not held[attribute].isdisjoint(values)

        return self.place_by(has_any)

    def place_by(self, has_any: HasAny) -> Placement:
        """What they say of somebody whose attributes are asked for one by one."""
        moves = role = active = None
        for number, rule in enumerate(self.rules, 1):
            wanted = (
                (moves is None and rule.moves) or (role is None and rule.role) or (active is None and rule.active is not None)
            )
            if not wanted or not has_any(rule.attribute, rule.values):
                continue
            moves = (number, rule) if moves is None and rule.moves else moves
            role = (number, rule) if role is None and rule.role else role
            active = (number, rule) if active is None and rule.active is not None else active
        return Placement(
            moves=moves is not None,
            organisation_id=moves[1].organisation_id if moves else None,
            role=role[1].role if role else None,
            role_rule_id=role[1].id if role and role[1].role != NO_ROLE else None,
            active=active[1].active if active else None,
            organisation_rule=moves[0] if moves else None,
            role_rule=role[0] if role else None,
            active_rule=active[0] if active else None,
        )


NO_RULES = PlacementRules()
