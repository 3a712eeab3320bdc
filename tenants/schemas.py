"""Forms of the management API: what a body may hold, and what an answer holds. Unknown fields are refused.

A schema checks form; whether a value can be taken is for the flows, which the command line uses too.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from tenants.administration import MAX_NAME_LENGTH
from tenants.domain_ownership import MAX_EMAIL_DOMAINS
from tenants.models import ACTIVE, STATES, SUSPENDED
from tenants.organisations.access import ABSOLUTE_SECONDS, IDLE_SECONDS
from tenants.paging import DEFAULT_LIMIT, MAX_CURSOR_LENGTH, MAX_LIMIT
from tenants.schema_fields import MAX_REASON, Flag, QueryNumber, Strict, Whole, text

COLOUR_FORM = r"^#[0-9A-Fa-f]{6}$"


class PageQuery(Strict):
    """Which page of a list."""

    limit = QueryNumber(
        validate=validate.Range(1, MAX_LIMIT), load_default=DEFAULT_LIMIT, metadata={"description": "How many at most."}
    )
    cursor = text(
        MAX_CURSOR_LENGTH, shortest=0, load_default=None, metadata={"description": "As `next` of the page before names it."}
    )

    @ma.post_load
    def _leave_out_empty(self, query: dict[str, Any], **_options: Any) -> dict[str, Any]:
        """A parameter without a value, as in `?email=&cursor=`, is one that was not given."""
        return {name: None if value == "" else value for name, value in query.items()}


class ServiceProviderView(Strict):
    """What a customer's identity provider has to know of us."""

    entity_id = fields.String(required=True)
    metadata_url = fields.String(required=True)
    acs_url = fields.String(required=True)
    slo_url = fields.String(required=True)


class TenantCreate(Strict):
    """A new tenant. The reason says why staff attest the domains."""

    slug = text(63, shortest=3, pattern=r"^[A-Za-z0-9-]+$", required=True)
    name = text(MAX_NAME_LENGTH, required=True)
    email_domains = fields.List(text(253), load_default=list, validate=validate.Length(max=MAX_EMAIL_DOMAINS))
    reason = text(MAX_REASON)


class TenantPatch(Strict):
    """Changes of a tenant. A list of domains replaces the one before. State and slug are for staff."""

    name = text(MAX_NAME_LENGTH)
    slug = text(63, shortest=3, pattern=r"^[A-Za-z0-9-]+$")
    state = fields.String(validate=validate.OneOf((ACTIVE, SUSPENDED)))
    email_domains = fields.List(text(253), validate=validate.Length(max=MAX_EMAIL_DOMAINS))
    anyway = Flag(metadata={"description": "With `slug`: although people have passkeys, which a new MyDomain makes useless."})
    reason = text(MAX_REASON)
    brand_colour = text(7, shortest=7, pattern=COLOUR_FORM)
    session_idle_seconds = Whole(*IDLE_SECONDS)
    session_absolute_seconds = Whole(*ABSOLUTE_SECONDS)


class TenantView(Strict):
    """A tenant. Domains in `unproven_email_domains` do not count for sign-in yet."""

    slug = fields.String(required=True)
    name = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    email_domains = fields.List(fields.String(), required=True)
    unproven_email_domains = fields.List(fields.String(), required=True)
    sp = fields.Nested(ServiceProviderView, required=True)
    brand_colour = fields.String(required=True)
    logo = fields.String(required=True, allow_none=True, metadata={"description": "Path on the tenant's host."})
    session_idle_seconds = fields.Integer(required=True)
    session_absolute_seconds = fields.Integer(required=True)
    created_at = fields.DateTime(required=True)


class LogoView(Strict):
    """A logo as it was stored. `path` is on the tenant's host, and another picture has another one."""

    sha256 = fields.String(required=True)
    width = fields.Integer(required=True)
    height = fields.Integer(required=True)
    path = fields.String(required=True)


class TenantPage(Strict):
    """Tenants by MyDomain."""

    items = fields.List(fields.Nested(TenantView), required=True)
    next = fields.String(required=True, allow_none=True)


class Problem(Strict):
    """Why a call was refused (RFC 9457). `code` is stable; `errors` names fields; `facts` are for programs."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String(required=True)
    detail = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), required=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    reference = fields.String(required=True)
