"""Flows: what rules would do is foreseen, on the latest sign-in of everybody who came of late, or on the last sync (P6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.sealing import KeyRing
from identity.placement.fingerprints import FingerprintReader, is_cut
from identity.placement.records import RecentPerson, read_people, recent_people
from tenants.placement.changing import PlacementState, placement_of, wanted_placement
from tenants.placement_rules import IDENTITY_PROVIDER, NO_ROLE, PlacementRules, Whose


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One person before and after. `role` is what rules of placement give. `certain` False: more values came than are kept."""

    user_id: str
    email: str
    last_login_at: dt.datetime | None
    organisation_before: str | None
    organisation_after: str | None
    role_before: str | None
    role_after: str | None
    active_before: bool
    active_after: bool
    certain: bool

    @property
    def moves(self) -> bool:
        """Whether they would belong elsewhere."""
        return self.organisation_before != self.organisation_after

    @property
    def changes_role(self) -> bool:
        """Whether their role would be another."""
        return self.role_before != self.role_after

    @property
    def loses_access(self) -> bool:
        """Whether they would be switched off."""
        return self.active_before and not self.active_after


@dataclass(frozen=True, slots=True)
class Foresight:
    """What would become of whom, at their next sign-in if it says what their latest one said; of a directory: the last sync.

    `not_known`: how many came so long ago that nothing is kept of it. `people`: those for whom something would change.
    """

    looked_at: int
    not_known: int
    moves: int
    role_changes: int
    deactivations: int
    people: tuple[Foreseen, ...]


def foresee(tenant_id: int, whose: Whose, document: Mapping[str, Any], keys: KeyRing) -> tuple[PlacementState, Foresight]:
    """What a document of the API's form would do to people if it were saved.

    Raises:
        NotFound, FieldsInvalid.
    """
    side, present = placement_of(tenant_id, whose)
    wanted, reader = wanted_placement(tenant_id, whose.kind, present, document), FingerprintReader(keys, tenant_id)
    recent = recent_people(tenant_id, side.id) if side.kind == IDENTITY_PROVIDER else read_people(tenant_id, side.id)
    found = [_foreseen(person, present.rules, wanted.rules, reader) for person in recent]
    known = [item for item in found if item is not None]
    return wanted, Foresight(
        looked_at=len(recent),
        not_known=len(recent) - len(known),
        moves=sum(item.moves for item in known),
        role_changes=sum(item.changes_role for item in known),
        deactivations=sum(item.loses_access for item in known),
        people=tuple(item for item in known if item.moves or item.changes_role or item.loses_access),
    )


def _foreseen(
    person: RecentPerson, present: PlacementRules, wanted: PlacementRules, reader: FingerprintReader
) -> Foreseen | None:
    has = reader.reads(person.fingerprints)
    if has is None:
        return None
    before, after = present.place_by(has), wanted.place_by(has)
    follows = after.moves and wanted.follows and person.active and after.active is not False
    return Foreseen(
        user_id=person.user_id,
        email=person.email,
        last_login_at=person.last_login_at,
        organisation_before=person.organisation_id,
        organisation_after=after.organisation_id if follows else person.organisation_id,
        role_before=None if before.role == NO_ROLE else before.role,
        role_after=None if after.role == NO_ROLE else after.role,
        active_before=person.active,
        active_after=person.active and after.active is not False,
        certain=not is_cut(person.fingerprints),
    )
