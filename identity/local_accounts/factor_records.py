"""Records: where passkeys and recovery codes of local accounts stand. What is done with them: identity.credentials.factors."""

from __future__ import annotations

from config.database import Base
from identity.credentials.factors import Factors
from identity.local_accounts.models import LocalPasskey, LocalRecoveryCode


def factors_of(tenant_id: int, user_id: str | None = None) -> Factors:
    """A person's; without one, those of whoever a credential of the tenant belongs to."""
    passkeys, codes = (Base.metadata.tables[row.__tablename__] for row in (LocalPasskey, LocalRecoveryCode))
    return Factors(passkeys, codes, {"tenant_id": tenant_id}, ("user_id", user_id))
