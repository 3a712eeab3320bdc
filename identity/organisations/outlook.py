"""Who could sign in no more: counted before a change of organisations is made, and told to whoever makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from identity.organisations.proving import untested_of
from identity.organisations.records import CensusLine, census_of
from tenants.management_errors import FieldsInvalid
from tenants.organisations.access import LDAP, LOCAL, SSO, Access
from tenants.organisations.errors import PeopleLockedOut, SSONotTested
from tenants.organisations.soundness import newly_required
from tenants.organisations.tree import OrganisationTree

MAX_TOLD = 20
"""Organisations that a refusal names."""
STAYING: Mapping[str, str | None] = {}


@dataclass(frozen=True, slots=True)
class SSOOutlook:
    """What requiring SSO would mean for an organisation and all below it that would inherit it.

    `people` are active ones, `never_by_sso` those who never came by an identity provider that they would have to come by;
    `untested` names those in force without a passing test, and `in_force` whether there is one for everybody.
    """

    people: int
    never_by_sso: int
    untested: tuple[str, ...]
    in_force: bool


def require_harmless(
    tenant_id: int,
    before: OrganisationTree,
    after: OrganisationTree,
    *,
    anyway: bool,
    moved: Mapping[str, str | None] = STAYING,
) -> None:
    """Refuse to require SSO where it is unproven, and to lock people out unseen.

    Args:
        anyway: whoever asks knows of the people.
        moved: where the people of an organisation that goes will belong.

    Raises:
        SSONotTested, PeopleLockedOut, FieldsInvalid.
    """
    required = newly_required(before, after)
    untested, unserved = untested_of(tenant_id, (after.access_of(one) for one in required))
    if unserved:
        sentence = "No identity provider that is switched on would be left to come by."
        raise FieldsInvalid("nobody could come", errors={"sso_required": [sentence]})
    if untested:
        where = [after.path_words(one) for one in required[:MAX_TOLD]]
        raise SSONotTested(", ".join(untested), identity_providers=untested, organisations=where)
    if anyway:
        return
    found = locked_out(before, after, census_of(tenant_id), moved)
    if found:
        told = [{"organisation": before.path_words(one), "people": people} for one, people in list(found.items())[:MAX_TOLD]]
        people = sum(found.values())
        raise PeopleLockedOut(f"{people} of them", people=people, organisations=told)


def locked_out(
    before: OrganisationTree,
    after: OrganisationTree,
    census: Iterable[CensusLine],
    moved: Mapping[str, str | None] = STAYING,
) -> dict[str | None, int]:
    """How many active people of each organisation would lose the way that they came by, or the only one they can have."""
    found: dict[str | None, int] = {}
    for line in census:
        here = line.organisation_id
        there = moved.get(here, here) if here is not None else None
        if loses(before.access_of(here), after.access_of(there), line.idp_id, line.directory_id):
            found[here] = found.get(here, 0) + line.people
    return found


def loses(before: Access, after: Access, idp_id: str | None, directory_id: str | None = None) -> bool:
    """Whether somebody who came by this identity provider or directory, or by neither so far, would be shut out by a change."""
    if idp_id is not None:
        return before.admits(SSO, idp_id) and not after.admits(SSO, idp_id)
    if directory_id is not None:
        return before.admits(LDAP, None, directory_id) and not after.admits(LDAP, None, directory_id)
    had = [way for way in (LDAP, LOCAL) if before.allows(way)]
    return bool(had) and not any(after.allows(way) for way in had)


def sso_outlook(tenant_id: int, tree: OrganisationTree, organisation_id: str | None) -> SSOOutlook:
    """What whoever thinks of requiring SSO should know beforehand."""
    part = {one for one in tree.branch_of(organisation_id) if _follows(tree, one, organisation_id)}
    people = never = 0
    for line in census_of(tenant_id):
        if line.organisation_id in part:
            people += line.people
            wanted = tree.access_of(line.organisation_id).idp_id
            never += line.people if line.idp_id is None or wanted not in (None, line.idp_id) else 0
    untested, unserved = untested_of(tenant_id, {tree.access_of(one) for one in part})
    return SSOOutlook(people, never, tuple(untested), not unserved)


def _follows(tree: OrganisationTree, one: str | None, organisation_id: str | None) -> bool:
    """Whether an organisation of a branch has what the branch's top says about requiring SSO."""
    if one == organisation_id:
        return True
    path = tree.path_to(one)
    top = next((at for at, node in enumerate(path) if node.id == organisation_id), -1)
    return all(node.settings.sso_required is None for node in path[top + 1 :])
