"""Records: where passkeys and recovery codes of staff stand. What is done with them: identity.credentials.factors."""

from __future__ import annotations

from admin_ui.models import StaffPasskey, StaffRecoveryCode
from config.database import Base
from identity.credentials.factors import Factors


def factors_of(staff_id: str | None = None) -> Factors:
    """One account's; without one, those of whoever a credential belongs to."""
    passkeys, codes = (Base.metadata.tables[row.__tablename__] for row in (StaffPasskey, StaffRecoveryCode))
    return Factors(passkeys, codes, owner=("staff_id", staff_id))
