"""The way in by a directory: searched for, signed in there, provisioned, a session opened (G2).

No database is held while a directory is asked. Where it does not answer, that is said, and no other way is tried: whoever can
take a directory down must not choose how people sign in.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from config.database import together, transaction
from config.logs import sign_in_log
from config.metrics import DIRECTORY_SECONDS
from config.places import Places
from config.sealing import KeyRing
from config.settings import Settings
from identity.assertion import Profile
from identity.attempts import keep_receipt
from identity.checks import HELD_BY, Receipt
from identity.deactivation import deactivate_by_rule
from identity.directories.checks import ANSWERS, ENTRY, FAULTS, PASSWORD, WAY
from identity.directories.people_records import directories_by_name, provision_from
from identity.directories.profiles import profile_of_entry, require_own_domain
from identity.directories.trusts import DirectoryTrust, trust_of
from identity.errors import UserInactive
from identity.lost_roles import end_tokens_of_unmet_rules
from identity.provisioning import Person
from identity.sessions import BrowserFacts, Entry, OpenedSession, end_session, open_session
from tenants.audit import EventType, record
from tenants.directories.asking import NameAmbiguous, asked_by_service, find_entry, passes, passes_nobody
from tenants.directories.door import OpenDirectory, require_support
from tenants.directories.entries import Entry as DirectoryEntry
from tenants.directories.errors import DirectoryFault
from tenants.directories.records import ManagedDirectory, directories_of
from tenants.email_domains import normalise_email
from tenants.errors import Refusal
from tenants.organisations.access import LDAP
from tenants.organisations.tree import OrganisationTree
from tenants.placement_rules import Placement
from tenants.records import TenantView, proven_domains

_places = Places(in_all=6, for_each=4)
"""Of the eight threads of a process: directories that do not answer, of one tenant or of all, leave some for everybody else."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one request brings to a tenant's door.

    Args:
        former: the token of a session that this browser had.
        within: what else is done for whoever comes in, in the transaction of that.
    """

    tenant: TenantView
    organisations: OrganisationTree
    browser: BrowserFacts
    now: dt.datetime
    reference: str
    former: str = field(default="", repr=False)
    within: Callable[[Person], object] = lambda _: None


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody whom a directory knows by name and password."""

    trust: DirectoryTrust
    entry: DirectoryEntry


@dataclass(frozen=True, slots=True)
class EnteredByDirectory:
    """Somebody is in."""

    person: Person
    session: OpenedSession


def sign_in_by_directory(
    username: str, password: str, visit: Visit, network: Settings, keys: KeyRing, receipt: Receipt
) -> EnteredByDirectory:
    """Sign somebody in, or refuse; a refusal leaves nothing behind but what `record_directory_refusal` writes.

    Raises:
        LocalSignInFailed, DirectoryUnavailable, SupportMissing; and what a profile or a person is refused for.
    """
    require_support()
    found = _ask(username, password, visit, network, keys, receipt)
    trust, entry = found.trust, found.entry
    profile = profile_of_entry(entry, trust.settings, receipt)
    require_own_domain(profile, trust.email_domains, receipt)
    placement = trust.placed(entry)
    if placement.rules:
        receipt.facts["placement"] = placement.rules
    try:
        return _let_in(found, profile, placement, visit, receipt)
    except UserInactive:
        if placement.active is False:
            source = {"directory": trust.name}
            deactivate_by_rule(visit.tenant.id, receipt.facts.get("user_id"), placement, source, visit.now)
        raise


def _let_in(found: Found, profile: Profile, placement: Placement, visit: Visit, receipt: Receipt) -> EnteredByDirectory:
    """The one transaction of a sign-in."""
    tenant_id, now, trust = visit.tenant.id, visit.now, found.trust
    with transaction():
        person = provision_from(trust, profile, placement, now, receipt)
        receipt.require(WAY, trust.lets_in(person.organisation_id), "signs in by this directory", otherwise="another way")
        receipt.require_whole()
        end_tokens_of_unmet_rules(tenant_id, person.id, trust.rules, placement, now)
        if visit.former:
            end_session(tenant_id, visit.former, now, reason="signed_in_again")
        visit.within(person)
        access = visit.organisations.access_of(person.organisation_id)
        with together():
            entry = Entry(way=LDAP, proved_at=now, placement_rule_id=placement.role_rule_id)
            session = open_session(visit.tenant, person, entry, access, visit.browser, now)
            facts = {"session": session.id, "way": LDAP, "directory": trust.name}
            record(tenant_id, EventType.SESSION_OPENED, at=now, actor=person.id, **facts)
            keep_receipt(tenant_id, receipt, reference=visit.reference, now=now, masked_xml="", user_id=person.id)
    sign_in_log.info("accepted", tenant_id=tenant_id, session=session.id, way=LDAP)
    return EnteredByDirectory(person, session)


