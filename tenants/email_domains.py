"""E-mail addresses and their domains, in the one form that they are stored and compared in (requirement T6)."""

from __future__ import annotations

import functools
import re
import unicodedata

import idna

from tenants.errors import DomainInvalid

MAX_DOMAIN_CHARACTERS = 253
MAX_LOCAL_PART_CHARACTERS = 64
MAX_EMAIL_CHARACTERS = 254
"""RFC 5321 4.5.3.1: a path has 256 octets with its angle brackets."""

ASCII_BLANKS = " \t\r\n"
"""What may stand around an address. Other blanks make it another text, which no program may take for the same."""

_DOT_ATOM = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@functools.lru_cache(maxsize=4096)
def normalise_domain(text: str) -> str:
    """A domain that people have e-mail at, in lower case and ASCII form (IDNA2008, RFC 5891).

    Nothing is mapped but case: full-width letters, soft hyphens and other dots are refused, since two spellings of a
    domain would otherwise be told apart by one program and not by the next.

    Raises:
        DomainInvalid: it cannot be one: a single label, an IP address, a trailing dot, a character that DNS has not.
    """
    if not 0 < len(text) <= MAX_DOMAIN_CHARACTERS:
        raise DomainInvalid("a domain has 1 to 253 characters")
    if not unicodedata.is_normalized("NFC", text):  # the Kelvin sign and the like, which lower() would make letters of
        raise DomainInvalid(f"{text[:80]!r} holds a character that stands for another one")
    try:
        domain = idna.encode(text.lower(), strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise DomainInvalid(f"{text[:80]!r}: {str(error)[:120]}") from None
    last_label = domain.rpartition(".")[2]
    if "." not in domain or not last_label:
        raise DomainInvalid(f"{text[:80]!r} has to have two labels at least, and no dot at its end")
    if _NUMBER.fullmatch(last_label):
        raise DomainInvalid(f"{text[:80]!r} is an IP address")
    if len(domain) > MAX_DOMAIN_CHARACTERS:
        raise DomainInvalid("its ASCII form has more than 253 characters")
    return domain


def normalise_email(text: str) -> str | None:
    """An e-mail address in lower case with its domain in ASCII form, or None where the text cannot be one.

    The local part is a dot-atom of ASCII (RFC 5321 4.1.2). Quoted ones and those of RFC 6531 are left out on purpose:
    hardly anybody has one, and programs differ over which of them are the same.
    """
    local_part, at, domain = text.strip(ASCII_BLANKS).partition("@")
    local_part = local_part.lower() if local_part.isascii() else ""
    if not at or len(local_part) > MAX_LOCAL_PART_CHARACTERS or not _DOT_ATOM.fullmatch(local_part):
        return None
    try:
        email = f"{local_part}@{normalise_domain(domain)}"
    except DomainInvalid:
        return None
    return email if len(email) <= MAX_EMAIL_CHARACTERS else None


def domain_of(email: str) -> str:
    """The domain of an address that normalise_email returned."""
    return email.rpartition("@")[2]
