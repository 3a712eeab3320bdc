"""What a sign-in by a directory passes, for its receipt, besides what every sign-in does (identity.checks)."""

from __future__ import annotations

from identity.checks import Check, of_another_way
from identity.errors import SignInWayNotAllowed
from identity.local_accounts.errors import DO_NOT_FIT, LocalSignInFailed
from tenants.directories.errors import DirectoryUnavailable

ANSWERS = of_another_way(
    Check("directory_answers", DirectoryUnavailable, "The directory answers, over verified TLS", "RFC 4513 3.1, RFC 9525")
)
ENTRY = of_another_way(
    Check("directory_entry", LocalSignInFailed, "One entry has this name, and is on", "RFC 4511 4.5")
)
PASSWORD = of_another_way(Check("directory_password", LocalSignInFailed, "The directory takes the password", "RFC 4513 5.1.3"))
WAY = of_another_way(Check("way", SignInWayNotAllowed, "The person's organisation signs in by this directory", "Vestibule G2"))
FAULTS = {"password": [DO_NOT_FIT]}
"""What all of those say who do not come in by name and password, so that none tells who exists."""
