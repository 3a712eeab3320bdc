"""What the fields of a person may hold, whoever writes them: console, API, command line, CSV."""

from __future__ import annotations

import unicodedata

from identity.profile import FIELD_LIMITS
from tenants.email_domains import domain_of, normalise_email

PROFILE_FIELDS = ("username", "email", "first_name", "last_name", "phone")
NOT_AN_EMAIL = "This is not one e-mail address such as ada@example.com."
FOREIGN_DOMAIN = "Its domain is not one of this organisation's proven e-mail domains."
UNPRINTED = ("Cc", "Cs", "Zl", "Zp")
"""Controls, halves of surrogate pairs, ends of lines. Not Cf: names in Persian or Hindi need joiners."""
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""They turn the text around a name about, so that it reads as another one. Right-to-left letters need none of them."""
UNPRINTABLE = "It holds a character that is not printed, such as a line break or NUL."


class FieldInvalid(ValueError):
    """A value that a field cannot hold; its text is a sentence for whoever wrote it."""


def clean_field(name: str, text: str) -> str | None:
    """A field's value as it is stored; None where the text is empty or blank.

    Raises:
        FieldInvalid
    """
    text = text.strip()
    if not text:
        return None
    if name == "email":
        email = normalise_email(text)
        if email is None:
            raise FieldInvalid(NOT_AN_EMAIL)
        return email
    if len(text) > FIELD_LIMITS[name]:
        raise FieldInvalid(f"It has more than {FIELD_LIMITS[name]} characters.")
    if any(unicodedata.category(char) in UNPRINTED or char in DIRECTION_MARKS for char in text):
        raise FieldInvalid(UNPRINTABLE)
    return text


def require_domain(email: str, proven: frozenset[str]) -> None:
    """Raises FieldInvalid where an address is outside the tenant's proven domains (T6)."""
    if domain_of(email) not in proven:
        raise FieldInvalid(FOREIGN_DOMAIN)
