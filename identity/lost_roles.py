"""Flow: whoever signs in without what made them an administrator loses what they made as one (A1).

A rule goes by what each sign-in says of somebody; what they made with it at the console, tokens of the management API, would
go on long after their last session. Whoever never comes again is switched off, by a directory's sync or an administrator.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from tenants.access_tokens import end_tokens_of
from tenants.placement_rules import Placement, PlacementRules
from tenants.trust import ConsoleRule


def end_tokens_of_unmet_rules(
    tenant_id: int,
    user_id: str,
    rules: PlacementRules,
    placed: Placement,
    now: dt.datetime,
    *,
    console_rules: tuple[ConsoleRule, ...] = (),
    attributes: Mapping[str, tuple[str, ...]] | None = None,
) -> None:
    """End tokens that somebody made by a rule which this sign-in does not meet, inside its transaction.

    Nothing is read where the identity provider or directory gives nobody a role.

    Args:
        rules: those of the identity provider, or directory, that they come by; of others nothing is known now.
    """
    came = attributes or {}
    unmet = [f"rule:{rule.id}" for rule in console_rules if rule.value not in came.get(rule.attribute, ())]
    unmet += [f"placement:{rule.id}" for rule in rules.rules if rule.role and rule.id != placed.role_rule_id]
    if unmet:
        end_tokens_of(tenant_id, user_id, unmet, now)
