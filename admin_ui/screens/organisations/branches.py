"""The tree as a page shows it: whole where it is small; else one level at a time, which opens by links. A page is bounded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from admin_ui.asked import Asked
from admin_ui.screens.organisations.lines import LABELS
from identity.organisation_views import overrides_of
from identity.organisations.records import people_by_organisation
from tenants.folding import folded
from tenants.organisations.tree import OrganisationNode, OrganisationTree

OPEN_TREE = 60
"""A tree of more organisations is shown a level at a time."""
LEVEL = 100
"""Organisations of one level, or found by a search, on one page."""


@dataclass(frozen=True, slots=True)
class Branch:
    """An organisation in the tree: `own` labels what it says itself, `below` is shown below it, `size` counts all of that."""

    id: str
    name: str
    path: str
    people: int
    own: Sequence[str]
    below: Sequence[Branch]
    size: int


@dataclass(frozen=True, slots=True)
class Level:
    """A page of branches: from `start` on, of `total`; `following` is where the next page starts, None on the last one."""

    branches: Sequence[Branch]
    start: int
    total: int
    following: int | None


def level_below(asked: Asked, tree: OrganisationTree, organisation_id: str | None, start: int = 0) -> Level:
    """What stands below an organisation, or below the tenant: all of it in a small tree, else those directly below."""
    nodes = tree.children_of(organisation_id)
    whole = len(tree.nodes) <= OPEN_TREE
    listed = nodes[start : start + LEVEL]
    people = _people(asked, tree.nodes if whole else [node.id for node in listed])
    return _level([_branch(tree, node, people, whole=whole) for node in listed], start, len(nodes))


def level_opened(asked: Asked, tree: OrganisationTree, organisation_id: str | None, start: int) -> Level:
    """The tree opened at one organisation: the way to it from the top, and the level below it."""
    level, path = level_below(asked, tree, organisation_id, start), tree.path_to(organisation_id)
    people, branches = _people(asked, [node.id for node in path]), level.branches
    for node in reversed(path):
        branches = (_branch(tree, node, people, below=branches),)
    return Level(branches, level.start, level.total, level.following)


def level_found(asked: Asked, tree: OrganisationTree, search: str, start: int) -> Level:
    """Organisations whose name has these words in it, without what is below them."""
    wanted = folded(search)
    nodes = [node for node, _ in tree.in_order() if wanted in folded(node.name)]
    listed = nodes[start : start + LEVEL]
    people = _people(asked, [node.id for node in listed])
    found = [_branch(tree, node, people, path=tree.path_words(node.id)) for node in listed]
    return _level(found, start, len(nodes))


def _level(branches: Sequence[Branch], start: int, total: int) -> Level:
    return Level(branches, start, total, start + LEVEL if total > start + LEVEL else None)


def _people(asked: Asked, organisation_ids: Collection[str]) -> Mapping[str, int]:
    return people_by_organisation(asked.tenant.id, organisation_ids)


def _branch(
    tree: OrganisationTree,
    node: OrganisationNode,
    people: Mapping[str, int],
    *,
    below: Sequence[Branch] = (),
    whole: bool = False,
    path: str = "",
) -> Branch:
    own = [LABELS[name][0] for name in overrides_of(node)]
    below = [_branch(tree, child, people, whole=True) for child in tree.children_of(node.id)] if whole else below
    return Branch(node.id, node.name, path, people.get(node.id, 0), own, below, len(tree.branch_of(node.id)) - 1)
