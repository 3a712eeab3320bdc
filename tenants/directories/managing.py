"""Flows: directories are connected, changed, tried and taken away; the service's password there is taken and never shown."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from config.places import Places
from config.sealing import KeyRing
from config.settings import Settings
from tenants.access_tokens import end_tokens_of_lost_roles
from tenants.audit import EventType, record
from tenants.directories.asking import MAX_PASSWORD, DirectoryAccount
from tenants.directories.changes import changes_between
from tenants.directories.claims import ASK_INTERVAL, CLAIM_VOID, request_sync
from tenants.directories.door import require_support
from tenants.directories.errors import DirectoryChanged, DirectoryInUse, NotAskedAgain, TooManyDirectories
from tenants.directories.examining import Examination, examine
from tenants.directories.models import PLACE
from tenants.directories.records import (
    ManagedDirectory,
    add_directory,
    directories_of,
    find_directory,
    made_since,
    new_directory_id,
    revive_directory,
    set_directory,
)
from tenants.directories.settings import DirectorySettings, directory_settings_of
from tenants.errors import ConflictingState, NotFound
from tenants.management_errors import FieldsInvalid, NameInvalid
from tenants.organisations.records import organisations_of
from tenants.placement.records import is_within, remove_placement_rules, rules_of
from tenants.placement_rules import DIRECTORY
from tenants.tenant_records import ManagedTenant, bump_version

MAX_DIRECTORIES = 10
MAX_MADE_A_DAY = 30
"""One that is taken away leaves a row for good, so that many cannot be made and taken away in turn."""
DAY = dt.timedelta(days=1)
LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
UNKNOWN_ORGANISATION = "There is no such organisation."
RESERVED = ("new",)
"""Labels that are something else in the console's addresses."""
FACTS = ("display_name", "enabled", "organisation_id")
"""What a directory's row says beside its settings."""
_BOUND_TO = ("urls", "bind_dn", "ca_certificates")
"""What says whom the password goes to: whoever changes one of these names the password again, or could have it sent to them."""
_tests = Places(in_all=4, for_each=1)


class EndDirectorySessions(Protocol):
    """Ends the open sessions of a directory's people, and tells how many there were; of the package above."""

    def __call__(self, tenant_id: int, now: dt.datetime, *, directory_id: str | None = None) -> int: ...


@dataclass(frozen=True, slots=True)
class DirectoryForm:
    """What somebody wants a directory to be. `password` None: the one that is there. `version`: of what they have seen."""

    display_name: str
    settings: DirectorySettings
    enabled: bool = True
    organisation_id: str | None = None
    password: str | None = field(default=None, repr=False)
    version: str | None = None


@dataclass(frozen=True, slots=True)
class SavedDirectory:
    """A directory as it is now, and whether it was made just now."""

    directory: ManagedDirectory
    created: bool


def save_directory(
    tenant: ManagedTenant, name: str, form: DirectoryForm, keys: KeyRing, *, actor: str, now: dt.datetime
) -> SavedDirectory:
    """Connect a directory, or change the one of this label, inside a transaction; the same again changes nothing.

    Raises:
        NameInvalid, FieldsInvalid, DirectoryExists, DirectoryChanged, TooManyDirectories, NotFound.
    """
    if not LABEL.fullmatch(name) or name in RESERVED:
        raise NameInvalid("the label of a directory")
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    before = find_directory(tenant.id, name)
    present = before.version if before else None
    if form.version not in (None, present):
        raise DirectoryChanged(f"{form.version} instead of {present}", version=present)
    _require_organisation(tenant, form, before)
    sealing = _password_of(form, before)
    if before is None:
        if len(directories_of(tenant.id)) >= MAX_DIRECTORIES or made_since(tenant.id, now - DAY) >= MAX_MADE_A_DAY:
            raise TooManyDirectories(f"{MAX_DIRECTORIES} directories, {MAX_MADE_A_DAY} made in a day")
        values = _values(form) | {"sync_due_at": now if form.settings.sync_hours else None}
        if (directory_id := revive_directory(tenant.id, name, values)) is not None:
            set_directory(tenant.id, directory_id, values | _sealed(keys, tenant.id, directory_id, sealing))
        else:
            directory_id = new_directory_id()
            made = values | {"name": name, "created_at": now}
            add_directory(tenant.id, directory_id, made | _sealed(keys, tenant.id, directory_id, sealing))
        changes = changes_between({}, _told(form))
        record(tenant.id, EventType.DIRECTORY_CREATED, at=now, actor=actor, directory=name, changes=changes)
        return SavedDirectory(require_directory(tenant.id, name), True)
    values = {key: value for key, value in _values(form).items() if value != getattr(before, key)}
    former = {name: getattr(before, name) for name in FACTS} | dict(before.settings)
    changes = changes_between(former, _told(form))
    changed = list(changes)
    if form.settings.sync_hours != before.settings.get("sync_hours"):
        values["sync_due_at"] = now if form.settings.sync_hours else None
    if sealing is not None:
        changed.append("password")
    if changed:
        values |= CLAIM_VOID  # a sync under way reads by what held before: it changes nobody any more
        set_directory(tenant.id, before.id, values | _sealed(keys, tenant.id, before.id, sealing))
        facts: dict[str, Any] = {"directory": name, "fields": changed, "changes": changes}
        record(tenant.id, EventType.DIRECTORY_CHANGED, at=now, actor=actor, **facts)
    return SavedDirectory(require_directory(tenant.id, name), False)


