"""Records of where the people of identity providers and directories belong. Every statement names the tenant first."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from config.database import RowId, read, write
from tenants.models import IdentityProvider
from tenants.organisations.tree import OrganisationTree
from tenants.placement.models import PlacementRuleRow
from tenants.placement_rules import DIRECTORY, IDENTITY_PROVIDER, NO_RULES, PlacementRule, PlacementRules, Whose

_COLUMNS = tuple(getattr(PlacementRuleRow, name) for name in PlacementRule.__dataclass_fields__)
_RULES = (
    sa.select(PlacementRuleRow.idp_id.label("of_idp"), *_COLUMNS)
    .where(PlacementRuleRow.tenant_id == sa.bindparam("tenant_id"), PlacementRuleRow.idp_id.is_not(None))
    .order_by(PlacementRuleRow.idp_id, PlacementRuleRow.position)
)
_OWNER = {IDENTITY_PROVIDER: PlacementRuleRow.idp_id, DIRECTORY: PlacementRuleRow.directory_id}
# The package of directories stands above this one.
_DIRECTORY = sa.table(
    "directory",
    *(sa.column("tenant_id", sa.Integer), sa.column("id", RowId), sa.column("name", sa.String)),
    *(sa.column("organisation_id", RowId), sa.column("placement_follows", sa.Boolean), sa.column("deleted_at")),
)


@dataclass(frozen=True, slots=True)
class Side:
    """What the row of an identity provider or directory says besides its rules.

    No domain: it speaks for all of the tenant's, as a directory always does.
    """

    kind: str
    id: str
    name: str
    organisation_id: str | None
    follows: bool
    email_domains: tuple[str, ...] = ()


def find_side(tenant_id: int, whose: Whose) -> Side | None:
    """What the row says of one that is connected."""
    table: Any = IdentityProvider.__table__ if whose.kind == IDENTITY_PROVIDER else _DIRECTORY
    columns = [table.c.id, table.c.name, table.c.organisation_id, table.c.placement_follows]
    columns += [table.c.email_domains] if whose.kind == IDENTITY_PROVIDER else []
    connected = (table.c.tenant_id == tenant_id, table.c.name == whose.name, table.c.deleted_at.is_(None))
    row = read(sa.select(*columns).where(*connected)).one_or_none()
    if row is None:
        return None
    domains = tuple(row.email_domains) if whose.kind == IDENTITY_PROVIDER else ()
    return Side(whose.kind, row.id, row.name, row.organisation_id, row.placement_follows, domains)


def keep_side(tenant_id: int, side: Side) -> None:
    """Have the row say this from now on, inside a transaction that holds the tenant's row."""
    values: dict[str, Any] = {"organisation_id": side.organisation_id, "placement_follows": side.follows}
    table: Any = _DIRECTORY
    if side.kind == IDENTITY_PROVIDER:
        table, values = IdentityProvider.__table__, values | {"email_domains": list(side.email_domains)}
    write(sa.update(table).where(table.c.tenant_id == tenant_id, table.c.id == side.id).values(**values))


def rules_by_provider(tenant_id: int) -> dict[str, tuple[PlacementRule, ...]]:
    """All rules of a tenant's identity providers, in their order."""
    found: dict[str, tuple[PlacementRule, ...]] = {}
    for row in read(_RULES, {"tenant_id": tenant_id}):
        values = row._asdict()
        idp_id = values.pop("of_idp")
        found[idp_id] = (*found.get(idp_id, ()), _rule_of(values))
    return found


def rules_of(tenant_id: int, kind: str, owner_id: str) -> tuple[PlacementRule, ...]:
    """The rules of one identity provider or directory, in their order."""
    statement = sa.select(*_COLUMNS).where(PlacementRuleRow.tenant_id == tenant_id, _OWNER[kind] == owner_id)
    return tuple(_rule_of(row._asdict()) for row in read(statement.order_by(PlacementRuleRow.position)))


def rules_into(tenant_id: int, organisation_id: str) -> list[dict[str, Any]]:
    """The rules that put people into an organisation: whose each is, and its number there."""
    found: list[dict[str, Any]] = []
    for kind, table in ((IDENTITY_PROVIDER, IdentityProvider.__table__), (DIRECTORY, _DIRECTORY)):
        statement = (
            sa.select(table.c.name, PlacementRuleRow.position)
            .select_from(PlacementRuleRow)
            .join(table, sa.and_(table.c.tenant_id == PlacementRuleRow.tenant_id, table.c.id == _OWNER[kind]))
            .where(PlacementRuleRow.tenant_id == tenant_id, PlacementRuleRow.organisation_id == organisation_id)
            .order_by(table.c.name, PlacementRuleRow.position)
        )
        found += [{kind: row.name, "rule": row.position} for row in read(statement)]
    return found


def rules_in_force(
    rules: Sequence[PlacementRule], organisations: OrganisationTree, room: str | None, *, follows: bool
) -> PlacementRules:
    """The rules as sign-ins are placed by them: none leads out of the identity provider's, or directory's, own organisation.

    Saving refuses such a rule; one comes to be where an organisation is moved in the tree afterwards, and then moves nobody.
    """
    kept = [rule for rule in rules if not rule.moves or is_within(organisations, room, rule.organisation_id)]
    return PlacementRules(tuple(kept), follows) if kept else NO_RULES  # one for all who have none


def is_within(organisations: OrganisationTree, room: str | None, organisation_id: str | None) -> bool:
    """Whether an organisation is an identity provider's own one, or below it. All of the tenant's are, where it has none."""
    if organisation_id is not None and organisation_id not in organisations.nodes:
        return False
    return room is None or room in (node.id for node in organisations.path_to(organisation_id))


def replace_rules(tenant_id: int, side: Side, rules: Sequence[PlacementRule], *, actor: str, now: dt.datetime) -> None:
    """Put these rules in place of those that there are, inside a transaction that holds the tenant's row."""
    remove_placement_rules(tenant_id, side.kind, side.id)
    owner = dict.fromkeys(column.key for column in _OWNER.values()) | {_OWNER[side.kind].key: side.id}
    fixed = {"tenant_id": tenant_id, **owner, "created_by": actor, "created_at": now}
    rows: list[dict[str, Any]] = [
        {**fixed, **asdict(rule), "values": list(rule.values), "position": number} for number, rule in enumerate(rules, 1)
    ]
    if rows:
        write(sa.insert(PlacementRuleRow.__table__), rows)


def remove_placement_rules(tenant_id: int, kind: str, owner_id: str) -> None:
    """Remove all rules of an identity provider or directory, inside a transaction."""
    write(sa.delete(PlacementRuleRow).where(PlacementRuleRow.tenant_id == tenant_id, _OWNER[kind] == owner_id))


def _rule_of(values: dict[str, Any]) -> PlacementRule:
    return PlacementRule(**values | {"values": tuple(values["values"])})
