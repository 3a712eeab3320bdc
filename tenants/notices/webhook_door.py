"""One POST of a webhook, through the same checks of the address as metadata: each host is looked up once, and judged.

A redirect is no success and is not followed: the body would go, signed, to where nobody has said that it may.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from config.settings import Settings
from tenants.metadata_addresses import Resolver, system_resolver
from tenants.metadata_connection import post
from tenants.metadata_errors import FetchRefused
from tenants.metadata_source import allowed_addresses
from tenants.metadata_url import target_of
from tenants.notices.errors import DeliveryFailed

POST_SECONDS = 10.0
"""For everything together: look-up, connection, and the first line of the answer."""
_GONE = 410
_SUCCESS, _REDIRECT = range(200, 300), range(300, 400)
_CODES: Mapping[str, str] = {"fetch_timeout": "timeout", "fetch_failed": "unreachable"}


def post_webhook(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    settings: Settings,
    *,
    resolver: Resolver = system_resolver,
    seconds: float = POST_SECONDS,
    whose: int = 0,
) -> None:
    """Send one event.

    Args:
        whose: the tenant that named the URL; 0 for the service's own.

    Raises:
        DeliveryFailed: `detail` never holds what the server said.
    """
    deadline = time.monotonic() + seconds
    sent = {"User-Agent": "Vestibule", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    try:
        target = target_of(url)
        addresses = allowed_addresses(target, settings.webhook_allowed_networks, resolver, deadline, whose=whose)
        status = post(target, addresses, sent, body, settings.notice_ca_bundle, deadline)
    except FetchRefused as refusal:
        stage = str(refusal.detail.get("stage", ""))
        raise DeliveryFailed(_CODES.get(refusal.code, refusal.code), stage) from None
    if status in _REDIRECT:
        raise DeliveryFailed("redirect_not_allowed", f"HTTP status {status}")
    if status not in _SUCCESS:
        raise DeliveryFailed("http_status", f"HTTP status {status}", again=status != _GONE)
