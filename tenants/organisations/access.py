"""How the people of an organisation sign in: what it says itself, and what holds for it in the end (G1–G3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

SSO, LDAP, LOCAL = "sso", "ldap", "local"
WAYS = (SSO, LDAP, LOCAL)


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """What one organisation overrides; None: as its parent has it.

    `way` is how its people sign in where it is not, or not only, by SSO. `idp_id` and `directory_id` are rows of the same
    tenant. Times are whole seconds. `require_second_factor` is for local accounts: identity providers see to their own.
    """

    way: str | None = None
    idp_id: str | None = None
    directory_id: str | None = None
    sso_enabled: bool | None = None
    sso_required: bool | None = None
    provider_name: str | None = None
    session_idle_seconds: int | None = None
    session_absolute_seconds: int | None = None
    jit_provisioning: bool | None = None
    require_second_factor: bool | None = None

    def to_document(self) -> dict[str, Any]:
        """JSON form, as stored: what is overridden, and nothing else."""
        return {name: value for name, value in asdict(self).items() if value is not None}


SETTING_NAMES = tuple(item.name for item in fields(AccessSettings))


@dataclass(frozen=True, slots=True)
class Access:
    """What holds for an organisation. A field that is None has no value anywhere above:

    any of the tenant's identity providers, the provider's own name, the tenant's timeouts, just-in-time provisioning as the
    identity provider's SAML settings say.
    """

    way: str = SSO
    idp_id: str | None = None
    directory_id: str | None = None
    sso_enabled: bool = True
    sso_required: bool = False
    provider_name: str | None = None
    session_idle_seconds: int | None = None
    session_absolute_seconds: int | None = None
    jit_provisioning: bool | None = None
    require_second_factor: bool = False

    def allows(self, way: str) -> bool:
        """Whether its people may sign in so."""
        if way == SSO:
            return self.sso_enabled
        return way == self.way and not self.sso_required


DEFAULT_ACCESS = Access()


def settings_of(document: Mapping[str, Any]) -> AccessSettings:
    """What is stored, as a value."""
    return AccessSettings(**{name: document[name] for name in SETTING_NAMES if name in document})
