"""Flows: links that set a password: made, followed, and asked for by whoever has forgotten one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from config.database import transaction
from identity.credentials.errors import SecondFactorInvalid
from identity.credentials.factors import add_passkey, passkeys_of, replace_recovery_codes
from identity.credentials.offers import Answer, Factor, read_factor
from identity.credentials.passkeys import RelyingParty
from identity.credentials.passwords import hash_password
from identity.credentials.second_factors import new_recovery_codes, recovery_hash
from identity.exchanges import hash_of
from identity.local_accounts.account_records import (
    NOBODY,
    Account,
    change_account,
    find_account,
    hold_account,
    totp_place,
)
from identity.local_accounts.errors import LinkNotShown, LocalAccountMissing, LocalLinkInvalid, MailDomainNotProven
from identity.local_accounts.factor_records import factors_of
from identity.local_accounts.link_records import FoundLink, add_link, ask_for_link, find_link, take_link
from identity.local_accounts.models import INVITATION, RESET
from identity.local_accounts.sign_in_records import forget_what_waits, remember_browser
from identity.local_sign_in.acceptance import require_new_password
from identity.local_sign_in.door import Door, Means, counters_for, needs_second_factor, require_patience
from identity.local_sign_in.letters import LINK_MAIL, invitation_letter, reset_letter
from identity.local_sign_in.password import name_key
from identity.people_letters import tell_person
from identity.people_records import end_open_sessions, hold_person
from tenants.audit import EventType, record
from tenants.email_domains import domain_of
from tenants.notices.outbox import tell_by_mail
from tenants.notices.telling import NamedTenant
from tenants.organisations.access import LOCAL
from tenants.records import proven_domains

LINK_PATH = "/sign-in/link/"
FIRST_LABEL = "Passkey"


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link that was made. `url` is there for whoever may hand it on themselves; mailed ones are shown to nobody."""

    purpose: str
    expires_at: dt.datetime
    mailed_to: str | None
    url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Linked:
    """Whose link it is, and whether a second factor has to be set up with it."""

    account: Account
    link: FoundLink
    needs_factor: bool


@dataclass(frozen=True, slots=True)
class Followed:
    """A password was set: recovery codes, shown this once where a factor was set up, and the browser's token."""

    codes: list[str] = field(repr=False)
    device: str = field(repr=False)


def issue_link(
    tenant: NamedTenant, user_id: str, means: Means, *, show: bool, by_staff: bool, actor: str, now: dt.datetime
) -> IssuedLink:
    """Make a link for a person's account, inside a transaction: an invitation, or a reset where there is a password.

    It goes by mail where mail is set up. A link that can be read lets its reader take the account over, so a tenant's own
    administrators see one only where there is no mail.

    Args:
        show: give it, and send no mail.

    Raises:
        LocalAccountMissing, LinkNotShown, MailDomainNotProven.
    """
    hold_account(tenant.id, user_id)
    hold_person(tenant.id, user_id)  # it goes to the address that they have now, or ends with it
    account = find_account(tenant.id, user_id)
    if account is None:
        raise LocalAccountMissing("no account")
    by_mail = bool(means.settings.smtp_url) and not show
    if means.settings.smtp_url and show and not by_staff:
        raise LinkNotShown("mail is set up")
    if by_mail and not may_be_mailed(account):
        raise MailDomainNotProven("address outside")
    purpose = RESET if account.password_hash else INVITATION
    token, expires_at = add_link(tenant.id, user_id, purpose, now)
    url = means.settings.tenant_origin(tenant.slug) + LINK_PATH + token
    if by_mail:
        letter = (reset_letter if purpose == RESET else invitation_letter)(tenant.name, url, expires_at)
        tell_by_mail(tenant.id, LINK_MAIL, letter, [account.person.email], means.keys, now)
    else:  # somebody else holds it, and could set the password
        tell_owner(tenant, account, "a link that sets your password was made, and shown to whoever made it", means, now)
    issued = EventType.LOCAL_LINK_ISSUED
    record(tenant.id, issued, at=now, actor=actor, user=user_id, purpose=purpose, mailed=by_mail)
    return IssuedLink(purpose, expires_at, account.person.email if by_mail else None, None if by_mail else url)


def require_link(token: str, door: Door) -> Linked:
    """What a link leads to; looking changes nothing, since programs look at links in mail.

    Raises:
        LocalLinkInvalid: unknown, used, run out, another tenant's, or of a person who is switched off, all alike.
    """
    link = find_link(door.tenant.id, token, door.now)
    account = find_account(door.tenant.id, link.user_id) if link else None
    if link is None or account is None:
        raise LocalLinkInvalid("unknown, used or expired")
    needed = needs_second_factor(account, LOCAL, door.organisations) and not has_factor(account)
    return Linked(account, link, needed)


