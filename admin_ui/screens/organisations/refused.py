"""A change of organisations that was refused, as a form shows it: at its fields, or with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from admin_ui.forms import errors_of
from tenants.errors import NotFound, Refusal
from tenants.organisations.errors import OrganisationInRules, OrganisationNotEmpty, PeopleLockedOut, SSONotTested

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Refused:
    """Faults by field; and, each where that is why, whom it would lock out, what is not tested, what is still in there,
    which rules lead there.
    """

    errors: Mapping[str, Sequence[str]]
    locked_out: Mapping[str, Any] | None = None
    untested: Mapping[str, Any] | None = None
    inside: Mapping[str, Any] | None = None
    rules: Sequence[Mapping[str, Any]] = ()
    status: int = 422


FINE = Refused(NOTHING, status=200)


def refused_by(refusal: Refusal) -> Refused:
    """What a flow refused; that something is not there is a page's end, and raised again."""
    if isinstance(refusal, NotFound):
        raise refusal
    if isinstance(refusal, PeopleLockedOut):
        return Refused(NOTHING, locked_out=refusal.detail, status=refusal.status)
    if isinstance(refusal, SSONotTested):
        return Refused(NOTHING, untested=refusal.detail, status=refusal.status)
    if isinstance(refusal, OrganisationNotEmpty):
        return Refused(NOTHING, inside=refusal.detail, status=refusal.status)
    if isinstance(refusal, OrganisationInRules):
        return Refused(NOTHING, rules=refusal.detail["rules"], status=refusal.status)
    field = {"organisation_exists": "name", "organisation_cycle": "parent", "organisation_too_deep": "parent"}.get(refusal.code)
    return Refused({field: [refusal.sentence]} if field else errors_of(refusal), status=refusal.status)
