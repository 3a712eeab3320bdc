"""What to do about a refused sign-in, from its receipt: what happened, what to do, whose turn it is, what one click does (D3).

Advice is made when it is shown, from what was kept and from how things stand now: a receipt of last week gets today's words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from identity.advice_facts import Circumstances, Failure, Finding
from identity.advice_offers import Offer
from identity.advice_reasons import REASONS
from identity.advice_words import ENTRIES, UNKNOWN, WHO_WORDS, Who
from identity.checks import MAX_SHOWN


@dataclass(frozen=True, slots=True)
class Advice:
    """What an administrator reads above a receipt. `details` are sentences about this very message."""

    code: str
    happened: str
    todo: str
    who: Who
    details: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = field(default=())

    def to_document(self) -> dict[str, Any]:
        """For the API."""
        return {
            "code": self.code,
            "happened": self.happened,
            "todo": self.todo,
            "who": self.who.value,
            "who_words": WHO_WORDS[self.who],
            "details": list(self.details),
            "offers": [offer.to_document() for offer in self.offers],
        }


def advice_of(code: str, receipt: Mapping[str, Any], circumstances: Circumstances) -> Advice:
    """Advice on the refusal of an attempt.

    Args:
        code: the attempt's.
        receipt: as `identity.checks.shown_receipt` gives it; the last check of that code that failed is the one.
    """
    failed = [line for line in receipt["checks"] if line["passed"] is False and line["code"] == code]
    line = failed[-1] if failed else {"id": "", "expected": "", "actual": ""}
    return advice_on(Failure(code, line["id"], line["expected"], line["actual"], receipt["facts"]), circumstances)


def all_advice(receipt: Mapping[str, Any], circumstances: Circumstances) -> Sequence[Advice]:
    """Advice on each check that failed, where more than one did: one for each code, in their order."""
    codes = dict.fromkeys(line["code"] for line in receipt["checks"] if line["passed"] is False)
    return [advice_of(code, receipt, circumstances) for code in codes]


def advice_on(failure: Failure, circumstances: Circumstances) -> Advice:
    """Advice on one failed check: what is true of its code, made finer by what the receipt says."""
    entry = ENTRIES.get(failure.code, UNKNOWN)
    reason = REASONS.get(failure.code)
    finding = reason(failure, circumstances) if reason else Finding()
    return Advice(
        code=failure.code,
        happened=finding.happened or entry.happened,
        todo=finding.todo or entry.todo,
        who=finding.who or entry.who,
        details=tuple(detail[: 2 * MAX_SHOWN] for detail in finding.details),
        offers=finding.offers,
    )