def remove_directory(
    tenant: ManagedTenant, name: str, *, actor: str, now: dt.datetime, end_sessions: EndDirectorySessions
) -> None:
    """Take a directory away, inside a transaction: its people's sessions end, and its password is erased. They stay.

    Raises:
        NotFound. DirectoryInUse: an organisation's people sign in by it.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    directory = require_directory(tenant.id, name)
    tree = organisations_of(tenant.id)
    if any(item.directory_id == directory.id for item in (tree.root, *(node.settings for node in tree.nodes.values()))):
        raise DirectoryInUse("an organisation names it")
    gone = {"deleted_at": now, "enabled": False, "sealed_password": None, "sync_due_at": None, "sync_requested_at": None}
    set_directory(tenant.id, directory.id, {**gone, **CLAIM_VOID})
    remove_placement_rules(tenant.id, DIRECTORY, directory.id)  # they must not come back unseen when it is connected again
    end_tokens_of_lost_roles(tenant.id, actor=actor, now=now)
    ended = end_sessions(tenant.id, now, directory_id=directory.id)
    record(tenant.id, EventType.DIRECTORY_REMOVED, at=now, actor=actor, directory=name, sessions_ended=ended)


def try_directory(
    tenant: ManagedTenant,
    name: str,
    network: Settings,
    keys: KeyRing,
    *,
    username: str,
) -> Examination:
    """Try a directory as it is saved, outside of any transaction; one test of a tenant at a time.

    Raises:
        NotFound, SupportMissing, NotAskedAgain.
    """
    require_support()
    directory = require_directory(tenant.id, name)
    with _tests.place(tenant.id) as free:
        if not free:
            raise NotAskedAgain("another test is under way", retry_after=5)
        return examine(account_of(directory, keys), network, username=username)


def queue_directory_sync(tenant: ManagedTenant, name: str, *, actor: str, now: dt.datetime) -> None:
    """Have a directory synchronised now, inside a transaction; once a minute at most.

    Raises:
        NotFound, SupportMissing, NotAskedAgain. ConflictingState: it is switched off.
    """
    require_support()
    directory = require_directory(tenant.id, name)
    if not directory.enabled:
        raise ConflictingState("the directory is switched off")
    if not request_sync(tenant.id, directory.id, now):
        raise NotAskedAgain("within the minute", retry_after=int(ASK_INTERVAL.total_seconds()))
    record(tenant.id, EventType.DIRECTORY_SYNC_ASKED, at=now, actor=actor, directory=name)


def require_directory(tenant_id: int, name: str) -> ManagedDirectory:
    """One of the tenant's, or NotFound."""
    directory = find_directory(tenant_id, name)
    if directory is None:
        raise NotFound("no such directory")
    return directory


def account_of(directory: ManagedDirectory, keys: KeyRing) -> DirectoryAccount:
    """A directory as it is asked, for what its rules ask as well; the service's password open."""
    sealed = directory.sealed_password
    place = PLACE.place({"tenant_id": directory.tenant_id, "id": directory.id})
    password = keys.open(sealed, place).decode() if sealed else ""
    rules = rules_of(directory.tenant_id, DIRECTORY, directory.id)
    settings = replace(directory_settings_of(directory.settings), placed_by=tuple(rule.attribute for rule in rules))
    return DirectoryAccount(settings, password, directory.tenant_id)


def _values(form: DirectoryForm) -> dict[str, Any]:
    return {
        "display_name": form.display_name,
        "enabled": form.enabled,
        "organisation_id": form.organisation_id,
        "settings": form.settings.to_document(),
    }


def _told(form: DirectoryForm) -> dict[str, Any]:
    """What the audit compares; the password is none of it."""
    return {name: getattr(form, name) for name in FACTS} | form.settings.to_document()


def _password_of(form: DirectoryForm, before: ManagedDirectory | None) -> str | None:
    """The password to seal; None: the one that is there stays."""
    document = form.settings.to_document()
    if form.password is not None:
        if form.password and not form.settings.bind_dn:
            raise FieldsInvalid("password", errors={"password": ["It takes a bind DN, too."]})
        if not 0 < len(form.password) <= MAX_PASSWORD and form.settings.bind_dn:
            raise FieldsInvalid("password", errors={"password": [f"It has 1 to {MAX_PASSWORD} characters."]})
        return form.password
    if not form.settings.bind_dn:
        return "" if before is not None and before.sealed_password else None
    if before is None or not before.sealed_password:
        raise FieldsInvalid("password", errors={"password": ["The password of the bind DN is needed."]})
    if any(document[name] != before.settings.get(name) for name in _BOUND_TO):
        words = "Enter the password again: it goes to whom the addresses, the bind DN and the authorities say."
        raise FieldsInvalid("password", errors={"password": [words]})
    return None


def _sealed(keys: KeyRing, tenant_id: int, directory_id: str, password: str | None) -> dict[str, str | None]:
    if password is None:
        return {}
    place = PLACE.place({"tenant_id": tenant_id, "id": directory_id})
    return {"sealed_password": keys.seal(password.encode(), place) if password else None}


def _require_organisation(tenant: ManagedTenant, form: DirectoryForm, before: ManagedDirectory | None) -> None:
    tree = organisations_of(tenant.id)
    if form.organisation_id is not None and form.organisation_id not in tree.nodes:
        raise FieldsInvalid("organisation", errors={"organisation_id": [UNKNOWN_ORGANISATION]})
    if before is None or before.organisation_id == form.organisation_id:
        return
    for number, rule in enumerate(rules_of(tenant.id, DIRECTORY, before.id), 1):
        if rule.moves and not is_within(tree, form.organisation_id, rule.organisation_id):
            words = f"Rule {number} of placement leads out of it. Change that rule first."
            raise FieldsInvalid("placement", errors={"organisation_id": [words]})