def record_directory_refusal(refusal: Refusal, visit: Visit, receipt: Receipt, named: str | None = None) -> None:
    """Keep a refusal and its receipt, in a transaction of its own. What was typed is not kept.

    Args:
        named: whose name it was, where the refusal came before it was known whose entry.
    """
    tenant_id = visit.tenant.id
    with transaction():
        keep_receipt(
            tenant_id,
            receipt,
            reference=visit.reference,
            now=visit.now,
            masked_xml="",
            code=refusal.code,
            cause=refusal.cause,
            user_id=receipt.facts.get("user_id") or named,
        )
        facts = {"reference": visit.reference, "cause": refusal.cause, "way": LDAP}
        record(tenant_id, EventType.SIGN_IN_REFUSED, at=visit.now, actor="sign-in", reason=refusal.code, **facts)
    sign_in_log.info("refused", tenant_id=tenant_id, code=refusal.code, cause=refusal.cause, way=LDAP)


def _ask(username: str, password: str, visit: Visit, network: Settings, keys: KeyRing, receipt: Receipt) -> Found:
    """The one entry of this name in the directories that may have it, if it has this password."""
    began, username = time.monotonic(), username.strip()
    domains = proven_domains(visit.tenant.id)
    trusts = [trust_of(item, keys, domains, visit.organisations) for item in _candidates(username, visit)]
    receipt.facts |= {"way": LDAP, "directories": [trust.name for trust in trusts]}
    if not trusts:
        receipt.require(ENTRY, False, "a directory that may have it", "none is in use", errors=FAULTS)
    with _places.place(visit.tenant.id) as free:
        if not free:
            words = "all places for asking directories are taken; slow ones hold them for up to 30 seconds"
            receipt.require(ANSWERS, False, "a free place", words)
        try:
            return _entry_with_password(trusts, username, password, network, receipt)
        except DirectoryFault as fault:
            receipt.facts |= {"stage": fault.stage.value, "fault": fault.code}
            receipt.require(ANSWERS, False, "an answer", str(fault))
            raise
        finally:
            DIRECTORY_SECONDS.observe(time.monotonic() - began)


def _entry_with_password(
    trusts: Sequence[DirectoryTrust], username: str, password: str, network: Settings, receipt: Receipt
) -> Found:
    """Find the one entry, and try the password there.

    All are asked for the name before any is given the password. Of a name that two have nobody can tell whose the password
    is: it goes to neither, or one directory would be handed what opens another.
    """
    holders: list[tuple[Found, OpenDirectory]] = []
    with contextlib.ExitStack() as opened:
        for trust in trusts:
            receipt.facts["directory"] = trust.name
            directory = opened.enter_context(asked_by_service(trust.account, network))
            try:
                entry = find_entry(directory, trust.settings, username)
            except NameAmbiguous:
                receipt.passed(ANSWERS, "an answer", str(directory.url))
                passes_nobody(directory, trust.settings)
                receipt.require(ENTRY, False, "exactly one entry", "more than one", errors=FAULTS)
            if entry is not None:
                holders.append((Found(trust, entry), directory))
        if len(holders) != 1:
            passes_nobody(directory, trust.settings)
            names = [found.trust.name for found, _ in holders]
            receipt.facts |= {HELD_BY: names} if names else {}
            words = f"one in each of {', '.join(names)}" if names else "none"
            receipt.require(ENTRY, False, "exactly one entry", words, errors=FAULTS)
        found, directory = holders[0]
        receipt.facts["directory"] = found.trust.name
        receipt.passed(ANSWERS, "an answer", str(directory.url))
        receipt.passed(ENTRY, "exactly one entry", "one")
        right = passes(directory, found.entry, password)
        receipt.require(PASSWORD, right, "a password that it takes", otherwise="another one", errors=FAULTS)
        return found


def _candidates(username: str, visit: Visit) -> list[ManagedDirectory]:
    """The directories that may have somebody: those of people who are known by this name, or else all that are in use."""
    tree = visit.organisations
    used = [access for item in (None, *tree.nodes) if (access := tree.access_of(item)).allows(LDAP)]
    listed = [item for item in directories_of(visit.tenant.id) if item.enabled]
    in_use = [item for item in listed if any(access.directory_id in (None, item.id) for access in used)]
    known = directories_by_name(visit.tenant.id, username, normalise_email(username))
    return [item for item in in_use if item.id in known] or in_use
