"""Testing a connection: name, connection, TLS, sign-in and search, each told apart, with a sample of what would be taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.settings import Settings
from tenants.directories.asking import DirectoryAccount, NameAmbiguous, asked_by_service, find_entry, with_groups
from tenants.directories.door import OpenDirectory, scope_of
from tenants.directories.entries import Entry
from tenants.directories.errors import DirectoryFault, Stage
from tenants.directories.settings import DirectorySettings
from tenants.metadata_addresses import Resolver, system_resolver
from tenants.saml_settings import PROFILE_FIELDS

SAMPLE = 3
STAGES = tuple(Stage)


@dataclass(frozen=True, slots=True)
class Step:
    """One stage. `passed` None: it was not come to."""

    stage: Stage
    passed: bool | None
    code: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """What would be taken of one entry."""

    dn: str
    subject: str | None
    profile: Mapping[str, str | None]
    attributes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Examination:
    """How a test went: every stage in order, and what was found."""

    steps: tuple[Step, ...]
    samples: tuple[Sample, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every stage was passed."""
        return all(step.passed for step in self.steps)


def examine(
    account: DirectoryAccount, network: Settings, *, username: str = "", resolver: Resolver = system_resolver
) -> Examination:
    """Go all the way as the service would, without anybody's password.

    Args:
        username: look for this person; without it, for some of all.

    Raises:
        SupportMissing
    """
    try:
        with asked_by_service(account, network, resolver=resolver) as directory:
            entries = _found(directory, account.settings, username)
    except DirectoryFault as fault:
        return Examination(_steps(fault))
    except NameAmbiguous:
        return Examination(_steps(DirectoryFault(Stage.SEARCH, "ambiguous", "more than one entry has this name")))
    if not entries:
        return Examination(_steps(DirectoryFault(Stage.SEARCH, "nobody", "the filter finds nobody under the base DN")))
    return Examination(_steps(None), tuple(sample_of(entry, account.settings) for entry in entries))


def sample_of(entry: Entry, settings: DirectorySettings) -> Sample:
    """What the settings make of an entry."""
    profile = {name: entry.first(getattr(settings.attribute_map, name)) for name in PROFILE_FIELDS}
    return Sample(entry.dn, entry.first((settings.subject_attribute,)), profile, entry.attributes)


def _found(directory: OpenDirectory, settings: DirectorySettings, username: str) -> list[Entry]:
    if username:
        entry = find_entry(directory, settings, username)
        return [entry] if entry else []
    asked = settings.asked_attributes()
    found = directory.search(settings.base_dn, scope_of(settings), settings.everybody, asked, most=SAMPLE)
    return [with_groups(directory, settings, entry) for entry in found[:SAMPLE]]


def _steps(fault: DirectoryFault | None) -> tuple[Step, ...]:
    if fault is None:
        return tuple(Step(stage, True) for stage in STAGES)
    at = STAGES.index(fault.stage)
    passed = [Step(stage, True) for stage in STAGES[:at]]
    return (*passed, Step(fault.stage, False, fault.code, fault.words), *(Step(stage, None) for stage in STAGES[at + 1 :]))
