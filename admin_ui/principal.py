"""Who uses the console: one person with one role, either of the company that runs the service or of one tenant (A1)."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.roles import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody with a live session of the console, as looked up for this request.

    Args:
        tenant_id: None for staff, who see every tenant.
        actor: how audit events name them, `staff:<id>` or `user:<id>`.
        by_break_glass: they came in by break-glass, for an hour.
    """

    id: str
    name: str
    email: str
    role: Role
    tenant_id: int | None
    actor: str
    session_id: str
    by_break_glass: bool = False

    def __post_init__(self) -> None:
        if self.role.of_one_tenant != (self.tenant_id is not None):
            raise ValueError(f"{self.role} of tenant {self.tenant_id}")
