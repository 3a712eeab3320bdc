"""Forms of placement: what the API takes and shows."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from identity.placement.foreseeing import Foreseen, Foresight
from tenants.organisations.tree import OrganisationTree
from tenants.placement.changing import TENANT, PlacementState, rule_document
from tenants.placement_rules import MAX_RULES, MAX_TEXT, MAX_VALUES, ROLES
from tenants.schema_fields import Strict, text

_ORGANISATION = {"description": f'Id of an organisation, or "{TENANT}" for the tenant as a whole.'}
MAX_DOMAINS = 200


class PlacementRuleBody(Strict):
    """Whoever has one of the values in this attribute, compared exactly, is placed so; what is null is left to other rules."""

    attribute = text(MAX_TEXT, required=True, metadata={"description": "As it comes on the wire."})
    values = fields.List(text(MAX_TEXT), required=True, validate=validate.Length(1, MAX_VALUES))
    organisation = text(36, allow_none=True, metadata=_ORGANISATION)
    role = fields.String(allow_none=True, validate=validate.OneOf(ROLES))
    active = fields.Boolean(allow_none=True, truthy={True}, falsy={False})
    id = text(36, metadata={"description": "As it was shown; makes no difference."})


class PlacementBody(Strict):
    """Where people of an identity provider or directory belong. What is left out stays as it is."""

    organisation = text(36, metadata=_ORGANISATION)
    follows = fields.Boolean(
        truthy={True},
        falsy={False},
        metadata={"description": "Rules move people with every sign-in, and not with the first alone."},
    )
    email_domains = fields.List(
        text(253),
        validate=validate.Length(0, MAX_DOMAINS),
        metadata={"description": "Those of the tenant's that it speaks for; none: all of them, as always with a directory."},
    )
    rules = fields.List(fields.Nested(PlacementRuleBody), validate=validate.Length(0, MAX_RULES))
    version = text(16, metadata={"description": "As it was shown: refused with 409 where somebody has changed it since."})


class PlacementRuleView(Strict):
    """A rule."""

    id = fields.String(required=True)
    attribute = fields.String(required=True)
    values = fields.List(fields.String(), required=True)
    organisation = fields.String(required=True, allow_none=True, metadata=_ORGANISATION)
    role = fields.String(required=True, allow_none=True)
    active = fields.Boolean(required=True, allow_none=True)


class PlacementView(Strict):
    """Where an identity provider's people belong; rules in their order."""

    organisation = fields.String(required=True, metadata=_ORGANISATION)
    follows = fields.Boolean(required=True)
    email_domains = fields.List(fields.String(), required=True)
    rules = fields.List(fields.Nested(PlacementRuleView), required=True)
    version = fields.String(required=True)


class ForeseenView(Strict):
    """Somebody for whom something would change; null roles are none."""

    user_id = fields.String(required=True)
    email = fields.String(required=True)
    last_login_at = fields.DateTime(required=True, allow_none=True)
    organisation_before = fields.String(required=True)
    organisation_after = fields.String(required=True)
    organisation_name_before = fields.String(required=True)
    organisation_name_after = fields.String(required=True)
    role_before = fields.String(required=True, allow_none=True)
    role_after = fields.String(required=True, allow_none=True)
    active_before = fields.Boolean(required=True)
    active_after = fields.Boolean(required=True)
    certain = fields.Boolean(required=True)


class ForesightView(Strict):
    """What would become of the last 1,000 who came by this identity provider, by their latest sign-in.

    Of a directory: of all its people, by what its last sync has read.
    """

    looked_at = fields.Integer(required=True)
    not_known = fields.Integer(required=True)
    moves = fields.Integer(required=True)
    role_changes = fields.Integer(required=True)
    deactivations = fields.Integer(required=True)
    people = fields.List(fields.Nested(ForeseenView), required=True)


def placement_document(state: PlacementState) -> dict[str, Any]:
    """Where people belong, as the API shows it."""
    return {
        "organisation": state.organisation_id or TENANT,
        "follows": state.rules.follows,
        "email_domains": list(state.email_domains),
        "rules": [rule_document(rule) for rule in state.rules.rules],
        "version": state.version,
    }


def foresight_document(foresight: Foresight, organisations: OrganisationTree, tenant_name: str) -> dict[str, Any]:
    """What is foreseen, as the API shows it."""
    counts = ("looked_at", "not_known", "moves", "role_changes", "deactivations")
    people = [_foreseen_document(item, organisations, tenant_name) for item in foresight.people]
    return {**{name: getattr(foresight, name) for name in counts}, "people": people}


def organisation_name(organisations: OrganisationTree, organisation_id: str | None, tenant_name: str) -> str:
    """An organisation by the names on the way to it; the tenant by its own."""
    return " / ".join(node.name for node in organisations.path_to(organisation_id)) or tenant_name


def _foreseen_document(item: Foreseen, organisations: OrganisationTree, tenant_name: str) -> dict[str, Any]:
    same = ("user_id", "email", "last_login_at", "role_before", "role_after", "active_before", "active_after", "certain")
    before, after = item.organisation_before, item.organisation_after
    return {
        **{name: getattr(item, name) for name in same},
        "organisation_before": before or TENANT,
        "organisation_after": after or TENANT,
        "organisation_name_before": organisation_name(organisations, before, tenant_name),
        "organisation_name_after": organisation_name(organisations, after, tenant_name),
    }
