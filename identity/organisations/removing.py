"""Flows: an organisation is removed, empty or with everything in it moved up; never one that a rule leads to (G1, P6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from identity.organisations.branches import require_no_namesake
from identity.organisations.changing import end_what_is_over, hold, require_acceptable, require_node
from identity.organisations.records import directories_into, move_directories, move_everybody, people_in
from identity.session_records import end_unadmitted
from tenants.audit import EventType, record
from tenants.organisations.errors import OrganisationInRules, OrganisationNotEmpty
from tenants.organisations.records import move_rooms, remove_organisation, rooms_of, settle_organisation, shift_depths
from tenants.organisations.tree import OrganisationNode, OrganisationTree
from tenants.placement.records import rules_into
from tenants.tenant_records import ManagedTenant

MAX_TOLD = 20
"""Rules that a refusal names."""


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
        NotFound, OrganisationNotEmpty; where there is something to move, what `change_organisation` raises.
        OrganisationInRules: a rule would lead to nowhere; where its people are to go is for whoever changes the rule.
    """
    held, tree = hold(tenant)
    node = require_node(tree, organisation_id)
    if rules := rules_into(tenant.id, organisation_id):
        raise OrganisationInRules(f"{len(rules)} rules", rules=rules[:MAX_TOLD])
    children, rooms = tree.children_of(organisation_id), rooms_of(tenant.id, organisation_id)
    people, directories = people_in(tenant.id, organisation_id), directories_into(tenant.id, organisation_id)
    if not contents_to_parent and (children or rooms or people or directories):
        numbers = {"people": people, "organisations": len(children), "identity_providers": len(rooms)}
        numbers["directories"] = directories
        raise OrganisationNotEmpty(f"{numbers}", **numbers)
    after = _without(tree, node, children)
    for child in children:
        require_no_namesake(after, replace(child, parent_id=node.parent_id))
    moved = {organisation_id: node.parent_id}
    require_acceptable(held, tree, after, anyway=anyway, moved=moved)
    # Before anything stands beside its namesake for a moment, the organisation that goes steps aside.
    below = [one for one in tree.branch_of(organisation_id) if one not in (None, organisation_id)]
    # Directories before people, as a sync takes them, and people before sessions, as a sign-in does.
    move_directories(tenant.id, organisation_id, node.parent_id)
    move_everybody(tenant.id, organisation_id, node.parent_id)
    ended = _end_of_those_moved(tenant.id, tree, after, node, now)
    move_rooms(tenant.id, organisation_id, node.parent_id)
    settle_organisation(tenant.id, organisation_id, organisation_id, node.parent_id)
    for child in children:
        settle_organisation(tenant.id, child.id, child.name, node.parent_id)
    shift_depths(tenant.id, [one for one in below if one is not None], -1)
    remove_organisation(tenant.id, organisation_id)
    numbers = {"people_moved": people, "organisations_moved": len(children), "identity_providers_moved": len(rooms)}
    detail: dict[str, Any] = {"organisation": organisation_id, "path": tree.path_words(organisation_id), **numbers}
    detail["sessions_ended"] = ended
    record(tenant.id, EventType.ORGANISATION_REMOVED, at=now, actor=actor, **detail)


def _without(tree: OrganisationTree, gone: OrganisationNode, children: list[OrganisationNode]) -> OrganisationTree:
    raised: Mapping[str, OrganisationNode] = {child.id: replace(child, parent_id=gone.parent_id) for child in children}
    nodes = {one: node for one, node in {**tree.nodes, **raised}.items() if one != gone.id}
    return replace(tree, nodes=nodes)


def _end_of_those_moved(
    tenant_id: int, tree: OrganisationTree, after: OrganisationTree, gone: OrganisationNode, now: dt.datetime
) -> int:
    """Sessions of the organisation's own people, who were moved, and of those below it, by what holds at their new place."""
    ended = end_unadmitted(tenant_id, after.access_of(gone.parent_id), now, [gone.parent_id])
    return ended + end_what_is_over(tenant_id, tree, after, now)
