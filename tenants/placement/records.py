"""Records of where identity providers' people belong. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from config.database import read, write
from tenants.models import IdentityProvider
from tenants.organisations.tree import OrganisationTree
from tenants.placement.models import PlacementRuleRow
from tenants.placement_rules import NO_RULES, PlacementRule, PlacementRules

_COLUMNS = tuple(getattr(PlacementRuleRow, name) for name in PlacementRule.__dataclass_fields__)
_RULES = (
    sa.select(PlacementRuleRow.idp_id.label("of_idp"), *_COLUMNS)
    .where(PlacementRuleRow.tenant_id == sa.bindparam("tenant_id"))
    .order_by(PlacementRuleRow.idp_id, PlacementRuleRow.position)
)
_SIDE = sa.select(IdentityProvider.organisation_id, IdentityProvider.placement_follows, IdentityProvider.email_domains).where(
    IdentityProvider.tenant_id == sa.bindparam("tenant_id"), IdentityProvider.id == sa.bindparam("idp_id")
)


@dataclass(frozen=True, slots=True)
class Side:
    """What an identity provider's row says besides its rules. No domain: it speaks for all of the tenant's."""

    organisation_id: str | None
    follows: bool
    email_domains: tuple[str, ...]


def side_of(tenant_id: int, idp_id: str) -> Side:
    """What the row of an identity provider says."""
    row = read(_SIDE, {"tenant_id": tenant_id, "idp_id": idp_id}).one()
    return Side(row.organisation_id, row.placement_follows, tuple(row.email_domains))


def rules_by_provider(tenant_id: int) -> dict[str, tuple[PlacementRule, ...]]:
    """All rules of a tenant, in their order."""
    found: dict[str, tuple[PlacementRule, ...]] = {}
    for row in read(_RULES, {"tenant_id": tenant_id}):
        values = row._asdict()
        idp_id = values.pop("of_idp")
        found[idp_id] = (*found.get(idp_id, ()), PlacementRule(**values | {"values": tuple(row.values)}))
    return found


def rules_into(tenant_id: int, organisation_id: str) -> list[dict[str, Any]]:
    """The rules that put people into an organisation: whose each is, and its number there."""
    table = PlacementRuleRow
    statement = (
        sa.select(IdentityProvider.name, table.position)
        .join(table, sa.and_(table.tenant_id == IdentityProvider.tenant_id, table.idp_id == IdentityProvider.id))
        .where(IdentityProvider.tenant_id == tenant_id, table.organisation_id == organisation_id)
        .order_by(IdentityProvider.name, table.position)
    )
    return [{"identity_provider": row.name, "rule": row.position} for row in read(statement)]


def rules_in_force(
    rules: Sequence[PlacementRule], organisations: OrganisationTree, room: str | None, *, follows: bool
) -> PlacementRules:
    """The rules as sign-ins are placed by them: none leads out of the identity provider's own organisation.

    Saving refuses such a rule; one comes to be where an organisation is moved in the tree afterwards, and then moves nobody.
    """
    kept = [rule for rule in rules if not rule.moves or is_within(organisations, room, rule.organisation_id)]
    return PlacementRules(tuple(kept), follows) if kept else NO_RULES  # one for all who have none


def is_within(organisations: OrganisationTree, room: str | None, organisation_id: str | None) -> bool:
    """Whether an organisation is an identity provider's own one, or below it. All of the tenant's are, where it has none."""
    if organisation_id is not None and organisation_id not in organisations.nodes:
        return False
    return room is None or room in (node.id for node in organisations.path_to(organisation_id))


def replace_rules(tenant_id: int, idp_id: str, rules: Sequence[PlacementRule], *, actor: str, now: dt.datetime) -> None:
    """Put these rules in place of those that there are, inside a transaction that holds the tenant's row."""
    remove_placement_rules(tenant_id, idp_id)
    fixed = {"tenant_id": tenant_id, "idp_id": idp_id, "created_by": actor, "created_at": now}
    rows: list[dict[str, Any]] = [
        {**fixed, **asdict(rule), "values": list(rule.values), "position": number} for number, rule in enumerate(rules, 1)
    ]
    if rows:
        write(sa.insert(PlacementRuleRow.__table__), rows)


def remove_placement_rules(tenant_id: int, idp_id: str) -> None:
    """Remove all rules of an identity provider, inside a transaction."""
    statement = sa.delete(PlacementRuleRow).where(PlacementRuleRow.tenant_id == tenant_id, PlacementRuleRow.idp_id == idp_id)
    write(statement)
