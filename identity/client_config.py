"""What a native client has to know before it opens the browser: how people of a tenant or an organisation sign in (G3).

Anybody may ask, so it says nothing about people, and an organisation that is not there has the answer of the tenant as a whole:
only what an organisation overrides can tell that it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from tenants.organisations.access import LDAP, LOCAL, WAYS, Access
from tenants.organisations.tree import OrganisationTree
from tenants.trust import SAMLTrust
from tenants.trusts import TenantTrust

MAX_AGE_SECONDS = 60
"""How long a client may go on believing it."""


def client_config(trust: TenantTrust, origin: str, named: str | None) -> dict[str, Any]:
    """The document of one organisation.

    Args:
        origin: of the tenant's present MyDomain.
        named: an organisation's id, or its names from the top with slashes between them; None: the tenant as a whole.
    """
    access = trust.organisations.access_of(organisation_named(trust.organisations, named))
    providers = usable_providers(trust.providers, access)
    login = origin + "/saml/login" + ("?" + urlencode({"idp": providers[0].idp_name}) if access.idp_id and providers else "")
    return {
        "sso_enabled": bool(providers),
        "sso_required": bool(providers) and not any(access.allows(way) for way in (LDAP, LOCAL)),
        "provider": _provider_name(providers, access),
        "login_url": login if providers else None,
        "ways": [way for way in WAYS if access.allows(way) and (way in (LDAP, LOCAL) or providers)],
    }


def organisation_named(tree: OrganisationTree, named: str | None) -> str | None:
    """The organisation that an id or a path leads to; None: the tenant as a whole."""
    if not named:
        return None
    found = tree.nodes.get(named) or tree.find_by_path(named)
    return found.id if found else None


def usable_providers(providers: Sequence[SAMLTrust], access: Access) -> list[SAMLTrust]:
    """Those that people may come by where this holds."""
    return [trust for trust in providers if access.sso_enabled and access.idp_id in (None, trust.idp_id)]


def _provider_name(providers: Sequence[SAMLTrust], access: Access) -> str | None:
    if not providers:
        return None
    return access.provider_name or (providers[0].idp_display_name if len(providers) == 1 else None)
