"""The products to choose from, and which of them metadata comes from."""

from __future__ import annotations

from collections.abc import Mapping

from tenants.management_errors import FieldsInvalid
from tenants.onboarding.cloud_presets import AUTH0, ENTRA_ID, GOOGLE, JUMPCLOUD, OKTA, ONELOGIN, PINGONE
from tenants.onboarding.presets import Preset
from tenants.onboarding.server_presets import AD_FS, GENERIC, KEYCLOAK, PINGFEDERATE, SHIBBOLETH, SIMPLESAMLPHP
from tenants.trust import IdPMetadata

PRODUCTS: Mapping[str, Preset] = {
    preset.key: preset
    for preset in (
        ENTRA_ID,
        AD_FS,
        OKTA,
        GOOGLE,
        ONELOGIN,
        PINGFEDERATE,
        PINGONE,
        JUMPCLOUD,
        KEYCLOAK,
        SHIBBOLETH,
        SIMPLESAMLPHP,
        AUTH0,
        GENERIC,
    )
}
"""In the order that they are shown in; the one for everything else comes last."""


def require_product(key: str) -> Preset:
    """The product of this key.

    Raises:
        FieldsInvalid: there is none.
    """
    preset = PRODUCTS.get(key)
    if preset is None:
        raise FieldsInvalid("product", errors={"product": ["Choose one of the products."]})
    return preset


def recognise(metadata: IdPMetadata) -> Preset | None:
    """The product that metadata comes from, where it can be told."""
    return next((preset for preset in PRODUCTS.values() if preset.recognises(metadata)), None)


def wrong_choice(chosen: Preset, metadata: IdPMetadata) -> str | None:
    """A sentence where metadata comes from another product than was chosen; None where nothing speaks against it."""
    found = recognise(metadata)
    if found is None or found is chosen:
        return None
    if chosen is GENERIC:
        return f"This looks like metadata of {found.name}; the settings for {found.name} may fit better."
    return f"This looks like metadata of {found.name}, and {chosen.name} was chosen."
