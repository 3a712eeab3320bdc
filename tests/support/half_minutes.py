"""Codes of an authenticator app as a test types them: never so late in a half minute that it is over before they arrive."""

from __future__ import annotations

import time
from collections.abc import Collection

import pyotp

from identity.credentials.second_factors import STEP_SECONDS, WINDOW

LASTING_SECONDS = 12.0
"""How long a code stays right after it was read from the app: a busy machine types slowly, as people do."""


def present_step(lasting: float = LASTING_SECONDS) -> int:
    """The half minute of now, once it has at least so many seconds left."""
    left = STEP_SECONDS - time.time() % STEP_SECONDS
    if left < lasting:
        time.sleep(left + 0.01)
    return int(time.time()) // STEP_SECONDS


def unused_step(used: Collection[int], lasting: float = LASTING_SECONDS) -> int:
    """The first half minute after all that were used whose code is right, for so many seconds at least.

    The window has the step before the present one, too. One that ends soon is passed over, so that only whoever wants more
    codes than the window has left waits: for the next half minute.
    """
    while True:
        now = time.time()
        present = int(now) // STEP_SECONDS
        for step in range(max([present - WINDOW, *(one + 1 for one in used)]), present + WINDOW + 1):
            if (step + WINDOW + 1) * STEP_SECONDS - now >= lasting:
                return step
        time.sleep((present + 1) * STEP_SECONDS - now + 0.01)


def code_of_step(secret: str, step: int) -> str:
    """Six digits of one half minute; the secret may be written in groups."""
    return pyotp.TOTP(secret.replace(" ", "")).generate_otp(step)


def wrong_code(secret: str) -> str:
    """Six digits that are no code of these minutes: any six are one of them now and then."""
    present = int(time.time()) // STEP_SECONDS
    right = {code_of_step(secret, step) for step in range(present - WINDOW, present + WINDOW + 10)}
    return next(digits for digits in (f"{number:06}" for number in range(100)) if digits not in right)
