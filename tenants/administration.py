"""Flows of management: tenants are made, changed, suspended, deleted; their SAML settings change (T1, T5, T6, K1).

The edge opens the transaction; what is slow (key generation) comes before it, as a draft. Every change that a sign-in is
judged by bumps the tenant's version in the same transaction, so it holds on all workers with the next request.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from config.sealing import KeyRing
from config.settings import Settings
from tenants.audit import EventType, record
from tenants.domain_ownership import claim_domain, claim_without_proof, read_domains, replace_domains
from tenants.errors import NotFound
from tenants.hosts import require_slug
from tenants.management_errors import FieldsInvalid, PasskeysEnd
from tenants.models import ACTIVE, DELETED, ONBOARDING, SUSPENDED
from tenants.organisations.records import organisations_of
from tenants.organisations.soundness import Timeouts, require_sound
from tenants.rollover.making import add_key_pair
from tenants.rollover.records import ACTIVE as ACTIVE_KEY
from tenants.service_provider import KeyUse, NewKeyPair, new_key_pair
from tenants.tenant_records import (
    Attestation,
    ManagedTenant,
    add_tenant,
    bump_version,
    change_tenant_row,
    domains_of,
    find_managed_tenant_by_id,
    move_to_slug,
    remove_domains,
)
from tenants.tokens import revoke_tokens_of

MAX_NAME_LENGTH = 200
KEY_USES: tuple[KeyUse, ...] = ("signing", "encryption")
ROW_FIELDS = ("name", "brand_colour", "session_idle_seconds", "session_absolute_seconds")
STATE_EVENTS = {ACTIVE: EventType.TENANT_ACTIVATED, SUSPENDED: EventType.TENANT_SUSPENDED}


PasskeyHolders = Callable[[int], int]
"""How many people of a tenant have passkeys; these belong to the package above as well."""


class EndSessions(Protocol):
    """Ends the open sessions of a tenant, or of one identity provider or directory there, and tells how many there were.

    Sessions belong to the package above; whoever puts the service together hands its function in.
    """

    def __call__(
        self, tenant_id: int, now: dt.datetime, *, idp_id: str | None = None, directory_id: str | None = None
    ) -> int: ...


@dataclass(frozen=True, slots=True)
class TenantDraft:
    """A tenant that can be created: checked, and with its keys made."""

    slug: str
    name: str
    email_domains: tuple[str, ...]
    key_pairs: Mapping[KeyUse, NewKeyPair]


def draft_tenant(slug: str, name: str, email_domains: Sequence[str], settings: Settings, now: dt.datetime) -> TenantDraft:
    """Check what a tenant is to be, and make its keys; slow, and before any transaction.

    Raises:
        SlugInvalid, SlugTaken (a reserved one), FieldsInvalid, DomainInvalid.
    """
    slug = require_slug(slug, settings)
    name = require_name(name)
    domains = read_domains(email_domains)
    return TenantDraft(slug, name, domains, {use: new_key_pair(name, now, use) for use in KEY_USES})


def create_tenant(
    draft: TenantDraft, settings: Settings, keys: KeyRing, *, attestation: Attestation | None, actor: str, now: dt.datetime
) -> ManagedTenant:
    """Create a tenant. It is onboarding until its first identity provider is there.

    Raises:
        SlugTaken, DomainTaken.
    """
    tenant_id = add_tenant(
        {
            "slug": draft.slug,
            "name": draft.name,
            "state": ONBOARDING,
            "origin": settings.tenant_origin(draft.slug),
            "created_at": now,
        }
    )
    for domain in draft.email_domains:
        if attestation is not None:
            claim_domain(tenant_id, domain, attestation, actor, now)
        else:
            claim_without_proof(tenant_id, domain, now)
    for use, pair in draft.key_pairs.items():
        add_key_pair(tenant_id, use, pair, ACTIVE_KEY, keys, now)
    record(
        tenant_id,
        EventType.TENANT_CREATED,
        at=now,
        actor=actor,
        slug=draft.slug,
        name=draft.name,
        email_domains=list(draft.email_domains),
        attestation=attestation.reason if attestation else None,
    )
    return _present(tenant_id)


def change_tenant(
    tenant: ManagedTenant,
    changes: Mapping[str, Any],
    settings: Settings,
    *,
    attestation: Attestation | None,
    actor: str,
    now: dt.datetime,
    end_sessions: EndSessions,
    passkey_holders: PasskeyHolders,
) -> ManagedTenant:
    """Change what `changes` names: name, state, slug, email_domains, brand_colour, session timeouts.

    Raises:
        NotFound: it was deleted meanwhile. SlugInvalid, SlugTaken, DomainInvalid, DomainTaken, FieldsInvalid.
        PasskeysEnd: people have passkeys for the present MyDomain, and `changes` does not say `anyway`.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    tenant = _present(tenant.id)
    _change_row(tenant, changes, actor, now)
    if "slug" in changes:
        slug, end_passkeys = require_slug(changes["slug"], settings), changes.get("anyway", False)
        _change_slug(tenant, slug, actor, now, holders=0 if end_passkeys else passkey_holders(tenant.id))
    if "email_domains" in changes:
        replace_domains(tenant, read_domains(changes["email_domains"]), attestation, actor, now)
    if changes.get("state", tenant.state) != tenant.state:
        change_tenant_row(tenant.id, {"state": changes["state"]})
        # At both ends: a sign-in under way at the moment of the suspension may have opened a session after it.
        ended = end_sessions(tenant.id, now) if SUSPENDED in (tenant.state, changes["state"]) else 0
        record(tenant.id, STATE_EVENTS[changes["state"]], at=now, actor=actor, sessions_ended=ended)
    return _present(tenant.id)


