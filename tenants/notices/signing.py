"""How webhooks are signed, by the Standard Webhooks convention: secrets, ids and headers (standardwebhooks.com, v1)."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """A secret as it is shown, once: 256 random bits in base64 behind the convention's prefix."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def message_id(delivery_id: str) -> str:
    """The id of a message: the same in every attempt, so that a receiver can tell a repetition."""
    return f"msg_{delivery_id.replace('-', '')}"


def signed_headers(body: bytes, delivery_id: str, secrets: Sequence[str], now: dt.datetime) -> Mapping[str, str]:
    """The headers that say which message this is, when it was sent, and that it is ours: one signature for each secret."""
    identifier, timestamp = message_id(delivery_id), str(int(now.timestamp()))
    signed = f"{identifier}.{timestamp}.".encode() + body
    signatures = [f"v1,{base64.b64encode(hmac.digest(_key_of(secret), signed, hashlib.sha256)).decode()}" for secret in secrets]
    return {"webhook-id": identifier, "webhook-timestamp": timestamp, "webhook-signature": " ".join(signatures)}


def _key_of(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))
