"""What API, console and command line share of organisations: each as a document, and its settings with where they come from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from identity.organisations.branches import MAX_ORGANISATIONS
from identity.organisations.members import Placed, count_moved
from identity.organisations.outlook import SSOOutlook, sso_outlook
from identity.organisations.records import people_by_organisation
from identity.organisations.settings import NAMED, OF_TENANT, SHOWN
from tenants.directories.records import directories_of
from tenants.folding import folded
from tenants.idp_records import ManagedProvider, providers_of
from tenants.organisations.access import WAYS, Access
from tenants.organisations.records import made_at, organisations_of
from tenants.organisations.tree import OrganisationNode, OrganisationTree, Sourced
from tenants.tenant_records import ManagedTenant


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One setting as it is shown: names in place of rows. `source` None: nobody says anything."""

    name: str
    value: Any
    own: bool
    source: str | None
    source_path: str | None


@dataclass(frozen=True, slots=True)
class ShownAccess:
    """How the people of an organisation sign in. `warnings` are (code, sentence)."""

    organisation_id: str | None
    access: Access
    settings: Mapping[str, ShownSetting]
    ways: tuple[str, ...]
    outlook: SSOOutlook
    warnings: tuple[tuple[str, str], ...]

    def to_document(self) -> dict[str, Any]:
        """As the API shows it."""
        settings = {}
        for name, item in self.settings.items():
            source = {"id": item.source, "path": item.source_path} if item.source_path is not None else None
            settings[name] = {"value": item.value, "own": item.own, "source": source}
        outlook = self.outlook
        return {
            "organisation_id": self.organisation_id,
            "settings": settings,
            "ways": list(self.ways),
            "sso": {
                "people": outlook.people,
                "never_by_sso": outlook.never_by_sso,
                "tested": outlook.in_force and not outlook.untested,
                "untested": list(outlook.untested),
            },
            "warnings": [{"code": code, "detail": sentence} for code, sentence in self.warnings],
        }


def shown_access(tenant: ManagedTenant, organisation_id: str | None) -> ShownAccess:
    """What holds for an organisation that is there, or (None) for the tenant, where each of it comes from, and for whom."""
    tree = organisations_of(tenant.id)
    by_id = {provider.id: provider for provider in providers_of(tenant.id)}
    access = tree.access_of(organisation_id)
    return ShownAccess(
        organisation_id=organisation_id,
        access=access,
        settings=shown_settings(tenant, tree, organisation_id),
        ways=tuple(way for way in WAYS if access.allows(way)),
        outlook=sso_outlook(tenant.id, tree, organisation_id),
        warnings=tuple(_warnings(access, by_id)),
    )


def shown_settings(
    tenant: ManagedTenant, tree: OrganisationTree, organisation_id: str | None
) -> dict[str, ShownSetting]:
    """The settings alone, without the people whom they are about: these are counted, and there may be many."""
    names = {provider.id: provider.name for provider in providers_of(tenant.id)}
    names |= {directory.id: directory.name for directory in directories_of(tenant.id)}
    settings = {}
    for stored, item in tree.sourced_access_of(organisation_id).items():
        name = SHOWN.get(stored, stored)
        settings[name] = _shown(name, _of_tenant(tenant, stored, item), organisation_id, tree, names)
    return settings


def _of_tenant(tenant: ManagedTenant, stored: str, item: Sourced) -> Sourced:
    """The tenant's own row says what no organisation does about timeouts."""
    return Sourced(getattr(tenant, stored), None, True) if stored in OF_TENANT and not item.said else item


def _shown(
    name: str,
    item: Sourced,
    organisation_id: str | None,
    tree: OrganisationTree,
    names: Mapping[str, str],
) -> ShownSetting:
    value = item.value
    if name in NAMED and isinstance(value, str):
        value = names.get(value)
    own = item.said and item.source == organisation_id
    return ShownSetting(name, value, own, item.source, tree.path_words(item.source) if item.said else None)


def _warnings(access: Access, by_id: Mapping[str, ManagedProvider]) -> list[tuple[str, str]]:
    """What has come apart since the settings were made: nobody comes in by it until somebody mends it."""
    if access.idp_id is None or not access.sso_enabled:
        return []
    provider = by_id.get(access.idp_id)
    if provider is None:
        return [("identity_provider_gone", "The chosen identity provider was deleted, so nobody comes in by SSO here.")]
    if not provider.enabled:
        return [("identity_provider_off", f"{provider.name} is switched off, so nobody comes in by SSO here.")]
    return []


def organisation_documents(
    tenant_id: int, *, parent: str | None = None, search: str = "", after: str = "", limit: int = MAX_ORGANISATIONS
) -> list[dict[str, Any]]:
    """A tenant's organisations in the order of their making.

    Args:
        parent: those directly below it alone; `none` those at the top.
        search: a part of the name, in whatever case.
        after: the id behind which they begin.
    """
    tree, wanted = organisations_of(tenant_id), folded(search)
    found = [
        node
        for node in tree.nodes.values()
        if node.id > after
        and (not parent or (node.parent_id or "none") == parent)
        and (not wanted or wanted in folded(node.name))
    ]
    return _documents(tenant_id, tree, sorted(found, key=lambda node: node.id)[:limit])


def organisation_document(tenant_id: int, organisation_id: str) -> dict[str, Any]:
    """One organisation that is there."""
    tree = organisations_of(tenant_id)
    (document,) = _documents(tenant_id, tree, [tree.nodes[organisation_id]])
    return document


def placed_document(placed: Sequence[Placed]) -> dict[str, Any]:
    """What became of people who were put somewhere, as API and command line show it."""
    return {"moved": count_moved(placed), "people": [asdict(one) for one in placed]}


def overrides_of(node: OrganisationNode) -> Sequence[str]:
    """Names of the settings that an organisation does not inherit."""
    return [SHOWN.get(name, name) for name, value in asdict(node.settings).items() if value is not None]


def _documents(tenant_id: int, tree: OrganisationTree, nodes: Sequence[OrganisationNode]) -> list[dict[str, Any]]:
    ids = [node.id for node in nodes]
    people, made = people_by_organisation(tenant_id, ids), made_at(tenant_id, ids)
    return [_document(tree, node, people, made) for node in nodes]


def _document(
    tree: OrganisationTree, node: OrganisationNode, people: Mapping[str, int], made: Mapping[str, dt.datetime]
) -> dict[str, Any]:
    return {
        "id": node.id,
        "name": node.name,
        "parent_id": node.parent_id,
        "path": tree.path_words(node.id),
        "depth": len(tree.path_to(node.id)),
        "people": people.get(node.id, 0),
        "organisations": len(tree.children_of(node.id)),
        "overrides": overrides_of(node),
        "created_at": made[node.id],
    }
