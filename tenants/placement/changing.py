"""Flows: where the people of an identity provider or of a directory belong is shown and changed, all of it at once (P6).

Rules are replaced as a whole, so two who reorder them at the same moment never end with a mixture of both.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from config.database import new_id
from tenants.access_tokens import end_tokens_of_lost_roles
from tenants.audit import EventType, record
from tenants.directory_attributes import fault_of
from tenants.email_domains import normalise_domain
from tenants.errors import DomainInvalid, NotFound
from tenants.management_errors import FieldsInvalid
from tenants.organisations.records import organisations_of
from tenants.organisations.tree import OrganisationTree
from tenants.placement.errors import PlacementChanged
from tenants.placement.records import Side, find_side, is_within, keep_side, replace_rules, rules_of
from tenants.placement_rules import (
    DIRECTORY,
    IDENTITY_PROVIDER,
    MAX_CHARACTERS,
    MAX_RULES,
    MAX_TEXT,
    MAX_VALUES,
    ROLES,
    PlacementRule,
    PlacementRules,
    Whose,
)
from tenants.records import proven_domains
from tenants.tenant_records import ManagedTenant, bump_version

TENANT = "tenant"
"""Stands for the tenant as a whole where an organisation's id could stand."""
OUTSIDE = "This organisation is outside of the one that its people belong to at first."
EVENT_NAMES = {IDENTITY_PROVIDER: "idp", DIRECTORY: "directory"}
"""What audit events call the label of each."""
UNKNOWN = "There is no such organisation."
ALL_DOMAINS = "A directory speaks for all of the organisation's proven e-mail domains."


@dataclass(frozen=True, slots=True)
class PlacementState:
    """Where people of an identity provider or directory belong.

    `organisation_id`: unless a rule says otherwise; None is the tenant as a whole. `email_domains`: whom an identity provider
    may sign in, and who is led to it; empty for all of the tenant's.
    """

    organisation_id: str | None
    email_domains: tuple[str, ...]
    rules: PlacementRules

    @property
    def version(self) -> str:
        """Changes with every change; whoever names it changes what they have seen."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def placement_of(tenant_id: int, whose: Whose) -> tuple[Side, PlacementState]:
    """What holds for an identity provider or directory.

    Raises:
        NotFound
    """
    side = find_side(tenant_id, whose)
    if side is None:
        raise NotFound(f"no such {whose.kind}")
    rules = rules_of(tenant_id, side.kind, side.id)
    return side, PlacementState(side.organisation_id, side.email_domains, PlacementRules(rules, side.follows))


def wanted_placement(tenant_id: int, kind: str, present: PlacementState, document: Mapping[str, Any]) -> PlacementState:
    """A document of the API's form as a value that can be saved; what it leaves out stays as it is.

    Raises:
        FieldsInvalid: with a sentence for each field, rules by their number.
    """
    organisations, errors = organisations_of(tenant_id), {}
    room = _organisation_in(document.get("organisation", present.organisation_id or TENANT))
    if room is not None and room not in organisations.nodes:
        errors["organisation"] = [UNKNOWN]
    domains = present.email_domains
    if "email_domains" in document:
        domains, errors["email_domains"] = _domains_in(document["email_domains"], proven_domains(tenant_id))
        if domains and kind == DIRECTORY:
            errors["email_domains"] = [ALL_DOMAINS]
    rules = present.rules
    if "follows" in document:
        rules = replace(rules, follows=document["follows"])
    if "rules" in document:
        listed = [_rule_of(item, present.rules.rules) for item in document["rules"]]
        rules = replace(rules, rules=tuple(_with_own_ids(listed)))
    for number, rule in enumerate(rules.rules, 1):
        faults = _faults_of(rule, organisations, room)
        if kind == DIRECTORY and (fault := fault_of(rule.attribute)):
            faults.append(fault)
        if faults:
            errors[f"rules.{number}"] = faults
    if len(rules.rules) > MAX_RULES:
        errors["rules"] = [f"At most {MAX_RULES} rules."]
    if "rules" in document and characters_of(rules) > MAX_CHARACTERS:
        errors["rules"] = [f"All names and values together have at most {MAX_CHARACTERS:,} characters."]
    if errors := {name: faults for name, faults in errors.items() if faults}:
        raise FieldsInvalid("placement", errors=errors)
    return PlacementState(room, domains, rules)


def change_placement(
    tenant: ManagedTenant, whose: Whose, document: Mapping[str, Any], *, actor: str, now: dt.datetime
) -> PlacementState:
    """Change where its people belong, inside a transaction; it holds from their next sign-in, or sync, on.

    Args:
        document: in the API's form; with `version`, only what was seen is changed.

    Raises:
        NotFound, FieldsInvalid, PlacementChanged.
    """
    if not bump_version(tenant.id):  # holds the tenant's row: two changes follow each other
        raise NotFound("deleted meanwhile")
    side, present = placement_of(tenant.id, whose)
    if document.get("version") not in (None, present.version):
        raise PlacementChanged(whose.name)
    wanted = wanted_placement(tenant.id, whose.kind, present, document)
    if wanted == present:
        return present
    after = replace(side, organisation_id=wanted.organisation_id, email_domains=wanted.email_domains)
    keep_side(tenant.id, replace(after, follows=wanted.rules.follows))
    replace_rules(tenant.id, side, wanted.rules.rules, actor=actor, now=now)
    end_tokens_of_lost_roles(tenant.id, actor=actor, now=now)
    named = {EVENT_NAMES[side.kind]: side.name}
    record(tenant.id, EventType.PLACEMENT_CHANGED, at=now, actor=actor, **named, changes=_changes_between(present, wanted))
    return wanted


def characters_of(rules: PlacementRules) -> int:
    """Of all names and values."""
    return sum(len(rule.attribute) + sum(map(len, rule.values)) for rule in rules.rules)


def rule_document(rule: PlacementRule) -> dict[str, Any]:
    """A rule in the API's form."""
    return {
        "id": rule.id,
        "attribute": rule.attribute,
        "values": list(rule.values),
        "organisation": (rule.organisation_id or TENANT) if rule.moves else None,
        "role": rule.role,
        "active": rule.active,
    }


