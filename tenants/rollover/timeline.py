"""How far a tenant's keys are, what to do next and what to beware of, in words: the same for console, API and command."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from tenants.rollover.ending import ERASED_AFTER
from tenants.rollover.reader_records import Reader, familiar_readers, readers_of
from tenants.rollover.records import ACTIVE, NEXT, RETIRED, RETIRING, OwnKey, keys_of
from tenants.rollover.use_records import KeyUser, users_of
from tenants.rollover.uses import still_using

SOON = dt.timedelta(days=90)
USES = ("signing", "encryption")


@dataclass(frozen=True, slots=True)
class Standing:
    """One key, who has seen it in metadata, who has used it and who is expected to use it again.

    `seen_by_familiar`: those of them who came before it was made, as far as address and name tell.
    """

    key: OwnKey
    seen_by: int
    seen_by_familiar: int
    users: tuple[KeyUser, ...]
    still_used_by: tuple[str, ...]
    can_come_back: bool
    erased_on: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Rollover:
    """The keys of one use: `advice` says what to do next, `warnings` what to beware of."""

    use: str
    standings: tuple[Standing, ...]
    advice: str
    warnings: tuple[str, ...]


def rollovers_of(tenant_id: int, now: dt.datetime) -> tuple[Rollover, Rollover]:
    """Signing and encryption, each by itself."""
    keys, readers, users = keys_of(tenant_id), readers_of(tenant_id), users_of(tenant_id)
    signing, encryption = (
        _rollover(use, [_standing(key, readers, users, now) for key in keys if key.use == use], now) for use in USES
    )
    return signing, encryption


def standing_of(tenant_id: int, key: OwnKey, now: dt.datetime) -> Standing:
    """How one key stands."""
    return _standing(key, readers_of(tenant_id), users_of(tenant_id), now)


def _standing(key: OwnKey, readers: Sequence[Reader], users: Sequence[KeyUser], now: dt.datetime) -> Standing:
    kept = key.state in (RETIRING, RETIRED) and not key.is_erased
    return Standing(
        key=key,
        seen_by=sum(key.id in reader.key_ids for reader in readers),
        seen_by_familiar=len(familiar_readers(key.id, key.created_at, readers)),
        users=tuple(user for user in users if user.key_id == key.id),
        still_used_by=tuple(user.idp for user in still_using(key.id, users, now)),
        can_come_back=kept and key.replaced_at is not None,
        erased_on=key.retired_at + ERASED_AFTER if key.retired_at and kept else None,
    )


def _rollover(use: str, standings: Sequence[Standing], now: dt.datetime) -> Rollover:
    by_state = {state: [one for one in standings if one.key.state == state] for state in (NEXT, ACTIVE, RETIRING)}
    warnings: list[str] = []
    for one in by_state[ACTIVE]:
        if one.key.ends_at <= now:
            warnings.append("The certificate of the active key has ended. Some identity providers stop on that day.")
        elif one.key.ends_at <= now + SOON:
            warnings.append(f"The certificate of the active key ends on {one.key.ends_at:%d %B %Y}. Make the next key.")
    for one in by_state[NEXT]:
        if use == "signing" and not one.seen_by_familiar:
            others = " Others have, but anybody may fetch it." if one.seen_by else ""
            warnings.append(
                "Nobody who came before the next key was made has fetched metadata with it."
                f"{others} Promoted now, it may lock people out."
            )
    for one in by_state[RETIRING]:
        if one.still_used_by:
            names = ", ".join(one.still_used_by)
            warnings.append(f"The retiring key is still used by: {names}. It is kept day by day, for 90 days at most.")
    return Rollover(use, tuple(standings), _advice(use, by_state, now), tuple(warnings))


def _advice(use: str, by_state: dict[str, list[Standing]], now: dt.datetime) -> str:
    if by_state[NEXT]:
        fetched = by_state[NEXT][0].seen_by_familiar
        if use == "encryption" and not fetched:
            return (
                "The next key stands first in the metadata and opens messages already. Wait until your identity provider "
                "has fetched the metadata, or give it to it, and then promote the next key."
            )
        if not fetched:
            return "Wait until your identity provider has fetched the metadata, or give it to it; then promote the next key."
        return (
            "The metadata with the next key has been fetched by somebody who came before it was made, as far as address and "
            "name tell. Is that your identity provider? Then promote it."
        )
    if by_state[RETIRING]:
        until = max((one.key.retire_at for one in by_state[RETIRING] if one.key.retire_at), default=now)
        return f"Nothing: the old key retires by itself on {until:%d %B %Y}. If sign-ins fail now, go back to it."
    return "Nothing. When this key is to be replaced, make the next one: it is published, and changes nothing by itself."
