"""What a screen is asked: by whom, about which tenant, when."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from admin_ui.principal import Principal
from tenants.errors import NotFound
from tenants.roles import Permission
from tenants.tenant_records import ManagedTenant


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of the console, after it was judged. `managed` None: a screen of staff's own, about no tenant."""

    principal: Principal
    managed: ManagedTenant | None
    now: dt.datetime

    @property
    def tenant(self) -> ManagedTenant:
        """The tenant that the screen is about."""
        if self.managed is None:
            raise NotFound("a tenant's screen without a tenant")
        return self.managed

    @property
    def of_staff(self) -> bool:
        """Whether somebody of the company that runs the service asks."""
        return self.principal.tenant_id is None

    @property
    def actor(self) -> str:
        """How audit events name who asks."""
        return self.principal.actor

    def may(self, permission: Permission) -> bool:
        """Whether who asks may do this; screens offer nothing else."""
        return permission.allows(self.principal.role)
