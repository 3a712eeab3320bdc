"""What a sync would do, from who is known here and who is in the directory: values without a database (G2).

A directory that answers too little must not cost a tenant its people: where too many seem to be gone at once, nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tenants.placement_rules import NOWHERE, Placement

ALWAYS = 2
"""So few may go whatever their share is, as long as somebody stays: one who leaves a company of three is a third of it."""


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """Somebody who came from the directory."""

    id: str
    subject: str
    active: bool
    organisation_id: str | None
    profile: Mapping[str, str | None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """Somebody who is known here, as the directory has them now. `enabled`: not switched off there, nor by a rule."""

    profile: Mapping[str, str | None] = field(repr=False)
    enabled: bool = True
    placement: Placement = NOWHERE
    fingerprints: str = ""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """Who is to be switched off, and whose profile differs. `held`: too many to be believed."""

    gone: tuple[KnownPerson, ...]
    disabled: tuple[KnownPerson, ...]
    changed: tuple[tuple[KnownPerson, Mapping[str, str | None]], ...]
    moved: tuple[tuple[KnownPerson, Placement], ...]
    held: str | None

    @property
    def leaving(self) -> tuple[KnownPerson, ...]:
        """All who are to be switched off."""
        return (*self.gone, *self.disabled)


def plan_of(
    known: Sequence[KnownPerson],
    seen: Mapping[str, SeenPerson],
    entries: int,
    *,
    max_percent: int,
    with_profiles: bool,
    may_move_from: Callable[[str | None], bool] = lambda _: True,
) -> SyncPlan:
    """Compare.

    Args:
        seen: by subject, those that are known here.
        entries: how many the directory has in all.
        max_percent: of the active people, who may be switched off in one sync.
        may_move_from: whether rules may take somebody out of an organisation.
    """
    active = [person for person in known if person.active]
    gone = tuple(person for person in active if person.subject not in seen)
    disabled = tuple(person for person in active if person.subject in seen and not seen[person.subject].enabled)
    leaving = len(gone) + len(disabled)
    held = None
    if entries == 0 and active:
        held = "nobody_found"
    elif (
        max_percent < 100
        and leaving
        and (leaving == len(active) > 1 or leaving > max(ALWAYS, len(active) * max_percent // 100))
    ):
        held = "too_many_gone"
    changed = tuple(
        (person, differing)
        for person in active
        if with_profiles and (there := seen.get(person.subject)) and there.enabled
        if (differing := _differing(person.profile, there.profile))
    )
    moved = tuple(
        (person, there.placement)
        for person in active
        if (there := seen.get(person.subject)) and there.enabled and there.placement.moves
        if there.placement.organisation_id != person.organisation_id and may_move_from(person.organisation_id)
    )
    return SyncPlan(gone, disabled, changed, moved, held)


def _differing(before: Mapping[str, str | None], there: Mapping[str, str | None]) -> dict[str, str | None]:
    """Fields that have another value there; what did not come wipes nothing (P5)."""
    return {name: value for name, value in there.items() if value is not None and value != before[name]}
