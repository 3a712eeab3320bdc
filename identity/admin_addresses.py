"""Records: addresses of a tenant's administrators who have an account, for mail that concerns whoever looks after sign-in."""

from __future__ import annotations

import sqlalchemy as sa

from config.database import read
from identity.models import EmailAddress, User
from tenants.models import ConsoleGrant
from tenants.roles import Role

MAX_ADMINS = 20


def admin_addresses(tenant_id: int) -> list[str]:
    """Who is named an administrator and has an account that is active, in the order of their naming.

    A grant without a person is an address that nobody has shown to be theirs, and a rule over attributes names nobody.
    """
    statement = (
        sa.select(ConsoleGrant.email)
        .join(
            EmailAddress, sa.and_(EmailAddress.tenant_id == ConsoleGrant.tenant_id, EmailAddress.email == ConsoleGrant.email)
        )
        .join(User, sa.and_(User.tenant_id == ConsoleGrant.tenant_id, User.id == EmailAddress.user_id))
        .where(ConsoleGrant.tenant_id == tenant_id, ConsoleGrant.role == Role.ADMIN.value, User.active.is_(True))
        .order_by(ConsoleGrant.id)
        .limit(MAX_ADMINS)
    )
    return list(read(statement).scalars())
