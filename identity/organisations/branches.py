"""Flows: organisations are made, renamed and moved. Their ids stay, so nothing that refers to one breaks (G1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from identity.organisations.changing import end_what_is_over, hold, require_acceptable, require_node
from tenants.audit import EventType, record
from tenants.folding import folded
from tenants.management_errors import FieldsInvalid
from tenants.organisations.errors import (
    OrganisationCycle,
    OrganisationExists,
    OrganisationTooDeep,
    TooManyOrganisations,
)
from tenants.organisations.models import MAX_DEPTH
from tenants.organisations.records import add_organisation, settle_organisation, shift_depths
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


def change_organisation(
    tenant: ManagedTenant,
    organisation_id: str,
    patch: Mapping[str, str | None],
    *,
    anyway: bool = False,
    actor: str,
    now: dt.datetime,
) -> None:
    """Rename an organisation, put it with everything below it elsewhere, or both at once; the same again does nothing.

    Only what comes of it is judged: its new name at its new place. All of it is done, or nothing. What it and those below it
    inherit is inherited from its new place from now on.

    Args:
        patch: `name` and `parent_id` (None: directly below the tenant); what is left out stays.
        anyway: whoever moves it knows of the people who lose the way that they came by.

    Raises:
        NotFound, OrganisationCycle, OrganisationTooDeep, OrganisationExists, FieldsInvalid, SSONotTested, PeopleLockedOut.
    """
    held, tree = hold(tenant)
    node = require_node(tree, organisation_id)
    name = require_organisation_name(patch["name"] or "") if "name" in patch else node.name
    wanted = replace(node, name=name, parent_id=patch.get("parent_id", node.parent_id))
    if wanted == node:
        return
    after = replace(tree, nodes={**tree.nodes, node.id: wanted})
    deeper = _require_place(tree, node, wanted.parent_id) if wanted.parent_id != node.parent_id else 0
    require_no_namesake(after, wanted)
    if wanted.parent_id != node.parent_id:
        require_acceptable(held, tree, after, anyway=anyway)
    settle_organisation(tenant.id, node.id, wanted.name, wanted.parent_id)
    if wanted.parent_id != node.parent_id:
        shift_depths(tenant.id, [one for one in tree.branch_of(node.id) if one is not None], deeper)
        ended = end_what_is_over(tenant.id, tree, after, now)
        paths = {"from": tree.path_words(node.id), "to": after.path_words(node.id)}
        detail: dict[str, Any] = {"organisation": node.id, "path": paths, "sessions_ended": ended}
        record(tenant.id, EventType.ORGANISATION_MOVED, at=now, actor=actor, **detail)
    if wanted.name != node.name:
        names = {"from": node.name, "to": wanted.name}
        record(tenant.id, EventType.ORGANISATION_RENAMED, at=now, actor=actor, organisation=node.id, name=names)


def require_no_namesake(tree: OrganisationTree, node: OrganisationNode) -> None:
    """As the database decides it; said here before anything else is refused.

    Raises:
        OrganisationExists
    """
    if any(other.id != node.id and folded(other.name) == folded(node.name) for other in tree.children_of(node.parent_id)):
        raise OrganisationExists(node.name)


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


def _require_place(tree: OrganisationTree, node: OrganisationNode, parent_id: str | None) -> int:
    """Refuse a place that is not there, below itself, or too deep for all of the branch; gives how much deeper it is."""
    if parent_id is not None:
        require_node(tree, parent_id)
    if parent_id in tree.branch_of(node.id):
        raise OrganisationCycle(f"{node.id} below {parent_id}")
    depth, new_depth = len(tree.path_to(node.id)), len(tree.path_to(parent_id)) + 1
    if new_depth + tree.height_of(node.id) - 1 > MAX_DEPTH:
        raise OrganisationTooDeep(f"depth {new_depth}, {tree.height_of(node.id)} levels")
    return new_depth - depth
