"""The way in: a response is verified, its person provisioned, a session opened. One pipeline, read from top to bottom."""

from __future__ import annotations

import datetime as dt
import functools
import secrets
from dataclasses import dataclass

from config.database import transaction
from identity.assertion import Assertion, Exchange
from identity.attempts import keep_receipt
from identity.checks import BROWSER, IN_RESPONSE_TO, ISSUER, RELAY_STATE, UNSOLICITED, UNUSED, Receipt
from identity.exchanges import find_exchange, find_exchange_by_relay_state, hash_of, use_assertion, use_exchange
from identity.login import require_unexpired
from identity.profile import profile_of, require_allowed
from identity.provisioning import provision
from identity.saml.response import UnverifiedResponse, masked_xml, read_response, verify_response
from identity.sessions import BrowserFacts, OpenedSession, end_session, open_session
from identity.targets import is_target, target_of_url
from tenants.audit import EventType, record
from tenants.errors import IdentityProviderMissing, Refusal
from tenants.records import TenantView
from tenants.trust import SAMLTrust
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
    """A person is signed in: the session to hand to the browser, and where it goes."""

    session: OpenedSession
    target: str


def accept_response(
    tenant: TenantView, tenant_trust: TenantTrust, arrival: Arrival, now: dt.datetime, receipt: Receipt
) -> SignIn:
    """Sign a person in, or refuse.

    Nothing is written before the transaction, and in it everything or nothing is: a refusal leaves no session, person or
    used request behind. Verification stands before it, so that no lock is held while a stranger's message is examined.

    Raises:
        Refusal: of identity.errors or tenants.errors; `receipt` then holds every check up to the one that failed.
    """
    unverified = read_response(arrival.saml_response, receipt)
    receipt.mask = functools.partial(masked_xml, unverified)
    exchange = _exchange_of(tenant, unverified, arrival.relay_state, now)
    trust = _trust_of(tenant_trust, exchange, unverified, receipt)
    require_unexpired(trust, now)
    assertion = verify_response(unverified, trust, exchange if exchange and exchange.solicited else None, now, receipt)
    _require_solicited_or_allowed(exchange, trust, receipt)
    target = _target_of(tenant, exchange, arrival.relay_state, receipt)
    profile = profile_of(assertion, trust.settings, receipt)
    require_allowed(profile, trust.email_domains, receipt)
    with transaction():
        _use_once(trust, exchange, assertion, arrival, now, receipt)
        person = provision(trust, profile, now, receipt)
        if arrival.session_token:
            end_session(tenant.id, arrival.session_token, now, reason="signed_in_again")
        session = open_session(tenant, trust.idp_id, person, assertion, arrival.browser, now)
        record(tenant.id, EventType.SESSION_OPENED, at=now, actor=person.id, session=session.id, idp=trust.idp_name)
        keep_receipt(
            tenant.id,
            receipt,
            reference=arrival.reference,
            now=now,
            masked_xml=receipt.masked_xml(),
            idp_id=trust.idp_id,
            user_id=person.id,
        )
    return SignIn(session, target)


def record_refusal(tenant: TenantView, refusal: Refusal, arrival_reference: str, now: dt.datetime, receipt: Receipt) -> None:
    """Keep a refusal and its receipt, in a transaction of its own: what was refused has left nothing behind."""
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
        )
        record(
            tenant.id,
            EventType.SIGN_IN_REFUSED,
            at=now,
            actor="sign-in",
            reason=refusal.code,
            reference=arrival_reference,
            cause=refusal.cause,
        )


def _exchange_of(tenant: TenantView, unverified: UnverifiedResponse, relay_state: str, now: dt.datetime) -> Exchange | None:
    """The exchange that the message claims to answer; an unknown one counts as none, and verification refuses it."""
    if unverified.unverified_in_response_to is not None:
        return find_exchange(tenant.id, unverified.unverified_in_response_to, now)
    return find_exchange_by_relay_state(tenant.id, relay_state, now) if relay_state else None


def _trust_of(
    tenant_trust: TenantTrust, exchange: Exchange | None, unverified: UnverifiedResponse, receipt: Receipt
) -> SAMLTrust:
    """The identity provider that was asked; without a request, the one that the message names, if it is this tenant's."""
    if not tenant_trust.providers:
        raise IdentityProviderMissing("no enabled identity provider")
    if exchange is not None:
        trust = tenant_trust.by_id(exchange.idp_id)
        if trust is None:
            raise IdentityProviderMissing("the identity provider that was asked is switched off now")
    else:
        issuer = unverified.unverified_issuer or ""
        trust = tenant_trust.by_entity_id(issuer)
        known = ", ".join(item.idp_entity_id for item in tenant_trust.providers)
        receipt.require(ISSUER, trust is not None, f"one of: {known}", issuer or "no issuer")
        assert trust is not None
    receipt.facts["idp"] = trust.idp_name
    receipt.facts["idp_id"] = trust.idp_id
    return trust


def _require_solicited_or_allowed(exchange: Exchange | None, trust: SAMLTrust, receipt: Receipt) -> None:
    if exchange is None or not exchange.solicited:
        allowed, expected = trust.settings.allow_idp_initiated, "an answer to a request, or leave for others"
        receipt.require(UNSOLICITED, allowed, expected, otherwise="a response that nobody asked for")


def _target_of(tenant: TenantView, exchange: Exchange | None, relay_state: str, receipt: Receipt) -> str:
    """Where the person goes. RelayState is a token that stands for a stored target, never a place by itself.

    Only a response that nobody asked for may name a place, and only a local path. An identity provider that loses
    RelayState does no harm: request, browser and signature decide, and the target is ours.
    """
    if exchange is None:
        target = "/" if relay_state == "" else relay_state
        if not is_target(target):
            target = target_of_url(relay_state, tenant.origin) or ""
        receipt.require(RELAY_STATE, target != "", "none, or a local path", otherwise="something else")
        return target
    held = relay_state == "" or secrets.compare_digest(hash_of(relay_state), exchange.relay_state_hash)
    receipt.require(RELAY_STATE, held, "the token that was sent", otherwise="another one")
    return exchange.target


def _use_once(
    trust: SAMLTrust,
    exchange: Exchange | None,
    assertion: Assertion,
    arrival: Arrival,
    now: dt.datetime,
    receipt: Receipt,
) -> None:
    """An assertion signs in once, a request is answered once, and by the browser that began (V10, V11).

    The assertion comes first: who posts an old message again is told so, whatever became of its request.
    """
    unused = use_assertion(trust.tenant_id, trust.idp_id, assertion)
    receipt.require(UNUSED, unused, "an assertion not used before", otherwise=f"{assertion.id}, used before")
    if exchange is None:
        return
    held = arrival.login_secret is not None and secrets.compare_digest(hash_of(arrival.login_secret), exchange.browser_hash)
    otherwise = "another one" if arrival.login_secret else "no login cookie"
    receipt.require(BROWSER, held, "the browser that began", otherwise=otherwise)
    receipt.require(IN_RESPONSE_TO, use_exchange(exchange, now), "a request not answered yet", otherwise="one answered before")
