"""The tree as a value: built once for each version of its tenant, asked with each sign-in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tenants.organisations.access import DEFAULT_ACCESS, SETTING_NAMES, SSO, Access, AccessSettings
from tenants.organisations.models import MAX_DEPTH


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

    root: AccessSettings = field(default_factory=AccessSettings)
    nodes: Mapping[str, OrganisationNode] = field(default_factory=dict)

    def path_to(self, organisation_id: str | None) -> list[OrganisationNode]:
        """From the top to the organisation; empty for the tenant itself, and for one that is not there (any more)."""
        path: list[OrganisationNode] = []
        node = self.nodes.get(organisation_id) if organisation_id else None
        while node is not None and len(path) < MAX_DEPTH:
            path.append(node)
            node = self.nodes.get(node.parent_id) if node.parent_id else None
        return path[::-1]

    def access_of(self, organisation_id: str | None) -> Access:
        """What holds for an organisation's people; None: for those whom no organisation has."""
        if not self.nodes and self.root == AccessSettings():
            return DEFAULT_ACCESS
        said = {name: item.value for name, item in self._sourced(organisation_id) if item.said}
        return replace(DEFAULT_ACCESS, **said)  # type: ignore[arg-type]  # names and types are those of AccessSettings

    def sourced_access_of(self, organisation_id: str | None) -> dict[str, Sourced]:
        """Each setting with where it comes from."""
        return dict(self._sourced(organisation_id))

    def allows_anywhere(self, way: str) -> bool:
        """Whether anybody of the tenant may sign in so: what a sign-in page offers before it knows who comes."""
        said = (self.root, *(node.settings for node in self.nodes.values()))
        if way != SSO and all(settings.way != way for settings in said):
            return False
        return any(self.access_of(organisation_id).allows(way) for organisation_id in (None, *self.nodes))

    def longest_idle(self, tenants_own: int) -> int:
        """The longest time, in seconds, that any of the tenant's sessions may be idle."""
        listed = (self.root, *(node.settings for node in self.nodes.values()))
        return max([tenants_own, *(item.session_idle_seconds for item in listed if item.session_idle_seconds is not None)])

    def _sourced(self, organisation_id: str | None) -> Iterator[tuple[str, Sourced]]:
        levels: list[tuple[str | None, AccessSettings]] = [(None, self.root)]
        levels += [(node.id, node.settings) for node in self.path_to(organisation_id)]
        for name in SETTING_NAMES:
            value, source, said = getattr(DEFAULT_ACCESS, name), None, False
            for level, settings in levels:
                if (own := getattr(settings, name)) is not None:
                    value, source, said = own, level, True
            yield name, Sourced(value, source, said)


NO_ORGANISATIONS = OrganisationTree()
