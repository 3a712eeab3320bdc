"""Organisations on a form of many rules: chosen where few are offered, else named by their paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from admin_ui.asked import Asked
from admin_ui.screens.organisations.choices import ROOT, chosen_organisation, field_value, organisation_choices
from tenants.organisations.paths import written_path
from tenants.organisations.tree import OrganisationTree

MOST_OPTIONS = 2_000
"""On one page: a list of each organisation in each rule is a page that a browser opens slowly, and nobody reads."""


@dataclass(frozen=True, slots=True)
class Places:
    """What the fields offer. `of_rules` is empty where rules take paths; `paths` helps with typing one."""

    choices: Sequence[tuple[str, str]]
    of_rules: Sequence[tuple[str, str]]
    paths: Sequence[str]


def places_of(asked: Asked, tree: OrganisationTree, rules: int) -> Places:
    """For a form of so many rules."""
    choices = organisation_choices(asked, tree)
    if choices and len(choices) * rules <= MOST_OPTIONS:
        return Places(choices, choices, ())
    return Places(choices, (), [written_path(tree, None if value == ROOT else value) for value, _ in choices])


def shown_document(tree: OrganisationTree, document: Mapping[str, Any], places: Places) -> dict[str, Any]:
    """A document with what its fields hold: ids where they offer choices, and paths where not."""
    shown = {**document, "organisation": field_value(tree, document["organisation"])}
    if not places.of_rules:
        shown["rules"] = [{**rule, "organisation": _path(tree, rule["organisation"])} for rule in document["rules"]]
    return shown


def chosen_document(tree: OrganisationTree, document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with the ids of what its fields chose or named.

    Raises:
        FieldsInvalid: of the organisation, or of a rule as people count them.
    """
    named = {**document, "organisation": _id(tree, document["organisation"], "organisation")}
    named["rules"] = [
        {**rule, "organisation": rule["organisation"] and _id(tree, rule["organisation"], f"rules.{at}")}
        for at, rule in enumerate(document["rules"], 1)
    ]
    return named


def _id(tree: OrganisationTree, text: str, field: str) -> str:
    return chosen_organisation(tree, text, field) or ROOT


def _path(tree: OrganisationTree, text: str | None) -> str | None:
    return written_path(tree, None if text == ROOT else text) if text == ROOT or text in tree.nodes else text
