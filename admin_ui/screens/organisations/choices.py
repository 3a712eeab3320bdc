"""Organisations as fields and links name them; the tenant itself is the root of them all."""

from __future__ import annotations

from collections.abc import Collection

from admin_ui.asked import Asked
from identity.organisations.changing import require_node
from tenants.management_errors import FieldsInvalid
from tenants.organisations.tree import OrganisationTree

ROOT = "tenant"
"""Stands for the tenant itself in addresses and fields; no id reads so."""
BETWEEN = " › "
NOBODY: Collection[str | None] = ()


def words_of(asked: Asked, tree: OrganisationTree, organisation_id: str | None) -> str:
    """Its names from the top; the tenant's own name for the tenant itself."""
    path = BETWEEN.join(node.name for node in tree.path_to(organisation_id))
    return path or f"{asked.tenant.name} as a whole"


def organisation_choices(
    asked: Asked, tree: OrganisationTree, without: Collection[str | None] = NOBODY, *, root: str = ROOT
) -> list[tuple[str, str]]:
    """All of them in the order of the tree, for a field that chooses one; `root` is the tenant's own value there."""
    below = [(node.id, words_of(asked, tree, node.id)) for node, _ in tree.in_order() if node.id not in without]
    return [(root, words_of(asked, tree, None)), *below]


def organisation_of_address(tree: OrganisationTree, text: str) -> str | None:
    """The organisation in an address; None for the tenant itself.

    Raises:
        NotFound
    """
    return None if text == ROOT else require_node(tree, text).id


def chosen_organisation(tree: OrganisationTree, text: str, field: str) -> str | None:
    """The organisation that a field chose; None for the tenant itself.

    Raises:
        FieldsInvalid: it is not there, or not any more.
    """
    if text != ROOT and text not in tree.nodes:
        raise FieldsInvalid(field, errors={field: ["There is no such organisation any more."]})
    return None if text == ROOT else text
