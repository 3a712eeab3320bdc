"""Flow: staff are told by mail what was changed about how they sign in, in case it was neither them nor meant (A1).

Each letter goes through the outbox of the service, in the transaction of the change, and has no link.
"""

from __future__ import annotations

import datetime as dt

from admin_ui.staff_records import Staff
from identity.moments import utc_words
from identity.people_letters import Post
from tenants.notices.letters import Letter
from tenants.notices.outbox import tell_by_mail

CHANGED_MAIL = "staff_account.changed"
_NOT_YOU = "If you neither did that nor expect it, tell an owner of the service at once, who can reset the account."


def tell_staff(staff: Staff, what: str, post: Post, now: dt.datetime) -> None:
    """Tell one of staff what was changed about their account, inside the change's transaction."""
    if post.goes:
        tell_by_mail(None, CHANGED_MAIL, _letter(what, now), [staff.email], post.keys, now)


def _letter(what: str, now: dt.datetime) -> Letter:
    return Letter(f"Your staff account: {what}", (f"For your staff account: {what}, on {utc_words(now)}.", _NOT_YOU))
