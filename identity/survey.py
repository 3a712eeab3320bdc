"""A receipt that goes on after a check that failed, where that is safe: for those who look at a message, never for a sign-in.

Whoever pastes an old message wants to know that it is late *and* meant for somebody else. Only what no other check leans on
is passed over: who a message is from, its signatures and its shape still end the examination. What comes out of it is shown
and thrown away; `Receipt.require_whole` refuses such a receipt should it ever get near a session.
"""

from __future__ import annotations

from identity.checks import (
    AUDIENCE,
    AUTHN_CONTEXT,
    BROWSER,
    CONDITIONS_KNOWN,
    CONFIRMATION_TIME,
    DESTINATION,
    EMAIL_DOMAIN,
    IN_RESPONSE_TO,
    ISSUE_INSTANT,
    KIND,
    METADATA,
    NOT_BEFORE,
    NOT_ON_OR_AFTER,
    RECIPIENT,
    RELAY_STATE,
    SECOND_READING,
    SESSION_TIME,
    UNSOLICITED,
    UNUSED,
    Check,
    CheckMade,
    Receipt,
)
from tenants.errors import Refusal

PASSED_OVER = frozenset(
    {
        *(KIND, METADATA, DESTINATION, ISSUE_INSTANT, RECIPIENT, CONFIRMATION_TIME, IN_RESPONSE_TO, CONDITIONS_KNOWN),
        *(NOT_BEFORE, NOT_ON_OR_AFTER, AUDIENCE, SESSION_TIME, AUTHN_CONTEXT, UNSOLICITED, RELAY_STATE, EMAIL_DOMAIN, UNUSED),
        SECOND_READING,
    }
)
"""Checks after which the examination goes on: times, addresses, and what is the tenant's to allow."""
FOLLOWING = frozenset({SECOND_READING, UNSOLICITED})
"""Checks that cannot hold once another has failed: pysaml2 looks at times too, and an unknown request is nobody's."""
NOT_JUDGED = "not judged, since an earlier check failed"
NEEDS_THE_BROWSER = "not judged: only the browser itself can show it"


class Survey(Receipt):
    """`first` is the refusal that a sign-in would have ended with, None while everything held."""

    __slots__ = ("first",)

    def __init__(self) -> None:
        super().__init__()
        self.first: Refusal | None = None

    def leave_to_the_browser(self) -> None:
        """Note that the cookie of the browser that began is not part of what was pasted."""
        self.lines.append(CheckMade(BROWSER, None, "the browser that began", NEEDS_THE_BROWSER, BROWSER.refusal.code))

    def _note(self, check: Check, passed: bool | None, expected: str = "", actual: str = "", code: str = "") -> None:
        if passed is False and check in FOLLOWING and self.first is not None:
            passed, actual = None, NOT_JUDGED
        self.lines.append(CheckMade(check, passed, expected, actual, code or check.refusal.code))

    def _refuse(self, check: Check, refusal: Refusal) -> None:
        self.first = self.first or refusal
        if check not in PASSED_OVER:
            raise refusal