def _organisation_in(text: str) -> str | None:
    return None if text == TENANT else text


def _domains_in(texts: Sequence[str], proven: frozenset[str]) -> tuple[tuple[str, ...], list[str]]:
    domains, faults = set(), []
    for text in texts:
        try:
            domain = normalise_domain(text.strip())
        except DomainInvalid:
            domain = text[:80]
        if domain not in proven:
            faults.append(f"{domain} is none of the organisation's proven e-mail domains.")
        domains.add(domain)
    return tuple(sorted(domains)), faults


def _rule_of(item: Mapping[str, Any], present: Sequence[PlacementRule]) -> PlacementRule:
    """A rule keeps its id where it says the same of the same people: whoever has a role by it keeps that one."""
    organisation = item.get("organisation")
    rule = PlacementRule(
        id="",
        attribute=item["attribute"].strip(),
        values=tuple(dict.fromkeys(value.strip() for value in item["values"])),
        moves=organisation is not None,
        organisation_id=_organisation_in(organisation) if organisation is not None else None,
        role=item.get("role"),
        active=item.get("active"),
    )
    known = [other.id for other in present if _gives(other) == _gives(rule)]
    return replace(rule, id=known[0] if known else new_id())


def _gives(rule: PlacementRule) -> tuple[Any, ...]:
    return rule.attribute, rule.values, rule.role


def _with_own_ids(rules: Sequence[PlacementRule]) -> list[PlacementRule]:
    """Two equal rules are two rows."""
    seen: set[str] = set()
    made = []
    for rule in rules:
        made.append(replace(rule, id=new_id()) if rule.id in seen else rule)
        seen.add(rule.id)
    return made


def _faults_of(rule: PlacementRule, organisations: OrganisationTree, room: str | None) -> list[str]:
    faults = []
    if not rule.attribute or len(rule.attribute) > MAX_TEXT or "\x00" in rule.attribute:
        faults.append(f"The attribute's name has 1 to {MAX_TEXT} characters.")
    if not 0 < len(rule.values) <= MAX_VALUES or not all(0 < len(value) <= MAX_TEXT for value in rule.values):
        faults.append(f"It takes 1 to {MAX_VALUES} values of 1 to {MAX_TEXT} characters.")
    if rule.organisation_id is not None and rule.organisation_id not in organisations.nodes:
        faults.append(UNKNOWN)
    elif rule.moves and not is_within(organisations, room, rule.organisation_id):
        faults.append(OUTSIDE)
    if rule.role not in (None, *ROLES):
        faults.append("A role is admin, viewer or none.")
    if not rule.moves and rule.role is None and rule.active is None:
        faults.append("It says nothing: choose an organisation, a role, or whether the person is active.")
    return faults


def _changes_between(before: PlacementState, after: PlacementState) -> dict[str, Any]:
    """What changed, for the audit: the rules as they are now, and what else is another than before."""
    pairs = {
        "organisation": (before.organisation_id, after.organisation_id),
        "email_domains": (list(before.email_domains), list(after.email_domains)),
        "follows": (before.rules.follows, after.rules.follows),
    }
    changes: dict[str, Any] = {name: {"from": old, "to": new} for name, (old, new) in pairs.items() if old != new}
    if before.rules.rules != after.rules.rules:
        former, now = ([rule_document(rule) for rule in state.rules.rules] for state in (before, after))
        changes["rules"] = {"from": former, "to": now}
    return changes
