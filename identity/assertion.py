"""What was signed and believed: values that only verification makes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified assertion, read from canonical signed bytes. Only `verify_response` makes one.

    `attributes`: Name on the wire -> values in order, de-duplicated, empty ones dropped.
    `not_on_or_after`: the last moment at which it could be accepted, skew included; replay rows live so long.
    `issued_at`: when the identity provider wrote it, by its own clock.
    """

    id: str
    issuer: str
    name_id: str
    name_id_format: str
    attributes: Mapping[str, tuple[str, ...]]
    authn_context: str
    authn_instant: dt.datetime | None
    session_index: str | None
    session_not_on_or_after: dt.datetime | None
    not_on_or_after: dt.datetime
    in_response_to: str | None
    issued_at: dt.datetime
    name_qualifier: str | None = None
    sp_name_qualifier: str | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Who the person is, as the settings map an assertion. `email` is normalised; absent values are None."""

    subject: str
    name_id: str
    email: str
    username: str | None
    first_name: str | None
    last_name: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """The request that we sent, as stored, waiting for its response.

    `browser_hash` and `relay_state_hash`: SHA-256 of the secret that only the browser holds, and of the opaque token that
    stands for `target`. `authn_context_classes`: what was asked for. `solicited` is False where we only sent the browser to
    the identity provider's own page, which starts the sign-in by itself (Q7). `fresh`: whether the answer has to tell of a
    sign-in that was made after the request (ForceAuthn). `created_at`: when we sent the browser away, by our clock; None
    before it is stored.
    """

    request_id: str
    tenant_id: int
    idp_id: str
    browser_hash: str
    relay_state_hash: str
    target: str
    authn_context_classes: tuple[str, ...]
    solicited: bool = True
    trial_id: str | None = None
    fresh: bool = False
    created_at: dt.datetime | None = None
