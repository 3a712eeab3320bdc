"""A response is judged, from what came to whom it is about: everything of the way in that changes nothing.

The way in (identity.acs) goes on from here and signs the person in.
"""

from __future__ import annotations

import datetime as dt
import functools
import secrets
from dataclasses import dataclass

from identity.assertion import Assertion, Exchange, Profile
from identity.checks import ISSUER, KIND, METADATA, PROVIDER, RELAY_STATE, UNSOLICITED, Receipt
from identity.exchanges import find_exchange, find_exchange_by_relay_state, hash_of
from identity.login import require_unexpired
from identity.profile import profile_of, require_allowed
from identity.saml.response import UnverifiedResponse, masked_xml, read_response, verify_response
from identity.saml.statements import require_fresh
from identity.targets import is_target, target_of_url
from tenants.placement_rules import NOWHERE, Placement
from tenants.records import TenantView
from tenants.trust import SAMLTrust
from tenants.trusts import TenantTrust


@dataclass(frozen=True, slots=True)
class Judged:
    """A message that was found good: whom it is about, by whose word, and where they go. `exchange` None: nobody asked."""

    trust: SAMLTrust
    exchange: Exchange | None
    assertion: Assertion
    target: str
    profile: Profile
    placement: Placement = NOWHERE


@dataclass(frozen=True, slots=True)
class Claim:
    """What a message says of itself, and nobody believes yet: which request it answers, and whose trust it is judged by."""

    unverified: UnverifiedResponse
    exchange: Exchange | None
    trust: SAMLTrust


def judge_response(
    tenant: TenantView, tenant_trust: TenantTrust, saml_response: str, relay_state: str, now: dt.datetime, receipt: Receipt
) -> Judged:
    """Find a message good, or refuse it. Reads the exchange, and writes nothing.

    Raises:
        Refusal: of identity.errors or tenants.errors; `receipt` then holds every check up to the one that failed.
    """
    claim = read_claim(tenant, tenant_trust, saml_response, relay_state, now, receipt)
    return judge_claim(tenant, claim, relay_state, now, receipt)


def read_claim(
    tenant: TenantView, tenant_trust: TenantTrust, saml_response: str, relay_state: str, now: dt.datetime, receipt: Receipt
) -> Claim:
    """Read a message, and find what it would have to be judged by."""
    unverified = read_response(saml_response, receipt)
    receipt.mask = functools.partial(masked_xml, unverified)
    exchange = receipt.exchange = _exchange_of(tenant, unverified, relay_state, now)
    trust = _trust_of(tenant_trust, exchange, unverified, now, receipt)
    with receipt.step(METADATA):
        require_unexpired(trust, now)
    return Claim(unverified, exchange, trust)


def judge_claim(tenant: TenantView, claim: Claim, relay_state: str, now: dt.datetime, receipt: Receipt) -> Judged:
    """Find a message good that was read, or refuse it.

    Raises:
        SigningKeyUnknown: everything was in order up to a signature that none of the pinned keys has made.
    """
    unverified, exchange, trust = claim.unverified, claim.exchange, claim.trust
    assertion = verify_response(unverified, trust, exchange if exchange and exchange.solicited else None, now, receipt)
    _require_solicited_or_allowed(exchange, trust, receipt)
    if exchange and not exchange.solicited:  # nothing could be demanded of the identity provider, but it was of the person
        require_fresh(assertion.authn_instant, exchange, now, dt.timedelta(seconds=trust.settings.clock_skew_seconds), receipt)
    target = _target_of(tenant, exchange, relay_state, receipt)
    profile = profile_of(assertion, trust.settings, receipt)
    require_allowed(profile, trust.email_domains, receipt)
    placement = trust.placement.place(assertion.attributes)
    if placement.rules:
        receipt.facts["placement"] = placement.rules
    return Judged(trust, exchange, assertion, target, profile, placement)


def _exchange_of(tenant: TenantView, unverified: UnverifiedResponse, relay_state: str, now: dt.datetime) -> Exchange | None:
    """The exchange that the message claims to answer; an unknown one counts as none, and verification refuses it."""
    if unverified.unverified_in_response_to is not None:
        return find_exchange(tenant.id, unverified.unverified_in_response_to, now)
    return find_exchange_by_relay_state(tenant.id, relay_state, now) if relay_state else None


def _trust_of(
    tenant_trust: TenantTrust,
    exchange: Exchange | None,
    unverified: UnverifiedResponse,
    now: dt.datetime,
    receipt: Receipt,
) -> SAMLTrust:
    """The identity provider that was asked; without a request, the one that the message names, if it is this tenant's."""
    answered = exchange.trial_id if exchange else None
    if answered != tenant_trust.trial_id:  # noted where it fails alone: no line in the receipts of all the others
        receipt.require(KIND, False, "no test sign-in", otherwise="the answer to one", trial_id=answered)
    wanted = "an identity provider that is enabled"
    if exchange is not None:
        trust = tenant_trust.by_id(exchange.idp_id)
        receipt.require(PROVIDER, trust is not None, wanted, otherwise="the one that was asked is switched off now")
    else:
        receipt.require(PROVIDER, bool(tenant_trust.providers), wanted, otherwise="none")
        issuer = unverified.unverified_issuer or ""
        trust = tenant_trust.by_entity_id(issuer)
        known = ", ".join(item.idp_entity_id for item in tenant_trust.providers)
        receipt.require(ISSUER, trust is not None, f"one of: {known}", issuer or "no issuer")
    assert trust is not None
    receipt.facts["idp"] = trust.idp_name
    receipt.facts["idp_id"] = trust.idp_id
    if exchange is not None and exchange.created_at is not None:  # an answer dated before it comes from a clock that is behind
        receipt.facts["asked_seconds_ago"] = round((now - exchange.created_at).total_seconds())
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
