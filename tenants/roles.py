"""Who may do what: roles, and the permissions that operations of API and console name (A1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Who asks. `admin` and `viewer` belong to one tenant, the others to the company that runs the service (A1).

    `staff` is A1's staff owner, `support` its staff support.
    """

    STAFF = "staff"
    SUPPORT = "support"
    ADMIN = "admin"
    VIEWER = "viewer"

    @property
    def of_one_tenant(self) -> bool:
        """Whether it sees one tenant only."""
        return self in (Role.ADMIN, Role.VIEWER)


@dataclass(frozen=True, slots=True)
class Permission:
    """Which roles may use an operation; `None` opens it to everybody."""

    roles: frozenset[Role] | None

    def allows(self, role: Role) -> bool:
        """Whether somebody of this role may."""
        return self.roles is None or role in self.roles


OPEN = Permission(None)
READ = Permission(frozenset(Role))
LIST_TENANTS = Permission(frozenset({Role.STAFF, Role.SUPPORT}))
ONBOARD = Permission(frozenset({Role.STAFF}))
"""Customers come and go, staff and their tokens: the owner's own business."""
CONFIGURE = Permission(frozenset({Role.STAFF, Role.ADMIN}))
"""What a sign-in is judged by. Support helps, but never changes whom a tenant trusts (A1)."""
ASSIST = Permission(frozenset({Role.STAFF, Role.SUPPORT, Role.ADMIN}))
