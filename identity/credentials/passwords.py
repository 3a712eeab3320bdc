"""Passwords: which are accepted, how they are kept and compared.

Length counts, composition does not (NIST SP 800-63B 5.1.1.2). Lists of leaked passwords hold next to nothing of twelve
characters and more; what they do hold is refused by rule: few different characters, runs of the keyboard, the person's own
name or ours, and the long ones that everybody knows. A password is never enough by itself: a second factor follows.
"""

from __future__ import annotations

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from identity.credentials.errors import PasswordNotAllowed

MIN_CHARACTERS = 12
MAX_CHARACTERS = 200
MIN_DIFFERENT = 6
MIN_OWN = 4
"""Characters; shorter parts of a name or an address may stand in a password."""
_RUNS = (
    *("abcdefghijklmnopqrstuvwxyz", "0123456789", "qwertyuiop", "qwertzuiop", "azertyuiop"),
    *("asdfghjkl", "zxcvbnm", "yxcvbnm"),
)
_KNOWN = (
    *("password", "passwort", "motdepasse", "contrasena", "letmein", "welcome", "iloveyou", "changeme", "administrator"),
    *("admin", "vestibule", "correcthorsebatterystaple", "trustno1", "sunshine", "princess", "football", "baseball", "secret"),
)
MIN_REST = 6
"""Characters that have to be left when known words and runs are taken out."""

# OWASP's first choice for Argon2id. Memory is taken for each comparison, so no more than what 8 threads can stand.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$+P4D+MKRh90EKodL+XPrDA$M2/en9Sbdrdi9wQaQomp3Mx+tO/ZFA+bZIsCkn+KDj8"
"""What a password is compared with where there is none, so that it takes as long. Of 32 random octets that nobody kept."""


def require_password(text: str, email: str, name: str) -> str:
    """A password that may be chosen, in the form that it is kept in.

    Raises:
        PasswordNotAllowed
    """
    password = unicodedata.normalize("NFKC", text[: MAX_CHARACTERS * 4])
    sentence = _fault_of(password, email, name)
    if sentence:
        raise PasswordNotAllowed("not allowed", errors={"password": [sentence]})
    return password


def hash_password(password: str) -> str:
    """What is kept of a password. Slow on purpose: never inside a transaction."""
    return _hasher.hash(password)


def password_matches(password_hash: str | None, text: str) -> bool:
    """Whether this is the password; as slow where there is none to compare with. Never inside a transaction."""
    password = unicodedata.normalize("NFKC", text[: MAX_CHARACTERS * 4])
    possible = password_hash is not None and len(password) <= MAX_CHARACTERS
    try:
        _hasher.verify(password_hash if password_hash is not None and possible else _NOBODY, password[:MAX_CHARACTERS])
    except (VerificationError, InvalidHashError):
        return False
    return possible


def _fault_of(password: str, email: str, name: str) -> str:
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        return f"It takes {MIN_CHARACTERS} to {MAX_CHARACTERS} characters. A few words are easier to remember than signs."
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cn") for character in password):
        return "It holds a character that no keyboard makes."
    low = password.casefold()
    own = [part for part in (email, *email.split("@"), *name.casefold().split()) if len(part) >= MIN_OWN]
    if any(low == part or len(low.replace(part, "")) < MIN_REST for part in own):
        return "It is made of your own name or address, which is what would be tried first."
    if len(set(low)) < MIN_DIFFERENT or len(_without_known(low)) < MIN_REST:
        return "It is one that would be tried early: choose words that do not follow from each other."
    return ""


def _without_known(text: str) -> str:
    """What is left of a password when known words, and runs of four and more, are taken out."""
    for word in _KNOWN:
        text = text.replace(word, "")
    for run in _RUNS:
        for line in (run, run[::-1]):
            for length in range(len(line), MIN_OWN - 1, -1):
                for start in range(len(line) - length + 1):
                    text = text.replace(line[start : start + length], "")
    return text
