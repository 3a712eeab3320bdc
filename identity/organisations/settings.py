"""Flows: what an organisation, or the tenant for all of them, says about signing in; and overriding is taken back (G1–G3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from identity.organisations.changing import end_what_is_over, hold, require_acceptable, require_node, timeouts_of
from tenants.audit import EventType, record
from tenants.directories.records import directories_of, find_directory
from tenants.errors import SettingsInvalid
from tenants.idp_records import find_provider, providers_of
from tenants.management_errors import FieldsInvalid
from tenants.organisations.access import SETTING_NAMES, SSO, AccessSettings
from tenants.organisations.records import keep_settings
from tenants.organisations.soundness import ABSOLUTE, IDLE, REQUIRED_ALONE, Timeouts
from tenants.organisations.tree import OrganisationTree
from tenants.tenant_records import ManagedTenant, change_tenant_row

NAMED = {"identity_provider": "idp_id", "directory": "directory_id"}
"""Settings that console, API and command line give by name, and that are kept by row."""
SHOWN = {stored: name for name, stored in NAMED.items()}
OF_TENANT = (IDLE, ABSOLUTE)
"""Settings that the tenant always has itself, in its own row."""
ALONE = ("way", "directory_id")
"""What nobody chooses where SSO is required."""


def change_access(
    tenant: ManagedTenant,
    organisation_id: str | None,
    patch: Mapping[str, Any],
    *,
    anyway: bool = False,
    actor: str,
    now: dt.datetime,
) -> None:
    """Override settings of an organisation, or (None) those of the tenant; None in place of a value takes overriding back.

    Args:
        patch: by the names that the API has; see `NAMED`. Nothing is done where nothing differs.
        anyway: whoever asks knows of the people who lose the way that they came by.

    Raises:
        NotFound, FieldsInvalid, SettingsInvalid, SSONotTested, PeopleLockedOut.
    """
    held, tree = hold(tenant)
    if organisation_id is not None:
        require_node(tree, organisation_id)
    wanted = _resolved(held, patch)
    timeouts = _timeouts(held, wanted) if organisation_id is None else timeouts_of(held)
    own = {name: value for name, value in wanted.items() if organisation_id is not None or name not in OF_TENANT}
    before = tree.own_settings_of(organisation_id)
    after = with_settings(tree, organisation_id, _changed(before, own))
    _require_alone(after, organisation_id, wanted)
    require_acceptable(held, tree, after, anyway=anyway, timeouts=timeouts)
    changes = _changes(held, before, after.own_settings_of(organisation_id), timeouts)
    if not changes:
        return
    if organisation_id is None and timeouts != timeouts_of(held):
        change_tenant_row(tenant.id, {IDLE: timeouts.idle, ABSOLUTE: timeouts.absolute})
    keep_settings(tenant.id, organisation_id, after.own_settings_of(organisation_id))
    ended = end_what_is_over(tenant.id, tree, after, now)
    detail: dict[str, Any] = {"organisation": organisation_id, "changes": changes, "sessions_ended": ended}
    record(tenant.id, EventType.ACCESS_CHANGED, at=now, actor=actor, **detail)


def with_settings(tree: OrganisationTree, organisation_id: str | None, settings: AccessSettings) -> OrganisationTree:
    """The tree in which one organisation, or the tenant, says something else."""
    if organisation_id is None:
        return replace(tree, root=settings)
    node = replace(tree.nodes[organisation_id], settings=settings)
    return replace(tree, nodes={**tree.nodes, organisation_id: node})


def _resolved(tenant: ManagedTenant, patch: Mapping[str, Any]) -> dict[str, Any]:
    """A patch by the names that are stored, with rows in place of names."""
    wanted = {NAMED.get(name, name): value for name, value in patch.items()}
    unknown = sorted(wanted.keys() - set(SETTING_NAMES))
    if unknown:
        raise FieldsInvalid("unknown", errors={name: ["There is no such setting."] for name in unknown})
    if wanted.get("idp_id") is not None:
        wanted["idp_id"] = _provider_id(tenant.id, wanted["idp_id"])
    if wanted.get("directory_id") is not None:
        wanted["directory_id"] = _directory_id(tenant.id, wanted["directory_id"])
    return wanted


def _provider_id(tenant_id: int, name: str) -> str:
    provider = find_provider(tenant_id, name)
    if provider is None or not provider.enabled:
        raise FieldsInvalid("idp", errors={"identity_provider": ["There is no identity provider of this name that is on."]})
    return provider.id


def _directory_id(tenant_id: int, name: str) -> str:
    directory = find_directory(tenant_id, name)
    if directory is None or not directory.enabled:
        raise FieldsInvalid("directory", errors={"directory": ["There is no directory of this name that is on."]})
    return directory.id


def _changed(before: AccessSettings, wanted: Mapping[str, Any]) -> AccessSettings:
    try:
        return replace(before, **wanted)
    except SettingsInvalid as invalid:
        errors = {SHOWN.get(name, name): [sentence] for name, sentence in invalid.detail["errors"].items()}
        raise FieldsInvalid("settings", errors=errors) from None


def _timeouts(tenant: ManagedTenant, wanted: Mapping[str, Any]) -> Timeouts:
    empty = [name for name in OF_TENANT if name in wanted and wanted[name] is None]
    if empty:
        raise FieldsInvalid("timeouts", errors={name: ["The tenant itself always has one."] for name in empty})
    given = _changed(AccessSettings(), {name: wanted[name] for name in OF_TENANT if name in wanted})
    present = timeouts_of(tenant)
    idle, absolute = given.session_idle_seconds, given.session_absolute_seconds
    return Timeouts(present.idle if idle is None else idle, present.absolute if absolute is None else absolute)


def _require_alone(after: OrganisationTree, organisation_id: str | None, wanted: Mapping[str, Any]) -> None:
    """Where SSO is required there is nothing else to choose, so nothing else is taken (G3)."""
    if after.access_of(organisation_id).sso_required:
        refused = [name for name in ALONE if wanted.get(name) not in (None, SSO)]
        if refused:
            raise FieldsInvalid("required", errors={SHOWN.get(name, name): [REQUIRED_ALONE] for name in refused})


def _changes(
    tenant: ManagedTenant, before: AccessSettings, after: AccessSettings, timeouts: Timeouts
) -> dict[str, dict[str, Any]]:
    """Setting -> from and to, with names in place of rows; None is what is inherited."""
    names = {provider.id: provider.name for provider in providers_of(tenant.id)}
    names |= {directory.id: directory.name for directory in directories_of(tenant.id)}
    found: dict[str, dict[str, Any]] = {}
    for name in SETTING_NAMES:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            found[SHOWN.get(name, name)] = {"from": names.get(old, old), "to": names.get(new, new)}
    present = timeouts_of(tenant)
    for name, old, new in ((IDLE, present.idle, timeouts.idle), (ABSOLUTE, present.absolute, timeouts.absolute)):
        if old != new:
            found[name] = {"from": old, "to": new}
    return found
