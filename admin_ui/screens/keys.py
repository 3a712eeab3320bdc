"""What an identity provider has to know of us, and our own certificates: to read and to copy (K1)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from flask import Response

from admin_ui.asked import Asked
from admin_ui.screen import TenantScreen, page
from identity.overviews import days_until
from tenants.roles import READ
from tenants.rollover.records import OwnKey, keys_of
from tenants.service_provider import service_provider_of


@dataclass(frozen=True, slots=True)
class ShownKey:
    """One of our own certificates; the private half is never read for it."""

    use: str
    state: str
    fingerprint: str
    begins_at: dt.datetime
    ends_at: dt.datetime
    days: int
    pem: str


class KeysScreen(TenantScreen):
    """The service provider's side of a tenant."""

    label, path, endpoint_name, icon, group = "Service provider", "/service-provider", "keys", "key", "Identity management"

    @page("/", READ)
    def index(self, asked: Asked) -> Response:
        """Names, addresses and certificates."""
        keys = [_shown(key, asked.now) for key in keys_of(asked.tenant.id)]
        return self.render("tenants/keys.html", asked, own=service_provider_of(asked.tenant.origin), keys=keys)


def _shown(key: OwnKey, now: dt.datetime) -> ShownKey:
    certificate = x509.load_pem_x509_certificate(key.certificate.encode())
    digits = certificate.fingerprint(hashes.SHA256()).hex().upper()
    return ShownKey(
        use=key.use,
        state=key.state,
        fingerprint=":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
        begins_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
        days=days_until(certificate.not_valid_after_utc, now),
        pem=key.certificate.strip(),
    )
