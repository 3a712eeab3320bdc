"""The tree as a page shows it: nested, folded where it is large, each with its people and what it says itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from admin_ui.asked import Asked
from admin_ui.screens.organisations.lines import LABELS
from identity.organisation_views import overrides_of
from identity.organisations.records import people_by_organisation
from tenants.folding import folded
from tenants.organisations.tree import OrganisationNode, OrganisationTree

OPEN_TREE = 60
"""A tree of more organisations is shown folded below its first level."""


@dataclass(frozen=True, slots=True)
class Branch:
    """An organisation in the tree: `own` are labels of what it says itself, `below` its own branches, `size` all below it."""

    id: str
    name: str
    path: str
    people: int
    own: Sequence[str]
    below: Sequence[Branch]
    size: int


def branches_below(asked: Asked, tree: OrganisationTree, organisation_id: str | None) -> list[Branch]:
    """What stands below an organisation, or below the tenant; ten deep at most."""
    children: dict[str | None, list[OrganisationNode]] = {}
    for node, _ in tree.in_order():
        children.setdefault(node.parent_id, []).append(node)
    people = people_by_organisation(asked.tenant.id)
    return list(_branches(children, people, organisation_id))


def branches_found(asked: Asked, tree: OrganisationTree, search: str) -> list[Branch]:
    """Organisations whose name has these words in it, without what is below them."""
    wanted, people = folded(search), people_by_organisation(asked.tenant.id)
    return [_branch(node, people, (), tree.path_words(node.id)) for node, _ in tree.in_order() if wanted in folded(node.name)]


def _branches(
    children: Mapping[str | None, Sequence[OrganisationNode]], people: Mapping[str, int], above: str | None
) -> Iterator[Branch]:
    for node in children.get(above, ()):
        yield _branch(node, people, tuple(_branches(children, people, node.id)), "")


def _branch(node: OrganisationNode, people: Mapping[str, int], below: Sequence[Branch], path: str) -> Branch:
    own = [LABELS[name][0] for name in overrides_of(node)]
    return Branch(node.id, node.name, path, people.get(node.id, 0), own, below, sum(1 + one.size for one in below))
