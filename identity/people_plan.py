"""What each row of a file would do: rows compared with what is there. The preview, and the only thing applied (P7)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from identity.people_csv import CSVRow
from identity.people_errors import EMAIL_IN_USE, USERNAME_IN_USE
from identity.person_fields import PROFILE_FIELDS, FieldInvalid, clean_field, require_domain
from tenants.organisations.paths import OrganisationPaths, PathAmbiguous, PathUnknown

ADDED, CHANGED, UNCHANGED, REFUSED = "added", "changed", "unchanged", "refused"
PLACE = "organisation_id"
COMPARED = (*PROFILE_FIELDS, "active", PLACE)
YES, NO = frozenset({"yes", "true", "1", "active", "enabled"}), frozenset({"no", "false", "0", "inactive", "disabled"})
MAX_SHOWN = 200
NOBODY = "Nobody of this organisation has this id."
NOT_ACTIVE = "It is neither yes nor no."
SWITCHED_OFF = "This account is switched off, and a file cannot switch it on: somebody does that on the person's page."
LOCAL_ACCOUNT = "This person has a local account: change the address on their page, and they are told at the former one."
NEEDS_EMAIL = "A new person needs an e-mail address."
NO_SUCH_PLACE = 'There is no organisation of this path. Write the names from the top, such as Sales/Europe; / is the root.'
TWO_SUCH_PLACES = 'Two organisations could be meant. Write the names from the top with "/" between them.'


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says about a batch of rows. People are mappings of id and the compared fields."""

    by_id: Mapping[str, Mapping[str, Any]]
    by_email: Mapping[str, Mapping[str, Any]]
    elsewhere: frozenset[str]
    by_username: Mapping[str, str]
    with_password: frozenset[str] = frozenset()
    """Ids of those who have a local account: links that set a password go to their address."""


@dataclass(slots=True)
class Seen:
    """Where in the file something stood first."""

    people: dict[str, int] = field(default_factory=dict)
    emails: dict[str, int] = field(default_factory=dict)
    usernames: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """What one line does. `before`: the hash of the person's row that it was compared with."""

    line: int
    outcome: str
    user_id: str | None
    before: str | None
    document: Mapping[str, Any]

    @property
    def moves(self) -> bool:
        """Whether somebody who is there already would belong elsewhere."""
        return PLACE in self.document.get("changes", {})

    @property
    def octets(self) -> bytes:
        """All of it, for a fingerprint."""
        return json.dumps([self.line, self.outcome, self.user_id, self.before, self.document], sort_keys=True).encode()


@dataclass(frozen=True, slots=True)
class CleanRow:
    """A row's cells as values; `problems` are (column, reason)."""

    line: int
    user_id: str | None
    values: Mapping[str, Any]
    problems: tuple[tuple[str, str], ...]
    shown: str


def clean_row(row: CSVRow, places: OrganisationPaths) -> CleanRow:
    """Cells by the rules of each field. An empty cell is not in the values: it leaves what is there as it is."""
    values: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for name in PROFILE_FIELDS:
        try:
            value = clean_field(name, row.cells.get(name, ""))
        except FieldInvalid as error:
            problems.append((name, str(error)))
        else:
            if value is not None:
                values[name] = value
    said = row.cells.get("active", "").strip().lower()
    if said in YES or said in NO:
        values["active"] = said in YES
    elif said:
        problems.append(("active", NOT_ACTIVE))
    if place := row.cells.get("organisation", "").strip():
        try:
            values[PLACE] = places.find(place)
        except PathUnknown:
            problems.append(("organisation", NO_SUCH_PLACE))
        except PathAmbiguous:
            problems.append(("organisation", TWO_SUCH_PLACES))
    shown = (row.cells.get("email") or row.cells.get("id") or "").strip()[:MAX_SHOWN].replace("\x00", "")
    return CleanRow(row.line, row.cells.get("id", "").strip().lower() or None, values, tuple(problems), shown)


def plan_rows(rows: Iterable[CleanRow], known: Known, proven: frozenset[str], seen: Seen) -> list[PlannedLine]:
    """What each row would do, in the order of the file."""
    return [_plan(row, known, proven, seen) for row in rows]


def state_hash(person: Mapping[str, Any]) -> str:
    """What a person's row says, in one word."""
    return hashlib.sha256(json.dumps([person[name] for name in COMPARED]).encode()).hexdigest()


def _plan(row: CleanRow, known: Known, proven: frozenset[str], seen: Seen) -> PlannedLine:
    problems = list(row.problems)
    email = row.values.get("email")
    person = known.by_id.get(row.user_id) if row.user_id else known.by_email.get(email or "")
    if row.user_id and person is None:
        problems.append(("id", NOBODY))
    if person is None and email is None and not problems:
        problems.append(("email", NEEDS_EMAIL))
    problems += _email_problems(row, person, known, proven)
    owner = known.by_username.get(row.values.get("username", ""))
    if owner is not None and (person is None or owner != person["id"]):
        problems.append(("username", USERNAME_IN_USE))
    if person is not None and row.values.get("active") and not person["active"]:
        problems.append(("active", SWITCHED_OFF))
    problems += _repeated(row, person, seen)
    if problems:
        told = [{"column": column, "reason": reason} for column, reason in problems]
        return PlannedLine(row.line, REFUSED, None, None, {"email": row.shown, "problems": told})
    if person is None:
        return PlannedLine(row.line, ADDED, None, None, {"email": email, "values": {"active": True, **row.values}})
    changes = {name: [person[name], value] for name, value in row.values.items() if value != person[name]}
    outcome = CHANGED if changes else UNCHANGED
    document = {"email": person["email"], **({"changes": changes} if changes else {})}
    return PlannedLine(row.line, outcome, person["id"], state_hash(person), document)


def _email_problems(
    row: CleanRow, person: Mapping[str, Any] | None, known: Known, proven: frozenset[str]
) -> list[tuple[str, str]]:
    """The domain is judged first, so that nobody learns of addresses in domains that are not theirs."""
    email = row.values.get("email")
    if email is None or (person is not None and email == person["email"]):
        return []
    try:
        require_domain(email, proven)
    except FieldInvalid as error:
        return [("email", str(error))]
    if person is not None and person["id"] in known.with_password:
        return [("email", LOCAL_ACCOUNT)]
    owner = known.by_email.get(email)
    taken = email in known.elsewhere or (owner is not None and (person is None or owner["id"] != person["id"]))
    return [("email", EMAIL_IN_USE)] if taken else []


def _repeated(row: CleanRow, person: Mapping[str, Any] | None, seen: Seen) -> list[tuple[str, str]]:
    """The same person, address or username in two lines: which of them is meant, nobody can say."""
    problems = []
    keys = (("id" if row.user_id else "email", seen.people, person["id"] if person else None),)
    named = (("email", seen.emails, row.values.get("email")), ("username", seen.usernames, row.values.get("username")))
    for column, places, value in (*keys, *named):
        if value is not None and places.setdefault(value, row.line) != row.line:
            problems.append((column, f"The same stands in line {places[value]}."))
    return problems[:1]
