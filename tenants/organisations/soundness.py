"""What has to go together along the tree: rules on two trees, the one that is there and the one that is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tenants.management_errors import FieldsInvalid
from tenants.organisations.access import SSO, Access
from tenants.organisations.tree import OrganisationTree

IDLE, ABSOLUTE = "session_idle_seconds", "session_absolute_seconds"
REQUIRED_ALONE = "SSO is required here, so nothing else can be chosen."
MAX_TOLD = 5
"""Organisations that a sentence names; the others are as wrong as these."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The tenant's own, in seconds, where no organisation says otherwise."""

    idle: int
    absolute: int


def require_sound(
    before: OrganisationTree, after: OrganisationTree, timeouts: Timeouts, timeouts_before: Timeouts | None = None
) -> None:
    """Refuse a tree in which something that is new somewhere does not go together; what was so before is nobody's change.

    Raises:
        FieldsInvalid: a sentence for each setting, with the first organisations that it is true of.
    """
    moved = timeouts_before is not None and timeouts_before != timeouts
    found: dict[str, list[str]] = {}
    for organisation_id in after.every_one():
        access = after.access_of(organisation_id)
        if not moved and is_known(before, organisation_id) and before.access_of(organisation_id) == access:
            continue
        where = after.path_words(organisation_id)
        for name, sentence in _faults_of(access, timeouts):
            told = found.setdefault(name, [])
            if len(told) < MAX_TOLD:
                told.append(f"{where}: {sentence}" if where else sentence)
    if found:
        raise FieldsInvalid("unsound", errors=found)


def newly_required(before: OrganisationTree, after: OrganisationTree) -> list[str | None]:
    """Organisations whose people must come by SSO from now on, or by another identity provider than they had to."""
    found: list[str | None] = []
    for organisation_id in after.every_one():
        access = after.access_of(organisation_id)
        present = before.access_of(organisation_id) if is_known(before, organisation_id) else None
        same = present is not None and present.sso_required and present.idp_id == access.idp_id
        if access.sso_required and not same:
            found.append(organisation_id)
    return found


def is_known(tree: OrganisationTree, organisation_id: str | None) -> bool:
    """Whether a tree has an organisation; the tenant itself is in each."""
    return organisation_id is None or organisation_id in tree.nodes


def _faults_of(access: Access, timeouts: Timeouts) -> Iterator[tuple[str, str]]:
    if access.sso_required and not access.sso_enabled:
        yield "sso_required", "SSO has to be enabled where it is required."
    elif access.way == SSO and not access.sso_enabled:
        yield "sso_enabled", "SSO is the way to sign in here. Choose another way first, or nobody could sign in."
    if (access.session_idle_seconds or timeouts.idle) > (access.session_absolute_seconds or timeouts.absolute):
        yield IDLE, "A session cannot be idle for longer than it may last."
