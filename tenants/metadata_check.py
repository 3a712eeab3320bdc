"""Flow: a source of metadata is tried, step by step, and nothing is kept; so that a fault has a place (M1)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from config.settings import Settings
from tenants.metadata_errors import (
    AddressNotAllowed,
    HTTPStatus,
    MetadataRefused,
    MetadataTooLarge,
    RedirectNotAllowed,
    TooManyRedirects,
    URLNotAllowed,
)
from tenants.metadata_intake import MetadataSource, SourceKind, read_source
from tenants.tenant_records import ManagedTenant
from tenants.trust import IdPMetadata


class Step(StrEnum):
    """What has to go well, in this order, before metadata is at hand."""

    ADDRESS = "address"
    DNS = "dns"
    TCP = "connect"
    TLS = "tls"
    HTTP = "http"
    DOCUMENT = "document"


CLAIMS: Mapping[Step, str] = {
    Step.ADDRESS: "The address may be asked",
    Step.DNS: "Its name leads to an address (DNS)",
    Step.TCP: "A connection can be made (TCP)",
    Step.TLS: "The connection is encrypted, and the server's certificate is good (TLS)",
    Step.HTTP: "The server answers with a document (HTTP)",
    Step.DOCUMENT: "The document is the metadata of this identity provider",
}
_REFUSED_AT: Mapping[type[MetadataRefused], Step] = {
    URLNotAllowed: Step.ADDRESS,
    AddressNotAllowed: Step.DNS,
    HTTPStatus: Step.HTTP,
    TooManyRedirects: Step.HTTP,
    RedirectNotAllowed: Step.HTTP,
    MetadataTooLarge: Step.HTTP,
}
_OF_A_URL, _OF_A_DOCUMENT = tuple(Step), (Step.DOCUMENT,)
_FETCHED = (SourceKind.URL, SourceKind.MDQ)


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step: `passed` None where an earlier one failed, so that nobody came so far."""

    step: Step
    claim: str
    passed: bool | None


@dataclass(frozen=True, slots=True)
class SourceCheck:
    """How far a source leads: what its metadata says, or what refused it."""

    steps: tuple[StepTaken, ...]
    found: IdPMetadata | None
    refusal: MetadataRefused | None


def check_source(
    source: MetadataSource,
    tenant: ManagedTenant,
    settings: Settings,
    now: dt.datetime,
    *,
    pinned: str | None,
    chosen: str | None = None,
) -> SourceCheck:
    """Try a source as saving it would; slow, and outside of any transaction."""
    try:
        read = read_source(source, tenant, settings, now, pinned=pinned, chosen=chosen)
    except MetadataRefused as refusal:
        return refused_check(source, refusal)
    return SourceCheck(_steps(source, None), read.metadata, None)


def refused_check(source: MetadataSource, refusal: MetadataRefused) -> SourceCheck:
    """How far a source led that was refused."""
    return SourceCheck(_steps(source, _failed_at(source, refusal)), None, refusal)


def _failed_at(source: MetadataSource, refusal: MetadataRefused) -> Step:
    if source.kind not in _FETCHED:
        return Step.DOCUMENT
    stage = refusal.detail.get("stage")
    if stage in list(Step):
        return Step(stage)
    return _REFUSED_AT.get(type(refusal), Step.DOCUMENT)


def _steps(source: MetadataSource, failed: Step | None) -> tuple[StepTaken, ...]:
    steps = _OF_A_URL if source.kind in _FETCHED else _OF_A_DOCUMENT
    reached = steps.index(failed) if failed else len(steps)
    states = [True] * reached + [False] + [None] * len(steps)
    return tuple(StepTaken(step, CLAIMS[step], states[place]) for place, step in enumerate(steps))
