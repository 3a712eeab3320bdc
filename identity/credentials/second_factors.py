"""Second factors that are typed: codes of an authenticator app (RFC 6238), and recovery codes."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import os
import re

import pyotp
import segno

from identity.exchanges import hash_of

STEP_SECONDS = 30
WINDOW = 1
"""Steps before and after the present one: clocks differ, and people type slowly (RFC 6238 5.2)."""
RECOVERY_CODES = 10
_RECOVERY_BYTES = 10
_CODE = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(r"[a-z2-7]{16}")


def new_totp_secret() -> str:
    """160 random bits in base32 (RFC 4226 4)."""
    return pyotp.random_base32(32)


def totp_step_of(secret: str, code: str, now: dt.datetime) -> int | None:
    """The time step that a code is of, or None; whether the step is unused is asked of the database.

    Every step of the window is compared, whether or not an earlier one fits.
    """
    typed = "".join(code[:40].split())
    if not typed.isascii() or not _CODE.fullmatch(typed):
        return None
    present, totp = int(now.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    found = None
    for step in range(present - WINDOW, present + WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step), typed):
            found = step
    return found


def enrolment_address(secret: str, email: str, issuer: str) -> str:
    """What an authenticator app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=issuer)


def enrolment_picture(address: str) -> str:
    """The QR code as the address of an image, which loads nothing. Dark on white in either theme: scanners want it so."""
    picture: str = segno.make(address, error="m").svg_data_uri(scale=5, border=3, dark="#000", light="#fff")
    return picture


def spaced(secret: str) -> str:
    """A secret in groups of four, for those who type it."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def new_recovery_codes() -> list[str]:
    """Ten codes of 80 random bits each, shown once."""
    return [_grouped(base64.b32encode(os.urandom(_RECOVERY_BYTES)).decode().lower()) for _ in range(RECOVERY_CODES)]


def recovery_hash(code: str) -> str | None:
    """What is kept of a recovery code, however it is typed; None for what cannot be one. 80 random bits need no slow hash."""
    typed = "".join(code[:80].lower().replace("-", " ").split())
    return hash_of(typed) if typed.isascii() and _RECOVERY.fullmatch(typed) else None


def _grouped(code: str) -> str:
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))
