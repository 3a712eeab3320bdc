"""The way in: a response is verified, its person provisioned, a session opened. One pipeline, read from top to bottom."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass

from config.database import together, transaction
from identity.access_rules import require_way
from identity.attempts import keep_receipt
from identity.checks import BROWSER, IN_RESPONSE_TO, MAX_SHOWN, UNUSED, Receipt
from identity.deactivation import deactivate_by_rule
from identity.errors import UserInactive
from identity.exchanges import hash_of, use_assertion, use_exchange
from identity.judging import Judged
from identity.logout_records import is_overtaken
from identity.lost_roles import end_tokens_of_unmet_rules
from identity.placement.fingerprints import fingerprints_of
from identity.provisioning import provision
from identity.second_try import Renewal, judge_with_present_keys
from identity.sessions import BrowserFacts, OpenedSession, end_session, entry_by_sso, open_session
from tenants.audit import EventType, record
from tenants.errors import Refusal
from tenants.records import TenantView
from tenants.trusts import TenantTrust

MAX_REFUSED_XML = 16 * 1024
"""Characters of a refused message that are kept: more than honest ones have, since anyone may post."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a browser brought to the ACS. `login_secret` and `session_token` are its cookies; None where they are missing."""

    saml_response: str
    relay_state: str
    login_secret: str | None
    session_token: str | None
    browser: BrowserFacts
    reference: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """A person is signed in: the session to hand to the browser, and where it goes.

    `over`: the identity provider has signed them out before its answer came, and the session has ended at once.
    """

    session: OpenedSession
    target: str
    over: bool = False


def accept_response(
    tenant: TenantView,
    tenant_trust: TenantTrust,
    arrival: Arrival,
    now: dt.datetime,
    receipt: Receipt,
    renewal: Renewal,
) -> SignIn:
    """Sign a person in, or refuse.

    Nothing is written before the transaction, and in it everything or nothing is: a refusal leaves no session, person or
    used request behind. Verification stands before it, so that no lock is held while a stranger's message is examined.

    Raises:
        Refusal: of identity.errors or tenants.errors; `receipt` then holds every check up to the one that failed.
    """
    message = (arrival.saml_response, arrival.relay_state)
    judged = judge_with_present_keys(tenant, tenant_trust, *message, now, receipt, renewal)
    try:
        session = _sign_in(tenant, tenant_trust, judged, arrival, now, receipt)
    except UserInactive:
        if judged.placement.active is False:  # not before the message was found unused, and brought by who began
            source = {"idp": judged.trust.idp_name}
            deactivate_by_rule(tenant.id, receipt.facts.get("user_id"), judged.placement, source, now)
        raise
    trust, assertion = judged.trust, judged.assertion
    # Looked for when the session can be seen by others: a logout that did not see it is seen here.
    began_at = judged.exchange.created_at if judged.exchange else None
    over = is_overtaken(tenant.id, trust.idp_id, assertion, began_at, now)
    if over:
        with transaction():
            end_session(tenant.id, session.token, now, reason="single_logout")
    return SignIn(session, judged.target, over)


def _sign_in(
    tenant: TenantView, tenant_trust: TenantTrust, judged: Judged, arrival: Arrival, now: dt.datetime, receipt: Receipt
) -> OpenedSession:
    """The one transaction of a sign-in."""
    trust, assertion = judged.trust, judged.assertion
    fingerprints = fingerprints_of(trust.fingerprint_key, assertion.attributes)
    with transaction():
        use_once(judged, arrival, now, receipt)
        person = provision(trust, judged.profile, judged.placement, tenant_trust.organisations, now, receipt)
        access = tenant_trust.organisations.access_of(person.organisation_id)
        require_way(access, trust, receipt)
        receipt.require_whole()
        _end_lost_roles(judged, person.id, now)
        if arrival.session_token:
            end_session(tenant.id, arrival.session_token, now, reason="signed_in_again")
        entry = entry_by_sso(trust, assertion, judged.exchange, now)
        with together():
            session = open_session(tenant, person, entry, access, arrival.browser, now)
            record(tenant.id, EventType.SESSION_OPENED, at=now, actor=person.id, session=session.id, idp=trust.idp_name)
            keep_receipt(
                tenant.id,
                receipt,
                reference=arrival.reference,
                now=now,
                masked_xml=receipt.masked_xml(),
                idp_id=trust.idp_id,
                user_id=person.id,
                fingerprints=fingerprints,
            )
    return session


def _end_lost_roles(judged: Judged, user_id: str, now: dt.datetime) -> None:
    trust = judged.trust
    end_tokens_of_unmet_rules(
        trust.tenant_id,
        user_id,
        trust.placement,
        judged.placement,
        now,
        console_rules=trust.console_rules,
        attributes=judged.assertion.attributes,
    )


def record_refusal(
    tenant: TenantView, refusal: Refusal, cause: str, arrival_reference: str, now: dt.datetime, receipt: Receipt
) -> None:
    """Keep a refusal and its receipt, in a transaction of its own: what was refused has left nothing behind.

    Args:
        cause: the refusal's, as the audit may have it.
    """
    with transaction():
        keep_receipt(
            tenant.id,
            receipt,
            reference=arrival_reference,
            now=now,
            masked_xml=receipt.masked_xml()[:MAX_REFUSED_XML],
            code=refusal.code,
            cause=refusal.cause,
            idp_id=receipt.facts.get("idp_id"),
            user_id=receipt.facts.get("user_id"),
        )
        record(
            tenant.id,
            EventType.SIGN_IN_REFUSED,
            at=now,
            actor="sign-in",
            reason=refusal.code,
            reference=arrival_reference,
            cause=cause,
        )


def use_once(judged: Judged, arrival: Arrival, now: dt.datetime, receipt: Receipt) -> None:
    """An assertion signs in once, a request is answered once, and by the browser that began (V10, V11).

    The assertion comes first: who posts an old message again is told so, whatever became of its request.
    """
    assertion, exchange = judged.assertion, judged.exchange
    unused = use_assertion(judged.trust.tenant_id, judged.trust.idp_id, assertion)
    receipt.require(UNUSED, unused, "an assertion not used before", otherwise=f"{assertion.id}, used before")
    if exchange is None:
        return
    held = arrival.login_secret is not None and secrets.compare_digest(hash_of(arrival.login_secret), exchange.browser_hash)
    otherwise = "another one" if arrival.login_secret else "no login cookie"
    if not held:  # which browser loses cookies is told by what it calls itself
        receipt.facts["user_agent"] = arrival.browser.user_agent[:MAX_SHOWN]
    receipt.require(BROWSER, held, "the browser that began", otherwise=otherwise)
    receipt.require(IN_RESPONSE_TO, use_exchange(exchange, now), "a request not answered yet", otherwise="one answered before")
