"""What mail about local accounts says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from identity.moments import utc_words
from tenants.notices.letters import Letter

LINK_MAIL = "local_account.link"
BROKEN, NAMED = "break_glass.used", "break_glass.named"


def invitation_letter(tenant: str, url: str, until: dt.datetime) -> Letter:
    """An invitation."""
    return Letter(
        f"{tenant}: your account",
        (
            f"You have an account at {tenant}. Choose a password for it with the link below.",
            f"The link works once, until {utc_words(until)}. Whoever has it can set your password: do not hand it on.",
        ),
        ("Choose a password", url),
    )


def reset_letter(tenant: str, url: str, until: dt.datetime) -> Letter:
    """A link for whoever has forgotten a password."""
    return Letter(
        f"{tenant}: a new password",
        (
            f"Somebody, probably you, asked for a new password for your account at {tenant}.",
            f"The link works once, until {utc_words(until)}. Your second factor stays as it is, every session ends.",
            "If you did not ask for it, leave it: nothing changes.",
        ),
        ("Choose a new password", url),
    )


def broken_letter(tenant: str, facts: Mapping[str, str], address: str) -> Letter:
    """Tells everybody that somebody came in by break-glass."""
    return Letter(
        f"{tenant}: break-glass was used by {facts['email']}",
        (
            f"{facts['name']} ({facts['email']}) has signed in to {tenant} as a break-glass administrator.",
            f"That was past single sign-on, on {facts['at']}, from {facts['address']}.",
            f"The reason that they gave: {facts['reason']}",
            "The session ends after an hour at the latest. If nobody was meant to do that, end it now and take the name back.",
        ),
        ("See it in the console", address),
    )


def named_letter(tenant: str, facts: Mapping[str, str], address: str) -> Letter:
    """Tells everybody that somebody may come in by break-glass from now on."""
    return Letter(
        f"{tenant}: {facts['email']} is a break-glass administrator now",
        (
            f"{facts['name']} ({facts['email']}) may sign in to {tenant} as an administrator when single sign-on is down.",
            "That takes a password and a second factor, and everybody is told each time.",
            f"The reason that was given: {facts['reason']}",
        ),
        ("See it in the console", address),
    )


def broken_document(slug: str, use_id: str, facts: Mapping[str, str]) -> Mapping[str, Any]:
    """The same for programs."""
    return {"tenant": slug, "use": use_id, **facts}
