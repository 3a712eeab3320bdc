"""Flow: what waits in the outbox is sent: claimed by one worker, sent outside of any transaction, tried again, given up.

At least once: a worker that dies between sending and noting it leaves a claim that runs out, and the next one sends the same
message again under the same id.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import time

from config.database import transaction
from config.logs import jobs_log
from config.mail_server import mail_server_of, sender_of
from config.metrics import DELIVERIES
from config.sealing import KeyRing, SealBroken
from config.settings import Settings
from tenants.metadata_addresses import Resolver, system_resolver
from tenants.notices.delivery_records import (
    ClaimedDelivery,
    claim_delivery,
    due_deliveries,
    finish_delivery,
    postpone_others,
)
from tenants.notices.errors import DeliveryFailed
from tenants.notices.letters import letter_of, message_of
from tenants.notices.mail_door import send_mail
from tenants.notices.models import EMAIL, FAILED, SENT, WEBHOOK
from tenants.notices.outbox import PLACE
from tenants.notices.owners import Owner, place_of
from tenants.notices.signing import signed_headers
from tenants.notices.webhook_door import post_webhook
from tenants.notices.webhook_records import WebhookRow, find_webhook

MAX_ATTEMPTS = 10
FIRST_DELAY, LONGEST_DELAY = dt.timedelta(minutes=1), dt.timedelta(hours=6)
MAX_PER_RUN = 50
RUN_SECONDS = 20.0
"""After this much no other one is begun, so that the clock's threads are there for other jobs."""
WEBHOOK_PLACE = "webhook"
MAIL_IS_DOWN = frozenset({"unreachable", "timeout", "mail_tls", "mail_login"})
"""Faults of the mail server, and not of one recipient."""


def run_due_deliveries(settings: Settings, keys: KeyRing, now: dt.datetime, *, resolver: Resolver = system_resolver) -> int:
    """Send what is due, and tell how many that were; two small look-ups where nothing is."""
    begun, sent, mail_is_down = time.monotonic(), 0, False
    for owner, delivery_id in due_deliveries(now, MAX_PER_RUN):
        if time.monotonic() - begun > RUN_SECONDS:
            break
        moment = now + dt.timedelta(seconds=time.monotonic() - begun)
        with transaction():
            claimed = claim_delivery(owner, delivery_id, moment)
        if claimed is None:
            continue
        failure = DeliveryFailed("unreachable") if mail_is_down and claimed.channel == EMAIL else None
        failure = failure or _attempt(claimed, settings, keys, moment, resolver)
        # A mail server that is gone is so for every mail: the others of this run need not find it out one by one.
        mail_is_down = mail_is_down or (failure is not None and failure.code in MAIL_IS_DOWN and claimed.channel == EMAIL)
        _note(claimed, failure, moment)
        sent += failure is None
    return sent


def delay_after(attempts: int) -> dt.timedelta:
    """How long to wait after so many attempts: 1, 3, 9, 27, 81, 243 minutes, then 6 hours; a day in all."""
    return min(LONGEST_DELAY, FIRST_DELAY * int(3 ** (attempts - 1)))


def _attempt(
    claimed: ClaimedDelivery, settings: Settings, keys: KeyRing, now: dt.datetime, resolver: Resolver
) -> DeliveryFailed | None:
    """Send one; what went wrong, where something did."""
    try:
        if claimed.sealed_body is None or claimed.attempts > MAX_ATTEMPTS:
            raise DeliveryFailed("given_up", again=False)
        body = _opened(keys, claimed.sealed_body, place_of(PLACE, claimed.owner, claimed.id))
        if claimed.channel == EMAIL:
            _send_mail(claimed, body, settings, now)
        else:
            _post(claimed, body, settings, keys, now, resolver)
    except DeliveryFailed as failure:
        return failure
    return None


def _send_mail(claimed: ClaimedDelivery, body: bytes, settings: Settings, now: dt.datetime) -> None:
    if not settings.smtp_url or claimed.recipient is None:
        raise DeliveryFailed("mail_not_set_up")
    sender = sender_of(settings.mail_from)
    message = message_of(letter_of(json.loads(body)), sender, claimed.recipient, claimed.id, now)
    server = mail_server_of(settings.smtp_url)
    ca_bundle = settings.notice_ca_bundle
    send_mail(message, server, sender=sender.addr_spec, recipient=claimed.recipient, ca_bundle=ca_bundle)


def _post(
    claimed: ClaimedDelivery, body: bytes, settings: Settings, keys: KeyRing, now: dt.datetime, resolver: Resolver
) -> None:
    webhook = find_webhook(claimed.owner, claimed.webhook_id) if claimed.webhook_id else None
    if webhook is None or not webhook.enabled:
        raise DeliveryFailed("switched_off", again=False)
    secrets = secrets_of(claimed.owner, webhook, keys, now)
    headers, whose = signed_headers(body, claimed.id, secrets, now), claimed.owner or 0
    post_webhook(webhook.url, body, headers, settings, resolver=resolver, whose=whose)


def secrets_of(owner: Owner, webhook: WebhookRow, keys: KeyRing, now: dt.datetime) -> tuple[str, ...]:
    """The secrets that sign now: the present one, and the former one while it still holds.

    Raises:
        DeliveryFailed: they do not open.
    """
    place = place_of(WEBHOOK_PLACE, owner, webhook.id)
    sealed = [webhook.sealed_secret]
    if webhook.sealed_former_secret is not None and webhook.former_until is not None and webhook.former_until > now:
        sealed.append(webhook.sealed_former_secret)
    return tuple(_opened(keys, text, place).decode() for text in sealed)


def _opened(keys: KeyRing, sealed: str, place: str) -> bytes:
    try:
        return keys.open(sealed, place)
    except SealBroken:  # a key that was taken out of SECRET_KEYS too early, and may come back
        raise DeliveryFailed("seal_broken") from None


def _note(claimed: ClaimedDelivery, failure: DeliveryFailed | None, now: dt.datetime) -> None:
    """Note how it went, with the claim: whoever was too slow notes nothing."""
    over = failure is None or not failure.again or claimed.attempts >= MAX_ATTEMPTS
    with transaction():
        if failure is None:
            noted = finish_delivery(claimed, {"state": SENT, "sealed_body": None, "code": None, "detail": None, "done_at": now})
        elif over:
            told = {"code": failure.code, "detail": failure.detail[:200] or None}
            noted = finish_delivery(claimed, {"state": FAILED, "done_at": now, **told})
        else:
            due_at = now + delay_after(claimed.attempts) * random.uniform(1, 1.1)  # noqa: S311 nothing to guess
            told = {"code": failure.code, "detail": failure.detail[:200] or None}
            noted = finish_delivery(claimed, {"due_at": due_at, **told})
            if noted and claimed.channel == WEBHOOK:
                postpone_others(claimed, due_at, now)
    if noted:
        result = "sent" if failure is None else "failed" if over else "later"
        DELIVERIES.labels(claimed.channel, result).inc()
        jobs_log.info(
            "delivery",
            delivery=claimed.id,
            tenant_id=claimed.owner,
            channel=claimed.channel,
            event_type=claimed.event,
            result=result,
            code=failure.code if failure else None,
            attempts=claimed.attempts,
        )