def delete_tenant(tenant: ManagedTenant, *, actor: str, now: dt.datetime, end_sessions: EndSessions) -> None:
    """Delete a tenant: sessions and tokens end, its hosts are unknown from now on, its MyDomains stay reserved.

    Its e-mail domains are free again; the audit event keeps their names. The rest is erased later (tenants.erasure).

    Raises:
        NotFound: it was deleted meanwhile.
    """
    if not bump_version(tenant.id):
        raise NotFound("deleted meanwhile")
    domains = [owned.domain for owned in domains_of([tenant.id])[tenant.id]]
    remove_domains(tenant.id, domains)
    revoke_tokens_of(tenant.id, now)
    ended = end_sessions(tenant.id, now)
    record(tenant.id, EventType.TENANT_DELETED, at=now, actor=actor, email_domains=domains, sessions_ended=ended)
    change_tenant_row(tenant.id, {"state": DELETED, "deleted_at": now})


def require_name(text: str, field: str = "name") -> str:
    """A name that people read: 1 to 200 printable characters, without blanks around it."""
    name = text.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise FieldsInvalid(field, errors={field: [f"It takes 1 to {MAX_NAME_LENGTH} printable characters."]})
    return name


def _change_row(tenant: ManagedTenant, changes: Mapping[str, Any], actor: str, now: dt.datetime) -> None:
    wanted = {name: changes[name] for name in ROW_FIELDS if name in changes}
    if "name" in wanted:
        wanted["name"] = require_name(wanted["name"])
    idle = wanted.get("session_idle_seconds", tenant.session_idle_seconds)
    if idle > wanted.get("session_absolute_seconds", tenant.session_absolute_seconds):
        sentence = "A session cannot be idle for longer than it may last."
        raise FieldsInvalid("timeouts", errors={"session_idle_seconds": [sentence]})
    tree = organisations_of(tenant.id)
    present = Timeouts(tenant.session_idle_seconds, tenant.session_absolute_seconds)
    require_sound(tree, tree, Timeouts(idle, wanted.get("session_absolute_seconds", present.absolute)), present)
    changed = {name: value for name, value in wanted.items() if value != getattr(tenant, name)}
    if changed:
        change_tenant_row(tenant.id, changed)
        changes_made = {name: {"from": getattr(tenant, name), "to": value} for name, value in changed.items()}
        record(tenant.id, EventType.TENANT_CHANGED, at=now, actor=actor, changes=changes_made)


def _change_slug(tenant: ManagedTenant, slug: str, actor: str, now: dt.datetime, *, holders: int) -> None:
    """The former host goes on working; entity ID and ACS URL stay those that the identity provider knows (T1).

    Args:
        holders: people whose passkeys would end, of whom whoever changes it has not heard yet.
    """
    if slug == tenant.slug:
        return
    if holders:
        raise PasskeysEnd(holders)
    move_to_slug(tenant.id, slug)
    record(tenant.id, EventType.TENANT_CHANGED, at=now, actor=actor, changes={"slug": {"from": tenant.slug, "to": slug}})


def _present(tenant_id: int) -> ManagedTenant:
    tenant = find_managed_tenant_by_id(tenant_id)
    if tenant is None:
        raise NotFound("deleted meanwhile")
    return tenant
