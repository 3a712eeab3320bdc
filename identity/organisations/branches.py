"""Flows: organisations are made, renamed, moved and removed. Their ids stay, so nothing that refers to one breaks (G1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from identity.organisations.changing import end_what_is_over, hold, require_acceptable, require_node
from identity.organisations.records import directories_into, end_unadmitted, move_directories, move_everybody, people_in
from tenants.audit import EventType, record
from tenants.folding import folded
from tenants.management_errors import FieldsInvalid
from tenants.organisations.errors import (
    OrganisationCycle,
    OrganisationExists,
    OrganisationNotEmpty,
    OrganisationTooDeep,
    TooManyOrganisations,
)
from tenants.organisations.models import MAX_DEPTH
from tenants.organisations.records import (
    add_organisation,
    move_rooms,
    place_organisation,
    remove_organisation,
    rename_organisation,
    rooms_of,
    shift_depths,
)
from tenants.organisations.tree import SEPARATOR, OrganisationNode, OrganisationTree
from tenants.tenant_records import ManagedTenant

MAX_NAME_LENGTH = 200
MAX_ORGANISATIONS = 1_000


def make_organisation(
    tenant: ManagedTenant, name: str, parent_id: str | None, *, actor: str, now: dt.datetime
) -> str:
    """Make an organisation below another one, or directly below the tenant; its id.

    Raises:
        NotFound, FieldsInvalid, OrganisationExists, OrganisationTooDeep, TooManyOrganisations.
    """
    name = require_organisation_name(name)
    _, tree = hold(tenant)
    if parent_id is not None:
        require_node(tree, parent_id)
    if len(tree.nodes) >= MAX_ORGANISATIONS:
        raise TooManyOrganisations(f"{MAX_ORGANISATIONS} organisations")
    depth = len(tree.path_to(parent_id)) + 1
    if depth > MAX_DEPTH:
        raise OrganisationTooDeep(f"depth {depth}")
    made = add_organisation(tenant.id, name, parent_id, depth, now)
    path = SEPARATOR.join((*(node.name for node in tree.path_to(parent_id)), name))
    record(tenant.id, EventType.ORGANISATION_CREATED, at=now, actor=actor, organisation=made, path=path)
    return made


def rename_organisation_to(tenant: ManagedTenant, organisation_id: str, name: str, *, actor: str, now: dt.datetime) -> None:
    """Call an organisation something else; the same again does nothing.

    Raises:
        NotFound, FieldsInvalid, OrganisationExists.
    """
    name = require_organisation_name(name)
    _, tree = hold(tenant)
    node = require_node(tree, organisation_id)
    if node.name == name:
        return
    rename_organisation(tenant.id, organisation_id, name)
    changes = {"from": node.name, "to": name}
    record(tenant.id, EventType.ORGANISATION_RENAMED, at=now, actor=actor, organisation=organisation_id, name=changes)


def move_organisation(
    tenant: ManagedTenant,
    organisation_id: str,
    parent_id: str | None,
    *,
    anyway: bool = False,
    actor: str,
    now: dt.datetime,
) -> None:
    """Put an organisation, with everything below it, below another one or directly below the tenant.

    What it and those below it inherit is inherited from there from now on.

    Args:
        anyway: whoever moves it knows of the people who lose the way that they came by.

    Raises:
        NotFound, OrganisationCycle, OrganisationTooDeep, OrganisationExists, FieldsInvalid, SSONotTested, PeopleLockedOut.
    """
    held, tree = hold(tenant)
    node = require_node(tree, organisation_id)
    if parent_id is not None:
        require_node(tree, parent_id)
    if node.parent_id == parent_id:
        return
    branch = tree.branch_of(organisation_id)
    if parent_id in branch:
        raise OrganisationCycle(f"{organisation_id} below {parent_id}")
    depth, new_depth = len(tree.path_to(organisation_id)), len(tree.path_to(parent_id)) + 1
    if new_depth + tree.height_of(organisation_id) - 1 > MAX_DEPTH:
        raise OrganisationTooDeep(f"depth {new_depth}, {tree.height_of(organisation_id)} levels")
    after = replace(tree, nodes={**tree.nodes, organisation_id: replace(node, parent_id=parent_id)})
    _require_no_namesake(after, node, parent_id)
    require_acceptable(held, tree, after, anyway=anyway)
    place_organisation(tenant.id, organisation_id, parent_id)
    shift_depths(tenant.id, [one for one in branch if one is not None], new_depth - depth)
    ended = end_what_is_over(tenant.id, tree, after, now)
    paths = {"from": tree.path_words(organisation_id), "to": after.path_words(organisation_id)}
    detail: dict[str, Any] = {"organisation": organisation_id, "path": paths, "sessions_ended": ended}
    record(tenant.id, EventType.ORGANISATION_MOVED, at=now, actor=actor, **detail)


def remove_branch(
    tenant: ManagedTenant,
    organisation_id: str,
    *,
    contents_to_parent: bool = False,
    anyway: bool = False,
    actor: str,
    now: dt.datetime,
) -> None:
    """Remove an organisation that is empty; or first move its people, organisations and identity providers to its parent.

    Raises:
        NotFound, OrganisationNotEmpty; where there is something to move, what `move_organisation` raises.
    """
    held, tree = hold(tenant)
    node = require_node(tree, organisation_id)
    children, rooms = tree.children_of(organisation_id), rooms_of(tenant.id, organisation_id)
    people, directories = people_in(tenant.id, organisation_id), directories_into(tenant.id, organisation_id)
    if not contents_to_parent and (children or rooms or people or directories):
        numbers = {"people": people, "organisations": len(children), "identity_providers": len(rooms)}
        numbers["directories"] = directories
        raise OrganisationNotEmpty(f"{numbers}", **numbers)
    after = _without(tree, node, children)
    for child in children:
        _require_no_namesake(after, child, node.parent_id)
    moved = {organisation_id: node.parent_id}
    require_acceptable(held, tree, after, anyway=anyway, moved=moved)
    # Before anything stands beside its namesake for a moment, the organisation that goes steps aside.
    below = [one for one in tree.branch_of(organisation_id) if one not in (None, organisation_id)]
    # Directories before people, as a sync takes them, and people before sessions, as a sign-in does.
    move_directories(tenant.id, organisation_id, node.parent_id)
    move_everybody(tenant.id, organisation_id, node.parent_id)
    ended = _end_of_those_moved(tenant.id, tree, after, node, now)
    move_rooms(tenant.id, organisation_id, node.parent_id)
    rename_organisation(tenant.id, organisation_id, organisation_id)
    for child in children:
        place_organisation(tenant.id, child.id, node.parent_id)
    shift_depths(tenant.id, [one for one in below if one is not None], -1)
    remove_organisation(tenant.id, organisation_id)
    numbers = {"people_moved": people, "organisations_moved": len(children), "identity_providers_moved": len(rooms)}
    detail: dict[str, Any] = {"organisation": organisation_id, "path": tree.path_words(organisation_id), **numbers}
    detail["sessions_ended"] = ended
    record(tenant.id, EventType.ORGANISATION_REMOVED, at=now, actor=actor, **detail)


def require_organisation_name(text: str) -> str:
    """A name that people read, and that a path can hold.

    Raises:
        FieldsInvalid
    """
    name = " ".join(text.split(" ")).strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable() or SEPARATOR in name or not folded(name):
        sentence = f'It takes 1 to {MAX_NAME_LENGTH} printable characters, and no "{SEPARATOR}", which stands between names.'
        raise FieldsInvalid("name", errors={"name": [sentence]})
    return name


def _without(tree: OrganisationTree, gone: OrganisationNode, children: list[OrganisationNode]) -> OrganisationTree:
    raised: Mapping[str, OrganisationNode] = {child.id: replace(child, parent_id=gone.parent_id) for child in children}
    nodes = {one: node for one, node in {**tree.nodes, **raised}.items() if one != gone.id}
    return replace(tree, nodes=nodes)


def _end_of_those_moved(
    tenant_id: int, tree: OrganisationTree, after: OrganisationTree, gone: OrganisationNode, now: dt.datetime
) -> int:
    """Sessions of the organisation's own people, who were moved, and of those below it, by what holds at their new place."""
    ended = end_unadmitted(tenant_id, after.access_of(gone.parent_id), now, organisation_ids=[gone.parent_id])
    return ended + end_what_is_over(tenant_id, tree, after, now)


def _require_no_namesake(tree: OrganisationTree, node: OrganisationNode, parent_id: str | None) -> None:
    """As the database decides it; said here before anything else is refused."""
    if any(other.id != node.id and folded(other.name) == folded(node.name) for other in tree.children_of(parent_id)):
        raise OrganisationExists(node.name)


