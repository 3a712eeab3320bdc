"""Flows: who gets a tenant's notices, or staff's, by mail.

A tenant's own people may name addresses at its proven e-mail domains alone, so that nobody has us write to strangers; staff's
word stands in for the proof.
"""

from __future__ import annotations

import datetime as dt

from config.sealing import KeyRing
from config.settings import Settings
from tenants.audit import EventType
from tenants.email_domains import domain_of, normalise_email
from tenants.errors import NotFound, RateLimited
from tenants.management_errors import FieldsInvalid
from tenants.notices.contact_records import Contact, add_contact, contacts_of, find_contact, remove_contact
from tenants.notices.delivery_records import count_since
from tenants.notices.errors import MailNotSetUp, TooManyContacts
from tenants.notices.outbox import tell_by_mail
from tenants.notices.owners import Owner
from tenants.notices.trail import record_change
from tenants.notices.words import TEST, try_letter
from tenants.records import proven_domains
from tenants.tenant_records import bump_version

MAX_CONTACTS = 10
TESTS_PER_HOUR = 10
_HOUR = dt.timedelta(hours=1)


def name_contact(owner: Owner, email: str, *, by_staff: bool, actor: str, now: dt.datetime) -> Contact:
    """Let somebody get the notices, inside a transaction.

    Raises:
        FieldsInvalid, ContactExists, TooManyContacts.
    """
    address = normalise_email(email)
    if address is None:
        raise FieldsInvalid("email", errors={"email": ["This is not an e-mail address."]})
    if owner is not None:
        bump_version(owner)  # holds the tenant's row: two at once are counted one after the other
        if not by_staff and domain_of(address) not in proven_domains(owner):
            raise FieldsInvalid("email", errors={"email": ["It has to be at one of the organisation's proven e-mail domains."]})
    if len(contacts_of(owner)) >= MAX_CONTACTS:
        raise TooManyContacts(f"{MAX_CONTACTS} contacts")
    contact_id = add_contact(owner, address, by_staff=by_staff, added_by=actor, now=now)
    record_change(owner, EventType.NOTICE_CONTACT_ADDED, at=now, actor=actor, email=address)
    return require_contact(owner, contact_id)


def drop_contact(owner: Owner, contact_id: str, *, actor: str, now: dt.datetime) -> None:
    """Let somebody get no notices any more, inside a transaction.

    Raises:
        NotFound
    """
    contact = require_contact(owner, contact_id)
    if not remove_contact(owner, contact_id):
        raise NotFound("removed meanwhile")
    record_change(owner, EventType.NOTICE_CONTACT_REMOVED, at=now, actor=actor, email=contact.email)


def try_contact(
    owner: Owner, contact_id: str, whose: str, settings: Settings, keys: KeyRing, *, actor: str, now: dt.datetime
) -> str:
    """Send somebody a test, inside a transaction; the id of the delivery.

    Args:
        whose: name of the organisation, or of the service.

    Raises:
        NotFound, MailNotSetUp, RateLimited.
    """
    contact = require_contact(owner, contact_id)
    if not settings.smtp_url:
        raise MailNotSetUp("SMTP_URL is not set")
    if owner is not None:
        bump_version(owner)
    if count_since(owner, TEST, now - _HOUR) >= TESTS_PER_HOUR:
        raise RateLimited("tests of notices", retry_after=int(_HOUR.total_seconds()))
    (delivery_id,) = tell_by_mail(owner, TEST, try_letter(whose), [contact.email], keys, now)
    record_change(owner, EventType.NOTICE_TESTED, at=now, actor=actor, email=contact.email)
    return delivery_id


def addresses_of(owner: Owner) -> list[str]:
    """Who gets notices now: an address that a tenant's own people named counts while its domain is proven."""
    found = contacts_of(owner)
    if owner is None:
        return [contact.email for contact in found]
    domains = proven_domains(owner)
    return [contact.email for contact in found if contact.by_staff or domain_of(contact.email) in domains]


def require_contact(owner: Owner, contact_id: str) -> Contact:
    """One of the owner's, or NotFound."""
    contact = find_contact(owner, contact_id)
    if contact is None:
        raise NotFound("no such contact")
    return contact
