"""The way out: a browser leaves for its identity provider, with a request that only this browser can bring back."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from identity.assertion import Exchange
from identity.exchanges import add_exchange_alone, hash_of
from identity.saml.bindings import post_fields, redirect_url, with_hint, with_query
from identity.saml.request import build_authn_request, choose_endpoint
from identity.saml.signing import sign_canonical
from identity.targets import require_target
from tenants.errors import IdentityProviderElsewhere, IdentityProviderMissing, IdentityProviderOff, MetadataExpired
from tenants.trust import BINDING_POST, SAMLTrust
from tenants.trusts import TenantTrust

REQUEST_ID_BYTES = 20
"""160 bits; SAML Core 1.3.4 asks for 128 at least. The leading underscore makes an NCName that starts with no digit."""
RELAY_STATE_BYTES = 24
"""32 characters; SAML Bindings 3.4.3 allows 80 bytes."""


MAX_LOGIN_HINT = 254
"""Characters: an e-mail address. A longer hint is none."""


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """What a link to the sign-in may ask for (Q5).

    `force_authn`: a new sign-in, and nothing else will do. `other_account`: a new sign-in, so that people can choose an
    account; where the identity provider goes on with one that it knows, that will do.
    """

    idp_name: str | None = None
    target: str = "/"
    force_authn: bool = False
    other_account: bool = False
    is_passive: bool = False
    login_hint: str | None = None


@dataclass(frozen=True, slots=True)
class LoginStart:
    """Where the browser goes: `fields` posted to `location`, or `location` alone by redirect when there are none."""

    location: str
    fields: Mapping[str, str] | None
    exchange: Exchange


def begin_login(tenant_trust: TenantTrust, options: LoginOptions, browser: str, now: dt.datetime) -> LoginStart:
    """Send a browser to its identity provider and remember what for.

    Args:
        browser: the secret that this browser alone holds in its login cookie.

    Raises:
        IdentityProviderMissing, MetadataExpired, RelayStateInvalid (a target that is no local path).
    """
    start = prepare_login(choose_provider(tenant_trust, options.idp_name), options, browser, now)
    add_exchange_alone(start.exchange, now=now)
    return start


def prepare_login(
    trust: SAMLTrust, options: LoginOptions, browser: str, now: dt.datetime, *, trial_id: str | None = None
) -> LoginStart:
    """Make the request and the exchange that waits for its answer; the caller stores it.

    Args:
        trial_id: the test sign-in that it belongs to; its answer will sign nobody in.
    """
    require_unexpired(trust, now)
    relay_state = secrets.token_urlsafe(RELAY_STATE_BYTES)
    exchange = Exchange(
        request_id="_" + secrets.token_hex(REQUEST_ID_BYTES),
        tenant_id=trust.tenant_id,
        idp_id=trust.idp_id,
        browser_hash=hash_of(browser),
        relay_state_hash=hash_of(relay_state),
        target=require_target(options.target),
        authn_context_classes=trust.settings.authn_context_class_ref,
        solicited=not trust.settings.idp_login_url,
        trial_id=trial_id,
        fresh=options.force_authn or trust.settings.force_authn,
    )
    location, fields = _message(trust, exchange, relay_state, options, now)
    return LoginStart(location, fields, exchange)


def choose_provider(tenant_trust: TenantTrust, name: str | None) -> SAMLTrust:
    """The identity provider that the link names, or the only one there is."""
    if name is not None:
        trust = tenant_trust.by_name(name)
    else:
        trust = tenant_trust.providers[0] if len(tenant_trust.providers) == 1 else None
    if trust is None:
        cause = f"no enabled identity provider {name!r}" if name else "none enabled, or several"
        if tenant_trust.switched_off:
            raise IdentityProviderOff(cause)
        raise (IdentityProviderElsewhere if tenant_trust.providers else IdentityProviderMissing)(cause)
    return trust


def require_unexpired(trust: SAMLTrust, now: dt.datetime) -> None:
    """Metadata that says until when it is true is not used after that (M5; SAML Metadata 2.3.2)."""
    if trust.valid_until is not None and now >= trust.valid_until:
        raise MetadataExpired(f"{trust.idp_name}: validUntil {trust.valid_until.isoformat()}")


def _message(
    trust: SAMLTrust, exchange: Exchange, relay_state: str, options: LoginOptions, now: dt.datetime
) -> tuple[str, Mapping[str, str] | None]:
    if not exchange.solicited:
        return with_query(trust.settings.idp_login_url, "RelayState=" + relay_state), None
    endpoint = choose_endpoint(trust)
    hint = options.login_hint if len(options.login_hint or "") <= MAX_LOGIN_HINT else None
    force = exchange.fresh or options.other_account
    xml = build_authn_request(
        trust, exchange.request_id, endpoint, now, force_authn=force, is_passive=options.is_passive
    )
    if endpoint.binding != BINDING_POST:
        return redirect_url(xml, relay_state, endpoint, trust, login_hint=hint), None
    if trust.settings.sign_requests:
        xml = sign_canonical(xml, exchange.request_id, trust)
    return with_hint(endpoint.location, hint, trust), post_fields(xml, relay_state)
