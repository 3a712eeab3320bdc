"""Flow: whoever has forgotten a password gets a link by mail, if there is such an account; a job does it."""

from __future__ import annotations

import datetime as dt

from config.database import transaction
from config.logs import jobs_log
from identity.local_accounts.account_records import Account
from identity.local_accounts.link_records import AskedLink, asked_links, links_open, take_asked
from identity.local_accounts.models import INVITATION, RESET
from identity.local_sign_in.door import Means
from identity.local_sign_in.links import issue_link, may_be_mailed
from identity.local_sign_in.password import account_of
from tenants.organisations.access import LOCAL
from tenants.organisations.records import organisations_of
from tenants.tenant_records import find_managed_tenant_by_id

MAX_PER_RUN = 100
TOO_LATE = dt.timedelta(hours=1)
"""Whoever asked so long ago does not wait any more."""
MAX_OPEN_LINKS = 3
"""Of one account: strangers who ask for more send its owner no more mail, and cannot make the links worthless that came."""
ACTOR = "sign-in"


def run_due_links(means: Means, now: dt.datetime) -> int:
    """Answer those who asked, and tell how many got a link."""
    return sum(_answer(asked, means, now) for asked in asked_links(MAX_PER_RUN))


def _answer(asked: AskedLink, means: Means, now: dt.datetime) -> bool:
    """Answer one, whole or not at all: a process that is killed meanwhile leaves it to another."""
    with transaction():
        if not take_asked(asked) or now - asked.at > TOO_LATE or not means.settings.smtp_url:
            return False
        tenant, account = find_managed_tenant_by_id(asked.tenant_id), account_of(asked.tenant_id, asked.name)
        if tenant is None or tenant.state == "suspended" or account is None or not _may_have_one(account, now):
            jobs_log.info("local_link_not_sent", tenant_id=asked.tenant_id)
            return False
        issue_link(tenant, account.person.id, means, show=False, by_staff=False, actor=ACTOR, now=now)
        return True


def _may_have_one(account: Account, now: dt.datetime) -> bool:
    person = account.person
    if not person.active or not may_be_mailed(account):
        return False
    access = organisations_of(person.tenant_id).access_of(person.organisation_id)
    if not access.allows(LOCAL) and not account.break_glass:
        return False
    purpose = RESET if account.password_hash else INVITATION
    return links_open(person.tenant_id, person.id, purpose, now) < MAX_OPEN_LINKS
