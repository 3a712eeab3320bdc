"""Organisations as fields and links name them; the tenant itself is the root of them all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from werkzeug.datastructures import MultiDict

from admin_ui.asked import Asked
from admin_ui.forms import errors_of
from identity.organisations.changing import require_node
from tenants.management_errors import FieldsInvalid
from tenants.organisations.paths import PathAmbiguous, PathUnknown, paths_of, written_path
from tenants.organisations.tree import OrganisationTree

ROOT = "tenant"
"""Stands for the tenant itself in addresses and fields; no id reads so."""
BETWEEN = " › "
MOST_CHOICES = 200
"""Organisations that a field offers; of more, one is named by its path."""
NOBODY: Collection[str | None] = ()


def words_of(asked: Asked, tree: OrganisationTree, organisation_id: str | None) -> str:
    """Its names from the top; the tenant's own name for the tenant itself."""
    path = BETWEEN.join(node.name for node in tree.path_to(organisation_id))
    return path or f"{asked.tenant.name} as a whole"


def organisation_choices(
    asked: Asked, tree: OrganisationTree, without: Collection[str | None] = NOBODY, *, root: str = ROOT
) -> list[tuple[str, str]]:
    """All of them in the order of the tree, for a field that chooses one; `root` is the tenant's own value there.

    None at all where there are too many to choose from: there the field takes a path.
    """
    if len(tree.nodes) > MOST_CHOICES:
        return []
    below = [(node.id, words_of(asked, tree, node.id)) for node, _ in tree.in_order() if node.id not in without]
    return [(root, words_of(asked, tree, None)), *below]


def organisation_of_address(tree: OrganisationTree, text: str) -> str | None:
    """The organisation in an address; None for the tenant itself.

    Raises:
        NotFound
    """
    return None if text == ROOT else require_node(tree, text).id


def chosen_organisation(tree: OrganisationTree, text: str, field: str) -> str | None:
    """The organisation that a field chose, or whose path somebody typed; None for the tenant itself.

    Raises:
        FieldsInvalid: it is not there, or not any more.
    """
    if text == ROOT or text in tree.nodes:
        return None if text == ROOT else text
    try:
        return paths_of(tree).find(text.strip())
    except PathAmbiguous:
        sentence = 'Two organisations could be meant. Write the names from the top with "/" between them.'
    except PathUnknown:
        sentence = "There is no such organisation any more, or none of this path."
    raise FieldsInvalid(field, errors={field: [sentence]})


def placed_form(tree: OrganisationTree, form: MultiDict[str, str]) -> tuple[MultiDict[str, str], Mapping[str, Sequence[str]]]:
    """A form with the id of its `organisation_id`, chosen or typed as a path; and the fault, where there is none such."""
    if (text := form.get("organisation_id")) is None:
        return form, {}
    placed = form.copy()
    try:
        placed["organisation_id"] = chosen_organisation(tree, text or ROOT, "organisation_id") or ""
    except FieldsInvalid as refusal:
        return placed, errors_of(refusal)
    return placed, {}


def field_value(tree: OrganisationTree, text: str) -> str:
    """What a field holds that takes a path or offers choices: an id becomes its path where there are too many of these."""
    if len(tree.nodes) <= MOST_CHOICES:
        return text
    return written_path(tree, None if text == ROOT else text) if text == ROOT or text in tree.nodes else text
