"""Flow: a name and a password come in at a tenant's door, and the way of whose they are says what becomes of them (G2).

Somebody with a local account that may be used is asked for that; everybody else is looked for in the directories that
organisations sign in by. Attempts are counted alike for both, before anything is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from config.sealing import KeyRing
from config.settings import Settings
from identity.checks import Receipt
from identity.directories.people_records import person_by_name
from identity.directories.signing_in import Visit, record_directory_refusal, sign_in_by_directory
from identity.local_accounts.account_records import NOBODY
from identity.local_accounts.sign_in_records import remember_browser
from identity.local_sign_in.door import (
    Door,
    Entered,
    count_one_less,
    counters_for,
    forget_attempts,
    record_refusal,
    require_patience,
)
from identity.local_sign_in.password import MAX_NAME, Given, Waiting, account_of, check_password, name_key
from identity.provisioning import Person
from tenants.directories.errors import DirectoryUnavailable, SupportMissing
from tenants.email_domains import normalise_email
from tenants.errors import Refusal
from tenants.organisations.access import LDAP, LOCAL


@dataclass
class PasswordTry:
    """One attempt. `receipt` is there once a directory was to be asked; what came of it is recorded with it.

    `named`: the person of a directory whose name was typed, for the record alone: whether it was them is what is asked.
    """

    reference: str
    settings: Settings
    keys: KeyRing = field(repr=False)
    receipt: Receipt | None = None
    named: str | None = None


def sign_in_with_password(given: Given, door: Door, tried: PasswordTry) -> Entered | Waiting:
    """Take a name and a password: somebody is in, or a second factor has to follow.

    Raises:
        Those of `check_password` and `sign_in_by_directory`.
    """
    if given.way != LOCAL or not door.organisations.allows_anywhere(LDAP) or _is_local(given, door):
        return check_password(given, door)
    tenant_id, name = door.tenant.id, given.name[:MAX_NAME].replace("\x00", "")
    known = tried.named = person_by_name(tenant_id, name.strip(), normalise_email(name))
    counters = counters_for("password", name_key(name), known or NOBODY, door)
    require_patience(counters, door, known)
    tried.receipt = Receipt()
    devices: list[str] = []

    def within(person: Person) -> None:
        forget_attempts(counters, door)
        devices.append(remember_browser(tenant_id, person.id, door.device, door.now))

    visit = Visit(door.tenant, door.organisations, door.browser, door.now, tried.reference, door.former, within)
    try:
        entered = sign_in_by_directory(name, given.password, visit, tried.settings, tried.keys, tried.receipt)
    except (DirectoryUnavailable, SupportMissing):
        count_one_less(counters, door)  # nobody guessed: an outage must not make people wait when it is over
        raise
    return Entered(entered.session, devices[0], given.target)


def record_password_refusal(refusal: Refusal, way: str, door: Door, tried: PasswordTry) -> None:
    """Keep a refusal: by a directory with its receipt; what was typed is not kept."""
    if tried.receipt is None:
        record_refusal(refusal, way, tried.reference, door)
        return
    visit = Visit(door.tenant, door.organisations, door.browser, door.now, tried.reference)
    record_directory_refusal(refusal, visit, tried.receipt, tried.named)


def _is_local(given: Given, door: Door) -> bool:
    """Whether this is the name of somebody whose organisation has local accounts, and who has one."""
    if not door.organisations.allows_anywhere(LOCAL):
        return False
    account = account_of(door.tenant.id, given.name[:MAX_NAME].replace("\x00", ""))
    return account is not None and door.organisations.access_of(account.person.organisation_id).allows(LOCAL)
