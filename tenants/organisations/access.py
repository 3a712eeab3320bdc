"""How the people of an organisation sign in: what it says itself, and what holds for it in the end (G1–G3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tenants.errors import SettingsInvalid

SSO, LDAP, LOCAL = "sso", "ldap", "local"
WAYS = (SSO, LDAP, LOCAL)
MAX_PROVIDER_NAME = 200
IDLE_SECONDS = (300, 30 * 86_400)
ABSOLUTE_SECONDS = (300, 90 * 86_400)
_FLAGS = ("sso_enabled", "sso_required", "jit_provisioning", "require_second_factor")
_TIMES: Mapping[str, tuple[int, int]] = {"session_idle_seconds": IDLE_SECONDS, "session_absolute_seconds": ABSOLUTE_SECONDS}


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """What one organisation overrides; None: as its parent has it.

    `way` is how its people sign in where it is not, or not only, by SSO. `idp_id` and `directory_id` are rows of the same
    tenant. Times are whole seconds. `require_second_factor` is for local accounts: identity providers see to their own.

    Raises SettingsInvalid with a sentence for each field that is wrong by itself; what goes together is judged along the
    tree (`tenants.organisations.soundness`).
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

    def __post_init__(self) -> None:
        errors = dict(_errors_of(self))
        if errors:
            raise SettingsInvalid("; ".join(f"{name}: {text}" for name, text in errors.items()), errors=errors)

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

    def admits(self, way: str, idp_id: str | None = None, directory_id: str | None = None) -> bool:
        """Whether somebody who came in so may stay. Emergency access is none of an organisation's ways, and always may (G4).

        Args:
            idp_id: the identity provider that they came by, where that was by SSO.
            directory_id: the directory that they are known by, where they came by one.
        """
        if way not in WAYS:
            return True
        chosen, came_by = {SSO: (self.idp_id, idp_id), LDAP: (self.directory_id, directory_id)}.get(way, (None, None))
        return self.allows(way) and chosen in (None, came_by)


DEFAULT_ACCESS = Access()


def settings_of(document: Mapping[str, Any]) -> AccessSettings:
    """What is stored, as a value."""
    if not document:
        return NOTHING_SAID
    return AccessSettings(**{name: document[name] for name in SETTING_NAMES if name in document})


def _errors_of(settings: AccessSettings) -> Iterator[tuple[str, str]]:
    if settings.way is not None and settings.way not in WAYS:
        yield "way", "It is sso, ldap or local."
    for name in _FLAGS:
        if not isinstance(getattr(settings, name), bool | None):
            yield name, "It is true or false."
    for name, (lowest, highest) in _TIMES.items():
        value = getattr(settings, name)
        if value is not None and (type(value) is not int or not lowest <= value <= highest):
            yield name, f"It takes whole seconds from {lowest:,} to {highest:,}."
    shown = settings.provider_name
    if shown is not None and not (shown == shown.strip() and 0 < len(shown) <= MAX_PROVIDER_NAME and shown.isprintable()):
        yield "provider_name", f"It takes 1 to {MAX_PROVIDER_NAME} printable characters."


NOTHING_SAID = AccessSettings()
"""Whoever overrides nothing."""
