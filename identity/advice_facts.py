"""What advice is made from, and what it comes to, for one check that failed (D3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from identity.advice_offers import Offer
from identity.advice_words import Who
from tenants.saml_settings import SAMLSettings


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How things stand now, beside the receipt: the identity provider's settings and pinned certificates, the MyDomains."""

    settings: SAMLSettings | None = None
    pinned: tuple[str, ...] = ()
    fetches_metadata: bool = False
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Failure:
    """The check that failed, as the receipt tells it."""

    code: str
    check: str
    expected: str
    actual: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is finer than the entry of the code; what is empty stays as it is there."""

    happened: str = ""
    todo: str = ""
    who: Who | None = None
    details: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = field(default=())
