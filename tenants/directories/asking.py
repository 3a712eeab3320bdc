"""Who somebody is, by a directory: searched for by the name that they typed, then signed in with their password."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from config.settings import Settings
from tenants.directories.door import OpenDirectory, opened, scope_of
from tenants.directories.entries import Entry
from tenants.directories.errors import DirectoryFault, Stage
from tenants.directories.filters import filled, is_askable
from tenants.directories.settings import DirectorySettings
from tenants.directory_attributes import GROUPS
from tenants.metadata_addresses import Resolver, system_resolver

MAX_GROUPS = 500
MAX_PASSWORD = 1024
"""Characters; longer ones are nobody's, and not sent."""


@dataclass(frozen=True, slots=True)
class DirectoryAccount:
    """A directory with the service's own password there, and whose it is."""

    settings: DirectorySettings
    password: str = field(repr=False)
    tenant_id: int = 0


class NameAmbiguous(Exception):
    """More than one entry has this name: nobody of them is signed in."""


@contextmanager
def asked_by_service(
    account: DirectoryAccount, network: Settings, *, resolver: Resolver = system_resolver
) -> Iterator[OpenDirectory]:
    """A connection on which the service's own account is signed in; without a bind DN, nobody is.

    Raises:
        DirectoryFault, SupportMissing.
    """
    settings = account.settings
    with opened(settings, network, resolver=resolver, whose=account.tenant_id) as directory:
        if settings.bind_dn and not directory.bind(settings.bind_dn, account.password):
            raise DirectoryFault(Stage.BIND, "bind_refused", "the directory does not take the service's bind DN and password")
        yield directory


def find_entry(directory: OpenDirectory, settings: DirectorySettings, username: str) -> Entry | None:
    """The one entry of this name, with its groups; None where there is none, or where it is switched off.

    Raises:
        NameAmbiguous, DirectoryFault.
    """
    if not is_askable(username):
        return None
    text = filled(settings.user_filter, username=username)
    found = directory.search(settings.base_dn, scope_of(settings), text, settings.asked_attributes(), most=1)
    if len(found) > 1:
        raise NameAmbiguous(f"{len(found)} entries")
    if not found or is_switched_off(directory, settings, found[0].dn):
        return None
    return with_groups(directory, settings, found[0])


def is_switched_off(directory: OpenDirectory, settings: DirectorySettings, dn: str) -> bool:
    """Whether the filter of accounts that are switched off finds this one."""
    if not settings.disabled_filter:
        return False
    return bool(directory.search(dn, "SCOPE_BASE", settings.disabled_filter, ["1.1"], most=1))


def with_groups(directory: OpenDirectory, settings: DirectorySettings, entry: Entry) -> Entry:
    """The entry with the names of the groups that hold it, where groups are to be searched for."""
    if not settings.group_filter:
        return entry
    text = filled(settings.group_filter, dn=entry.dn)
    groups = directory.search(settings.group_base_dn, "SCOPE_SUBTREE", text, ["cn"], most=MAX_GROUPS)
    names = tuple(dict.fromkeys(name for group in groups for name in (group.dn, *group.attributes.get("cn", ()))))
    return replace(entry, attributes={**entry.attributes, GROUPS: names})


def passes(directory: OpenDirectory, entry: Entry, password: str) -> bool:
    """Whether this is the entry's password; ends what the connection could do as the service.

    Nothing is sent for an empty one (RFC 4513 section 5.1.2).
    """
    return 0 < len(password) <= MAX_PASSWORD and "\x00" not in password and directory.bind(entry.dn, password)


def passes_nobody(directory: OpenDirectory, settings: DirectorySettings) -> None:
    """Have an unknown name take as long as a wrong password: nobody signs in, with nobody's password."""
    directory.bind(f"cn={secrets.token_hex(8)},{settings.base_dn}", secrets.token_hex(8))
