"""Rules of placement as a value: what they cost, whatever somebody's identity provider says of them."""

from __future__ import annotations

import time

from tenants.placement_rules import MAX_RULES, MAX_VALUES, PlacementRule, PlacementRules

GROUPS = 9_900
"""As many values as a message can have."""


def test_many_groups_against_many_values_cost_no_product() -> None:
    """A hundred rules of fifty values, and ten thousand groups: a millisecond or two, and not half a second of a process."""
    rules = tuple(
        PlacementRule(str(at), "groups", tuple(f"cn=none{at:04}{value:04}" for value in range(MAX_VALUES)), role="viewer")
        for at in range(MAX_RULES)
    )
    groups = tuple(f"cn=some{number:08}" for number in range(GROUPS))
    taken = []
    for _ in range(3):  # once, a collection of all garbage may fall into it
        began = time.thread_time()
        placement = PlacementRules(rules).place({"groups": groups})
        taken.append(time.thread_time() - began)
    assert min(taken) < 0.1
    assert placement.role is None
    met = PlacementRules(rules).place({"groups": (*groups, rules[-1].values[-1])})
    assert (met.role, met.role_rule, met.role_rule_id) == ("viewer", MAX_RULES, rules[-1].id)
