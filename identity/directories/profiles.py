"""Who an entry is, as the directory's settings map it; by the same rules as an assertion (P2–P5)."""

from __future__ import annotations

from identity.assertion import Profile
from identity.checks import ATTRIBUTES, EMAIL, EMAIL_DOMAIN, SUBJECT, Receipt
from identity.profile import FIELD_LIMITS, MAX_SUBJECT_OCTETS
from tenants.directories.entries import Entry
from tenants.directories.settings import DirectorySettings
from tenants.email_domains import domain_of, normalise_email
from tenants.saml_settings import PROFILE_FIELDS


def profile_of_entry(entry: Entry, settings: DirectorySettings, receipt: Receipt) -> Profile:
    """Read subject and attributes of an entry.

    Raises:
        AttributeMissing, SubjectInvalid, EmailInvalid: the cause names the attributes that did come, never their values.
    """
    received = sorted(name for name, values in entry.attributes.items() if values)
    receipt.facts["attributes_received"] = received
    subject = entry.first((settings.subject_attribute,))
    come = "received: " + (", ".join(received) or "no attributes")
    receipt.require(ATTRIBUTES, subject is not None, f"the subject in {settings.subject_attribute}", come)
    size = len((subject or "").encode())
    receipt.require(SUBJECT, size <= MAX_SUBJECT_OCTETS, f"1 to {MAX_SUBJECT_OCTETS} octets", f"{size} octets")
    values = {name: entry.first(getattr(settings.attribute_map, name)) for name in PROFILE_FIELDS}
    email = values.pop("email")
    wanted = "e-mail from one of: " + ", ".join(settings.attribute_map.email)
    receipt.require(ATTRIBUTES, email is not None, wanted, come, attributes_received=received)
    normalised = normalise_email(email or "")
    receipt.require(EMAIL, normalised is not None, "one address such as ada@example.com", otherwise="something else")
    cut = {name: value and value[: FIELD_LIMITS[name]] for name, value in values.items()}
    return Profile(subject=subject or "", name_id=subject or "", email=normalised or "", **cut)


def require_own_domain(profile: Profile, email_domains: frozenset[str], receipt: Receipt) -> None:
    """Refuse a person whose e-mail is outside the tenant's proven domains; no domain is no pass (T6)."""
    domain = domain_of(profile.email)
    receipt.require(EMAIL_DOMAIN, domain in email_domains, "one of: " + (", ".join(sorted(email_domains)) or "none"), domain)
