"""Flow: a chain that cannot go on, since the key of its newest seal is lost, goes on behind a break that stays visible.

Whoever can write to the database can put a history of their own there, signed by a key of their own, and wait for somebody to
take it for a lost key. So what is adopted is not vouched for: the adopting seal says so in what it signs, and every
verification reports it, until an anchor that was kept outside shows that the adopted seal is the one that was made here.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from tenants.sealing.errors import ChainBroken, NothingToAdopt
from tenants.sealing.ledgers import Ledger
from tenants.sealing.records import append_seal, head_of
from tenants.sealing.sealer import next_seal, trusted_head
from tenants.sealing.seals import ADOPTS, Seal
from tenants.sealing.signing import SealKeys


@dataclass(frozen=True, slots=True)
class Adopted:
    """What was adopted, why that could not go on, and the seal that goes on from there."""

    former: Seal
    cause: str
    seal: Seal


def adopt_chain(ledger: Ledger, keys: SealKeys, now: dt.datetime) -> Adopted:
    """Put an empty seal of the present key on the newest one as it stands, inside a transaction.

    Raises:
        NothingToAdopt: the chain can go on as it is; or it went on meanwhile.
    """
    former = head_of(ledger)
    try:
        trusted_head(ledger, keys)
    except ChainBroken as broken:
        cause = str(broken)
    else:
        raise NothingToAdopt("its newest seal is whole and ours")
    if former is None:
        raise NothingToAdopt("there is no seal")
    seal = next_seal(ledger, keys, former, [], now, mark=ADOPTS)
    if not append_seal(ledger, seal):
        raise NothingToAdopt("somebody else has put a seal on it meanwhile")
    return Adopted(former, cause, seal)
