"""Records of what came of a sign-in with an account of this service's own: a receipt, as those of other ways are (D1, G2).

No message came, so it has few lines. What was typed is not kept, and the page told nobody which line it was.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Mapping

from identity.attempts import keep_receipt
from identity.checks import ACTIVE, WAY, Check, Receipt, of_another_way
from identity.local_accounts.errors import LocalSignInFailed, LocalSignInLost, SecondFactorMissing
from tenants.errors import RateLimited, Refusal

_OWN = "Vestibule G2"
TRIES = of_another_way(Check("local_tries", RateLimited, "Not too many tries failed before this one", _OWN))
NAME = of_another_way(Check("local_name", LocalSignInFailed, "A local account has this name", _OWN))
PASSWORD_SET = of_another_way(Check("local_password_set", LocalSignInFailed, "A password was set by its invitation", _OWN))
PASSWORD = of_another_way(Check("local_password", LocalSignInFailed, "The password is the account's", _OWN))
FACTOR = of_another_way(Check("local_factor", LocalSignInFailed, "The account has this second factor, unused so far", _OWN))
NEEDED = of_another_way(Check("local_factor_needed", SecondFactorMissing, "The account has the second factor it needs", _OWN))
BEGUN = of_another_way(Check("local_begun", LocalSignInLost, "It was begun in this browser, and is not over", _OWN))

NO_NAME, NO_PASSWORD_YET, OTHER_PASSWORD = "no account of this name", "no password was set yet", "another password"
_FAILED: Mapping[str, tuple[Check, str]] = {
    NO_NAME: (NAME, NO_NAME),
    NO_PASSWORD_YET: (PASSWORD_SET, NO_PASSWORD_YET),
    "code": (FACTOR, "another code, or one that was used"),
    "recovery_code": (FACTOR, "none of the recovery codes, or one that was used"),
    "passkey": (FACTOR, "none of the passkeys"),
}
"""By the cause of the refusal; of the second step that is the field that was wrong."""
HOW: Mapping[str, tuple[Check, ...]] = {
    "password": (NAME, PASSWORD),
    "password_totp": (NAME, PASSWORD, FACTOR),
    "password_recovery": (NAME, PASSWORD, FACTOR),
    "password_passkey": (NAME, PASSWORD, FACTOR),
    "passkey": (FACTOR,),
}
"""What somebody has shown who is in, by how they came."""


def keep_entry(tenant_id: int, way: str, how: str, reference: str, user_id: str, now: dt.datetime) -> None:
    """Somebody is in; inside the transaction of that."""
    receipt = _receipt(way, user_id)
    receipt.facts["how"] = how
    for check in (*HOW[how], ACTIVE, WAY):
        receipt.passed(check)
    keep_receipt(tenant_id, receipt, reference=reference, now=now, masked_xml="", user_id=user_id)


def keep_refusal(tenant_id: int, refusal: Refusal, way: str, reference: str, now: dt.datetime) -> None:
    """Somebody was refused; the refusal says whose account it was about, where it is known."""
    user_id = refusal.detail.get("user")
    receipt = _receipt(way, user_id)
    check, actual = _line_of(refusal)
    if check is not None:
        with contextlib.suppress(Refusal):
            receipt.require(check, False, actual=actual, refusal=type(refusal))
    keep_receipt(
        tenant_id,
        receipt,
        reference=reference,
        now=now,
        masked_xml="",
        code=refusal.code,
        cause=refusal.cause,
        user_id=user_id,
    )


def _receipt(way: str, user_id: str | None) -> Receipt:
    receipt = Receipt()
    receipt.facts = {"way": way} | ({"user_id": user_id} if user_id else {})
    return receipt


def _line_of(refusal: Refusal) -> tuple[Check | None, str]:
    """The check that failed, and what was found in place of what it claims."""
    if isinstance(refusal, LocalSignInFailed):
        return _FAILED.get(refusal.cause, (PASSWORD, refusal.cause))
    for check in (TRIES, NEEDED, BEGUN, ACTIVE, WAY):
        if isinstance(refusal, check.refusal):
            return check, refusal.cause
    return None, ""
