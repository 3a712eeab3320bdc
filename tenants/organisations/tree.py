"""The tree as a value: built once for each version of its tenant, asked with each sign-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tenants.folding import folded
from tenants.organisations.access import DEFAULT_ACCESS, NOTHING_SAID, SETTING_NAMES, Access, AccessSettings
from tenants.organisations.models import MAX_DEPTH

SEPARATOR = "/"
"""Between the names of a path; no name has one in it."""
MAX_PATH = MAX_DEPTH * 201


@dataclass(frozen=True, slots=True)
class OrganisationNode:
    """One organisation. `parent_id` None: directly under the tenant."""

    id: str
    parent_id: str | None
    name: str
    settings: AccessSettings


@dataclass(frozen=True, slots=True)
class Sourced:
    """What holds for one setting. `source` is the organisation that says so; None: the tenant, or nobody (`said` is False)."""

    value: object
    source: str | None
    said: bool


@dataclass(frozen=True, slots=True)
class OrganisationTree:
    """A tenant's organisations, and what the tenant itself says for all of them."""

    root: AccessSettings = NOTHING_SAID
    nodes: Mapping[str, OrganisationNode] = field(default_factory=dict)
    _access: dict[str | None, Access] = field(default_factory=dict, init=False, repr=False, compare=False)
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was found out before. A tree never changes, and one of 1,000 is asked the same for each person and organisation."""

    def path_to(self, organisation_id: str | None) -> list[OrganisationNode]:
        """From the top to the organisation; empty for the tenant itself, and for one that is not there (any more)."""
        path: list[OrganisationNode] = []
        node = self.nodes.get(organisation_id) if organisation_id else None
        while node is not None and len(path) < MAX_DEPTH:
            path.append(node)
            node = self.nodes.get(node.parent_id) if node.parent_id else None
        return path[::-1]

    def path_words(self, organisation_id: str | None) -> str:
        """Its names from the top, as lists, files and commands write them; "" for the tenant itself."""
        return SEPARATOR.join(node.name for node in self.path_to(organisation_id))

    def find_by_path(self, path: str) -> OrganisationNode | None:
        """The organisation that such a path names; case, accents and doubled blanks count as little as in lists."""
        if not 0 < len(path) <= MAX_PATH:
            return None
        at: str | None = None
        for name in path.split(SEPARATOR):
            wanted = folded(name)
            found = next((node for node in self.children_of(at) if folded(node.name) == wanted), None)
            if found is None:
                return None
            at = found.id
        return self.nodes.get(at) if at else None

    def children_of(self, organisation_id: str | None) -> list[OrganisationNode]:
        """Those directly below an organisation, or below the tenant, by name."""
        return list(self._children().get(organisation_id, ()))

    def in_order(self) -> list[tuple[OrganisationNode, int]]:
        """Every organisation with its depth, parents before their children, siblings by name."""
        below = self._children()
        ordered, waiting = [], [(node, 1) for node in reversed(below.get(None, ()))]
        while waiting:
            node, depth = waiting.pop()
            ordered.append((node, depth))
            waiting += [(child, depth + 1) for child in reversed(below.get(node.id, ()))]
        return ordered

    def every_one(self) -> list[str | None]:
        """The tenant and all of its organisations, parents first."""
        return [None, *(node.id for node, _ in self.in_order())]

    def branch_of(self, organisation_id: str | None) -> frozenset[str | None]:
        """An organisation and everything below it; of None the tenant and all there is."""
        if organisation_id is None:
            return frozenset((None, *self.nodes))
        return frozenset(one for one, _ in self._levels_of(organisation_id))

    def height_of(self, organisation_id: str) -> int:
        """How many levels a branch has: 1 for an organisation without any below it."""
        return max(level for _, level in self._levels_of(organisation_id))

    def access_of(self, organisation_id: str | None) -> Access:
        """What holds for an organisation's people; None: for those whom no organisation has."""
        at = organisation_id if organisation_id in self.nodes else None
        if (known := self._access.get(at)) is not None:
            return known
        above = self._access.setdefault(None, _overridden(DEFAULT_ACCESS, self.root))
        for node in self.path_to(at):
            above = self._access.setdefault(node.id, _overridden(above, node.settings))
        return above

    def sourced_access_of(self, organisation_id: str | None) -> dict[str, Sourced]:
        """Each setting with where it comes from."""
        return dict(self._sourced(organisation_id))

    def allows_anywhere(self, way: str) -> bool:
        """Whether anybody of the tenant may sign in so: what a sign-in page offers before it knows who comes."""
        if (known := self._known.get(way)) is None:
            known = self._known[way] = any(self.access_of(one).allows(way) for one in (None, *self.nodes))
        return bool(known)

    def own_settings_of(self, organisation_id: str | None) -> AccessSettings:
        """What an organisation says itself; None: the tenant."""
        return self.nodes[organisation_id].settings if organisation_id else self.root

    def longest_idle(self, tenants_own: int) -> int:
        """The longest time, in seconds, that any of the tenant's sessions may be idle."""
        if (known := self._known.get("idle")) is None:
            listed = (self.root, *(node.settings for node in self.nodes.values()))
            known = self._known["idle"] = max((item.session_idle_seconds or 0 for item in listed), default=0)
        return max(tenants_own, int(known))

    def _children(self) -> Mapping[str | None, Sequence[OrganisationNode]]:
        """Everybody's, by name."""
        if (known := self._known.get("below")) is None:
            listed: dict[str | None, list[OrganisationNode]] = {}
            for node in sorted(self.nodes.values(), key=lambda node: (folded(node.name), node.id)):
                listed.setdefault(node.parent_id, []).append(node)
            known = self._known["below"] = {parent: tuple(nodes) for parent, nodes in listed.items()}
        below: Mapping[str | None, Sequence[OrganisationNode]] = known
        return below

    def _levels_of(self, organisation_id: str) -> list[tuple[str, int]]:
        """An organisation that is there and everything below it, each with its level from 1."""
        below, found = self._children(), [(organisation_id, 1)]
        for one, level in found:  # grows as it goes
            found += [(node.id, level + 1) for node in below.get(one, ())]
        return found

    def _sourced(self, organisation_id: str | None) -> Iterator[tuple[str, Sourced]]:
        levels: list[tuple[str | None, AccessSettings]] = [(None, self.root)]
        levels += [(node.id, node.settings) for node in self.path_to(organisation_id)]
        for name in SETTING_NAMES:
            value, source, said = getattr(DEFAULT_ACCESS, name), None, False
            for level, settings in levels:
                if (own := getattr(settings, name)) is not None:
                    value, source, said = own, level, True
            yield name, Sourced(value, source, said)


def _overridden(above: Access, settings: AccessSettings) -> Access:
    """What holds where this is said below that; the same value where nothing is."""
    said = {name: value for name in SETTING_NAMES if (value := getattr(settings, name)) is not None}
    return replace(above, **said) if said else above


NO_ORGANISATIONS = OrganisationTree()
