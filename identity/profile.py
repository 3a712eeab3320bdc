"""Who the person is, as the settings read a verified assertion (P2–P5)."""

from __future__ import annotations

from collections.abc import Mapping

from identity.assertion import Assertion, Profile
from identity.checks import ATTRIBUTES, EMAIL, EMAIL_DOMAIN, MAX_SHOWN, SUBJECT, Receipt
from tenants.email_domains import domain_of, normalise_email
from tenants.saml_settings import PROFILE_FIELDS, SAMLSettings

NAME_ID = "NameID"
FIELD_LIMITS: Mapping[str, int] = {"username": 320, "email": 254, "first_name": 200, "last_name": 200, "phone": 60}
"""Characters; what is longer is cut, except e-mail, which is refused."""
MAX_NAMES_SHOWN = 100
"""Names of attributes in a receipt; each is cut like every other text there."""
MAX_SUBJECT_OCTETS = 1024
"""SAML's longest names have 256 characters (SAML Core 8.3.7). Octets, since an index of PostgreSQL holds 2,704 of them."""


def profile_of(assertion: Assertion, settings: SAMLSettings, receipt: Receipt) -> Profile:
    """Read subject and attributes by the tenant's map.

    Raises:
        SubjectInvalid, AttributeMissing, EmailInvalid: the cause names the attributes that did come, never their values.
    """
    received = [name[:MAX_SHOWN] for name in sorted(assertion.attributes)[:MAX_NAMES_SHOWN]]
    receipt.facts["attributes_received"] = received
    subject = _subject_of(assertion, settings, receipt)
    size = max(len(subject.encode()), len(assertion.name_id.encode()))
    usable = subject != "" and size <= MAX_SUBJECT_OCTETS
    receipt.require(SUBJECT, usable, f"1 to {MAX_SUBJECT_OCTETS} octets", f"{size} octets")
    values = {name: _first(assertion.attributes, getattr(settings.attribute_map, name)) for name in PROFILE_FIELDS}
    email = values.pop("email")
    if email is None and NAME_ID in settings.attribute_map.email:
        email = assertion.name_id
    receipt.require(
        ATTRIBUTES,
        email is not None,
        "e-mail from one of: " + ", ".join(settings.attribute_map.email),
        "received: " + (", ".join(sorted(assertion.attributes)) or "no attributes"),
        attributes_received=received,
    )
    normalised = normalise_email(email or "")
    receipt.require(EMAIL, normalised is not None, "one address such as ada@example.com", otherwise="something else")
    if values["username"] is None and NAME_ID in settings.attribute_map.username:
        values["username"] = assertion.name_id
    return Profile(
        subject=subject,
        name_id=assertion.name_id,
        email=normalised or "",
        **{name: value and value[: FIELD_LIMITS[name]] for name, value in values.items()},
    )


def require_allowed(profile: Profile, email_domains: frozenset[str], receipt: Receipt) -> None:
    """Refuse a person whose e-mail is outside the tenant's proven domains; no domain is no pass (T6)."""
    domain = domain_of(profile.email)
    receipt.require(EMAIL_DOMAIN, domain in email_domains, "one of: " + (", ".join(sorted(email_domains)) or "none"), domain)


def _subject_of(assertion: Assertion, settings: SAMLSettings, receipt: Receipt) -> str:
    """Exactly as it came: two that differ by an invisible character are two people."""
    if settings.name_id_source == NAME_ID:
        return assertion.name_id
    subject = _first(assertion.attributes, (settings.name_id_source,))
    received = ", ".join(sorted(assertion.attributes)) or "no attributes"
    receipt.require(ATTRIBUTES, subject is not None, f"the subject in {settings.name_id_source}", f"received: {received}")
    return subject or ""


def _first(attributes: Mapping[str, tuple[str, ...]], names: tuple[str, ...]) -> str | None:
    for name in names:
        for value in attributes.get(name, ()):
            if value.strip():
                return value
    return None
