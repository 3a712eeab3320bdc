"""Flows of single logout: ours ends first, then the identity provider is told; or it tells us (S3; SAML Profiles 4.4)."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from config.database import transaction
from identity.errors import LogoutInvalid
from identity.login import REQUEST_ID_BYTES, require_unexpired
from identity.logout_records import (
    add_logout_exchange,
    end_by_subject,
    end_by_token,
    find_logout_exchange,
    use_logout,
    use_logout_exchange,
)
from identity.saml.bindings import RESPONSE, post_fields, redirect_query, with_query
from identity.saml.logout_message import build_logout_request, build_logout_response
from identity.saml.logout_verification import LogoutRequest, LogoutResponse, verify_logout
from identity.saml.request import REQUEST_ID
from identity.saml.signing import sign_canonical
from identity.saml.unverified_logout import MAX_ECHOED_BYTES, UnverifiedLogout
from tenants.audit import EventType, record
from tenants.errors import MetadataExpired
from tenants.idp_metadata import metadata_from_document
from tenants.records import TenantView, connected_provider
from tenants.signed_xml.errors import SignInRefusal
from tenants.trust import BINDING_POST, BINDING_REDIRECT, Endpoint, SAMLTrust
from tenants.trusts import TenantTrust, TrustCache

LOGOUT_LIFETIME = dt.timedelta(minutes=10)
"""How long the identity provider may take to tell all others before it answers."""


class SignedOut(StrEnum):
    """How far a sign-out went, as the page says it. The words are in addresses."""

    HERE = "1"
    EVERYWHERE = "everywhere"
    PARTLY = "partly"


@dataclass(frozen=True, slots=True)
class Departure:
    """Where the browser goes: `fields` posted to `location`, or `location` alone by redirect where there are none."""

    location: str
    fields: Mapping[str, str] | None


def sign_out(tenant: TenantView, tenant_trust: TenantTrust, token: str, now: dt.datetime) -> str | None:
    """End this browser's session, whatever comes after.

    Returns:
        The request that its identity provider is to get (see `tell_identity_provider`); None where there is nobody to tell:
        no session, or an identity provider that takes no logout.
    """
    request_id = "_" + secrets.token_hex(REQUEST_ID_BYTES)
    with transaction():
        ended = end_by_token(tenant.id, token, now)
        if ended is None:
            return None
        record(tenant.id, EventType.SESSION_ENDED, at=now, actor=ended.user_id, reason="signed_out", session=ended.id)
        trust = tenant_trust.by_id(ended.idp_id) if ended.idp_id else None
        if trust is None or _endpoint_for_requests(trust, now) is None:
            return None
        add_logout_exchange(tenant.id, request_id, ended, now + LOGOUT_LIFETIME)
    return request_id


def tell_identity_provider(
    tenant: TenantView, tenant_trust: TenantTrust, request_id: str, now: dt.datetime
) -> Departure | None:
    """Send the browser to say that its session has ended; None where nobody waits to be told any more."""
    exchange = find_logout_exchange(tenant.id, request_id, now) if REQUEST_ID.fullmatch(request_id) else None
    trust = tenant_trust.by_id(exchange.idp_id) if exchange else None
    endpoint = _endpoint_for_requests(trust, now) if trust else None
    if exchange is None or trust is None or endpoint is None:
        return None
    xml = build_logout_request(trust, request_id, endpoint, exchange.subject, now)
    if endpoint.binding == BINDING_POST:
        return Departure(endpoint.location, post_fields(sign_canonical(xml, request_id, trust), ""))
    return Departure(with_query(endpoint.location, redirect_query(xml, "", trust, sign=True)), None)


def receive_logout(
    tenant: TenantView, trusts: TrustCache, unverified: UnverifiedLogout, now: dt.datetime
) -> Departure | SignedOut:
    """Obey the identity provider's request and answer it, or take its answer to ours.

    One that is switched off lets nobody in, but may still end what it has begun: the keys that it is known by are the same,
    and nothing but an end can come of it.

    Returns:
        Where the answer goes; or how far the sign-out went, where nobody waits for one.

    Raises:
        LogoutInvalid: it is not what this tenant's identity provider has signed, for us and for now. Nothing has changed.
    """
    issuer = unverified.unverified_issuer
    trust = trusts.trust_of(tenant).by_entity_id(issuer) or trusts.parting_trust(tenant, issuer)
    if trust is None:
        raise LogoutInvalid(f"no identity provider of this tenant: {issuer[:120]}")
    with refused_as_logout():
        require_unexpired(trust, now)
        message = verify_logout(unverified, trust, now)
    if isinstance(message, LogoutResponse):
        return _take_answer(trust, message, now)
    _obey(trust, message, now)
    return _answer(trust, message, now)


@contextmanager
def refused_as_logout() -> Iterator[None]:
    """What reading and verification refuse is one code here, whose words are not those of a sign-in; the cause names theirs."""
    try:
        yield
    except (SignInRefusal, MetadataExpired) as refusal:
        raise LogoutInvalid(f"{refusal.code}: {refusal.cause}") from None


def _obey(trust: SAMLTrust, request: LogoutRequest, now: dt.datetime) -> None:
    with transaction():
        if not use_logout(trust.tenant_id, trust.idp_id, request, now):
            raise LogoutInvalid(f"replayed: {request.id[:80]} was obeyed before")
        ended = end_by_subject(trust.tenant_id, trust.idp_id, request.name_id, request.session_indexes, now)
        for session_id, user_id in ended:
            detail = {"session": session_id, "idp": trust.idp_name}
            record(trust.tenant_id, EventType.SESSION_ENDED, at=now, actor=user_id, reason="single_logout", **detail)


def _take_answer(trust: SAMLTrust, response: LogoutResponse, now: dt.datetime) -> SignedOut:
    with transaction():
        if not use_logout_exchange(trust.tenant_id, trust.idp_id, response.in_response_to, now):
            raise LogoutInvalid(f"an answer to {response.in_response_to[:80]}, which {trust.idp_name} was not asked")
    return SignedOut.EVERYWHERE if response.everywhere else SignedOut.PARTLY


def _answer(trust: SAMLTrust, request: LogoutRequest, now: dt.datetime) -> Departure | SignedOut:
    """To ResponseLocation where the metadata names one (SAML Metadata 2.2.2); by the binding that the request came by."""
    order = (BINDING_REDIRECT, BINDING_POST) if request.by_redirect else (BINDING_POST, BINDING_REDIRECT)
    endpoint = _endpoint(trust, order)
    if endpoint is None:
        return SignedOut.HERE
    location = endpoint.response_location or endpoint.location
    response_id = "_" + secrets.token_hex(REQUEST_ID_BYTES)
    xml = build_logout_response(trust, response_id, location, request.id, now)
    if endpoint.binding == BINDING_POST:
        signed = sign_canonical(xml, response_id, trust)
        return Departure(location, post_fields(signed, request.relay_state, message=RESPONSE, longest=MAX_ECHOED_BYTES))
    query = redirect_query(xml, request.relay_state, trust, sign=True, message=RESPONSE, longest=MAX_ECHOED_BYTES)
    return Departure(with_query(location, query), None)


def _endpoint_for_requests(trust: SAMLTrust, now: dt.datetime) -> Endpoint | None:
    """None where the identity provider takes no logout, is not to be told, or may not be trusted to any more."""
    try:
        require_unexpired(trust, now)
    except MetadataExpired:
        return None
    # Redirect first, whatever is set for sign-in: no form's policy stands in the way of the answer.
    return _endpoint(trust, (BINDING_REDIRECT, BINDING_POST)) if trust.settings.single_logout else None


def _endpoint(trust: SAMLTrust, order: tuple[str, ...]) -> Endpoint | None:
    """Read when it is needed: what each cached trust holds is paid for ten thousand times, and few sign out."""
    row = connected_provider(trust.tenant_id, trust.idp_id)
    endpoints = () if row is None else metadata_from_document(row.metadata_document).slo
    found = (endpoint for binding in order for endpoint in endpoints if endpoint.binding == binding)
    return next(found, None)
