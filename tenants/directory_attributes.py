"""Names of a directory's attributes: which there may be, and which are nobody's to read."""

from __future__ import annotations

import re

ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}|[0-9]+(?:\.[0-9]+){1,30}")
"""An attribute description without options (RFC 4512 section 2.5)."""
SECRET = re.compile("passw|pwd|secret|hash|krb.*key|otp|recovery", re.IGNORECASE)
"""Attributes that hold what people sign in with are nobody's to read here, whatever the service's account may."""
GROUPS = "groups"
"""The attribute under which rules find the groups that were searched for."""


def fault_of(name: str) -> str:
    """Why no rule may ask for an attribute; "" where one may."""
    if not ATTRIBUTE.fullmatch(name):
        return "It is the name of an attribute, such as department, or groups."
    return f"{name} holds what people sign in with, and is not read." if SECRET.search(name) else ""
