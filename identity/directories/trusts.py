"""What one sign-in by a directory is judged by: the directory, the tenant's domains, its organisations."""

from __future__ import annotations

from dataclasses import dataclass

from config.sealing import KeyRing
from tenants.directories.asking import DirectoryAccount
from tenants.directories.entries import Entry
from tenants.directories.managing import account_of
from tenants.directories.records import ManagedDirectory
from tenants.directories.settings import DirectorySettings
from tenants.organisations.access import LDAP
from tenants.organisations.tree import OrganisationTree
from tenants.placement.records import rules_in_force
from tenants.placement_rules import Placement, PlacementRule


@dataclass(frozen=True, slots=True)
class DirectoryTrust:
    """A directory as its people are judged by it. `organisation_id` is where they belong unless a rule says otherwise."""

    tenant_id: int
    directory_id: str
    name: str
    account: DirectoryAccount
    email_domains: frozenset[str]
    organisations: OrganisationTree
    organisation_id: str | None

    @property
    def settings(self) -> DirectorySettings:
        """How it is asked, and what is made of its entries."""
        return self.account.settings

    def placed(self, entry: Entry) -> Placement:
        """Where the directory's rules say that somebody belongs; none leads out of the directory's own organisation."""
        listed = [
            PlacementRule(str(number), rule.attribute, (rule.value,), moves=True, organisation_id=rule.organisation_id)
            for number, rule in enumerate(self.settings.placement, 1)
        ]
        return rules_in_force(listed, self.organisations, self.organisation_id, follows=True).place(entry.attributes)

    def makes_people(self, organisation_id: str | None) -> bool:
        """Whether somebody unknown gets an account in this organisation (P1): as it says itself, or else as the directory."""
        own = self.organisations.access_of(organisation_id).jit_provisioning
        return self.settings.jit_provisioning if own is None else own

    def speaks_for(self, _email: str) -> bool:
        """It may say who has any address of the tenant's."""
        return True

    def may_move_from(self, organisation_id: str | None) -> bool:
        """Whether its rules, or its own organisation, may take somebody out of where they are.

        Not out of an organisation whose people do not sign in by it: one part's directory would otherwise carry the people of
        another part over to where it is asked. Of the tenant as a whole it may, unless the tenant says how all of its people
        come.
        """
        access = self.organisations.access_of(organisation_id)
        unsaid = organisation_id is None and self.organisations.root.way is None and access.idp_id is None
        return self.lets_in(organisation_id) or (
            unsaid and not access.sso_required and access.directory_id in (None, self.directory_id)
        )

    def lets_in(self, organisation_id: str | None) -> bool:
        """Whether an organisation's people sign in by this directory."""
        access = self.organisations.access_of(organisation_id)
        return access.allows(LDAP) and access.directory_id in (None, self.directory_id)


def trust_of(
    directory: ManagedDirectory, keys: KeyRing, email_domains: frozenset[str], organisations: OrganisationTree
) -> DirectoryTrust:
    """A directory with its password open."""
    return DirectoryTrust(
        tenant_id=directory.tenant_id,
        directory_id=directory.id,
        name=directory.name,
        account=account_of(directory, keys),
        email_domains=email_domains,
        organisations=organisations,
        organisation_id=directory.organisation_id,
    )
