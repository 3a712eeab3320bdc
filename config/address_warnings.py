"""What is wrong with the service's own addresses (A1), as far as it shows from inside.

Whether a certificate would be accepted does not: the proxy in front holds it, and asking it would be a connection of our own
with each page.
"""

from __future__ import annotations

import functools
import ipaddress
from urllib.parse import urlsplit

from config.settings import Settings

NOT_ARRIVED_SECURE = (
    "APP_URL is https, but this page was asked for by plain http. If a proxy in front ends TLS, set TRUSTED_PROXIES to the "
    "number of proxies; otherwise open the https address."
)


def address_warnings(settings: Settings, *, arrived_secure: bool) -> tuple[str, ...]:
    """Sentences for whoever runs the service; none where all is well.

    Args:
        arrived_secure: whether the present request came by HTTPS, as the configured proxies say.
    """
    found = _of_addresses(settings.app_url, settings.tenant_url)
    if settings.app_url.startswith("https://") and not arrived_secure:
        found += (NOT_ARRIVED_SECURE,)
    return found


@functools.lru_cache(maxsize=16)
def _of_addresses(app_url: str, tenant_url: str) -> tuple[str, ...]:
    return tuple(
        f"{name} is not HTTPS. Browsers keep no sign-in over plain http, passkeys do not work, and whoever is on the way can "
        f"read along. Put TLS in front and set {name} to an https address."
        for name, url in (("APP_URL", app_url), ("TENANT_URL", tenant_url.replace("{slug}", "slug")))
        if not (url.startswith("https://") or is_loopback(urlsplit(url).hostname or ""))
    )


def is_loopback(host: str) -> bool:
    """Whether browsers treat the host as secure without TLS (Secure Contexts 3.1): it never leaves the machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
