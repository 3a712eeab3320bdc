"""Forms of a tenant's own keys."""

from __future__ import annotations

import marshmallow as ma
from marshmallow import fields, validate

from tenants.rollover.making import MAX_LIFETIME_DAYS, MIN_LIFETIME_DAYS
from tenants.rollover.pem import MAX_PASSPHRASE, MAX_PEM
from tenants.rollover.stages import (
    DEFAULT_GRACE_DAYS,
    MAX_GRACE_DAYS,
)
from tenants.schema_fields import Flag, Strict, Whole, text
from tenants.service_provider import ALLOWED_RSA_BITS, RSA_BITS

_USE = validate.OneOf(["signing", "encryption"])
_ANYWAY = {"description": "Do it although it is warned of."}


class KeyCreate(Strict):
    """The next key, made here."""

    use = fields.String(required=True, validate=_USE)
    lifetime_days = Whole(
        MIN_LIFETIME_DAYS, MAX_LIFETIME_DAYS, load_default=MAX_LIFETIME_DAYS, metadata={"description": "Of its certificate."}
    )
    bits = Whole(
        min(ALLOWED_RSA_BITS), max(ALLOWED_RSA_BITS), load_default=RSA_BITS, metadata={"enum": list(ALLOWED_RSA_BITS)}
    )

    @ma.validates("bits")
    def require_usual(self, bits: int, data_key: str) -> None:  # noqa: ARG002
        """No length that identity providers have not seen before."""
        if bits not in ALLOWED_RSA_BITS:
            raise ma.ValidationError(f"One of {', '.join(map(str, ALLOWED_RSA_BITS))}.")


class KeyImport(Strict):
    """The next key, brought along. The private half is sealed at once and never given out."""

    use = fields.String(required=True, validate=_USE)
    private_key = text(MAX_PEM, required=True, load_only=True, metadata={"description": "PEM, PKCS #8 or PKCS #1, RSA."})
    certificate = text(MAX_PEM, required=True, metadata={"description": "PEM, one certificate."})
    passphrase = text(MAX_PASSPHRASE, load_default=None, allow_none=True, load_only=True)


class KeyPromote(Strict):
    """How long the present key goes on."""

    grace_days = Whole(0, MAX_GRACE_DAYS, load_default=DEFAULT_GRACE_DAYS)
    anyway = Flag(load_default=False, metadata=_ANYWAY)


class KeyRetire(Strict):
    """Whether to do it although it is used, and whether the private half is erased at once."""

    anyway = Flag(load_default=False, metadata=_ANYWAY)
    erase = Flag(load_default=False)


class KeyRollBack(Strict):
    """Nothing to say."""


class KeyUserView(Strict):
    """An identity provider that encrypted to this key; the time is true to the hour."""

    idp = fields.String(required=True)
    last_at = fields.DateTime(required=True)


class KeyView(Strict):
    """One of a tenant's own keys. The private half is never shown."""

    id = fields.String(required=True)
    use = fields.String(required=True, validate=_USE)
    state = fields.String(required=True, validate=validate.OneOf(["next", "active", "retiring", "retired"]))
    imported = fields.Boolean(required=True)
    certificate = fields.String(required=True)
    sha256 = fields.String(required=True, metadata={"description": "Fingerprint of the certificate."})
    bits = fields.Integer(required=True)
    ends_at = fields.DateTime(required=True)
    created_at = fields.DateTime(required=True)
    promoted_at = fields.DateTime(required=True, allow_none=True)
    replaced_at = fields.DateTime(required=True, allow_none=True)
    retire_at = fields.DateTime(required=True, allow_none=True)
    retired_at = fields.DateTime(required=True, allow_none=True)
    erased = fields.Boolean(required=True)
    seen_by = fields.Integer(required=True, metadata={"description": "How many readers of the metadata have seen it there."})
    seen_by_familiar = fields.Integer(
        required=True,
        metadata={"description": "Those of them who came before the key was made, as far as address and User-Agent tell."},
    )
    used_by = fields.List(fields.Nested(KeyUserView), required=True)
    still_used_by = fields.List(fields.String(), required=True)
    can_come_back = fields.Boolean(required=True)


class RolloverView(Strict):
    """How far a rollover is, in words."""

    use = fields.String(required=True)
    advice = fields.String(required=True)
    warnings = fields.List(fields.String(), required=True)


class KeyPage(Strict):
    """All keys, the newest first."""

    items = fields.List(fields.Nested(KeyView), required=True)
    next = fields.String(required=True, allow_none=True)
    rollovers = fields.List(fields.Nested(RolloverView), required=True)


class ReaderView(Strict):
    """Somebody who fetched the metadata, as they called themselves."""

    user_agent = fields.String(required=True)
    address = fields.String(required=True)
    product = fields.String(required=True, allow_none=True, metadata={"description": "A guess."})
    first_at = fields.DateTime(required=True)
    last_at = fields.DateTime(required=True, metadata={"description": "True to the hour."})
    keys_seen = fields.List(fields.String(), required=True)


class ReaderPage(Strict):
    """Who has fetched the metadata, the last one first; 50 at most."""

    items = fields.List(fields.Nested(ReaderView), required=True)
    next = fields.String(required=True, allow_none=True)
