"""Forms of the management API for onboarding and set-up links."""

from __future__ import annotations

from marshmallow import fields, validate

from identity.setup_progress import Step
from tenants.administration import MAX_NAME_LENGTH
from tenants.domain_ownership import MAX_EMAIL_DOMAINS
from tenants.email_domains import MAX_EMAIL_CHARACTERS
from tenants.models import STATES
from tenants.onboarding.links import DEFAULT_LIFETIME, MAX_LIFETIME_DAYS
from tenants.schema_fields import MAX_REASON, Flag, Strict, Whole, text
from tenants.schemas import TenantView

LINK_STATES = ("open", "claimed", "expired", "revoked", "completed")


class SetupLinkCreate(Strict):
    """A new set-up link. `send_mail`: it goes to its person by mail, too."""

    email = text(MAX_EMAIL_CHARACTERS, required=True)
    expires_in_days = Whole(1, MAX_LIFETIME_DAYS, load_default=DEFAULT_LIFETIME.days)
    send_mail = Flag(load_default=False)


class OnboardingCreate(Strict):
    """A new customer: a tenant, its service provider, and a set-up link. With `attest_reason` its domains count at once.

    With `first_admin` the person of `setup_email` becomes the tenant's first administrator when sign-in is activated. With
    `send_mail` the link goes to that person by mail, too.
    """

    slug = text(63, shortest=3, pattern=r"^[A-Za-z0-9-]+$", required=True)
    name = text(MAX_NAME_LENGTH, required=True)
    email_domains = fields.List(text(253), load_default=list, validate=validate.Length(max=MAX_EMAIL_DOMAINS))
    attest_reason = text(MAX_REASON, load_default=None, allow_none=True)
    setup_email = text(MAX_EMAIL_CHARACTERS, required=True)
    expires_in_days = Whole(1, MAX_LIFETIME_DAYS, load_default=DEFAULT_LIFETIME.days)
    first_admin = Flag(load_default=False)
    send_mail = Flag(load_default=False)


class Activate(Strict):
    """The end of onboarding. A reason goes in place of tests and proofs that are missing."""

    reason = text(MAX_REASON, load_default=None, allow_none=True)


class SetupLinkView(Strict):
    """A set-up link. The link itself is in the answer that made it, and nowhere else."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(LINK_STATES))
    created_by = fields.String(required=True)
    created_at = fields.DateTime(required=True)
    expires_at = fields.DateTime(required=True)
    claimed_at = fields.DateTime(required=True, allow_none=True)
    revoked_at = fields.DateTime(required=True, allow_none=True)
    completed_at = fields.DateTime(required=True, allow_none=True)
    names_admin = fields.Boolean(required=True)


class NewSetupLinkView(SetupLinkView):
    """A set-up link with the link itself. `delivery`: of the mail that it goes out with, null where none does."""

    url = fields.String(required=True)
    delivery = fields.String(required=True, allow_none=True)


class SetupLinkPage(Strict):
    """Set-up links, newest first."""

    items = fields.List(fields.Nested(SetupLinkView), required=True)
    next = fields.String(required=True, allow_none=True)


class OnboardingStarted(Strict):
    """What was made for a new customer."""

    tenant = fields.Nested(TenantView, required=True)
    setup_link = fields.Nested(NewSetupLinkView, required=True)


class StepView(Strict):
    """One step: `done`, or at least `enough` for activation."""

    name = fields.String(required=True, validate=validate.OneOf([step.value for step in Step]))
    done = fields.Boolean(required=True)
    enough = fields.Boolean(required=True)


class OnboardingView(Strict):
    """How far an onboarding is, by what is there."""

    state = fields.String(required=True, validate=validate.OneOf(STATES))
    product = fields.String(required=True, allow_none=True)
    identity_provider = fields.String(required=True, allow_none=True)
    steps = fields.List(fields.Nested(StepView), required=True)
    next = fields.String(required=True, validate=validate.OneOf([step.value for step in Step]))


class PresetView(Strict):
    """What a product's identity provider is set up with. `saml_settings` may be given to `…/saml-settings` as they are."""

    key = fields.String(required=True)
    name = fields.String(required=True)
    saml_settings = fields.Dict(keys=fields.String(), required=True)
    metadata_by_url = fields.Boolean(required=True)
    login_hint_parameter = fields.String(required=True)


class PresetPage(Strict):
    """Products."""

    items = fields.List(fields.Nested(PresetView), required=True)
    next = fields.String(required=True, allow_none=True)
