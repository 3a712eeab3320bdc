"""Codes of an authenticator app as a test types them: never so late in a half minute that it is over before they arrive."""

from __future__ import annotations

import time

import pyotp

STEP_SECONDS = 30


def present_step(lasting: float = 3.0) -> int:
    """The half minute of now, once it has at least so many seconds left.

    A code of the step before is in the window until the present one ends: typed in the last moment, it is wrong when
    the server sees it.
    """
    left = STEP_SECONDS - time.time() % STEP_SECONDS
    if left < lasting:
        time.sleep(left + 0.01)
    return int(time.time()) // STEP_SECONDS


def code_of_step(secret: str, step: int) -> str:
    """Six digits of one half minute; the secret may be written in groups."""
    return pyotp.TOTP(secret.replace(" ", "")).generate_otp(step)