def follow_link(
    token: str, password: str, answer: Answer, party: RelyingParty, means: Means, door: Door
) -> Followed:
    """Set a password, and a second factor where one is needed and missing; the link is used up, and all others with it.

    It signs nobody in: a second factor that the account has is asked for as ever. A reset ends every session of the person.

    Raises:
        LocalLinkInvalid, PasswordNotAllowed, SecondFactorInvalid.
    """
    linked, tenant, now = require_link(token, door), door.tenant, door.now
    account, user_id = linked.account, linked.account.person.id
    accepted = require_new_password(password, account, means.settings)
    factor = read_factor(answer, place_of(tenant.id, hash_of(token)), party, means.keys, now) if linked.needs_factor else None
    password_hash = hash_password(accepted)
    with transaction():
        hold_account(tenant.id, user_id)
        if not take_link(tenant.id, token, now):
            raise LocalLinkInvalid("used in another window")
        change_account(tenant.id, user_id, {"password_hash": password_hash, "password_set_at": now})
        codes = keep_factor(account, factor, FIRST_LABEL, means, now) if factor else []
        forget_what_waits(tenant.id, user_id, browsers=True)
        ended = end_open_sessions(tenant.id, now, user_id=user_id) if account.password_hash else 0
        detail: dict[str, Any] = {"purpose": linked.link.purpose, "second_factor": factor is not None, "sessions_ended": ended}
        record(tenant.id, EventType.LOCAL_LINK_FOLLOWED, at=now, actor=user_id, user=user_id, **detail)
        words = "your password was changed" if account.password_hash else "a password was set"
        tell_owner(tenant, account, words + (", with a second factor" if factor else ""), means, now)
        return Followed(codes, remember_browser(tenant.id, user_id, door.device, now))


def ask_for_reset(name: str, door: Door) -> None:
    """Note that somebody has forgotten a password. A job looks whether there is such an account (`asked_links`).

    Raises:
        RateLimited
    """
    # Not by the account alone: strangers who ask for it would keep its owner from asking.
    every = counters_for("link", name_key(name), NOBODY, door)
    require_patience((every[0], every[2]), door)
    with transaction():
        ask_for_link(door.tenant.id, name, door.now)


def may_be_mailed(account: Account) -> bool:
    """Whether we write to this person: strangers' domains get nothing from us, whoever asks for it."""
    return domain_of(account.person.email) in proven_domains(account.person.tenant_id)


def has_factor(account: Account) -> bool:
    """Whether there is a second factor that can be asked for."""
    return account.sealed_totp_secret is not None or bool(passkeys_of(factors_of(account.person.tenant_id, account.person.id)))


def keep_factor(account: Account, factor: Factor, label: str, means: Means, now: dt.datetime) -> list[str]:
    """Keep a factor that was proved, inside a transaction. An app takes the place of the former app.

    With the first factor come recovery codes, which are shown this once.

    Raises:
        SecondFactorInvalid: somebody has this passkey already.
    """
    tenant_id, user_id, first = account.person.tenant_id, account.person.id, not has_factor(account)
    if factor.passkey is not None:
        if not add_passkey(factors_of(tenant_id, user_id), factor.passkey, label, now):
            raise SecondFactorInvalid("known", errors={"passkey": ["This passkey is in use already."]})
    else:
        sealed = means.keys.seal((factor.totp_secret or "").encode(), totp_place(tenant_id, user_id))
        change_account(tenant_id, user_id, {"sealed_totp_secret": sealed, "totp_step": factor.totp_step})
    return give_recovery_codes(account, now) if first else []


def give_recovery_codes(account: Account, now: dt.datetime) -> list[str]:
    """Make ten new codes in place of all former ones, inside a transaction; shown this once."""
    codes = new_recovery_codes()
    hashes = [hash_ for code in codes if (hash_ := recovery_hash(code))]
    replace_recovery_codes(factors_of(account.person.tenant_id, account.person.id), hashes, now)
    return codes


def tell_owner(tenant: NamedTenant, account: Account, what: str, means: Means, now: dt.datetime) -> None:
    """Tell somebody by mail what was changed about their account, inside the change's transaction."""
    tell_person(tenant, account.person.email, what, means.post, now)


def place_of(tenant_id: int, asked: str) -> str:
    """What an offer of a second factor is sealed to: a link's hash, or a session's id, of one tenant."""
    return f"local_enrolment:{tenant_id}:{asked}"
