"""What every change of organisations has in common: one at a time, sound, harmless, and followed by the sessions it ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from identity.organisations.outlook import STAYING, require_harmless
from identity.session_records import end_unadmitted
from tenants.errors import NotFound
from tenants.organisations.access import Access
from tenants.organisations.records import organisations_of
from tenants.organisations.soundness import Timeouts, is_known, require_sound
from tenants.organisations.tree import OrganisationNode, OrganisationTree
from tenants.paging import is_row_id
from tenants.tenant_records import ManagedTenant, bump_version, find_managed_tenant_by_id


def hold(tenant: ManagedTenant) -> tuple[ManagedTenant, OrganisationTree]:
    """Let changes of one tenant's organisations follow each other, and every worker see this one; first in a transaction.

    Two moves that would make a cycle together are judged one after the other: the second finds the tree that the first left.

    Returns:
        The tenant and its tree as they are now.

    Raises:
        NotFound: the tenant was deleted meanwhile.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    present = find_managed_tenant_by_id(tenant.id)
    if present is None:
        raise NotFound("deleted meanwhile")
    return present, organisations_of(tenant.id)


def require_node(tree: OrganisationTree, organisation_id: str) -> OrganisationNode:
    """One of the tenant's organisations, or NotFound: a foreign one and an unknown one alike."""
    node = tree.nodes.get(organisation_id) if is_row_id(organisation_id) else None
    if node is None:
        raise NotFound("no such organisation")
    return node


def require_acceptable(
    tenant: ManagedTenant,
    before: OrganisationTree,
    after: OrganisationTree,
    *,
    anyway: bool,
    moved: Mapping[str, str | None] = STAYING,
    timeouts: Timeouts | None = None,
) -> None:
    """Refuse a tree whose settings do not go together, that requires an unproven SSO, or that locks people out unseen.

    Args:
        timeouts: what the tenant's own will be, where they change too.

    Raises:
        FieldsInvalid, SSONotTested, PeopleLockedOut.
    """
    present = timeouts_of(tenant)
    require_sound(before, after, timeouts or present, present)
    require_harmless(tenant.id, before, after, anyway=anyway, moved=moved)


def timeouts_of(tenant: ManagedTenant) -> Timeouts:
    """The tenant's own."""
    return Timeouts(tenant.session_idle_seconds, tenant.session_absolute_seconds)


def end_what_is_over(tenant_id: int, before: OrganisationTree, after: OrganisationTree, now: dt.datetime) -> int:
    """End the sessions of everybody whose organisation admits less than before, and tell how many.

    Whoever comes in at this very moment by the tree of before is met by `identity.sessions.current_session`, which asks the
    present one with each request.
    """
    changed: dict[Access, list[str | None]] = {}
    for one in (None, *after.nodes):
        access = after.access_of(one)
        if not is_known(before, one) or not _as_wide(before.access_of(one), access):
            changed.setdefault(access, []).append(one)
    return sum(end_unadmitted(tenant_id, access, now, ones) for access, ones in changed.items())


def _as_wide(before: Access, after: Access) -> bool:
    former = (before.way, before.idp_id, before.directory_id, before.sso_enabled, before.sso_required)
    return former == (after.way, after.idp_id, after.directory_id, after.sso_enabled, after.sso_required)
