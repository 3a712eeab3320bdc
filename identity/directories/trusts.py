"""What one sign-in by a directory is judged by: the directory, the tenant's domains, its organisations."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.sealing import KeyRing
from tenants.directories.asking import DirectoryAccount
from tenants.directories.entries import Entry
from tenants.directories.managing import account_of
from tenants.directories.records import ManagedDirectory
from tenants.directories.settings import DirectorySettings
from tenants.directory_attributes import GROUPS
from tenants.organisations.access import LDAP
from tenants.organisations.tree import OrganisationTree
from tenants.own_keys import fingerprint_purpose
from tenants.placement.records import rules_in_force, rules_of
from tenants.placement_rules import DIRECTORY, NO_RULES, Placement, PlacementRules


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
    rules: PlacementRules = NO_RULES
    fingerprint_key: tuple[str, bytes] = field(default=("", b""), repr=False)

    @property
    def settings(self) -> DirectorySettings:
        """How it is asked, and what is made of its entries."""
        return self.account.settings

    def placed(self, entry: Entry) -> Placement:
        """What the directory's rules say of somebody; none leads out of the directory's own organisation."""
        return self.rules.place(entry.attributes)

    @property
    def wants_groups(self) -> bool:
        """Whether groups that are searched for are of any use: to its rules, or to whoever thinks of some."""
        return GROUPS in self.settings.rule_attributes or any(rule.attribute == GROUPS for rule in self.rules.rules)

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
    listed, room = rules_of(directory.tenant_id, DIRECTORY, directory.id), directory.organisation_id
    name = keys.names[0]
    return DirectoryTrust(
        tenant_id=directory.tenant_id,
        directory_id=directory.id,
        name=directory.name,
        account=account_of(directory, keys),
        email_domains=email_domains,
        organisations=organisations,
        organisation_id=room,
        rules=rules_in_force(listed, organisations, room, follows=directory.placement_follows),
        fingerprint_key=(name, keys.derived(name, fingerprint_purpose(directory.tenant_id))),
    )
