"""Records: what of local accounts has run out is removed. Strangers begin sign-ins, so there can be many."""

from __future__ import annotations

import datetime as dt

from config.purging import BATCH, remove_old
from identity.credentials.patience import FORGOTTEN_AFTER
from identity.local_accounts.models import BreakGlassUse, KnownBrowser, LinkRequest, LocalAttempt, LocalLink, LocalSignIn
from identity.purge import NONE, Kept

USE_MEMORY = dt.timedelta(days=400)
"""How long the console lists that somebody came in by break-glass; the audit has it for ever."""
KEPT = (
    Kept(LocalSignIn, LocalSignIn.expires_at, NONE),
    Kept(LocalLink, LocalLink.expires_at, NONE),
    Kept(KnownBrowser, KnownBrowser.expires_at, NONE),
    Kept(LinkRequest, LinkRequest.at, dt.timedelta(days=1)),
    Kept(LocalAttempt, LocalAttempt.last_at, FORGOTTEN_AFTER),
    Kept(BreakGlassUse, BreakGlassUse.at, USE_MEMORY),
)


def purge_local_accounts(now: dt.datetime) -> int:
    """Remove it, of every tenant, and tell how many rows that were."""
    return sum(remove_old(kept.row, kept.column, now - kept.memory, BATCH) for kept in KEPT)
