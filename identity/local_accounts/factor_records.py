"""Records: where passkeys and recovery codes of local accounts stand. What is done with them: identity.credentials.factors."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import Base, read
from identity.credentials.factors import Factors
from identity.local_accounts.models import LocalPasskey, LocalRecoveryCode
from identity.models import User


def factors_of(tenant_id: int, user_id: str | None = None) -> Factors:
    """A person's; without one, those of whoever a credential of the tenant belongs to."""
    passkeys, codes = (Base.metadata.tables[row.__tablename__] for row in (LocalPasskey, LocalRecoveryCode))
    return Factors(passkeys, codes, {"tenant_id": tenant_id}, ("user_id", user_id))


def count_passkey_holders(tenant_id: int) -> int:
    """How many active people have a passkey here; all of these are for the tenant's present host alone (WebAuthn, RP ID)."""
    theirs = sa.and_(User.tenant_id == LocalPasskey.tenant_id, User.id == LocalPasskey.user_id, User.active.is_(True))
    people = sa.select(sa.func.count(LocalPasskey.user_id.distinct())).join(User, theirs)
    return int(read(people.where(LocalPasskey.tenant_id == tenant_id)).scalar_one())
