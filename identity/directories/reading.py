"""A directory is read to its end: who of those that are known here is there, how, and whether they are off there (G2).

Without the database: reading takes as long as the directory lets it, and a thread of its own does it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from config.settings import Settings
from identity.directories.sync_plan import SeenPerson
from identity.directories.trusts import DirectoryTrust
from identity.person_fields import PROFILE_FIELDS, FieldInvalid, clean_field, require_domain
from identity.placement.fingerprints import fingerprints_of
from tenants.directories.asking import asked_by_service, with_groups
from tenants.directories.door import OpenDirectory
from tenants.directories.entries import Entry
from tenants.directories.errors import DirectoryFault, Stage

READ_SECONDS = 20 * 60
"""For reading a whole directory; less than the lease of a claim."""


def read_everybody(
    trust: DirectoryTrust, subjects: set[str], settings: Settings, ended: Callable[[], bool]
) -> tuple[dict[str, SeenPerson], int]:
    """Those of `subjects` whom the directory has now, and how many entries it has in all.

    Raises:
        DirectoryFault
    """
    until, asked = time.monotonic() + READ_SECONDS, trust.settings.asked_attributes()
    found: dict[str, SeenPerson] = {}
    count = 0
    with asked_by_service(trust.account, settings) as directory:
        for entry in _entries(directory, trust.settings.everybody, asked, until, ended):
            count += 1
            subject = entry.first((trust.settings.subject_attribute,))
            if subject in subjects:
                _require_time(until, ended)  # a search for groups may take seconds, for each of a page's people
                grouped = with_groups(directory, trust.settings, entry) if trust.wants_groups else entry
                placement, read = trust.placed(grouped), fingerprints_of(trust.fingerprint_key, grouped.attributes)
                found[subject] = SeenPerson(_profile_of(trust, entry), placement.active is not False, placement, read)
        if trust.settings.disabled_filter:
            text = f"(&{trust.settings.everybody}{trust.settings.disabled_filter})"
            for entry in _entries(directory, text, [trust.settings.subject_attribute], until, ended):
                subject = entry.first((trust.settings.subject_attribute,))
                if subject in found:
                    found[subject] = replace(found[subject], enabled=False)
    return found, count


def _entries(
    directory: OpenDirectory, text: str, asked: Sequence[str], until: float, ended: Callable[[], bool]
) -> Iterator[Entry]:
    for page in directory.pages(text, asked):
        _require_time(until, ended)
        yield from page


def _require_time(until: float, ended: Callable[[], bool]) -> None:
    if ended():
        raise DirectoryFault(Stage.SEARCH, "interrupted", "the service ended meanwhile")
    if time.monotonic() > until:
        raise DirectoryFault(Stage.SEARCH, "timeout", f"reading everybody took more than {READ_SECONDS // 60} minutes")


def _profile_of(trust: DirectoryTrust, entry: Entry) -> dict[str, str | None]:
    """Fields as they may be stored; what may not be is as if it had not come."""
    profile: dict[str, str | None] = {}
    for name in PROFILE_FIELDS:
        value = entry.first(getattr(trust.settings.attribute_map, name))
        try:
            profile[name] = clean_field(name, value) if value else None
            if name == "email" and profile[name]:
                require_domain(profile[name] or "", trust.email_domains)
        except FieldInvalid:
            profile[name] = None
    return profile
