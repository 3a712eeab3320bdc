"""Organisations by the paths that files have: the names from the top, as lists and the console write them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tenants.folding import folded
from tenants.organisations.tree import MAX_PATH, SEPARATOR, OrganisationTree

ROOT = SEPARATOR
"""Stands for the tenant itself: no organisation's path reads so."""
SHOWN_SEPARATOR = "›"
"""What the console has between names. A name may hold it, so that such a path may be read in two ways."""


class PathUnknown(ValueError):
    """No organisation has this path."""


class PathAmbiguous(ValueError):
    """Two organisations could be meant."""


@dataclass(frozen=True, slots=True)
class OrganisationPaths:
    """A tree as a file of many rows asks it: each path is looked up, and the tree is not walked again."""

    by_names: Mapping[tuple[str, ...], str]

    def find(self, text: str) -> str | None:
        """The organisation that a path names; None for the tenant itself. Case, accents and doubled blanks count as in lists.

        Raises:
            PathUnknown, PathAmbiguous.
        """
        if text == ROOT:
            return None
        if len(text) > MAX_PATH:
            raise PathUnknown(text)
        readings = {tuple(folded(name) for name in text.split(separator)) for separator in (SEPARATOR, SHOWN_SEPARATOR)}
        found = {self.by_names[names] for names in readings if names in self.by_names}
        if len(found) > 1:
            raise PathAmbiguous(text)
        if not found:
            raise PathUnknown(text)
        return found.pop()


def paths_of(tree: OrganisationTree) -> OrganisationPaths:
    """Every organisation of a tenant by its names from the top."""
    names: dict[str, tuple[str, ...]] = {}
    for node, _ in tree.in_order():
        names[node.id] = (*(names[node.parent_id] if node.parent_id else ()), folded(node.name))
    return OrganisationPaths({path: organisation_id for organisation_id, path in names.items()})


def written_path(tree: OrganisationTree, organisation_id: str | None) -> str:
    """An organisation as a file has it; nothing where a tenant has none, and so nobody can be anywhere else."""
    return tree.path_words(organisation_id) or (ROOT if tree.nodes else "")
